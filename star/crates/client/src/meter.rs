//! What is known about a transfer while it runs: bytes, digest, the last sign of life, and the
//! fault of this machine that ended it.
//!
//! A body that is sent belongs to the connection; the meter is what the caller keeps of it.

use std::future::ready;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};
use star_path::Digest;
use tokio::time::Instant;

use crate::limits;
use crate::progress::Progress;

/// What is known about a transfer.
pub(crate) struct Meter {
    progress: Arc<dyn Progress>,
    state: Mutex<State>,
}

struct State {
    hash: Sha256,
    bytes: u64,
    moved: Instant,
    /// How many bytes there are, where that is known: nobody asks for more after the last one.
    expected: Option<u64>,
    ended: bool,
    fault: Option<io::Error>,
}

impl Meter {
    /// A meter that passes what it counts on to `progress`.
    pub(crate) fn new(progress: Arc<dyn Progress>) -> Arc<Meter> {
        let state =
            State { hash: Sha256::new(), bytes: 0, moved: Instant::now(), expected: None, ended: false, fault: None };
        Arc::new(Meter { progress, state: Mutex::new(state) })
    }

    /// Says how many bytes there are.
    pub(crate) fn expect_bytes(&self, bytes: u64) {
        self.state().expected = Some(bytes);
    }

    /// Counts a piece.
    pub(crate) fn count(&self, piece: &[u8]) {
        let mut state = self.state();
        state.hash.update(piece);
        state.bytes += piece.len() as u64;
        state.moved = Instant::now();
        drop(state);
        self.progress.bytes(piece.len() as u64);
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.state().bytes
    }

    /// Digest of the bytes so far.
    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(self.state().hash.clone().finalize().into())
    }

    /// Whether the connection has taken all there was.
    pub(crate) fn is_complete(&self) -> bool {
        let state = self.state();
        state.ended || state.expected == Some(state.bytes)
    }

    /// The fault of this machine that ended the transfer, once.
    pub(crate) fn take_fault(&self) -> Option<io::Error> {
        self.state().fault.take()
    }

    /// Returns when nothing has moved for as long as that is tolerated.
    pub(crate) async fn stalled(&self) -> Duration {
        loop {
            let still = self.state().moved.elapsed();
            if still >= limits::STALL {
                return limits::STALL;
            }
            tokio::time::sleep((limits::STALL - still).min(limits::STALL_CHECK)).await;
        }
    }

    /// The stream as it is sent: counted on the way, its fault kept for the caller, because the
    /// connection only knows that the body broke off.
    pub(crate) fn measure<S>(self: &Arc<Self>, stream: S) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let meter = Arc::clone(self);
        let end = {
            let meter = Arc::clone(self);
            futures::stream::once(async move { meter.state().ended = true }).filter_map(|()| ready(None))
        };
        let pieces = stream.map(move |piece| match piece {
            Ok(piece) => {
                meter.count(&piece);
                Ok(piece)
            }
            Err(fault) => {
                let told = io::Error::from(fault.kind());
                meter.state().fault = Some(fault);
                Err(told)
            }
        });
        pieces.chain(end)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is whole even if a thread died after it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::silent;

    #[tokio::test]
    async fn a_fault_is_kept_for_the_caller() {
        let meter = Meter::new(silent());
        let pieces = [Ok(Bytes::from_static(b"abc")), Err(io::Error::other("the disk is on fire"))];
        let seen: Vec<_> = meter.measure(futures::stream::iter(pieces)).collect().await;
        assert!(seen[0].is_ok() && seen[1].is_err());
        assert_eq!(meter.bytes(), 3);
        assert_eq!(meter.take_fault().unwrap().to_string(), "the disk is on fire");
        assert!(meter.take_fault().is_none());
    }

    #[tokio::test]
    async fn the_digest_is_that_of_all_pieces() {
        let meter = Meter::new(silent());
        meter.count(b"ab");
        meter.count(b"c");
        assert_eq!(
            meter.digest().to_string(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_moves_is_not_stalled() {
        let meter = Meter::new(silent());
        let begun = Instant::now();
        let moving = async {
            for _ in 0..3 {
                tokio::time::sleep(limits::STALL / 2).await;
                meter.count(b"x");
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            _ = meter.stalled() => {}
            () = moving => {}
        }
        assert!(begun.elapsed() >= limits::STALL * 5 / 2, "{:?}", begun.elapsed());
    }
}
