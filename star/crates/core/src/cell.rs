//! The kameo actor around a resource: takes messages one by one, answers those that every
//! resource understands, and keeps a failing handler from being anybody else's trouble.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use futures::FutureExt;
use kameo::Actor;
use kameo::actor::ActorRef;
use kameo::message::{Context, Message};
use star_wire::{ErrorCode, Reply, StarError};

use crate::behaviour::{ActorContext, Published, ResourceActor};
use crate::builtin;
use crate::gate::Permit;
use crate::limits;
use crate::status::{State, Status};
use crate::tree::{Counters, Live, Tree};

/// What a cell begins with.
pub(crate) struct Seed {
    pub(crate) tree: Arc<Tree>,
    pub(crate) live: Arc<Live>,
}

/// The actor of one resource.
pub(crate) struct Cell {
    context: ActorContext,
    live: Arc<Live>,
    actor: Result<Box<dyn ResourceActor>, Failure>,
}

/// Says that the actor has begun when the beginning is over, however it ended.
struct Begun(Arc<Live>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begin();
    }
}

/// Why there is nobody inside.
struct Failure {
    error: StarError,
    since: Instant,
}

impl Actor for Cell {
    type Args = Seed;
    type Error = std::convert::Infallible;

    async fn on_start(seed: Seed, _: ActorRef<Cell>) -> Result<Cell, Self::Error> {
        let _begun = Begun(Arc::clone(&seed.live));
        let context = ActorContext { tree: seed.tree, path: seed.live.path.clone() };
        let mut cell = Cell {
            context,
            live: seed.live,
            actor: Err(Failure::now(StarError::new(ErrorCode::NotRunning, "not started"))),
        };
        cell.activate().await;
        Ok(cell)
    }
}

/// A message for the resource.
pub(crate) struct Deliver(pub(crate) Permit);

/// The answer to [`Deliver`].
#[derive(kameo::Reply)]
pub(crate) struct Answer(pub(crate) Result<Reply, StarError>);

impl Message<Deliver> for Cell {
    type Reply = Answer;

    async fn handle(&mut self, Deliver(permit): Deliver, _: &mut Context<Self, Answer>) -> Answer {
        if permit.envelope().deadline.has_passed() {
            return Answer(Err(StarError::new(ErrorCode::Expired, "the deadline passed while the message waited")
                .at(&permit.envelope().to)));
        }
        let answer = self.answer(&permit).await;
        if let Ok(actor) = &self.actor {
            self.live.publish(actor.published());
        }
        Answer(answer)
    }
}

impl Cell {
    async fn answer(&mut self, permit: &Permit) -> Result<Reply, StarError> {
        let method = &permit.envelope().method;
        if self.rested() {
            Box::pin(self.revive()).await;
            // Whoever sent this found nothing published, and it may belong there.
            if let Some(published) = self.published_for(permit)
                && let Ok(Some(answer)) = Box::pin(guarded(published.ask(permit))).await
            {
                return answer;
            }
        }
        // What is rare is boxed: the future of this function is moved with every message, so its
        // size is what a message costs.
        let outcome = match (&mut self.actor, method.as_str()) {
            (actor, "star.info") => Box::pin(guarded(builtin::info(&self.context, inside(actor), permit))).await,
            (actor, "star.set") => Box::pin(guarded(builtin::set(&self.context, inside(actor), permit))).await,
            (actor, "star.create") => Box::pin(guarded(builtin::create(&self.context, inside(actor), permit))).await,
            (actor, "star.delete") => Box::pin(guarded(builtin::delete(&self.context, inside(actor), permit))).await,
            (Ok(actor), _) => guarded(actor.handle(&self.context, permit)).await,
            (Err(failure), _) => return Err(failure.error.clone()),
        };
        match outcome {
            Ok(answer) => answer,
            Err(panic) => Err(Box::pin(self.fail(panic)).await),
        }
    }

    /// Brings the inside to life, or notes why that failed.
    async fn activate(&mut self) {
        let kind = self.live.kind;
        let activated = match self.context.tree.behaviours.of(kind) {
            Ok(behaviour) => guarded(behaviour.activate(&self.context))
                .await
                .unwrap_or_else(|panic| Err(panicked(&self.context, &panic))),
            Err(error) => Err(error),
        };
        match activated {
            Ok(actor) => {
                self.live.publish(actor.published());
                self.actor = Ok(actor);
            }
            Err(error) => {
                tracing::warn!(path = %self.context.path, %error, "could not bring the resource to life");
                self.note(Status::panicked(
                    error.code(),
                    error.message().to_owned(),
                    self.context.tree.ports.clock.now_ms(),
                ))
                .await;
                self.actor = Err(Failure::now(error));
            }
        }
    }

    /// What is published, if it may answer this message.
    fn published_for(&self, permit: &Permit) -> Option<Arc<dyn Published>> {
        let actor = self.actor.as_ref().ok().filter(|_| !permit.envelope().method.is_built_in())?;
        actor.published()
    }

    fn rested(&self) -> bool {
        matches!(&self.actor, Err(failure) if failure.since.elapsed() >= limits::PANIC_REST)
    }

    async fn revive(&mut self) {
        self.activate().await;
        if self.actor.is_ok() {
            self.note(Status::ready(self.context.tree.ports.clock.now_ms())).await;
        }
    }

    /// Throws away what panicked, because nobody knows what state it is in.
    async fn fail(&mut self, panic: String) -> StarError {
        let error = panicked(&self.context, &panic);
        tracing::error!(path = %self.context.path, %panic, "the handler of the resource panicked");
        metrics::counter!("star_actor_panics_total").increment(1);
        Counters::count(&self.context.tree.counters.panics);
        self.live.publish(None);
        self.actor = Err(Failure::now(error.clone()));
        self.note(Status::panicked(ErrorCode::Panicked, panic, self.context.tree.ports.clock.now_ms())).await;
        error
    }

    async fn note(&self, status: Status) {
        let is_panic = matches!(status.state, State::Panic { .. });
        if let Err(error) = builtin::set_status(&self.context, status).await {
            // The state of the actor is right in memory; that it could not be written down is
            // worth a line, but must not keep the resource from answering.
            tracing::warn!(path = %self.context.path, %error, is_panic, "the status of the resource could not be written");
        }
    }
}

impl Failure {
    fn now(error: StarError) -> Failure {
        Failure { error, since: Instant::now() }
    }
}

fn inside(actor: &mut Result<Box<dyn ResourceActor>, Failure>) -> Option<&mut dyn ResourceActor> {
    match actor {
        Ok(actor) => Some(actor.as_mut()),
        Err(_) => None,
    }
}

/// Runs a handler; a panic comes back as its text.
async fn guarded<T>(handler: impl Future<Output = T>) -> Result<T, String> {
    AssertUnwindSafe(handler).catch_unwind().await.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
    })
}

fn panicked(context: &ActorContext, panic: &str) -> StarError {
    StarError::new(ErrorCode::Panicked, format!("the handler of {} panicked: {panic}", context.path))
        .at(&context.path)
        .hint(format!(
            "it is started anew with the next message after {} s; `star info {}` shows its status",
            limits::PANIC_REST.as_secs(),
            context.path
        ))
        .retry_after(limits::PANIC_REST)
}
