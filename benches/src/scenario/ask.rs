//! `ask`: a message by path to a resource of this process, permission checked, against a message
//! of bare kameo that carries the same envelope and the same reply.
//!
//! Beside both stand other ways to ask with the same envelope, and all of them with a number.

use super::Found;
use crate::actors;
use crate::count::{Counted, Counter};
use crate::failure::Failure;
use crate::options::Plan;
use crate::report::{Row, Target, Unit};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "a local ask by path, permission checked, against bare kameo with the same envelope";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.9);

/// Who asks beside each other, and how many are asked.
const SHAPES: [(&str, usize, usize); 3] =
    [("one after the other", 1, 1), ("64 in flight to one", 64, 1), ("64 to 64", 64, 64)];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let contenders = contenders().await?;
    let mut rows = Vec::new();
    for (shape, senders, actors) in SHAPES {
        let subjects =
            in_turns(plan, &contenders, async |contender, time| contender.asks(senders, actors, time).await).await?;
        rows.push(Row { shape: shape.to_owned(), unit: Unit::PerSecond, subjects, target: Some(TARGET) });
    }
    let note = "All make the envelope anew for every ask: a path, a method, a deadline, a body of some bytes.";
    Ok((rows, vec![note.to_owned()]))
}

/// Counts the allocations of an ask.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let mut counted = Vec::new();
    for (name, contender) in contenders().await? {
        counted.push(counter.count(SHAPES[0].0, name, async |times| contender.ask_times(times).await).await?);
    }
    Ok(counted)
}

async fn contenders() -> Result<Vec<actors::Named>, Failure> {
    let mut contenders = actors::with_envelopes().await?;
    contenders.extend(actors::with_numbers().await?);
    Ok(contenders)
}
