//! The body of a request, cut into parts that the content store takes in one after the other.

use std::io;

use bytes::Bytes;
use star_core::ports::content::{ContentError, ContentRef, ContentStore, Expected};
use tokio_util::sync::CancellationToken;

use super::checksum::{Checksum, Tally};
use crate::files::upload::Upload;

/// Bytes on their way into an upload.
pub(super) struct Intake<'a> {
    body: Upload,
    /// What came behind the end of a part.
    rest: Bytes,
    /// Somebody else wants to go on.
    stop: &'a CancellationToken,
    /// The Star ends.
    closing: &'a CancellationToken,
}

/// Why a part is not longer.
#[derive(Debug)]
pub(super) enum Ended {
    /// It has as many bytes as it may have.
    Full,
    /// There is no more.
    Over,
    /// The connection broke, or nothing came for too long.
    Cut(io::Error),
    /// Another request goes on.
    Stopped,
    /// The Star ends.
    Closing,
}

/// Why nothing of a part is kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum Untaken {
    /// What came is not what was announced.
    #[error("the bytes are not those of the checksum")]
    Mismatch,
    /// The store does not take it.
    #[error(transparent)]
    Store(#[from] ContentError),
}

enum Next {
    Bytes(Bytes),
    Ended(Ended),
}

impl<'a> Intake<'a> {
    pub(super) fn of(body: Upload, stop: &'a CancellationToken, closing: &'a CancellationToken) -> Intake<'a> {
        Intake { body, rest: Bytes::new(), stop, closing }
    }

    /// Takes in a part of at most so many bytes, durable when this returns; none where nothing came.
    /// What was taken when the body broke off is a part as well, unless it has a checksum: then it is
    /// all or nothing.
    pub(super) async fn part(
        &mut self,
        store: &dyn ContentStore,
        most: u64,
        checksum: Option<&Checksum>,
    ) -> Result<(Option<ContentRef>, Ended), Untaken> {
        let (mut taken, mut ingest) = (0, None);
        let mut tally = Tally::of(checksum);
        let ended = loop {
            if taken == most {
                break Ended::Full;
            }
            let mut bytes = match self.next().await {
                Next::Bytes(bytes) => bytes,
                Next::Ended(ended) => break ended,
            };
            let room = usize::try_from(most - taken).unwrap_or(usize::MAX);
            if bytes.len() > room {
                self.rest = bytes.split_off(room);
            }
            taken += bytes.len() as u64;
            tally.count(&bytes);
            let ingest = match &mut ingest {
                Some(ingest) => ingest,
                None => ingest.insert(store.ingest(expected(checksum)).await?),
            };
            ingest.write(bytes).await?;
        };
        let has_broken = matches!(ended, Ended::Cut(_) | Ended::Stopped | Ended::Closing);
        if checksum.is_some() && has_broken {
            return Ok((None, ended));
        }
        let ingest = match (ingest, checksum) {
            (Some(ingest), _) => ingest,
            (None, None) => return Ok((None, ended)),
            // Also of nothing the checksum must be right.
            (None, Some(_)) => store.ingest(expected(checksum)).await?,
        };
        if !tally.fits() {
            return Err(Untaken::Mismatch);
        }
        match ingest.finish().await {
            Ok(content) => Ok((Some(content).filter(|_| taken > 0), ended)),
            Err(ContentError::Mismatch { .. }) => Err(Untaken::Mismatch),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the body ends where its last part did; [`Ended::Full`] where there is more.
    pub(super) async fn end(&mut self) -> Ended {
        match self.next().await {
            Next::Bytes(_) => Ended::Full,
            Next::Ended(ended) => ended,
        }
    }

    async fn next(&mut self) -> Next {
        if !self.rest.is_empty() {
            return Next::Bytes(std::mem::take(&mut self.rest));
        }
        loop {
            let piece = tokio::select! {
                biased;
                () = self.stop.cancelled() => return Next::Ended(Ended::Stopped),
                () = self.closing.cancelled() => return Next::Ended(Ended::Closing),
                piece = self.body.next() => piece,
            };
            match piece {
                None => return Next::Ended(Ended::Over),
                Some(Err(error)) => return Next::Ended(Ended::Cut(error)),
                Some(Ok(bytes)) if bytes.is_empty() => {}
                Some(Ok(bytes)) => return Next::Bytes(bytes),
            }
        }
    }
}

fn expected(checksum: Option<&Checksum>) -> Expected {
    Expected { digest: checksum.and_then(Checksum::digest), ..Expected::default() }
}
