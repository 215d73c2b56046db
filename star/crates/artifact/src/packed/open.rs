//! How a store begins: what was open is sealed, rows and files are brought together, and the table of
//! chunks is read, or made from the packs.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use rustix::fs::{FlockOperation, flock};
use star_core::ports::meta::MetaStore;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::catalogue::{Catalogue, CatalogueError, EnterError, Entered};
use super::collect::Condemned;
use super::format;
use super::held::Held;
use super::leases::Leases;
use super::limits;
use super::meters::Meters;
use super::packs::Packs;
use super::pending::AllPending;
use super::store::{BySize, Inner, PackedStore};
use super::writer::{Desk, Writer};
use crate::chunk::cut::ChunkerParameters;
use crate::chunk::pipeline::Pipeline;
use crate::map::PackReader;
use crate::pack::{self, Chunker, Class, Disk, Fault, Folder, LocalDisk, PackId, PackName};
use crate::rows::{self, Content, ContentKey, Ordinal};
use crate::table::snapshot::{self, Covered};
use crate::table::{Place, Table};

const LOCK: &str = "lock";
const STORE: &str = "store";
const CHUNKS: &str = "chunks";

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A later program has written it: run that one.
    #[error("{} holds contents of format {found}; this program knows formats up to {known}", dir.display())]
    NewerFormat {
        /// The store's folder.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The newest format that is understood.
        known: u32,
    },
    /// The marker says something else: this is another program's folder, or it is damaged.
    #[error("{} does not say which format the contents have", file.display())]
    NotAStore {
        /// The marker.
        file: PathBuf,
    },
    /// The disk failed.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A pack is not what was written.
    #[error("the packs could not be read")]
    Packs(#[from] Fault),
    /// The rows could not be read.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A row could not be written.
    #[error("the row of pack {name} could not be written")]
    Enter {
        /// Of which pack.
        name: PackName,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Two packs say that they are the same.
    #[error("packs {first} and {second} have the same number; remove the one that does not belong here")]
    Twice {
        /// The one.
        first: PackName,
        /// The other.
        second: PackName,
    },
}

impl PackedStore {
    /// Opens the store in a folder, making it if there is none. What the metadata store holds of it must
    /// be the same as ever.
    pub async fn open(dir: impl Into<PathBuf>, meta: Arc<dyn MetaStore>) -> Result<Arc<PackedStore>, OpenError> {
        PackedStore::open_on(Arc::new(LocalDisk), dir.into(), meta).await
    }

    /// The same with packs on a disk of one's own.
    pub(crate) async fn open_on(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        meta: Arc<dyn MetaStore>,
    ) -> Result<Arc<PackedStore>, OpenError> {
        let (catalogue, rows) = Catalogue::open(&meta).await?;
        let found = blocking(move || Found::look(disk, &dir)).await?;
        let catalogue = Arc::new(catalogue);
        let packs = Arc::new(Packs::new(found.folder.clone()));
        let leases = Arc::new(Leases::default());
        bring_together(&meta, &catalogue, &packs, &leases, &found.sealed, rows).await?;
        let (known, closed, chunks) = (Arc::clone(&packs), Arc::clone(&leases), found.dir.join(CHUNKS));
        let table = Arc::new(blocking(move || Ok(table(&known, &closed, &chunks))).await?);
        let inner = Inner::begin(meta, catalogue, Parts { packs, table, leases }, found)?;
        let turn = Arc::clone(&inner.collecting).try_acquire_owned();
        tokio::spawn(count(Arc::downgrade(&inner), turn.expect("nobody has the store yet")));
        tokio::spawn(look_now_and_then(Arc::downgrade(&inner)));
        Ok(Arc::new(PackedStore { inner }))
    }

    /// Seals what is open and writes the table of chunks down, so that the next start is quick.
    pub async fn close(&self) -> io::Result<()> {
        for writer in &self.inner.writers {
            writer.seal().await.map_err(io::Error::other)?;
        }
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || inner.write_table()).await.map_err(io::Error::other)?
    }
}

/// What lies in the folder of a store.
struct Found {
    dir: PathBuf,
    lock: File,
    store: [u8; 16],
    folder: Folder,
    sealed: Vec<PackName>,
    /// Whether there may be loose contents.
    is_loose: bool,
}

impl Found {
    fn look(disk: Arc<dyn Disk>, dir: &Path) -> Result<Found, OpenError> {
        std::fs::create_dir_all(dir).map_err(failed("make", dir))?;
        let lock = take_lock(dir)?;
        let is_loose = match format::read(dir)? {
            Some(format) => format == format::LOOSE,
            // A folder that was restored from a backup of before.
            None if format::has_loose(dir).map_err(failed("list", dir))? => true,
            None => {
                format::write(dir).map_err(failed("mark", dir))?;
                false
            }
        };
        let store = store_id(dir)?;
        let folder = Folder::open(disk, dir)?;
        let recovered = pack::recover(&folder)?;
        for (name, outcome) in &recovered.packs {
            match outcome {
                Ok(outcome) => tracing::info!(pack = %name, ?outcome, "a pack was open when the process ended"),
                Err(fault) => tracing::error!(pack = %name, %fault, "a pack that was open cannot be taken up"),
            }
        }
        for stranger in &recovered.strangers {
            tracing::warn!(file = %stranger.display(), "a file that does not belong there; it was left alone");
        }
        let sealed = folder.sealed()?;
        Ok(Found { dir: dir.to_owned(), lock, store, folder, sealed, is_loose })
    }
}

