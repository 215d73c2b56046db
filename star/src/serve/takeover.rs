//! Contents of before format 2, each a file of its own, are taken into packs. Done once, when a Star
//! starts on such a folder and before it answers; one that was cut off goes on with what is left.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use star_artifact::{Contents, CopyError, PackedStore};
use star_core::command::Manifest;
use star_core::keys;
use star_core::kind::Kind;
use star_core::ports::content::{ContentError, ContentRef, ContentStore, Expected, Reading};
use star_core::ports::meta::{MetaStore, ReadError};
use star_core::record::Record;
use star_path::Digest;
use tokio_util::io::ReaderStream;

/// Contents that are taken in at the same time: enough that their syncs are joined.
const AT_ONCE: usize = 32;

/// Bytes of a file that are read at once.
const READ_BYTES: usize = 256 * 1024;

/// Why contents of before could not be taken in. What was taken in by then is; the next start goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TakeoverError {
    /// They could not be listed.
    #[error(transparent)]
    List(#[from] CopyError),
    /// A file could not be used.
    #[error("could not take in {}", file.display())]
    File {
        /// The file.
        file: std::path::PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The store did not take one.
    #[error("could not take in content {digest}")]
    Content {
        /// Which.
        digest: Digest,
        /// Why not.
        #[source]
        source: ContentError,
    },
    /// The records could not be read.
    #[error("the records of bundles could not be read")]
    Read(#[from] ReadError),
    /// The folder could not be cleared.
    #[error(transparent)]
    Clear(#[from] star_artifact::OpenError),
}

/// Takes in what is there.
pub(super) async fn run(store: &Arc<PackedStore>, meta: &Arc<dyn MetaStore>) -> Result<(), TakeoverError> {
    let Some(loose) = store.loose() else { return Ok(()) };
    let begun = Instant::now();
    let listed = tokio::task::spawn_blocking(move || list(&loose).map(|found| (loose, found)));
    let (loose, found) = listed.await.expect("listing files does not panic")?;
    let bytes: u64 = found.iter().map(|(_, size)| size).sum();
    tracing::info!(contents = found.len(), bytes, "contents are taken into packs; this is done once");
    let taken = stream::iter(&found).map(|(digest, _)| take_in(store, &loose, digest)).buffer_unordered(AT_ONCE);
    taken.try_for_each(|()| async { Ok(()) }).await?;
    note_names(store, meta).await?;
    store.taken_over().await?;
    tracing::info!(contents = found.len(), bytes, took = ?begun.elapsed(), "all contents are in packs");
    Ok(())
}

fn list(loose: &Contents) -> Result<Vec<(Digest, u64)>, CopyError> {
    let mut found = Vec::new();
    loose.each::<CopyError>(|digest, size| {
        found.push((digest, size));
        Ok(())
    })?;
    Ok(found)
}

/// Takes in one content and removes its file. One that is damaged is put aside.
async fn take_in(store: &Arc<PackedStore>, loose: &Contents, digest: &Digest) -> Result<(), TakeoverError> {
    let Some(file) = loose.path(digest) else { return Ok(()) };
    let failed = |source| TakeoverError::File { file: file.clone(), source };
    let refused = |source| TakeoverError::Content { digest: digest.clone(), source };
    match send(store, &file, digest).await {
        Ok(content) => {
            store.keep(&content).await.map_err(refused)?;
            let (store, digest) = (Arc::clone(store), digest.clone());
            let dropped = tokio::task::spawn_blocking(move || store.drop_loose(&digest)).await;
            dropped.map_err(std::io::Error::other).flatten().map_err(failed)
        }
        Err(Trouble::Content(ContentError::Mismatch { got, .. })) => {
            let aside = store.put_aside(digest).map_err(failed)?;
            tracing::error!(%digest, %got, file = %aside.display(), "a content is damaged; its file was put aside");
            Ok(())
        }
        Err(Trouble::Content(error)) => Err(refused(error)),
        Err(Trouble::File(error)) => Err(failed(error)),
    }
}

enum Trouble {
    File(std::io::Error),
    Content(ContentError),
}

async fn send(store: &PackedStore, file: &Path, digest: &Digest) -> Result<ContentRef, Trouble> {
    let expected = Expected { digest: Some(digest.clone()), ..Expected::default() };
    let mut ingest = store.ingest(expected).await.map_err(Trouble::Content)?;
    let open = tokio::fs::File::open(file).await.map_err(Trouble::File)?;
    let mut pieces = ReaderStream::with_capacity(open, READ_BYTES);
    while let Some(piece) = pieces.next().await {
        ingest.write(piece.map_err(Trouble::File)?).await.map_err(Trouble::Content)?;
    }
    ingest.finish().await.map_err(Trouble::Content)
}

/// Notes which contents the manifests of bundles name, so that they are kept with them.
async fn note_names(store: &PackedStore, meta: &Arc<dyn MetaStore>) -> Result<(), TakeoverError> {
    let mut range = keys::records_with_prefix("");
    loop {
        let page = meta.scan(range.clone(), meta.limits().page_rows).await?;
        for (key, row) in page.rows {
            let Ok(Record { kind: Kind::ArtifactBundle, body: Some(body), .. }) = Record::decode(&row.value) else {
                continue;
            };
            if let Err(error) = note_names_of(store, &body.content).await {
                // It cannot be read as it is either; the rest can.
                tracing::error!(bundle = ?keys::path_of_record(&key), error = &error as &dyn std::error::Error, "not all files of a bundle are there");
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(()),
        }
    }
}

async fn note_names_of(store: &PackedStore, manifest: &ContentRef) -> Result<(), ContentError> {
    let bytes = match store.read(manifest, None).await? {
        Reading::Whole(bytes) => bytes.to_vec(),
        Reading::Stream(pieces) => pieces.try_collect::<Vec<_>>().await?.concat(),
    };
    let manifest_error = |error: star_wire::StarError| ContentError::Corrupt {
        digest: manifest.digest.clone(),
        what: error.message().to_owned(),
    };
    let files = Manifest::decode(&bytes).map_err(manifest_error)?.files.into_values();
    let named: Vec<ContentRef> = files.map(|entry| entry.body.content).collect();
    store.keep_with(&named, manifest).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::time::Duration;

    use star_artifact::CollectOptions;
    use star_core::command::ManifestEntry;
    use star_core::record::Body;
    use star_core::stored::Change;
    use star_path::ResourcePath;
    use star_testkit::MemoryMeta;
    use tokio_util::bytes::Bytes;

    use super::*;

    /// A folder as it was before there were packs.
    struct Before {
        dir: tempfile::TempDir,
        meta: Arc<dyn MetaStore>,
    }

    impl Before {
        fn new(marker: &str) -> Before {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir_all(dir.path().join("tmp")).unwrap();
            fs::create_dir_all(dir.path().join("fff")).unwrap();
            if !marker.is_empty() {
                fs::write(dir.path().join("format"), marker).unwrap();
            }
            Before { dir, meta: MemoryMeta::new() }
        }

        /// Puts a loose content there.
        async fn put(&self, bytes: &[u8]) -> ContentRef {
            // A store that is thrown away knows the name.
            let scratch = tempfile::tempdir().unwrap();
            let store = PackedStore::open(scratch.path(), MemoryMeta::new() as Arc<dyn MetaStore>).await.unwrap();
            let mut ingest = store.ingest(Expected::default()).await.unwrap();
            ingest.write(Bytes::copy_from_slice(bytes)).await.unwrap();
            let content = ingest.finish().await.unwrap();
            let file = Contents::at(self.dir.path()).path(&content.digest).unwrap();
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
            content
        }

        /// Makes a resource that refers to a content, as it was done before.
        async fn refer(&self, path: &str, kind: Kind, content: &ContentRef) {
            let path = ResourcePath::parse(path).unwrap();
            let mut record = Record::new(kind, ResourcePath::root(), 0);
            record.body = Some(Body { content: content.clone(), content_type: "text/plain".into() });
            let mut change = Change::of(&path, 0);
            change.write(&path, &record).unwrap();
            change.commit(&self.meta).await.unwrap().unwrap();
        }

        async fn open(&self) -> Arc<PackedStore> {
            loop {
                match PackedStore::open(self.dir.path(), Arc::clone(&self.meta)).await {
                    Ok(store) => return store,
                    Err(star_artifact::OpenError::InUse(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }

    async fn read(store: &PackedStore, content: &ContentRef) -> Result<Vec<u8>, ContentError> {
        match store.read(content, None).await? {
            Reading::Whole(bytes) => Ok(bytes.to_vec()),
            Reading::Stream(pieces) => Ok(pieces.try_collect::<Vec<_>>().await?.concat()),
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn contents_of_before_are_in_packs_afterwards_and_kept_by_what_refers_to_them() {
        for marker in ["starlane content store, format 1\n", ""] {
            let before = Before::new(marker);
            let (small, large) = (b"small".to_vec(), b"0123456789abcdef".repeat(200_000));
            let page = before.put(&small).await;
            before.refer("acme:web:/index.html", Kind::File, &page).await;
            let named = before.put(&large).await;
            let entry = ManifestEntry { body: Body { content: named.clone(), content_type: "text/plain".into() } };
            let manifest = Manifest { files: BTreeMap::from([("/large".to_owned(), entry)]) };
            let manifest = before.put(&manifest.encode().unwrap()).await;
            before.refer("acme:bundle:1.0.0", Kind::ArtifactBundle, &manifest).await;
            let unneeded = before.put(b"nobody refers to this").await;
            let store = before.open().await;
            run(&store, &before.meta).await.unwrap();
            drop(store);

            let store = before.open().await;
            assert!(store.loose().is_none());
            let names = fs::read_dir(before.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
            assert_eq!(names.filter(|name| name.len() == 3).count(), 0, "no directory of before is left");
            for _ in 0..3 {
                let options = CollectOptions { grace: Duration::ZERO, force: true, now: std::time::Instant::now() };
                store.collect(options).await.unwrap();
            }
            assert!(read(&store, &page).await.unwrap() == small && read(&store, &named).await.unwrap() == large);
            assert!(matches!(read(&store, &unneeded).await, Err(ContentError::Unknown(_))));
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_damaged_content_is_put_aside_and_one_that_was_cut_off_is_gone_on_with() {
        let before = Before::new("starlane content store, format 1\n");
        let (good, bad) = (before.put(b"good").await, before.put(b"bad").await);
        before.refer("acme:web:/good", Kind::File, &good).await;
        fs::write(Contents::at(before.dir.path()).path(&bad.digest).unwrap(), "bat").unwrap();
        let store = before.open().await;
        // As if the process had ended behind the first one.
        let loose = store.loose().unwrap();
        assert!(take_in(&store, &loose, &good.digest).await.is_ok());
        drop(store);
        let store = before.open().await;
        run(&store, &before.meta).await.unwrap();
        assert_eq!(read(&store, &good).await.unwrap(), b"good");
        assert!(matches!(read(&store, &bad).await, Err(ContentError::Unknown(_))));
        let aside = before.dir.path().join("damaged").join(&*bad.digest.hex());
        assert_eq!(fs::read(aside).unwrap(), b"bat");
    }
}
