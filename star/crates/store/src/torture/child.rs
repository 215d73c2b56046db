//! The process that writes until it is killed.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use star_core::ports::meta::{Batch, Key, KeyRange, MetaStore, NewEvent, Operation, Shard};

use super::{WRITERS, keys_of, number_in};
use crate::{Disk, DiskFile, IndexKind, LocalDisk, OpenOptions, Store};

/// Batches of one writer between two checkpoints.
const CHECKPOINT_EVERY: u64 = 64;

/// Lines of the child's language.
pub(super) const OPEN: &str = "open";
pub(super) const ACKNOWLEDGED: &str = "acknowledged";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Writes into the store of a directory until the process is killed. The arguments are the
/// engine, the directory, and, optionally, the number of syncs after which the disk fails.
pub fn child(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    match work(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let told = writeln!(io::stderr(), "the child could not go on: {error}");
            drop(told);
            ExitCode::FAILURE
        }
    }
}

fn work(arguments: &[OsString]) -> Result<(), Failure> {
    let [engine, dir, rest @ ..] = arguments else { return Err("usage: ENGINE DIRECTORY [SYNCS]".into()) };
    let kind = match engine.to_str() {
        Some("redb") => IndexKind::Redb,
        Some("sled") => IndexKind::Sled,
        Some("memory") => IndexKind::Memory,
        _ => return Err("the engine is redb, sled or memory".into()),
    };
    let mut options = OpenOptions::new(dir).with_index(kind);
    if let Some(syncs) = rest.first() {
        let left = syncs.to_str().ok_or("a number of syncs is a number")?.parse()?;
        options.disk = Arc::new(DyingDisk { left: Arc::new(AtomicU64::new(left)) });
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open(options)?;
        say(OPEN)?;
        let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(Arc::clone(&store), writer))).collect();
        for writer in writers {
            writer.await??;
        }
        Ok(())
    })
}

/// Counts upwards, one batch after the other, from where the store stands.
async fn write(store: Arc<Store>, writer: u64) -> Result<(), Failure> {
    let rows = store.read(&keys_of(writer)[..1]).await?;
    let last = rows.into_iter().flatten().find_map(|row| number_in(&row.value)).unwrap_or(0);
    for number in last + 1.. {
        store.commit(batch(writer, number)).await?;
        say(&format!("{ACKNOWLEDGED} {writer} {number}"))?;
        if writer == 0 && number % CHECKPOINT_EVERY == 0 {
            store.checkpoint().await?;
        }
    }
    Ok(())
}

fn batch(writer: u64, number: u64) -> Batch {
    // Lengths of all kinds, so that frames end anywhere in a sector.
    let filling = (number.wrapping_mul(2_654_435_761) >> 7) as usize % 1_500;
    let value = Bytes::from([&number.to_be_bytes()[..], &vec![0x5a; filling]].concat());
    let mut operations: Vec<Operation> =
        keys_of(writer).into_iter().map(|key| Operation::Put(key, value.clone())).collect();
    let passing = format!("t/{writer}/passing/");
    operations.push(Operation::Put(Key::new(format!("{passing}{number:08}")), Bytes::new()));
    if number.is_multiple_of(16) {
        operations.push(Operation::DeleteRange(KeyRange::prefix(passing)));
    }
    let body = Bytes::from([writer.to_be_bytes(), number.to_be_bytes()].concat());
    Batch {
        id: u128::from(writer) << 64 | u128::from(number),
        shard: Shard::of_space(&writer.to_string()),
        preconditions: Vec::new(),
        operations,
        events: vec![NewEvent { body, leaf: None }],
        at: number,
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

/// The disk of the machine, until it syncs no more.
struct DyingDisk {
    left: Arc<AtomicU64>,
}

struct DyingFile {
    inner: Box<dyn DiskFile>,
    left: Arc<AtomicU64>,
}

impl DyingDisk {
    fn file(&self, inner: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(DyingFile { inner, left: Arc::clone(&self.left) })
    }
}

impl Disk for DyingDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        LocalDisk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(LocalDisk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(LocalDisk.open(path)?))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        LocalDisk.list(dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        LocalDisk.sync_dir(dir)
    }
}

impl DiskFile for DyingFile {
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.inner.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.inner.read_at(buffer, offset)
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        self.inner.reserve(len)
    }

    fn sync(&self) -> io::Result<()> {
        let one_less = |left: u64| left.checked_sub(1);
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_err() {
            return Err(io::Error::other("the disk does not answer"));
        }
        self.inner.sync()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }
}
