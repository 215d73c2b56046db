//! `tell`: a message that nobody waits for, by path to a resource of this process, permission
//! checked, against one of bare kameo that carries the same envelope.
//!
//! Tells come in bursts that fit into a mailbox, with an ask at the end of each: what is counted
//! are messages that were handled, not messages that were thrown into a queue.

use super::Found;
use crate::actors;
use crate::count::{Counted, Counter};
use crate::failure::Failure;
use crate::options::Plan;
use crate::report::{Row, Target, Unit};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "a local tell by path, permission checked, against bare kameo with the same envelope";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.9);

/// Who tells beside each other, and how many are told.
const SHAPES: [(&str, usize, usize); 2] = [("one to one", 1, 1), ("64 to 64", 64, 64)];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let contenders = actors::with_envelopes().await?;
    let mut rows = Vec::new();
    for (shape, senders, actors) in SHAPES {
        let subjects =
            in_turns(plan, &contenders, async |contender, time| contender.tells(senders, actors, time).await).await?;
        rows.push(Row { shape: shape.to_owned(), unit: Unit::PerSecond, subjects, target: Some(TARGET) });
    }
    let note = "Bursts of 128, the last of which is an ask: what is counted was handled. All make the envelope anew \
                for every message.";
    Ok((rows, vec![note.to_owned()]))
}

/// Counts the allocations of a tell.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let mut counted = Vec::new();
    for (name, contender) in actors::with_envelopes().await? {
        counted.push(counter.count(SHAPES[0].0, name, async |times| contender.tell_times(times).await).await?);
    }
    Ok(counted)
}
