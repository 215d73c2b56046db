//! Larger contents as a stream of pieces read from their file.
//!
//! A piece whose pages are in memory is read inside the poll (`preadv2` with `RWF_NOWAIT`): no
//! hop to another thread, one copy that stays in the second-level cache until the socket takes
//! it. What is not in memory is read by a blocking thread, and from then on one piece ahead of
//! the socket. The choice against a memory map was measured, see [`crate`].

use std::fs::File;
use std::future::Future;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use rustix::io::{Errno, ReadWriteFlags};
use star_core::ports::content::{ByteRange, ContentError};
use tokio::sync::OwnedSemaphorePermit;

use crate::files::buffers::Buffer;
use crate::files::place::Place;
use crate::files::publish::failed;
use crate::files::store::{Inner, permit};

/// The open file of a content.
#[derive(Debug)]
pub(crate) struct OpenContent {
    pub(crate) file: File,
    pub(crate) place: Place,
    pub(crate) size_bytes: u64,
    /// Whether the filesystem can say that a read would wait; not all can.
    asks: AtomicBool,
}

/// A range of a content, piece by piece.
pub(crate) struct Pieces {
    inner: Arc<Inner>,
    content: Arc<OpenContent>,
    next: u64,
    end: u64,
    cold: Option<ColdRead>,
}

type ColdRead = Pin<Box<dyn Future<Output = io::Result<Bytes>> + Send>>;

impl OpenContent {
    /// The content in an open file of this length.
    pub(crate) fn new(file: File, place: Place, size_bytes: u64) -> OpenContent {
        OpenContent { file, place, size_bytes, asks: AtomicBool::new(true) }
    }

