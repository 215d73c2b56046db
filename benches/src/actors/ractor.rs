//! ractor, another library of actors. Its mailboxes have no limit.

use ractor::rpc::CallResult;
use ractor::{Actor, ActorProcessingErr, ActorRef, MessagingErr, RpcReplyPort};
use star_wire::{Envelope, Reply};

use super::letters::Letters;
use super::{ACTORS, Actors};
use crate::failure::Failure;
use crate::tree::CONTENT_TYPE;

pub(super) struct Envelopes {
    actors: Vec<ActorRef<Carry>>,
    letters: Letters,
}

impl Envelopes {
    pub(super) async fn start() -> Result<Envelopes, Failure> {
        let mut actors = Vec::new();
        for _ in 0..ACTORS {
            actors.push(Actor::spawn(None, Carrier, ()).await.map_err(refused)?.0);
        }
        Ok(Envelopes { actors, letters: Letters::new()? })
    }
}

impl Actors for Envelopes {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        let envelope = self.letters.to(actor);
        answered(self.actors[actor].call(|answer| Carry(envelope, Some(answer)), None).await)
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        self.actors[actor].cast(Carry(self.letters.to(actor), None)).map_err(refused)
    }
}

pub(super) struct Numbers {
    actors: Vec<ActorRef<Count>>,
}

impl Numbers {
    pub(super) async fn start() -> Result<Numbers, Failure> {
        let mut actors = Vec::new();
        for _ in 0..ACTORS {
            actors.push(Actor::spawn(None, Counter, ()).await.map_err(refused)?.0);
        }
        Ok(Numbers { actors })
    }
}

impl Actors for Numbers {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        answered(self.actors[actor].call(|answer| Count(1, Some(answer)), None).await)
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        self.actors[actor].cast(Count(1, None)).map_err(refused)
    }
}

fn refused(error: impl ToString) -> Failure {
    Failure::wrong("ractor", error)
}

fn answered<T, M>(outcome: Result<CallResult<T>, MessagingErr<M>>) -> Result<(), Failure> {
    match outcome {
        Ok(CallResult::Success(_)) => Ok(()),
        Ok(CallResult::Timeout | CallResult::SenderError) => Err(refused("it did not answer")),
        Err(_) => Err(refused("it is not running")),
    }
}

/// Answers envelopes with what is in them, as our resource does.
struct Carrier;

struct Carry(Envelope, Option<RpcReplyPort<Reply>>);

impl Actor for Carrier {
    type Msg = Carry;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Carry>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Carry>, message: Carry, (): &mut ()) -> Result<(), ActorProcessingErr> {
        let Carry(envelope, answer) = message;
        let reply = Reply::new(CONTENT_TYPE, envelope.body);
        match answer {
            Some(answer) => answer.send(reply).map_err(Into::into),
            None => Ok(()),
        }
    }
}

struct Counter;

struct Count(u64, Option<RpcReplyPort<u64>>);

impl Actor for Counter {
    type Msg = Count;
    type State = ();
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Count>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(&self, _: ActorRef<Count>, message: Count, (): &mut ()) -> Result<(), ActorProcessingErr> {
        let Count(number, answer) = message;
        match answer {
            Some(answer) => answer.send(number + 1).map_err(Into::into),
            None => Ok(()),
        }
    }
}
