//! The stream of bytes over extents.
//!
//! For each window: what is in memory is handed out as a slice of the map, inside the poll. What
//! is not is fetched by a thread ([`super::fetch`]), and from then on a little ahead of the
//! socket, until what comes next is in memory anyway. Packs that have no map, and kernels that
//! cannot say what is in memory, are read into buffers, inside the poll where that does not wait.
//!
//! Dropping a stream at any moment is fine: a thread that works for it ends with its span.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use star_core::ports::content::{ByteStream, ContentError};
use tokio::sync::Semaphore;

use super::buffers::Buffers;
use super::extents::Extents;
use super::fetch::{self, FetchError, Fetching, Span, Way};
use super::limits;
use super::pressure::Pressure;
use super::residency::Residency;

/// Reads packs for all streams of a store: what they share is bounded here.
#[derive(Debug, Clone)]
pub struct PackReader(Arc<Shared>);

/// What the streams of a store share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) populate_jobs: Arc<Semaphore>,
    pub(crate) read_jobs: Arc<Semaphore>,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) pressure: Pressure,
    pub(crate) counts: Counting,
}

/// How windows were had since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// In memory: slices of a map.
    pub resident: u64,
    /// Spans whose pages a thread brought in.
    pub populated: u64,
    /// In memory, without a map: copied inside the poll.
    pub read_inside: u64,
    /// Copied by a thread.
    pub read_by_threads: u64,
    /// Bytes of all buffers that are lent at the moment.
    pub lent_bytes: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counting {
    pub(crate) resident: Count,
    pub(crate) populated: Count,
    pub(crate) read_inside: Count,
    pub(crate) read_by_threads: Count,
}

#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for PackReader {
    fn default() -> PackReader {
        PackReader::new()
    }
}

impl PackReader {
    /// A reader for one store.
    pub fn new() -> PackReader {
        PackReader::under(Pressure::of_this_process())
    }

    fn under(pressure: Pressure) -> PackReader {
        PackReader(Arc::new(Shared {
            populate_jobs: Arc::new(Semaphore::new(limits::POPULATE_JOBS)),
            read_jobs: Arc::new(Semaphore::new(limits::READ_JOBS)),
            buffers: Arc::default(),
            pressure,
            counts: Counting::default(),
        }))
    }

    /// The bytes of these extents: all of them, or an error. Must be polled inside of a tokio
    /// runtime.
    pub fn stream(&self, extents: Extents) -> ByteStream {
        let at = Place { piece: 0, within: 0 };
        Box::pin(Sending { shared: Arc::clone(&self.0), extents, at, fetches: VecDeque::new() })
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }

    /// How windows were had.
    pub fn counts(&self) -> Counts {
        let Counting { resident, populated, read_inside, read_by_threads } = &self.0.counts;
        Counts {
            resident: resident.get(),
            populated: populated.get(),
            read_inside: read_inside.get(),
            read_by_threads: read_by_threads.get(),
            lent_bytes: self.0.buffers.lent_bytes() as u64,
        }
    }
}

/// A place in extents: inside a piece, or behind the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    piece: usize,
    within: u64,
}

/// A fetch, and the span that it is for.
struct Fetch {
    from: Place,
    to: Place,
    len: u64,
    fetching: Fetching,
}

/// What can be done about the next window.
enum Next {
    Here(Bytes),
    Fetch(Fetch),
}

struct Sending {
    shared: Arc<Shared>,
    extents: Extents,
    at: Place,
    /// What threads do for this stream, in the order of the content. What is waited for stands first.
    fetches: VecDeque<Fetch>,
}

impl Sending {
    /// The bytes from a place on to the end of its piece; none behind the last piece.
    fn rest(&self, place: Place) -> Option<Span> {
        let piece = self.extents.pieces().get(place.piece)?;
        let (offset, len) = (piece.offset + place.within, piece.len - place.within);
        Some(Span { pack: Arc::clone(&piece.pack), offset, len })
    }

    /// The place so many bytes further in the same piece, or the start of the next one.
    fn behind(&self, place: Place, len: u64) -> Place {
        let within = place.within + len;
        let is_end = within >= self.extents.pieces()[place.piece].len;
        if is_end { Place { piece: place.piece + 1, within: 0 } } else { Place { within, ..place } }
    }

