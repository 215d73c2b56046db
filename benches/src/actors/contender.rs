//! What actors of all kinds have in common, and how senders drive them.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{bare, kameo, ours, ractor};
use crate::failure::Failure;
use crate::figures::Measure;
use crate::meter::Meter;

/// The most actors of any shape.
pub(super) const ACTORS: usize = 64;

/// Messages that a sender of tells has under way at most: below the mailbox of our actors, where
/// the next one would be refused.
const BURST: u64 = 128;

/// Actors that can be sent messages, from the making of a message on.
pub(super) trait Actors: Send + Sync + 'static {
    /// Asks the actor of this number, and waits for its answer.
    fn ask(&self, actor: usize) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Tells the actor of this number, without waiting for anything it does.
    fn tell(&self, actor: usize) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Actors that take their turn.
#[async_trait]
pub(crate) trait Contender: Send + Sync {
    /// Lets some senders ask one after the other for a time; asks per second of all.
    async fn asks(&self, senders: usize, actors: usize, time: Duration) -> Result<Measure, Failure>;

    /// Lets some senders tell one after the other for a time; messages per second of all that
    /// were handled, because the last of every burst is an ask behind them.
    async fn tells(&self, senders: usize, actors: usize, time: Duration) -> Result<Measure, Failure>;

    /// Asks so many times.
    async fn ask_times(&self, times: u64) -> Result<(), Failure>;

    /// Tells so many times.
    async fn tell_times(&self, times: u64) -> Result<(), Failure>;
}

/// A name in the table, and who bears it.
pub(crate) type Named = (&'static str, Box<dyn Contender>);

/// All who carry envelopes; ours first, then the peer that we are compared with.
pub(crate) async fn with_envelopes() -> Result<Vec<Named>, Failure> {
    Ok(vec![
        ("star", named(ours::Star::start().await?)),
        ("kameo, same envelope", named(kameo::Envelopes::start()?)),
        ("ractor, same envelope", named(ractor::Envelopes::start().await?)),
        ("mpsc + oneshot, same envelope", named(bare::Envelopes::start()?)),
    ])
}

/// The same libraries with a number in and out.
pub(crate) async fn with_numbers() -> Result<Vec<Named>, Failure> {
    Ok(vec![
        ("kameo, a number", named(kameo::Numbers::start())),
        ("ractor, a number", named(ractor::Numbers::start().await?)),
        ("mpsc + oneshot, a number", named(bare::Numbers::start())),
    ])
}

fn named(actors: impl Actors) -> Box<dyn Contender> {
    Box::new(Arc::new(actors))
}

#[async_trait]
impl<A: Actors> Contender for Arc<A> {
    async fn asks(&self, senders: usize, actors: usize, time: Duration) -> Result<Measure, Failure> {
        drive(self, senders, actors, time, Sending::Asks).await
    }

    async fn tells(&self, senders: usize, actors: usize, time: Duration) -> Result<Measure, Failure> {
        drive(self, senders, actors, time, Sending::Tells).await
    }

    async fn ask_times(&self, times: u64) -> Result<(), Failure> {
        for _ in 0..times {
            self.ask(0).await?;
        }
        Ok(())
    }

    async fn tell_times(&self, times: u64) -> Result<(), Failure> {
        let mut told = 0;
        while told < times {
            told += burst(&**self, 0).await?;
        }
        Ok(())
    }
}

/// What senders do.
#[derive(Debug, Clone, Copy)]
enum Sending {
    Asks,
    Tells,
}

impl Sending {
    /// Sends once, and gives how many messages that were.
    async fn once<A: Actors>(self, to: &A, actor: usize) -> Result<u64, Failure> {
        match self {
            Sending::Asks => to.ask(actor).await.map(|()| 1),
            Sending::Tells => burst(to, actor).await,
        }
    }
}

/// Lets some senders send one after the other for a time.
async fn drive<A: Actors>(
    to: &Arc<A>,
    senders: usize,
    actors: usize,
    time: Duration,
    sending: Sending,
) -> Result<Measure, Failure> {
    let over = Arc::new(AtomicBool::new(false));
    let meter = Meter::start();
    // Tasks of the runtime, also where there is only one: the thread that waits for them is none
    // of its workers, and waking that thread would cost more than the message.
    let senders: Vec<_> = (0..senders)
        .map(|sender| {
            let (to, over) = (Arc::clone(to), Arc::clone(&over));
            tokio::spawn(async move {
                let mut sent = 0u64;
                while !over.load(Ordering::Relaxed) {
                    sent += sending.once(&*to, sender % actors).await?;
                }
                Ok::<_, Failure>(sent)
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for sender in senders {
        sent += sender.await.map_err(|error| Failure::wrong("a sender", error))??;
    }
    Ok(meter.measure(sent))
}

/// Tells, and asks at the end; gives how many messages that were.
async fn burst<A: Actors>(to: &A, actor: usize) -> Result<u64, Failure> {
    for _ in 1..BURST {
        to.tell(actor).await?;
    }
    to.ask(actor).await?;
    Ok(BURST)
}
