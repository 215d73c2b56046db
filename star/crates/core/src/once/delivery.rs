//! The way of a message with a key: is it under way, was it done, and else the usual way.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;

use star_wire::{Reply, StarError};
use tracing::Instrument;

use super::answer::{self, Kept};
use super::attempt::{Attempt, Terms};
use super::identity::Identity;
use super::refusal;
use super::register::Turn;
use super::row::{self, Found};
use crate::builtin;
use crate::command::{Changed, Command, Set};
use crate::gate::Permit;
use crate::limits;
use crate::ports::meta::{Position, Revision};
use crate::stored;
use crate::timer::Late;
use crate::tree::Tree;

/// A future whose type does not matter: doing something once leads to asking, and asking to doing
/// something once.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Tree {
    /// Asks once, however often that is asked for under the same key.
    pub(crate) fn ask_once(self: &Arc<Self>, permit: Permit) -> Boxed<Result<Reply, StarError>> {
        let tree = Arc::clone(self);
        Box::pin(async move { tree.once(permit, async |tree, permit| tree.ask(permit).await).await })
    }

    /// Does the work of a message once, and waits for its answer at most until the deadline.
    ///
    /// The work goes on when the future is dropped: whoever lost the answer comes back for it.
    pub(crate) async fn once<W, F>(self: &Arc<Self>, permit: Permit, work: W) -> Result<Reply, StarError>
    where
        W: FnOnce(Arc<Tree>, Permit) -> F + Send + 'static,
        F: Future<Output = Result<Reply, StarError>> + Send + 'static,
    {
        let Some(identity) = Identity::of(&permit)? else { return work(Arc::clone(self), permit.without_key()).await };
        let (to, deadline) = (identity.to.clone(), permit.envelope().deadline);
        let pending = match self.register.turn(identity)? {
            Turn::Later(pending) => pending,
            Turn::First(attempt) => {
                let pending = Arc::clone(&attempt.pending);
                let tree = Arc::clone(self);
                let working = async move {
                    let outcome = match tree.prepare_once(&attempt).await {
                        Ok(Some(known)) => known,
                        Err(error) => Err(error),
                        Ok(None) => {
                            let done = work(Arc::clone(&tree), permit.attempting(&attempt)).await;
                            tree.or_done_before(&attempt, done).await
                        }
                    };
                    attempt.conclude(outcome);
                };
                tokio::spawn(working.in_current_span());
                pending
            }
        };
        let outcome = pin!(pending.outcome());
        self.deadlines.wait(deadline, outcome).await.unwrap_or_else(|Late| Err(refusal::late(&to)))
    }

    /// Hands a message over once.
    pub(crate) fn tell_once(self: &Arc<Self>, permit: Permit) -> Boxed<Result<(), StarError>> {
        let tree = Arc::clone(self);
        let telling = async move {
            let Some(identity) = Identity::of(&permit)? else { return tree.tell(permit.without_key()).await };
            // Under way is as good as handed over.
            let Turn::First(attempt) = tree.register.turn(identity)? else { return Ok(()) };
            let told = match tree.prepare_once(&attempt).await {
                Ok(Some(_)) => return Ok(()),
                Ok(None) => tree.tell(permit.attempting(&attempt)).await,
                Err(error) => Err(error),
            };
            if let Err(error) = &told {
                attempt.say(Err(error.clone()));
            }
            told
        };
        // A task of its own, because half of it is no good to anybody who comes back.
        let telling = tokio::spawn(telling.in_current_span());
        Box::pin(async move { telling.await.unwrap_or_else(|_| Err(refusal::ending())) })
    }

    /// Whether the effect of a message happened under its key already, so that nothing that stands
    /// in its way now, like a lock, need keep its sender from the answer.
    pub async fn was_done(&self, permit: &Permit) -> Result<bool, StarError> {
        let Some(identity) = Identity::of(permit)? else { return Ok(false) };
        let found = row::load(&self.ports.meta, &identity).await?;
        Ok(found.is_some_and(|found| found.row.until_ms > self.register.now_ms()))
    }

    /// The answer of a request that was done before; else everything is ready to do it.
    async fn prepare_once(
        self: &Arc<Self>,
        attempt: &Arc<Attempt>,
    ) -> Result<Option<Result<Reply, StarError>>, StarError> {
        let identity = attempt.identity();
        if let Some(known) = self.register.recall(identity)? {
            return Ok(Some(known));
        }
        let scope = self.register.scope(&identity.id.scope);
        scope.read(&self.ports.meta, &identity.id.scope, identity).await?;
        let now_ms = self.register.now_ms();
        let found = row::load(&self.ports.meta, identity).await?;
        if let Some(found) = &found {
            if found.row.until_ms > now_ms {
                return self.told_again(identity, found).await.map(|reply| Some(Ok(reply)));
            }
            if !scope.reuse(found.row.until_ms, found.row.short, identity.id.key) {
                return Err(refusal::swept(&identity.to));
            }
        }
        self.register.check_room(identity)?;
        let place = scope.place(identity, now_ms)?;
        attempt.begin(Terms { scope, place, seen: found });
        Ok(None)
    }

    /// What failed now may have failed because it was done before: by a batch of which nobody knew
    /// whether it came through.
    async fn or_done_before(
        self: &Arc<Self>,
        attempt: &Arc<Attempt>,
        done: Result<Reply, StarError>,
    ) -> Result<Reply, StarError> {
        let Err(error) = done else { return done };
        let identity = attempt.identity();
        match row::load(&self.ports.meta, identity).await {
            Ok(Some(found)) if found.row.until_ms > self.register.now_ms() => self.told_again(identity, &found).await,
            _ => Err(error),
        }
    }

    /// The answer that a row keeps.
    async fn told_again(self: &Arc<Self>, identity: &Identity, found: &Found) -> Result<Reply, StarError> {
        let to = &identity.to;
        if found.row.request != identity.request {
            return Err(refusal::reused(to));
        }
        match &found.row.answer {
            Kept::Whole(method, body) => answer::closed(method, body.clone(), found.written),
            Kept::Resource(path) => {
                let resource = builtin::described(stored::require(&self.ports.meta, path).await?);
                Set::reply(&Changed { resource, warnings: Vec::new(), changed: true })
            }
            Kept::Nothing => Err(refusal::untold(to, "and its answer was too long to be kept")),
            Kept::Position(after) => self.position_of(identity, found.written, *after).await,
        }
    }

    /// The place in the log of the batch that wrote a row.
    async fn position_of(
        self: &Arc<Self>,
        identity: &Identity,
        revision: Revision,
        mut after: Position,
    ) -> Result<Reply, StarError> {
        let (to, shard) = (&identity.to, crate::keys::shard(&identity.to));
        loop {
            let page = self.ports.meta.events(after, limits::WATCH_BATCHES).await;
            let page = page.map_err(|_| refusal::untold(to, "and its place in the log is no longer known"))?;
            if let Some(event) = page.events.iter().find(|event| event.shard == shard && event.revision == revision) {
                return Ok(answer::of_position(event.position));
            }
            if page.read_to == after {
                return Err(refusal::untold(to, "and its place in the log is not known"));
            }
            after = page.read_to;
        }
    }
}