    fn poll_window(&mut self, context: &mut Context<'_>, rest: Span) -> Poll<Result<Bytes, FetchError>> {
        while self.fetches.front().is_some_and(|fetch| fetch.from < self.at) {
            self.fetches.pop_front();
        }
        if self.fetches.front().is_none_or(|fetch| fetch.from != self.at) {
            match self.next(rest)? {
                Next::Here(bytes) => return Poll::Ready(Ok(bytes)),
                Next::Fetch(fetch) => self.fetches.push_front(fetch),
            }
        }
        let fetch = self.fetches.front_mut().expect("there is one for this place");
        let bytes = ready!(fetch.fetching.as_mut().poll(context));
        let to = fetch.to;
        self.fetches.pop_front();
        if bytes.is_ok() {
            self.fetch_ahead(to);
        }
        Poll::Ready(bytes)
    }

    /// The next window, if it is in memory; else the fetch of it, begun.
    fn next(&self, mut rest: Span) -> Result<Next, FetchError> {
        let window = rest.len.min(limits::WINDOW_BYTES);
        if let Some(mapping) = rest.pack.mapping() {
            if let Some(len) = rest.pack.cut_short()? {
                return Err(FetchError::CutShort { len });
            }
            match rest.pack.residency(rest.offset, window) {
                Residency::Resident => {
                    self.shared.counts.resident.add(1);
                    return Ok(Next::Here(mapping.window(rest.offset, window)));
                }
                Residency::Cold => return Ok(Next::Fetch(self.fetch_now(rest))),
                Residency::Unknown => {}
            }
        }
        let mut buffer = self.shared.buffers.lend();
        match rest.pack.read_resident(buffer.room(rest.len), rest.offset)? {
            Some(0) => Err(FetchError::CutShort { len: rest.offset }),
            Some(filled) => {
                self.shared.counts.read_inside.add(1);
                Ok(Next::Here(buffer.into_bytes(filled)))
            }
            None => {
                rest.len = rest.len.min(buffer.room(u64::MAX).len() as u64);
                Ok(Next::Fetch(self.fetch_now(rest)))
            }
        }
    }

    fn fetch_now(&self, mut span: Span) -> Fetch {
        let way = Way::of(&self.shared, &span.pack);
        span.len = span.len.min(way.most_bytes());
        let (from, to, len) = (self.at, self.behind(self.at, span.len), span.len);
        Fetch { from, to, len, fetching: fetch::now(&self.shared, way, span) }
    }

    /// Begins what comes behind the fetches that there are, as far as it is not in memory and
    /// threads are free.
    fn fetch_ahead(&mut self, mut from: Place) {
        from = self.fetches.back().map_or(from, |fetch| fetch.to.max(from));
        while let Some(mut span) = self.rest(from) {
            let way = Way::of(&self.shared, &span.pack);
            span.len = span.len.min(way.most_bytes());
            let is_enough = self.fetches.iter().map(|fetch| fetch.len).sum::<u64>() >= way.ahead_bytes();
            let is_here = || span.pack.residency(span.offset, span.len) == Residency::Resident;
            if is_enough || is_here() {
                return;
            }
            let (to, len) = (self.behind(from, span.len), span.len);
            let Some(fetching) = fetch::ahead(&self.shared, way, span) else { return };
            self.fetches.push_back(Fetch { from, to, len, fetching });
            from = to;
        }
    }

    /// Says what is wrong with the pack that is being read, and ends the stream.
    fn fail(&mut self, error: FetchError) -> ContentError {
        let pack = &self.extents.pieces()[self.at.piece].pack;
        let error = match error {
            FetchError::Io(source) => ContentError::Io { action: "read a pack", source },
            FetchError::CutShort { .. } | FetchError::Unreadable => {
                pack.suspect();
                self.extents.corrupt(format!("pack {}: {error}", pack.name()))
            }
        };
        tracing::error!(pack = %pack.name(), %error, "a content was given out in part");
        self.at = Place { piece: usize::MAX, within: 0 };
        self.fetches.clear();
        error
    }
}

impl Stream for Sending {
    type Item = Result<Bytes, ContentError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(rest) = this.rest(this.at) else { return Poll::Ready(None) };
        let bytes = ready!(this.poll_window(context, rest));
        Poll::Ready(Some(match bytes {
            Ok(bytes) => {
                this.at = this.behind(this.at, bytes.len() as u64);
                Ok(bytes)
            }
            Err(error) => Err(this.fail(error)),
        }))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.extents.pieces().len().saturating_sub(self.at.piece), None)
    }
}

#[cfg(test)]
mod tests;
