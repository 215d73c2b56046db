//! The actor around a resource: takes messages one by one, answers those that every resource
//! understands, and keeps a failing handler from being anybody else's trouble.
//!
//! A task with a [mailbox](crate::mailbox) of its own; ADR 0013 says why it is none of kameo's.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use star_wire::{Agent, ErrorCode, Reply, StarError};
use tokio::sync::oneshot;

use crate::behaviour::{ActorContext, Published, ResourceActor};
use crate::builtin;
use crate::command::{Changed, Command, Restart};
use crate::gate::Permit;
use crate::limits;
use crate::mailbox::Inbox;
use crate::pace::{self, Pace};
use crate::room::Place;
use crate::router::expired;
use crate::status::{State, Status};
use crate::tree::{Counters, Live, Tree};
use crate::turn::Turn;

/// What a cell begins with.
pub(crate) struct Seed {
    pub(crate) tree: Arc<Tree>,
    pub(crate) live: Arc<Live>,
    pub(crate) place: Place,
    pub(crate) inbox: Inbox<Deliver>,
}

/// The actor of one resource.
pub(crate) struct Cell {
    context: ActorContext,
    live: Arc<Live>,
    place: Place,
    inbox: Inbox<Deliver>,
    actor: Result<Box<dyn ResourceActor>, Failure>,
    /// When the present inside began.
    began: Instant,
    /// How often it failed lately.
    failures: u32,
    turn: Arc<Turn>,
}

/// Says that the actor has begun when the beginning is over, however it ended.
struct Begun(Arc<Live>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.begin();
    }
}

/// Says that the actor has ended, however that came.
struct Ended(Arc<Live>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Why there is nobody inside.
struct Failure {
    error: StarError,
    since: Instant,
    /// How long nobody is brought back.
    rest: Duration,
}

impl Seed {
    /// Lets the actor live, until its mailbox is closed and empty.
    pub(crate) fn spawn(self) {
        let turn = Turn::among(&self.tree.turns);
        // In its turn once and for all: to enter one costs a part of what a message costs.
        tokio::spawn(Arc::clone(&turn).within(live(self, turn)));
    }
}

async fn live(seed: Seed, turn: Arc<Turn>) {
    let _ended = Ended(Arc::clone(&seed.live));
    let mut cell = Cell::begin(seed, turn).await;
    while cell.work(Pace::in_commons()).await == Left::ForElsewhere {
        // Boxed, because few ever come here.
        cell = Box::pin(pace::in_workshop(Arc::clone(&cell.turn).within(cell.toil()))).await;
    }
}

/// Why a cell has stopped to work where it was.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// It goes on in the other place.
    ForElsewhere,
    /// Its mailbox is closed and empty.
    ForGood,
}

impl Drop for Cell {
    /// Gives back what nobody will handle here any more; its senders find the next actor.
    fn drop(&mut self) {
        for deliver in self.inbox.rest() {
            self.give_back(deliver);
        }
    }
}

/// A message for the resource, with the way back for its answer.
pub(crate) struct Deliver {
    pub(crate) permit: Permit,
    /// None for a message that nobody waits for.
    pub(crate) answer: Option<oneshot::Sender<Delivered>>,
}

/// What became of a message.
pub(crate) enum Delivered {
    /// The resource answered.
    Answered(Result<Reply, StarError>),
    /// The actor ended first and gave the message back untouched.
    Returned(Permit),
}

impl Cell {
    async fn begin(seed: Seed, turn: Arc<Turn>) -> Cell {
        let _begun = Begun(Arc::clone(&seed.live));
        let context = ActorContext { tree: seed.tree, path: seed.live.path.clone() };
        let mut cell = Cell {
            context,
            live: seed.live,
            place: seed.place,
            inbox: seed.inbox,
            actor: Err(Failure::of(StarError::new(ErrorCode::NotRunning, "not started"), Duration::ZERO)),
            began: Instant::now(),
            failures: 0,
            turn,
        };
        // Boxed, because it is done once, and its size would be that of the actor for ever.
        Box::pin(cell.activate()).await;
        cell.turn.end();
        cell
    }

    /// Takes messages one by one, for as long as this is the place for it.
    async fn work(&mut self, mut pace: Pace) -> Left {
        while let Some(deliver) = self.inbox.next().await {
            pace.keep(pin!(self.handle(deliver))).await;
            if pace.belongs_elsewhere() {
                return Left::ForElsewhere;
            }
        }
        Left::ForGood
    }

    /// The same in the workshop; then somebody finds out elsewhere why it has stopped.
    async fn toil(mut self) -> Cell {
        self.work(Pace::in_workshop()).await;
        self
    }

    async fn handle(&mut self, Deliver { permit, answer }: Deliver) {
        let answered = if self.context.tree.deadlines.has_passed(permit.envelope().deadline) {
            Err(expired(&permit))
        } else {
            self.answer(&permit).await
        };
        self.show();
        self.turn.end();
        if let Some(attempt) = permit.attempt() {
            attempt.say(answered.clone());
        }
        match (answer, answered) {
            (Some(answer), answered) => {
                if answer.send(Delivered::Answered(answered)).is_err() {
                    tracing::trace!(path = %self.context.path, "whoever asked no longer waits for the answer");
                }
            }
            (None, Err(error)) => self.context.tree.bury(&permit, self.live.kind, &error),
            (None, Ok(_)) => {}
        }
    }

