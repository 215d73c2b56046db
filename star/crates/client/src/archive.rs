//! A directory as a stream of bytes in the tar format, made while it is sent.
//!
//! The same files give the same bytes: names in order, no times, no owners, one mode. Memory is
//! bounded by a few pieces, whatever the size of the files.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, BufReader, DuplexStream};
use tokio_tar::{Builder, EntryType, Header};
use tokio_util::io::ReaderStream;
use tokio_util::task::AbortOnDropHandle;

use crate::limits;
use crate::progress::Progress;
use crate::tree::{Tree, TreeFile};

/// The mode of every file: the format wants one, a bundle has none.
const MODE: u32 = 0o644;

/// The archive of a tree, piece by piece. Ends with an error, and without the end mark of the
/// format, if a file cannot be read as it was listed.
pub(crate) fn archive(
    tree: Tree,
    progress: Arc<dyn Progress>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sink, source) = tokio::io::duplex(limits::CHUNK_BYTES);
    let writer = AbortOnDropHandle::new(tokio::spawn(write(tree, sink, progress)));
    let outcome = futures::stream::once(async move {
        match writer.await {
            Ok(Ok(())) => None,
            Ok(Err(fault)) => Some(Err(fault)),
            Err(panic) => Some(Err(io::Error::other(panic))),
        }
    });
    ReaderStream::with_capacity(source, limits::CHUNK_BYTES).chain(outcome.filter_map(std::future::ready))
}

async fn write(tree: Tree, sink: DuplexStream, progress: Arc<dyn Progress>) -> io::Result<()> {
    let mut builder = Builder::new_non_terminated(sink);
    for file in &tree.files {
        append(&mut builder, file).await.map_err(|fault| name_it(&file.source, fault))?;
        progress.file_done(&file.name);
    }
    builder.finish().await
}

/// Length in bytes of the archive of a tree.
pub(crate) fn length(tree: &Tree) -> u64 {
    let files: u64 = tree.files.iter().map(|file| entry_bytes(&file.name, file.bytes)).sum();
    files + END_MARK_BYTES
}

fn entry_bytes(name: &str, bytes: u64) -> u64 {
    let name_bytes = name.len() as u64;
    // A name that does not fit into the header comes before it as an entry of its own, with a
    // zero at its end.
    let long_name = if name_bytes > NAME_BYTES { BLOCK + (name_bytes + 1).next_multiple_of(BLOCK) } else { 0 };
    long_name + BLOCK + bytes.next_multiple_of(BLOCK)
}

const BLOCK: u64 = 512;
const NAME_BYTES: u64 = 100;
/// Two empty blocks.
const END_MARK_BYTES: u64 = 2 * BLOCK;

async fn append(builder: &mut Builder<DuplexStream>, file: &TreeFile) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_size(file.bytes);
    header.set_mode(MODE);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    let source = BufReader::with_capacity(limits::CHUNK_BYTES, File::open(&file.source).await?);
    let mut source = source.take(file.bytes);
    builder.append_data(&mut header, &file.name, &mut source).await?;
    match source.limit() {
        0 => Ok(()),
        missing => {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("it shrank by {missing} bytes while it was sent")))
        }
    }
}

fn name_it(path: &Path, fault: io::Error) -> io::Error {
    io::Error::new(fault.kind(), format!("{}: {fault}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures::TryStreamExt as _;

    use super::*;
    use crate::progress::silent;

    async fn collect(root: &Path) -> io::Result<Vec<u8>> {
        let tree = Tree::list(root).await.unwrap();
        let pieces: Vec<Bytes> = archive(tree, silent()).try_collect().await?;
        Ok(pieces.concat())
    }

    #[tokio::test]
    async fn every_file_comes_out_as_it_went_in() {
        let root = tempfile::tempdir().unwrap();
        let long = format!("{}/{}/name.txt", "d".repeat(120), "e".repeat(120));
        for (name, content) in [("bundle.yaml", vec![1; 700]), (&long, vec![2; 300_000]), ("empty", vec![])] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let bytes = collect(root.path()).await.unwrap();
        let mut entries = tokio_tar::Archive::new(&bytes[..]).entries().unwrap();
        let mut seen = Vec::new();
        while let Some(entry) = entries.next().await {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().to_str().unwrap().to_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).await.unwrap();
            seen.push((name, content));
        }
        let expected =
            [("bundle.yaml".to_owned(), vec![1; 700]), (long, vec![2; 300_000]), ("empty".to_owned(), vec![])];
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn the_length_is_known_before_the_bytes() {
        for (name_bytes, bytes) in [(1, 0), (99, 511), (100, 512), (101, 513), (240, 1)] {
            let root = tempfile::tempdir().unwrap();
            fs::write(root.path().join("n".repeat(name_bytes)), vec![1; bytes]).unwrap();
            let expected = length(&Tree::list(root.path()).await.unwrap());
            assert_eq!(collect(root.path()).await.unwrap().len() as u64, expected, "{name_bytes} {bytes}");
        }
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("d".repeat(255)).join("e".repeat(255))).unwrap();
        fs::write(root.path().join("d".repeat(255)).join("e".repeat(255)).join("f"), "x").unwrap();
        let expected = length(&Tree::list(root.path()).await.unwrap());
        assert_eq!(collect(root.path()).await.unwrap().len() as u64, expected);
    }

    #[tokio::test]
    async fn the_same_files_give_the_same_bytes() {
        let one = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        for name in ["b", "a", "c"] {
            fs::write(one.path().join(name), name).unwrap();
        }
        for name in ["c", "a", "b"] {
            fs::write(other.path().join(name), name).unwrap();
        }
        assert_eq!(collect(one.path()).await.unwrap(), collect(other.path()).await.unwrap());
    }

    #[tokio::test]
    async fn a_file_that_shrank_breaks_the_stream_off() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("log");
        fs::write(&path, vec![7; 5000]).unwrap();
        let tree = Tree::list(root.path()).await.unwrap();
        fs::write(&path, vec![7; 100]).unwrap();
        let error = archive(tree, silent()).try_collect::<Vec<Bytes>>().await.unwrap_err();
        assert!(error.to_string().contains("shrank by 4900 bytes"), "{error}");
    }
}