/// Brings the rows of packs and their files together: who has no row gets one, and a row without a file
/// goes unless contents rely on it.
async fn bring_together(
    meta: &Arc<dyn MetaStore>,
    catalogue: &Catalogue,
    packs: &Packs,
    leases: &Leases,
    sealed: &[PackName],
    rows: Vec<Entered>,
) -> Result<(), OpenError> {
    let mut by_name: HashMap<PackName, Ordinal> = HashMap::new();
    for Entered { ordinal, pack: row, live } in rows {
        let name = PackName { id: PackId::from_bytes(row.id), generation: pack::Generation(row.generation) };
        if !live {
            // It was on its way out when the process ended.
            leases.close(ordinal);
        }
        by_name.insert(name, ordinal);
    }
    for name in sealed {
        let ordinal = match by_name.remove(name) {
            Some(ordinal) => ordinal,
            None => enter_again(catalogue, packs, *name).await?,
        };
        if let Some(other) = packs.get(ordinal) {
            return Err(OpenError::Twice { first: other.name, second: *name });
        }
        packs.know(ordinal, *name);
    }
    for (name, ordinal) in by_name {
        let edges = meta.scan(rows::edges(ordinal), 1).await.map_err(CatalogueError::from)?;
        if edges.rows.is_empty() {
            catalogue.remove(ordinal).await.map_err(entering(name))?;
        } else {
            tracing::error!(pack = %name, "the file of a pack is missing; contents that lie in it cannot be read");
        }
    }
    Ok(())
}

/// Writes the row of a pack that lost it.
async fn enter_again(catalogue: &Catalogue, packs: &Packs, name: PackName) -> Result<Ordinal, OpenError> {
    let (_, footer) = packs.folder().read(name)?;
    let ordinal = Ordinal(footer.header.ordinal);
    tracing::warn!(pack = %name, "a pack had no row; it is written again");
    catalogue.is_used(ordinal);
    catalogue.write(ordinal, name.id, name.generation).await.map_err(entering(name))?;
    Ok(ordinal)
}

/// The table as it was written down, with what came since.
fn table(packs: &Packs, leases: &Leases, chunks: &Path) -> Table {
    let snapshot = snapshot::read(chunks).inspect_err(|error| {
        // A store without packs has no table, and that is nothing to tell.
        if !packs.list().is_empty() {
            tracing::info!(error = error as &dyn std::error::Error, "the table of chunks is made from the packs");
        }
    });
    let (table, covered) = match snapshot {
        Ok(snapshot) => (snapshot.table, snapshot.packs),
        Err(_) => (Table::default(), Vec::new()),
    };
    let open = packs.list().into_iter().filter(|pack| !leases.is_closed(pack.ordinal));
    let here: HashSet<(Ordinal, PackName)> = open.map(|pack| (pack.ordinal, pack.name)).collect();
    let covered: HashSet<(Ordinal, PackName)> = covered.iter().map(of_covered).collect();
    let gone: HashSet<Ordinal> = covered.difference(&here).map(|(ordinal, _)| *ordinal).collect();
    if !gone.is_empty() {
        table.forget_packs(|ordinal| gone.contains(&ordinal));
    }
    for (ordinal, name) in here.difference(&covered) {
        match packs.folder().read(*name) {
            Ok((_, footer)) if footer.header.class == Class::Zstd => {
                for (slot, found) in (0..).zip(&footer.slots) {
                    table.insert(&found.chunk, Place { pack: *ordinal, slot });
                }
            }
            Ok(_) => {}
            Err(fault) => tracing::error!(pack = %name, %fault, "a pack cannot be read; its chunks are not shared"),
        }
    }
    table
}

fn of_covered(covered: &Covered) -> (Ordinal, PackName) {
    let name = PackName { id: PackId::from_bytes(covered.id), generation: pack::Generation(covered.generation) };
    (covered.ordinal, name)
}

/// What the disk and the rows came to.
struct Parts {
    packs: Arc<Packs>,
    table: Arc<Table>,
    leases: Arc<Leases>,
}