    fn give_back(&self, Deliver { permit, answer }: Deliver) {
        match answer {
            Some(answer) => {
                if answer.send(Delivered::Returned(permit)).is_err() {
                    tracing::trace!(path = %self.context.path, "whoever asked no longer waits for the answer");
                }
            }
            None => {
                let ended = StarError::new(ErrorCode::NotRunning, "the resource ended before it came to the message");
                self.context.tree.bury(&permit, self.live.kind, &ended);
            }
        }
    }

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
            (_, "star.restart") => Box::pin(guarded(self.restart(permit))).await,
            (actor, "star.delete") => Box::pin(guarded(builtin::delete(&self.context, inside(actor), permit))).await,
            (actor, "star.move") => Box::pin(guarded(builtin::relocate(&self.context, inside(actor), permit))).await,
            (_, "star.lock") => Box::pin(guarded(builtin::lock(&self.context, permit))).await,
            (_, "star.unlock") => Box::pin(guarded(builtin::unlock(&self.context, permit))).await,
            (Ok(actor), _) => guarded(actor.handle(&self.context, permit)).await,
            (Err(failure), _) => return Err(failure.error()),
        };
        match outcome {
            Ok(answer) => answer,
            Err(panic) => Err(Box::pin(self.fail(permit, panic)).await),
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
                self.began = Instant::now();
                self.actor = Ok(actor);
                self.show();
            }
            Err(error) => {
                tracing::warn!(path = %self.context.path, %error, "could not bring the resource to life");
                self.note(Status::panicked(
                    error.code(),
                    error.message().to_owned(),
                    self.context.tree.ports.clock.now_ms(),
                ))
                .await;
                // Only what panics is kept from trying for longer and longer: what is merely not
                // in order (a document, a missing version) is mended by somebody who then waits.
                let rest = if error.code() == ErrorCode::Panicked { self.next_rest() } else { limits::PANIC_REST };
                self.actor = Err(Failure::of(error, rest));
            }
        }
    }

    /// Shows others what the actor publishes, and what it weighs.
    fn show(&mut self) {
        let Ok(actor) = &self.actor else { return };
        self.live.publish(actor.published());
        if self.place.weighs(actor.memory_bytes()) {
            self.live.weighs(self.place.bytes());
        }
    }

    /// How long to rest after one more failure.
    fn next_rest(&mut self) -> Duration {
        let forgotten = self.actor.is_ok() && self.began.elapsed() >= limits::PANIC_FORGOTTEN;
        self.failures = if forgotten { 1 } else { self.failures.saturating_add(1) };
        rest_after(self.failures)
    }

    /// What is published, if it may answer this message.
    fn published_for(&self, permit: &Permit) -> Option<Arc<dyn Published>> {
        let actor = self.actor.as_ref().ok().filter(|_| !permit.envelope().method.is_built_in())?;
        actor.published()
    }

    fn rested(&self) -> bool {
        matches!(&self.actor, Err(failure) if failure.has_rested())
    }

    async fn revive(&mut self) {
        Box::pin(self.activate()).await;
        if self.actor.is_ok() {
            self.note(Status::ready(self.context.tree.ports.clock.now_ms())).await;
        }
    }

    /// Begins anew on request, whatever state it is in.
    async fn restart(&mut self, permit: &Permit) -> Result<Reply, StarError> {
        let to = &permit.envelope().to;
        if *to != self.context.path {
            let message = format!("{to} has no actor of its own; {} answers for it", self.context.path);
            return Err(StarError::new(ErrorCode::UnsupportedMethod, message)
                .at(to)
                .hint(format!("star restart {}", self.context.path)));
        }
        self.failures = 0;
        self.live.publish(None);
        self.activate().await;
        if let Err(failure) = &self.actor {
            return Err(failure.error.clone());
        }
        let by = match permit.authority().agent() {
            Agent::Resource(path) => format!("restarted by {path}"),
            Agent::Anonymous => "restarted".to_owned(),
        };
        let status = Status { message: by, ..Status::ready(self.context.tree.ports.clock.now_ms()) };
        builtin::set_status(&self.context, status).await?;
        let resource = builtin::reloaded(&self.context, &self.context.path).await?;
        Restart::reply(&Changed { resource, warnings: Vec::new(), changed: true })
    }

    /// Throws away what panicked, because nobody knows what state it is in.
    async fn fail(&mut self, permit: &Permit, panic: String) -> StarError {
        let rest = self.next_rest();
        let error = panicked(&self.context, &panic).hint(comes_back(&self.context, rest)).retry_after(rest);
        let envelope = permit.envelope();
        tracing::error!(
            path = %self.context.path, method = %envelope.method, request_id = &*envelope.traced_as(), %panic,
            "the handler of the resource panicked"
        );
        metrics::counter!("star_actor_panics_total").increment(1);
        Counters::count(&self.context.tree.counters.panics);
        self.live.publish(None);
        self.actor = Err(Failure::of(error.clone(), rest));
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
    fn of(error: StarError, rest: Duration) -> Failure {
        Failure { error, since: Instant::now(), rest }
    }

    fn has_rested(&self) -> bool {
        self.since.elapsed() >= self.rest
    }

    /// The error, with what is left of the rest.
    fn error(&self) -> StarError {
        self.error.clone().retry_after(self.rest.saturating_sub(self.since.elapsed()))
    }
}

/// How long a resource rests after so many failures in a row.
fn rest_after(failures: u32) -> Duration {
    let doubled = limits::PANIC_REST.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(limits::PANIC_REST_MAX)
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
    StarError::new(ErrorCode::Panicked, format!("the handler of {} panicked: {panic}", context.path)).at(&context.path)
}

fn comes_back(context: &ActorContext, rest: Duration) -> String {
    let (path, rest_s) = (&context.path, rest.as_secs());
    format!("it is started anew with the next message after {rest_s} s, or now by `star restart {path}`")
}