    /// Reads at an offset without waiting for the disk; none if it would have to.
    fn read_resident(&self, room: &mut [u8], offset: u64) -> io::Result<Option<usize>> {
        if !self.asks.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut rooms = [IoSliceMut::new(room)];
        match rustix::io::preadv2(&self.file, &mut rooms, offset, ReadWriteFlags::NOWAIT) {
            Ok(filled) => Ok(Some(filled)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(None),
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                self.asks.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl Pieces {
    /// The bytes of `range`, which lies inside the content.
    pub(crate) fn new(inner: Arc<Inner>, content: Arc<OpenContent>, range: ByteRange) -> Pieces {
        Pieces { inner, content, next: range.start, end: range.start + range.len, cold: None }
    }

    /// Reads the next piece: at once if its pages are in memory, else by a thread.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        if self.cold.is_none() {
            let mut buffer = self.inner.buffers.lend();
            let room = buffer.room(self.end - self.next);
            if let Some(filled) = self.content.read_resident(room, self.next)? {
                return Poll::Ready(Ok(buffer.into_bytes(filled)));
            }
            self.inner.meters.cold_reads.increment(1);
            self.cold = Some(self.read_cold(buffer));
        }
        let reading = self.cold.as_mut().expect("set above");
        let piece = ready!(reading.as_mut().poll(context));
        self.cold = None;
        Poll::Ready(piece)
    }

    /// A read by a thread, begun at once if one is free.
    fn read_cold(&self, buffer: Buffer) -> ColdRead {
        let jobs = &self.inner.read_jobs;
        match Arc::clone(jobs).try_acquire_owned() {
            Ok(slot) => Box::pin(self.start_cold(slot, buffer)),
            Err(_) => {
                let (jobs, content) = (Arc::clone(jobs), Arc::clone(&self.content));
                let (offset, len) = (self.next, self.end - self.next);
                Box::pin(async move {
                    let slot = permit(&jobs, 1).await;
                    on_thread(slot, content, buffer, offset, len).await
                })
            }
        }
    }

    fn start_cold(
        &self,
        slot: OwnedSemaphorePermit,
        buffer: Buffer,
    ) -> impl Future<Output = io::Result<Bytes>> + Send + use<> {
        let content = Arc::clone(&self.content);
        on_thread(slot, content, buffer, self.next, self.end - self.next)
    }

    /// Begins the next read while the socket takes this piece, if a thread is free.
    fn read_ahead(&mut self) {
        if self.next < self.end
            && let Ok(slot) = Arc::clone(&self.inner.read_jobs).try_acquire_owned()
        {
            self.cold = Some(Box::pin(self.start_cold(slot, self.inner.buffers.lend())));
        }
    }

    fn short(&self) -> ContentError {
        let what = format!("its file ends after {} of {} bytes", self.next, self.content.size_bytes);
        ContentError::Corrupt { digest: self.content.place.digest(), what }
    }
}

/// Starts a read on a thread now and gives what it will have read. An empty piece is the end of
/// the file.
fn on_thread(
    slot: OwnedSemaphorePermit,
    content: Arc<OpenContent>,
    mut buffer: Buffer,
    offset: u64,
    len: u64,
) -> impl Future<Output = io::Result<Bytes>> + Send {
    let job = tokio::task::spawn_blocking(move || {
        use std::os::unix::fs::FileExt;
        let _slot = slot;
        let room = buffer.room(len);
        let mut filled = 0;
        while filled < room.len() {
            match content.file.read_at(&mut room[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(buffer.into_bytes(filled))
    });
    async move { job.await.map_err(io::Error::other)? }
}

impl Stream for Pieces {
    type Item = Result<Bytes, ContentError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.next >= this.end {
            return Poll::Ready(None);
        }
        let was_cold = this.cold.is_some();
        let piece = match ready!(this.poll_piece(context)) {
            Ok(piece) => piece,
            Err(error) => {
                this.next = this.end;
                return Poll::Ready(Some(Err(failed("read a content")(error))));
            }
        };
        if piece.is_empty() {
            let error = this.short();
            this.inner.forget(&this.content.place.key);
            this.next = this.end;
            tracing::error!(%error, "a content was given out in part");
            return Poll::Ready(Some(Err(error)));
        }
        this.next += piece.len() as u64;
        this.inner.meters.bytes_out.increment(piece.len() as u64);
        if was_cold {
            this.read_ahead();
        }
        Poll::Ready(Some(Ok(piece)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::from(self.next < self.end), None)
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use star_core::ports::content::{ContentStore, Expected};

    use super::*;
    use crate::files::read;
    use crate::{DiskStore, Options};

    /// A store, and a content in it whose filesystem cannot say whether a read would wait.
    async fn cold(bytes: &Bytes) -> (tempfile::TempDir, Arc<DiskStore>, Arc<OpenContent>) {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let store = DiskStore::open(dir.path(), Options::default()).unwrap();
        let mut ingest = store.ingest(Expected::default()).await.unwrap();
        ingest.write(bytes.clone()).await.unwrap();
        let put = ingest.finish().await.unwrap();
        let content = read::open(&store.inner, &Place::of(&put.digest).unwrap()).unwrap();
        content.asks.store(false, Ordering::Relaxed);
        (dir, store, Arc::new(content))
    }

    fn numbers(len: u32) -> Bytes {
        (0..len).flat_map(u32::to_le_bytes).collect()
    }

    #[tokio::test]
    async fn what_is_not_in_memory_comes_from_threads_in_order() {
        let bytes = numbers(700_000);
        let (_dir, store, content) = cold(&bytes).await;
        for (start, len) in [(0, 2_800_000), (1, 2_799_999), (999_999, 300_000), (7, 0)] {
            let range = ByteRange { start, len };
            let pieces = Pieces::new(Arc::clone(&store.inner), Arc::clone(&content), range);
            let got: Vec<Bytes> = pieces.map(|piece| piece.unwrap()).collect().await;
            let start = usize::try_from(start).unwrap();
            assert!(got.concat() == bytes[start..start + usize::try_from(len).unwrap()]);
        }
    }

    #[tokio::test]
    async fn streams_that_wait_for_a_thread_get_one_in_turn() {
        let bytes = numbers(200_000);
        let (_dir, store, content) = cold(&bytes).await;
        let whole = ByteRange { start: 0, len: content.size_bytes };
        let streams = (0..100).map(|_| {
            let pieces = Pieces::new(Arc::clone(&store.inner), Arc::clone(&content), whole);
            pieces.map(|piece| piece.unwrap()).collect::<Vec<Bytes>>()
        });
        for got in futures::future::join_all(streams).await {
            assert!(got.concat() == bytes);
        }
    }

    #[tokio::test]
    async fn a_file_that_ends_early_is_an_error_for_threads_too() {
        let bytes = numbers(200_000);
        let (dir, store, content) = cold(&bytes).await;
        let whole = ByteRange { start: 0, len: content.size_bytes };
        let file = dir.path().join("content").join(&content.place.path);
        std::fs::OpenOptions::new().write(true).open(file).unwrap().set_len(500_000).unwrap();
        let pieces = Pieces::new(Arc::clone(&store.inner), content, whole);
        let got: Vec<_> = pieces.collect().await;
        let (last, before) = got.split_last().unwrap();
        assert!(matches!(last, Err(ContentError::Corrupt { .. })));
        assert_eq!(before.iter().map(|piece| piece.as_ref().unwrap().len()).sum::<usize>(), 500_000);
    }
}
