//! Rounds: when those who follow the log for somebody outside are woken.
//!
//! To wake a watcher that writes to a connection costs the same for one event as for ten, and a
//! thousand of them woken by every event keep the processors from everybody else. So what is decoded
//! is called out in rounds: at once when nothing happened for a while, and then not again before the
//! watchers have had their time. The more of them there are, the longer that is; few are told without
//! delay. A watcher that is woken reads all there is, so rounds delay events and lose none.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::limits;
use crate::ports::meta::Position;

/// Calls out in rounds what is decoded, until nobody decodes any more.
pub(super) async fn call(mut decoded: watch::Receiver<Position>, rounds: watch::Sender<Position>) {
    while decoded.changed().await.is_ok() {
        let position = *decoded.borrow_and_update();
        rounds.send_replace(position);
        // One receiver is the log's own.
        let pause = pause_for(rounds.receiver_count().saturating_sub(1));
        if !pause.is_zero() {
            rest(pause).await;
        }
    }
}

/// Leaves the watchers alone for a while. When that ends late there is more to do than can be done, of
/// which watching shall not be the largest part: as much time again is left to others.
async fn rest(pause: Duration) {
    let due = Instant::now() + pause;
    tokio::time::sleep_until(due).await;
    let late = due.elapsed();
    if late >= limits::WATCH_ROUND_LEAST * 2 {
        tokio::time::sleep(late.min(limits::WATCH_ROUND)).await;
    }
}

/// How long so many watchers are left alone behind a round.
fn pause_for(watchers: usize) -> Duration {
    let watchers = u32::try_from(watchers).unwrap_or(u32::MAX);
    let pause = limits::WATCH_ROUND_EACH.saturating_mul(watchers).min(limits::WATCH_ROUND);
    // The timer knows nothing shorter, and would make a millisecond of it.
    if pause < limits::WATCH_ROUND_LEAST { Duration::ZERO } else { pause }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds with so many watchers; the first receiver is the one of the log.
    fn started(
        watchers: usize,
    ) -> (watch::Sender<Position>, watch::Receiver<Position>, Vec<watch::Receiver<Position>>) {
        let (decoded, decoding) = watch::channel(0);
        let (calling, rounds) = watch::channel(0);
        tokio::spawn(call(decoding, calling));
        let watching = (0..watchers).map(|_| rounds.clone()).collect();
        (decoded, rounds, watching)
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_event_is_called_out_at_once_and_those_behind_it_together() {
        let (decoded, mut rounds, watching) = started(1_000);
        let begun = Instant::now();
        decoded.send_replace(1);
        rounds.changed().await.unwrap();
        assert_eq!((*rounds.borrow_and_update(), begun.elapsed()), (1, Duration::ZERO));
        for position in 2..=9 {
            decoded.send_replace(position);
            tokio::task::yield_now().await;
        }
        rounds.changed().await.unwrap();
        assert_eq!(*rounds.borrow_and_update(), 9, "one round for all of them");
        let waited = begun.elapsed();
        assert!(waited >= pause_for(watching.len()) && waited <= limits::WATCH_ROUND * 2, "{waited:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn few_watchers_are_told_without_delay() {
        let (decoded, mut rounds, _watching) = started(8);
        let begun = Instant::now();
        for position in 1..=9 {
            decoded.send_replace(position);
            rounds.changed().await.unwrap();
            assert_eq!((*rounds.borrow_and_update(), begun.elapsed()), (position, Duration::ZERO));
        }
    }

    #[test]
    fn a_round_is_longer_for_more_watchers_and_never_too_long() {
        assert_eq!(pause_for(0), Duration::ZERO);
        assert_eq!(pause_for(1_000), limits::WATCH_ROUND_EACH * 1_000);
        assert_eq!(pause_for(usize::MAX), limits::WATCH_ROUND);
    }
}
