//! From a permit to the actor that answers it.
//!
//! The usual way is one look into the directory, without a lock, and then either what the actor
//! published or its mailbox. Everything else (a resource that sleeps, a tag, an actor that ends
//! under our hands) is the slow way below.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kameo::error::SendError;
use star_path::ResourcePath;
use star_wire::{Envelope, ErrorCode, Method, Reply, StarError};
use tokio::sync::oneshot;

use crate::behaviour::{ActorContext, Published, unsupported};
use crate::builtin;
use crate::cell::{Deliver, Delivered};
use crate::command::{Command, Open, Opened};
use crate::gate::{Authority, Permit};
use crate::kind::Children;
use crate::limits;
use crate::mailbox::NotTaken;
use crate::ports::mechtron::{WebRequest, WebResponse};
use crate::shard::{Activate, Activated};
use crate::timer::Late;
use crate::tree::{Counters, Live, Tree};

/// How long a sender whose message found no room should wait.
const BUSY_RETRY: Duration = Duration::from_millis(50);

impl Tree {
    /// Lets a message in from outside: through the gate, and only while its Space has not too much
    /// under way already.
    pub async fn admit(&self, authority: &Arc<Authority>, envelope: Envelope) -> Result<Permit, StarError> {
        let permit = self.gate.admit(authority, envelope).await?;
        let space = permit.envelope().to.space().unwrap_or_default();
        match self.in_flight.take(space) {
            Some(share) => Ok(permit.sharing(share)),
            None => Err(too_much(&permit)),
        }
    }

    /// Delivers a message and waits for the answer, at most until its deadline.
    pub async fn ask(self: &Arc<Self>, mut permit: Permit) -> Result<Reply, StarError> {
        if permit.is_keyed() {
            return self.ask_once(permit).await;
        }
        if self.deadlines.has_passed(permit.envelope().deadline) {
            return Err(expired(&permit));
        }
        for _ in 0..limits::ROUTE_ATTEMPTS {
            let live = self.locate(&mut permit).await?;
            if !permit.envelope().method.is_built_in()
                && let Some(published) = self.beside(&live, &permit).await?
            {
                let deadline = permit.envelope().deadline;
                let answer = pin!(published.ask(&permit));
                match self.deadlines.wait(deadline, answer).await {
                    Ok(Some(answer)) => return answer,
                    Ok(None) => {}
                    Err(Late) => return Err(timed_out(&permit.envelope().to)),
                }
            }
            if let Some(done) = self.done_beside(&live, &permit).await {
                return done;
            }
            match self.through_the_mailbox(&live, permit).await {
                Delivered::Answered(answer) => return answer,
                Delivered::Returned(returned) => {
                    self.forget(&live);
                    permit = returned;
                }
            }
        }
        Err(not_running(&permit))
    }

    /// The answer to a change for which no actor has to take its turn.
    async fn done_beside(self: &Arc<Self>, live: &Live, permit: &Permit) -> Option<Result<Reply, StarError>> {
        match &permit.envelope().method {
            method if *method == Method::CREATE => self.made_beside(live, permit).await,
            method if [Method::PUT, Method::COPY].contains(method) => self.written_beside(live, permit).await,
            _ => None,
        }
    }

    /// The answer to a message that writes a File, where the actor lets that happen beside it: writers
    /// of other Files need not wait for each other, and the store makes them durable together.
    async fn written_beside(self: &Arc<Self>, live: &Live, permit: &Permit) -> Option<Result<Reply, StarError>> {
        let published = match self.beside(live, permit).await {
            Ok(published) => published?,
            Err(error) => return Some(Err(error)),
        };
        let context = ActorContext { tree: Arc::clone(self), path: live.path.clone() };
        let written = published.write(&context, permit);
        match self.deadlines.wait(permit.envelope().deadline, written).await {
            Ok(written) => written,
            Err(Late) => Some(Err(timed_out(&permit.envelope().to))),
        }
    }

