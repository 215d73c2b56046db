//! What threads do for a stream: bring the pages of a span into memory, or read a piece of it
//! into a buffer.
//!
//! A fetch takes its place among the threads with it, so that a stream that is dropped gives the
//! place back when the thread is done, and not before.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits;
use super::mapping::PopulateError;
use super::pack_file::PackFile;
use super::serve::Shared;

/// Bytes of a pack, from the first on that was asked for; how many depends on the way.
pub(crate) type Fetching = Pin<Box<dyn Future<Output = Result<Bytes, FetchError>> + Send>>;

/// Why bytes that must be there could not be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The file of the pack ends before them.
    #[error("its file ends after {len} bytes")]
    CutShort {
        /// The length of the file.
        len: u64,
    },
    /// The disk does not give them.
    #[error("its pages cannot be read")]
    Unreadable,
    /// The system could not, for the time being.
    #[error("it could not be read")]
    Io(#[from] io::Error),
}

/// The way in which a span is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Through the map.
    Populate,
    /// Into a buffer.
    Read,
}

/// A span of a pack to be fetched.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) pack: Arc<PackFile>,
    pub(crate) offset: u64,
    pub(crate) len: u64,
}

impl Way {
    /// The way for this pack under the present pressure.
    pub(crate) fn of(shared: &Shared, pack: &PackFile) -> Way {
        if pack.mapping().is_some() && !shared.pressure.is_high() { Way::Populate } else { Way::Read }
    }

    /// The most bytes that one fetch is for.
    pub(crate) const fn most_bytes(self) -> u64 {
        match self {
            Way::Populate => limits::POPULATE_BYTES,
            Way::Read => limits::READ_BYTES as u64,
        }
    }

    /// How much may be fetched ahead of a stream.
    pub(crate) const fn ahead_bytes(self) -> u64 {
        match self {
            Way::Populate => limits::POPULATE_AHEAD_BYTES,
            Way::Read => limits::READ_AHEAD_BYTES,
        }
    }

    fn places(self, shared: &Shared) -> &Arc<Semaphore> {
        match self {
            Way::Populate => &shared.populate_jobs,
            Way::Read => &shared.read_jobs,
        }
    }
}

/// A fetch that a stream waits for: begun at once if a thread is free, else when one is.
pub(crate) fn now(shared: &Arc<Shared>, way: Way, span: Span) -> Fetching {
    match Arc::clone(way.places(shared)).try_acquire_owned() {
        Ok(place) => Box::pin(begin(shared, place, way, span)),
        Err(_) => {
            let shared = Arc::clone(shared);
            Box::pin(async move {
                let place = Arc::clone(way.places(&shared)).acquire_owned().await;
                begin(&shared, place.expect("the semaphores are never closed"), way, span).await
            })
        }
    }
}

/// A fetch that nobody waits for yet: none if all threads are busy or buffers are short.
pub(crate) fn ahead(shared: &Arc<Shared>, way: Way, span: Span) -> Option<Fetching> {
    if way == Way::Read && !shared.buffers.has_room() {
        return None;
    }
    let place = Arc::clone(way.places(shared)).try_acquire_owned().ok()?;
    Some(Box::pin(begin(shared, place, way, span)))
}

/// Starts on a thread now, and gives what it will have fetched.
fn begin(
    shared: &Arc<Shared>,
    place: OwnedSemaphorePermit,
    way: Way,
    span: Span,
) -> impl Future<Output = Result<Bytes, FetchError>> + Send + use<> {
    let shared = Arc::clone(shared);
    let job = tokio::task::spawn_blocking(move || {
        let _place = place;
        shared.pressure.look_again();
        match way {
            Way::Populate => populate(&shared, &span),
            Way::Read => read(&shared, &span),
        }
    });
    async move { job.await.map_err(io::Error::other)? }
}

/// Brings the whole span in, and gives its first window.
fn populate(shared: &Arc<Shared>, span: &Span) -> Result<Bytes, FetchError> {
    let Span { pack, offset, len } = span;
    let Some(mapping) = pack.mapping() else { return read(shared, span) };
    match mapping.populate(*offset, *len) {
        Ok(()) => {}
        Err(PopulateError::Unsupported) => {
            pack.populates.store(false, Ordering::Relaxed);
            return read(shared, span);
        }
        Err(PopulateError::Unreadable) => return Err(unreadable(pack)?),
        Err(PopulateError::Io(error)) => return Err(error.into()),
    }
    // A cut inside the last page raises no fault: it reads as zeros.
    match pack.cut_short()? {
        Some(len) => Err(FetchError::CutShort { len }),
        None => {
            shared.counts.populated.add(1);
            Ok(mapping.window(*offset, (*len).min(limits::WINDOW_BYTES)))
        }
    }
}

fn unreadable(pack: &PackFile) -> io::Result<FetchError> {
    Ok(pack.cut_short()?.map_or(FetchError::Unreadable, |len| FetchError::CutShort { len }))
}

fn read(shared: &Arc<Shared>, span: &Span) -> Result<Bytes, FetchError> {
    let mut buffer = shared.buffers.lend();
    let filled = span.pack.read(buffer.room(span.len), span.offset)?;
    if filled == 0 {
        return Err(FetchError::CutShort { len: span.offset });
    }
    shared.counts.read_by_threads.add(1);
    Ok(buffer.into_bytes(filled))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::map::PackReader;
    use crate::map::pack_file::samples;

    #[tokio::test]
    async fn a_file_cut_inside_of_a_page_is_noticed_by_every_way() {
        let (_dir, file) = samples::file(&samples::noise(20_000, 1));
        let pack = PackFile::sealed(file.try_clone().unwrap(), samples::NAME).unwrap();
        samples::cut(&file, 19_000);
        let reader = PackReader::new();
        let span = |offset, len| Span { pack: Arc::clone(&pack), offset, len };
        let populated = now(reader.shared(), Way::Populate, span(0, 20_000)).await;
        assert!(matches!(populated, Err(FetchError::CutShort { len: 19_000 })), "{populated:?}");
        assert_eq!(now(reader.shared(), Way::Read, span(0, 20_000)).await.unwrap().len(), 19_000);
        let read = now(reader.shared(), Way::Read, span(19_000, 1_000)).await;
        assert!(matches!(read, Err(FetchError::CutShort { len: 19_000 })), "{read:?}");
    }
}