impl Inner {
    fn begin(
        meta: Arc<dyn MetaStore>,
        catalogue: Arc<Catalogue>,
        Parts { packs, table, leases }: Parts,
        found: Found,
    ) -> Result<Arc<Inner>, OpenError> {
        let Found { dir, lock, store, is_loose, .. } = found;
        let meters = Meters::register();
        let writer = |class| {
            let desk = Desk {
                packs: Arc::clone(&packs),
                table: Arc::clone(&table),
                catalogue: Arc::downgrade(&catalogue),
                store,
                chunker: chunker(),
                sync: Arc::clone(&meters.sync),
                runtime: tokio::runtime::Handle::current(),
            };
            Writer::begin(class, desk).map(Arc::new).map_err(failed("begin to write packs in", &dir))
        };
        let writers = [writer(Class::Zstd)?, writer(Class::Raw)?, writer(Class::Small)?];
        let pipeline = Pipeline::start().map_err(failed("begin to cut contents for", &dir))?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Arc::new(Inner {
            meta,
            _catalogue: catalogue,
            packs,
            table,
            leases,
            pending: AllPending::default(),
            writers,
            pipeline,
            reader: PackReader::new(),
            small: quick_cache::sync::Cache::with_weighter(4096, limits::SMALL_CACHE_BYTES, BySize),
            ingest_bytes: Arc::new(Semaphore::new(limits::INGEST_BYTES)),
            decodes: Arc::new(Semaphore::new(cores * limits::DECODES_PER_CORE)),
            decode_places: cores * limits::DECODES_PER_CORE,
            copied_bytes: Default::default(),
            held: Held::default(),
            condemned: Condemned::default(),
            beginning: Default::default(),
            collecting: Arc::new(Semaphore::new(1)),
            meters,
            is_loose,
            chunks: dir.join(CHUNKS),
            dir,
            _lock: lock,
        }))
    }

    fn write_table(&self) -> io::Result<()> {
        let sealed: Vec<Covered> = self
            .packs
            .list()
            .iter()
            .filter(|pack| !pack.is_growing())
            .map(|pack| Covered {
                ordinal: pack.ordinal,
                id: *pack.name.id.as_bytes(),
                generation: pack.name.generation.0,
            })
            .collect();
        snapshot::write(&self.chunks, &sealed, &self.table)
    }
}

fn chunker() -> Chunker {
    let parameters = ChunkerParameters::STANDARD;
    let (min, average, max) = parameters.lengths();
    Chunker::FastCdc { level: u32::from(parameters.normalization()), min, average, max }
}

/// Counts what the store holds; until it is through, the numbers are those of what was seen so far, and
/// nothing is collected.
async fn count(inner: Weak<Inner>, turn: OwnedSemaphorePermit) {
    let mut range = rows::contents();
    loop {
        let Some(inner) = inner.upgrade() else { return };
        let page = match inner.meta.scan(range.clone(), inner.meta.limits().page_rows).await {
            Ok(page) => page,
            Err(error) => return tracing::warn!(%error, "the contents could not be counted"),
        };
        for (key, row) in page.rows {
            let Some(ContentKey::Row(sha256)) = ContentKey::read(&key) else { continue };
            match Content::decode(&row.value) {
                Ok(content) => inner.held.found(&sha256, content.size_bytes),
                Err(error) => tracing::error!(?key, %error, "the row of a content cannot be understood"),
            }
        }
        let Some(next) = page.next else {
            inner.held.found_all();
            return drop(turn);
        };
        range.start = next;
    }
}

async fn look_now_and_then(inner: Weak<Inner>) {
    let mut now_and_then = tokio::time::interval(limits::WRITER_LOOK);
    loop {
        now_and_then.tick().await;
        let Some(inner) = inner.upgrade() else { return };
        inner.look().await;
    }
}

fn take_lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(failed("open", &path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(dir.to_owned())),
        Err(error) => Err(failed("lock", &path)(error.into())),
    }
}

/// The id of the store, which every pack of it names; a store that has none gets one.
fn store_id(dir: &Path) -> Result<[u8; 16], OpenError> {
    let path = dir.join(STORE);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let id: Result<PackId, _> = text.trim().parse();
            let id = id.map_err(|error| failed("understand", &path)(io::Error::other(error)))?;
            Ok(*id.as_bytes())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = PackId::random().map_err(failed("name", &path))?;
            let unfinished = path.with_extension("unfinished");
            let write = || {
                let mut file = File::create(&unfinished)?;
                file.write_all(format!("{id}\n").as_bytes())?;
                file.sync_all()?;
                std::fs::rename(&unfinished, &path)?;
                File::open(dir)?.sync_all()
            };
            write().map_err(failed("write", &path))?;
            Ok(*id.as_bytes())
        }
        Err(error) => Err(failed("read", &path)(error)),
    }
}

pub(crate) fn failed<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> OpenError + 'a {
    move |source| OpenError::Io { action, path: path.to_owned(), source }
}

fn entering(name: PackName) -> impl Fn(EnterError) -> OpenError {
    move |error| OpenError::Enter { name, source: error.into() }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
) -> Result<T, OpenError> {
    let panicked = |error| OpenError::Io { action: "open", path: PathBuf::new(), source: io::Error::other(error) };
    tokio::task::spawn_blocking(work).await.map_err(panicked)?
}