    /// The answer to a message that makes a child, where the actor of the parent need not take part:
    /// what the batch demands is enough to keep it right, and children need not wait for each other.
    async fn made_beside(self: &Arc<Self>, live: &Live, permit: &Permit) -> Option<Result<Reply, StarError>> {
        let envelope = permit.envelope();
        if live.kind.spec().children == Children::Attended {
            return None;
        }
        let context = ActorContext { tree: Arc::clone(self), path: live.path.clone() };
        let made = Box::pin(builtin::create(&context, None, permit));
        let in_time = self.deadlines.wait(envelope.deadline, made).await;
        Some(in_time.unwrap_or_else(|Late| Err(timed_out(&envelope.to))))
    }

    /// Delivers a message that nobody waits for. `Ok` means that it was handed over.
    pub async fn tell(self: &Arc<Self>, mut permit: Permit) -> Result<(), StarError> {
        if permit.is_keyed() {
            return self.tell_once(permit).await;
        }
        for _ in 0..limits::ROUTE_ATTEMPTS {
            let live = self.locate(&mut permit).await?;
            if self.beside(&live, &permit).await?.is_some() {
                return self.tell_beside(&live, permit);
            }
            match self.post(&live, Deliver { permit, answer: None }) {
                Ok(()) => return Ok(()),
                Err(Delivered::Answered(answer)) => return answer.map(drop),
                Err(Delivered::Returned(returned)) => {
                    self.forget(&live);
                    permit = returned;
                }
            }
        }
        Err(not_running(&permit))
    }

    /// What is published runs in a task of its sender; a tell must not wait for it, so it gets one
    /// of its own.
    fn tell_beside(self: &Arc<Self>, live: &Live, permit: Permit) -> Result<(), StarError> {
        let Some(share) = self.tells_by_space.take(permit.envelope().to.space().unwrap_or_default()) else {
            return Err(too_much(&permit));
        };
        let Ok(slot) = Arc::clone(&self.tells).try_acquire_owned() else { return Err(busy(&permit)) };
        let (tree, kind) = (Arc::clone(self), live.kind);
        tokio::spawn(async move {
            let letter = permit.clone();
            let answered = tree.ask(permit).await;
            if let Err(error) = &answered {
                tree.bury(&letter, kind, error);
            }
            if let Some(attempt) = letter.attempt() {
                attempt.say(answered);
            }
            drop((slot, share));
        });
        Ok(())
    }

    /// Finds the content behind a File or Artifact.
    pub async fn open(self: &Arc<Self>, mut permit: Permit) -> Result<Opened, StarError> {
        debug_assert_eq!(permit.envelope().method, Method::OPEN);
        let live = self.locate(&mut permit).await?;
        if let Some(published) = self.beside(&live, &permit).await?
            && let Some(opened) = published.open(&permit.envelope().to).await
        {
            return opened;
        }
        Open::answer(&self.ask(permit).await?)
    }

    /// Hands a web request to a Mechtron or App.
    pub async fn web(self: &Arc<Self>, mut permit: Permit, request: WebRequest) -> Result<WebResponse, StarError> {
        debug_assert_eq!(permit.envelope().method, Method::WEB);
        let live = self.locate(&mut permit).await?;
        match self.beside(&live, &permit).await? {
            Some(published) => published.web(&permit, request).await,
            // Nothing is published by what failed to start; its actor says why.
            None => match self.ask(permit.clone()).await {
                Err(error) => Err(error),
                Ok(_) => Err(unsupported(&permit)),
            },
        }
    }

    /// The Files or Artifacts right below a path that have no records of their own.
    pub async fn list_published(self: &Arc<Self>, mut permit: Permit) -> Result<Option<Vec<Opened>>, StarError> {
        let live = self.locate(&mut permit).await?;
        Ok(self.beside(&live, &permit).await?.and_then(|published| published.list(&permit.envelope().to)))
    }

    /// Where a path leads when tags and requirements in it are resolved.
    pub async fn resolve(self: &Arc<Self>, mut permit: Permit) -> Result<ResourcePath, StarError> {
        self.locate(&mut permit).await?;
        Ok(permit.envelope().to.clone())
    }

