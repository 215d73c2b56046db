//! Removing a resource, alone or with everything below it, in one moment.
//!
//! However much lies below, it is one batch: a range of keys is one operation. So whoever reads finds
//! all of it or nothing, and so does a Star that starts after a crash. Only the rows by which a large
//! tree was found are taken out [afterwards](crate::find::sweep).

use bytes::Bytes;
use star_wire::{ErrorCode, Reply, StarError};

use crate::behaviour::{ActorContext, ResourceActor};
use crate::command::{Command, Delete, Deleted};
use crate::event::{Event, EventType};
use crate::find::term;
use crate::gate::Permit;
use crate::keys;
use crate::kind::Kind;
use crate::limits;
use crate::lock::Guard;
use crate::ports::meta::{Key, Operation, Precondition};
use crate::record::Resource;
use crate::stored::{self, Change};

pub(crate) async fn delete(
    context: &ActorContext,
    actor: Option<&mut dyn ResourceActor>,
    permit: &Permit,
) -> Result<Reply, StarError> {
    let command = Delete::of(permit.envelope())?;
    let ports = &context.tree.ports;
    for attempt in 0..limits::COMMIT_ATTEMPTS {
        let target = stored::require(&ports.meta, &permit.envelope().to).await?;
        let alone = if command.recursive { None } else { stays_empty(context, &target, attempt).await? };
        check(context, &command, &target).await?;
        let guard = match command.recursive {
            true => Guard::of_tree(&context.tree, permit).await?,
            false => Guard::of(&context.tree, permit).await?,
        };
        let below = guard.looked_below_at().filter(|_| attempt == 0);
        let below = below.map(|since| Precondition::RangeUnchangedSince(keys::records_below(&target.path), since));
        let survey = Survey::of(context, &target).await?.seen(command.recursive, below.is_some());
        let mut change = Change::of(&target.path, ports.clock.now_ms());
        change.only_if(Precondition::ModifiedAt(keys::record(&target.path), target.modified));
        for unchanged in alone.into_iter().chain(below) {
            change.only_if(unchanged);
        }
        guard.bind(&mut change)?;
        for operation in operations(&target).into_iter().chain(survey.operations(&target)) {
            change.then(operation);
        }
        let Survey { resources, rows } = survey;
        let event = Event::new(EventType::Deleted, &target.path, target.record.kind, &permit.authority().agent());
        change.tell(&event.with("resources", resources.to_string()))?;
        change.remember::<Delete>(permit, &Deleted { resources })?;
        if change.commit(&ports.meta).await?.is_some() {
            context.tree.evict(&target.path, true);
            if rows.is_none() {
                context.tree.unswept.notify_one();
            }
            if let Some(actor) = actor.filter(|_| target.path != context.path) {
                actor.changed(context).await?;
            }
            return Delete::reply(&Deleted { resources });
        }
    }
    Err(stored::contended(&permit.envelope().to))
}

/// That nothing comes to lie in a resource between the look, which found it empty, and the commit.
///
/// Usually nothing did since the resource itself was changed, which costs nothing to ask. Only when
/// something came and went since then, the moment of the look is taken.
async fn stays_empty(
    context: &ActorContext,
    target: &Resource,
    attempt: usize,
) -> Result<Option<Precondition>, StarError> {
    let is_a_file = target.path.files().is_some() && !target.path.is_directory();
    if is_a_file {
        return Ok(None);
    }
    let ports = &context.tree.ports;
    let since = match attempt {
        0 => target.modified,
        _ => stored::revision_of_shard(&ports.meta, &target.path, ports.clock.now_ms()).await?,
    };
    let holds = match target.record.kind {
        Kind::FileSystem => target.path.with_files("/").map_err(StarError::from)?,
        _ => target.path.clone(),
    };
    Ok(Some(Precondition::RangeUnchangedSince(keys::children(&holds), since)))
}

async fn check(context: &ActorContext, command: &Delete, target: &Resource) -> Result<(), StarError> {
    let path = &target.path;
    let protected = path.is_root() || path.space() == Some("star");
    if protected {
        return Err(StarError::new(ErrorCode::Protected, format!("{path} is needed by Starlane itself")).at(path));
    }
    let digest = target.record.body.as_ref().map(|body| &body.content.digest);
    if command.if_digest.as_ref().is_some_and(|expected| Some(expected) != digest) {
        return Err(
            StarError::new(ErrorCode::PreconditionFailed, format!("the content of {path} is another one")).at(path)
        );
    }
    // The root directory comes and goes with its FileSystem, so it alone is no content of it.
    let empty_file_system = target.record.kind == Kind::FileSystem && {
        let root = path.with_files("/").map_err(StarError::from)?;
        !stored::has_children(&context.tree.ports.meta, &root).await?
    };
    if !command.recursive && !empty_file_system && stored::has_children(&context.tree.ports.meta, path).await? {
        return Err(StarError::new(ErrorCode::NotEmpty, format!("{path} is not empty"))
            .at(path)
            .hint(format!("star rm -r {path}")));
    }
    Ok(())
}

/// What removes a resource. The root directory of a FileSystem is emptied, not removed.
fn operations(target: &Resource) -> Vec<Operation> {
    if target.path.files() == Some("/") {
        let below = keys::below(&target.path).into_iter();
        // The record of `acme:web:/` itself begins with its own path and has to stay.
        let own = keys::record(&target.path);
        return below.map(|range| Operation::DeleteRange(keys::without(range, &own))).collect();
    }
    keys::remove_tree(&target.path)
}

/// What a removal takes along.
struct Survey {
    /// How many resources, the one asked for included.
    resources: u64,
    /// The rows by which they are found; none where they are too many to be removed with them.
    rows: Option<Vec<Key>>,
}

impl Survey {
    async fn of(context: &ActorContext, target: &Resource) -> Result<Survey, StarError> {
        let (meta, path) = (&context.tree.ports.meta, &target.path);
        // The root directory stays, and is found as before.
        let own = (path.files() != Some("/")).then(|| term::rows(path, &target.record));
        let mut survey = Survey { resources: 1, rows: Some(own.into_iter().flatten().collect()) };
        let mut range = keys::records_below(path);
        loop {
            let page =
                meta.scan(range.clone(), limits::PAGE_MAX).await.map_err(|error| stored::read_failed(path, &error))?;
            for (key, row) in page.rows.iter().filter(|(key, _)| *key != keys::record(path)) {
                survey.resources += 1;
                let (Some(rows), Some(below)) = (&mut survey.rows, keys::path_of_record(key)) else { continue };
                let resource = Resource::from_row(below, row)?;
                rows.extend(term::rows(&resource.path, &resource.record));
                survey.rows.take_if(|rows| rows.len() > limits::FOUND_WITH_TREE);
            }
            match page.next {
                Some(next) => range.start = next,
                None => return Ok(survey),
            }
        }
    }

    /// The same where rows are left for later that may not be all by the time of the commit: those of a
    /// tree that others go on writing to.
    fn seen(mut self, is_tree: bool, stays_the_same: bool) -> Survey {
        if is_tree && !stays_the_same {
            self.rows.take_if(|rows| !rows.is_empty());
        }
        self
    }

    /// What removes the rows, or notes that they are left.
    fn operations(&self, target: &Resource) -> Vec<Operation> {
        match &self.rows {
            Some(rows) => rows.iter().cloned().map(Operation::Delete).collect(),
            None => vec![Operation::Put(keys::unswept(&target.path), Bytes::new())],
        }
    }
}
