//! `ask`: a message by path to a resource of this process, permission checked, against a message
//! of bare kameo that carries the same envelope and the same reply.
//!
//! Ours goes through gate and router to a resource that lives already. Beside both stands kameo
//! with a number in and out, which no program with envelopes can reach.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};
use star_core::kind::Kind;
use star_core::limits::MAILBOX;
use star_path::ResourcePath;
use star_testkit::MemoryMeta;
use star_wire::{Envelope, Method, Reply};

use super::Found;
use crate::failure::Failure;
use crate::figures::{Measure, per_second};
use crate::options::Plan;
use crate::report::{Row, Target, Unit};
use crate::tree::{BenchTree, CONTENT_TYPE, ECHO, path, refused};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "a local ask by path, permission checked, against bare kameo with the same envelope";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.8);

/// Who asks beside each other, and how many are asked.
const SHAPES: [(&str, usize, usize); 3] =
    [("one after the other", 1, 1), ("64 in flight to one", 64, 1), ("64 to 64", 64, 64)];

/// The most resources of any shape.
const RESOURCES: usize = 64;

/// What every message carries and gets back.
const BODY: &[u8] = br#"{"name":"Ada"}"#;

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let contenders = [
        ("star", Contender::star().await?),
        ("kameo, same envelope", Contender::envelopes()?),
        ("kameo, a number", Contender::numbers()),
    ];
    let mut rows = Vec::new();
    for (shape, askers, resources) in SHAPES {
        let subjects =
            in_turns(plan, &contenders, async |contender, time| contender.measure(askers, resources, time).await)
                .await?;
        rows.push(Row { shape: shape.to_owned(), unit: Unit::PerSecond, subjects, target: Some(TARGET) });
    }
    let note = "Both make the envelope anew for every ask: a path, a method, a deadline, a body of some bytes.";
    Ok((rows, vec![note.to_owned()]))
}

/// Somebody who can be asked, in as many copies as the widest shape needs.
enum Contender {
    Star(Arc<Star>),
    Envelopes(Arc<Envelopes>),
    Numbers(Arc<Numbers>),
}

impl Contender {
    async fn star() -> Result<Contender, Failure> {
        let bench = BenchTree::on(MemoryMeta::new()).await?;
        let letters = letters()?;
        bench.create(Kind::Space, path("bench")).await?;
        for path in &letters.paths {
            bench.create(Kind::Base, path.clone()).await?;
        }
        Ok(Contender::Star(Arc::new(Star { bench, letters })))
    }

    fn envelopes() -> Result<Contender, Failure> {
        let actors = (0..RESOURCES).map(|_| Carrier::spawn_with_mailbox(Carrier, mailbox::bounded(MAILBOX))).collect();
        Ok(Contender::Envelopes(Arc::new(Envelopes { actors, letters: letters()? })))
    }

    fn numbers() -> Contender {
        let actors = (0..RESOURCES).map(|_| Counter::spawn_with_mailbox(Counter, mailbox::bounded(MAILBOX))).collect();
        Contender::Numbers(Arc::new(Numbers { actors }))
    }

    async fn measure(&self, askers: usize, resources: usize, time: Duration) -> Result<Measure, Failure> {
        match self {
            Contender::Star(star) => drive(star, askers, resources, time).await,
            Contender::Envelopes(envelopes) => drive(envelopes, askers, resources, time).await,
            Contender::Numbers(numbers) => drive(numbers, askers, resources, time).await,
        }
    }
}

/// Lets some askers ask one after the other for a time; asks per second of all.
async fn drive<A: Asked>(asked: &Arc<A>, askers: usize, resources: usize, time: Duration) -> Result<Measure, Failure> {
    let over = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    // Tasks of the runtime, also where there is only one: the thread that waits for them is none
    // of its workers, and waking that thread would cost more than the ask.
    let asking: Vec<_> = (0..askers)
        .map(|asker| {
            let (asked, over) = (Arc::clone(asked), Arc::clone(&over));
            tokio::spawn(async move {
                let mut answered = 0u64;
                while !over.load(Ordering::Relaxed) {
                    asked.ask(asker % resources).await?;
                    answered += 1;
                }
                Ok::<_, Failure>(answered)
            })
        })
        .collect();
    tokio::time::sleep(time).await;
    over.store(true, Ordering::Relaxed);
    let mut answered = 0;
    for asking in asking {
        answered += asking.await.map_err(|error| Failure::wrong("an asker", error))??;
    }
    Ok(per_second(answered, begun.elapsed()).into())
}

/// One way to ask, from the making of the message to its answer.
trait Asked: Send + Sync + 'static {
    /// Asks the resource of this number.
    fn ask(&self, resource: usize) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// What messages are made of.
struct Letters {
    paths: Vec<ResourcePath>,
    method: Method,
    body: Bytes,
}

fn letters() -> Result<Letters, Failure> {
    let method = Method::parse(ECHO).map_err(|error| Failure::wrong("the benchmark", error))?;
    let paths = (0..RESOURCES).map(|number| path(&format!("bench:r{number}"))).collect();
    Ok(Letters { paths, method, body: Bytes::from_static(BODY) })
}

impl Letters {
    fn to(&self, resource: usize) -> Envelope {
        Envelope::new(self.paths[resource].clone(), self.method.clone()).with_body(CONTENT_TYPE, self.body.clone())
    }
}

struct Star {
    bench: BenchTree,
    letters: Letters,
}

impl Asked for Star {
    async fn ask(&self, resource: usize) -> Result<(), Failure> {
        let BenchTree { tree, admin } = &self.bench;
        let permit = tree.gate.admit(admin, self.letters.to(resource)).await.map_err(refused)?;
        tree.ask(permit).await.map(drop).map_err(refused)
    }
}

struct Envelopes {
    actors: Vec<ActorRef<Carrier>>,
    letters: Letters,
}

impl Asked for Envelopes {
    async fn ask(&self, resource: usize) -> Result<(), Failure> {
        let reply = self.actors[resource].ask(Carry(self.letters.to(resource))).await;
        reply.map(drop).map_err(|error| Failure::wrong("kameo", error))
    }
}

struct Numbers {
    actors: Vec<ActorRef<Counter>>,
}

impl Asked for Numbers {
    async fn ask(&self, resource: usize) -> Result<(), Failure> {
        let reply = self.actors[resource].ask(Count(1)).await;
        reply.map(drop).map_err(|error| Failure::wrong("kameo", error))
    }
}

/// The peer: answers envelopes with what is in them, as our resource does.
#[derive(Actor)]
struct Carrier;

/// By value, because kameo boxes every message anyway.
struct Carry(Envelope);

/// Wrapped, because kameo knows no reply of ours.
#[derive(kameo::Reply)]
struct Carried(#[expect(dead_code, reason = "what it costs to carry is measured, nobody reads it")] Reply);

impl Message<Carry> for Carrier {
    type Reply = Carried;

    async fn handle(&mut self, Carry(envelope): Carry, _: &mut Context<Self, Carried>) -> Carried {
        Carried(Reply::new(CONTENT_TYPE, envelope.body))
    }
}

/// The least that an ask of kameo can be.
#[derive(Actor)]
struct Counter;

struct Count(u64);

impl Message<Count> for Counter {
    type Reply = u64;

    async fn handle(&mut self, Count(number): Count, _: &mut Context<Self, u64>) -> u64 {
        number + 1
    }
}