    /// The living actor for a permit. Tags and requirements in its path are resolved.
    async fn locate(self: &Arc<Self>, permit: &mut Permit) -> Result<Arc<Live>, StarError> {
        let to = &permit.envelope().to;
        // Most messages are for a resource itself; its path need not be copied to find it.
        let target = to.files().map_or(Cow::Borrowed(to), |_| Cow::Owned(to.without_files()));
        if let Some(live) = self.lookup(&target) {
            live.touch(self.deadlines.uptime_s());
            return Ok(live);
        }
        let target = target.into_owned();
        if to.digest().is_some() {
            return self.pinned(permit).await;
        }
        // An exact version is a resource; what else stands below a series is for it to resolve.
        let above = target.parent().filter(|_| target.version().is_none());
        let answering = match above.and_then(|parent| self.lookup(&parent)).filter(|parent| resolves(parent)) {
            Some(series) => series,
            None => self.activate(&target, permit).await?,
        };
        if answering.path == target {
            return Ok(answering);
        }
        answering.touch(self.deadlines.uptime_s());
        let resolved = match self.beside(&answering, permit).await?.and_then(|published| published.resolve(to)) {
            Some(resolved) => resolved?,
            None => return Err(StarError::not_found(to)),
        };
        if [Method::DELETE, Method::MOVE].contains(&permit.envelope().method) {
            return Err(names_another(to, &resolved));
        }
        let target = resolved.without_files();
        permit.resolved_to(resolved);
        match self.lookup(&target) {
            Some(live) => {
                live.touch(self.deadlines.uptime_s());
                Ok(live)
            }
            None => self
                .activate(&target, permit)
                .await
                .and_then(|live| if live.path == target { Ok(live) } else { Err(StarError::not_found(&target)) }),
        }
    }

    /// The living actor for a path with a digest: the path must lead to just this content.
    async fn pinned(self: &Arc<Self>, permit: &mut Permit) -> Result<Arc<Live>, StarError> {
        let to = permit.envelope().to.clone();
        let named = to.without_files().without_digest();
        let live = match self.lookup(&named) {
            Some(live) => live,
            None => self.activate(&named, permit).await?,
        };
        live.touch(self.deadlines.uptime_s());
        let resolved = self.beside(&live, permit).await?.and_then(|published| published.resolve(&to));
        let resolved = resolved.unwrap_or_else(|| Err(StarError::not_found(&to)))?;
        let target = resolved.without_files();
        permit.resolved_to(resolved);
        match self.lookup(&target) {
            Some(live) => Ok(live),
            None => self.activate(&target, permit).await,
        }
    }

    /// What an actor lets others use beside it. One that is only just listed has not said so yet:
    /// it is waited for, because its mailbox is the wrong way for what it will publish.
    async fn beside(&self, live: &Live, permit: &Permit) -> Result<Option<Arc<dyn Published>>, StarError> {
        if !live.has_begun() {
            let envelope = permit.envelope();
            let begun = pin!(live.begun());
            self.deadlines.wait(envelope.deadline, begun).await.map_err(|Late| timed_out(&envelope.to))?;
        }
        Ok(live.published())
    }

    fn lookup(&self, target: &ResourcePath) -> Option<Arc<Live>> {
        self.directory.pin().get(target).cloned()
    }

    /// Has the shard bring a resource to life, until the deadline of the permit.
    async fn activate(self: &Arc<Self>, target: &ResourcePath, permit: &Permit) -> Result<Arc<Live>, StarError> {
        let envelope = permit.envelope();
        let (_activating, begun) = (Counters::one_more(&self.counters.activating), Instant::now());
        // Refused rather than waited for where the shard has too many before it.
        let asked = pin!(self.shard_of(target).ask(Activate(target.clone())).try_send());
        let activated = self.deadlines.wait(envelope.deadline, asked).await.map_err(|Late| timed_out(&envelope.to))?;
        match activated {
            Ok(Activated(activated)) => {
                self.activated_in.note(begun.elapsed());
                activated
            }
            Err(SendError::MailboxFull(_)) => {
                Counters::count(&self.counters.refused_activations);
                let message = format!("too many resources beside {target} are coming to life");
                Err(StarError::new(ErrorCode::Busy, message).at(target).retry_after(BUSY_RETRY))
            }
            Err(error) => Err(StarError::new(ErrorCode::Unavailable, "the shard does not answer")
                .at(target)
                .because(&error.map_msg(|_| ()))),
        }
    }

