//! kameo, the library below ours: the same mailbox, without path, permission or deadline.

use kameo::Actor;
use kameo::actor::{ActorRef, Spawn};
use kameo::mailbox;
use kameo::message::{Context, Message};
use star_core::limits::MAILBOX;
use star_wire::{Envelope, Reply};

use super::letters::Letters;
use super::{ACTORS, Actors};
use crate::failure::Failure;
use crate::tree::CONTENT_TYPE;

pub(super) struct Envelopes {
    actors: Vec<ActorRef<Carrier>>,
    letters: Letters,
}

impl Envelopes {
    pub(super) fn start() -> Result<Envelopes, Failure> {
        let actors = (0..ACTORS).map(|_| Carrier::spawn_with_mailbox(Carrier, mailbox::bounded(MAILBOX))).collect();
        Ok(Envelopes { actors, letters: Letters::new()? })
    }
}

impl Actors for Envelopes {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        self.actors[actor].ask(Carry(self.letters.to(actor))).await.map(drop).map_err(refused)
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        self.actors[actor].tell(Carry(self.letters.to(actor))).try_send().map_err(refused)
    }
}

pub(super) struct Numbers {
    actors: Vec<ActorRef<Counter>>,
}

impl Numbers {
    pub(super) fn start() -> Numbers {
        let actors = (0..ACTORS).map(|_| Counter::spawn_with_mailbox(Counter, mailbox::bounded(MAILBOX))).collect();
        Numbers { actors }
    }
}

impl Actors for Numbers {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        self.actors[actor].ask(Count(1)).await.map(drop).map_err(refused)
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        self.actors[actor].tell(Count(1)).try_send().map_err(refused)
    }
}

fn refused(error: impl ToString) -> Failure {
    Failure::wrong("kameo", error)
}

/// Answers envelopes with what is in them, as our resource does.
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