    async fn through_the_mailbox(&self, live: &Arc<Live>, permit: Permit) -> Delivered {
        let deadline = permit.envelope().deadline;
        // Kept for what may go wrong, where it is not the path of the actor anyway.
        let below = (permit.envelope().to != live.path).then(|| permit.envelope().to.clone());
        let (answer, delivered) = oneshot::channel();
        if let Err(undelivered) = self.post(live, Deliver { permit, answer: Some(answer) }) {
            return undelivered;
        }
        match self.deadlines.wait(deadline, delivered).await {
            Ok(Ok(delivered)) => delivered,
            Ok(Err(_)) => Delivered::Answered(Err(lost(below.as_ref().unwrap_or(&live.path)))),
            Err(Late) => Delivered::Answered(Err(timed_out(below.as_ref().unwrap_or(&live.path)))),
        }
    }

    /// Puts a message into the mailbox of an actor, or says at once what became of it.
    fn post(&self, live: &Live, deliver: Deliver) -> Result<(), Delivered> {
        live.mailbox.put(deliver).map_err(|not_taken| match not_taken {
            NotTaken::Full(deliver) => {
                Counters::count(&self.counters.full_mailboxes);
                Delivered::Answered(Err(busy(&deliver.permit)))
            }
            NotTaken::Closed(deliver) => Delivered::Returned(deliver.permit),
        })
    }

    /// Takes an actor that has ended out of the directory, unless a new one took its place.
    fn forget(&self, ended: &Arc<Live>) {
        let directory = self.directory.pin();
        if directory.get(&ended.path).is_some_and(|listed| Arc::ptr_eq(listed, ended)) {
            directory.remove(&ended.path);
        }
    }
}

fn lost(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::ConnectionLost, format!("{to} ended before it answered")).at(to)
}

fn resolves(parent: &Live) -> bool {
    parent.kind == crate::kind::Kind::ArtifactBundleSeries
}

/// Who removes or moves a tag or a requirement does not mean the version that it names at the moment.
fn names_another(to: &ResourcePath, resolved: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, format!("{to} is a name of {resolved}, and does not stand in for it"))
        .at(to)
        .hint(format!("the tag goes with `star tag --delete {to}`, the version with `star rm {resolved}`"))
}

fn too_much(permit: &Permit) -> StarError {
    let to = &permit.envelope().to;
    let message = match to.space() {
        Some(space) => format!("too much is under way in the Space {space}"),
        None => format!("too much is under way at {to}"),
    };
    StarError::new(ErrorCode::Busy, message).at(to).retry_after(BUSY_RETRY)
}

fn busy(permit: &Permit) -> StarError {
    let to = &permit.envelope().to;
    StarError::new(ErrorCode::Busy, format!("{to} has too much to do")).at(to).retry_after(BUSY_RETRY)
}

/// The error for a message whose time was over before anything was done about it.
pub(crate) fn expired(permit: &Permit) -> StarError {
    StarError::new(ErrorCode::Expired, "the deadline passed before the message was handled").at(&permit.envelope().to)
}

fn timed_out(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::TimedOut, format!("{to} did not answer in time"))
        .at(to)
        .hint("the work may have been done: look before you send it again")
}

fn not_running(permit: &Permit) -> StarError {
    let to = &permit.envelope().to;
    StarError::new(ErrorCode::NotRunning, format!("{to} is ending")).at(to).retry_after(BUSY_RETRY)
}
