//! Writing Files and directories, many at the same time.
//!
//! A write reads what is there, and commits on condition that this has not changed; whoever meets
//! somebody else looks again. So nobody waits but for writers of the same File ([`Turns`]), and the
//! store makes the batches of all others durable together.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use star_core::behaviour::{ActorContext, unsupported};
use star_core::command::{Changed, Command, Copy, Put, PutIf};
use star_core::event::{Event, EventType};
use star_core::gate::{Authority, Permit};
use star_core::keys;
use star_core::kind::Kind;
use star_core::limits::COMMIT_ATTEMPTS;
use star_core::lock::Guard;
use star_core::once::{Answer, OPEN};
use star_core::ports::meta::Precondition;
use star_core::record::{Body, Record, Resource};
use star_core::stored::{self, Change};
use star_core::uploads::Conclusion;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use super::check;
use super::copy::{self, Attributes};
use super::turns::Turns;
use crate::limits;

/// Writes the Files of one FileSystem.
pub(super) struct Writer {
    turns: Arc<Turns>,
    /// Directories known to exist, so that writing a thousand files of one directory looks for it
    /// once. Forgotten whenever something is removed; that they are there is a condition all the same.
    directories: Mutex<HashSet<ResourcePath>>,
}

/// What shall be at a path.
struct Wanted {
    /// None for a directory.
    body: Option<Body>,
    /// None to leave those that are there.
    attributes: Option<Attributes>,
    only_if: PutIf,
}

impl Writer {
    pub(super) fn new(turns: Arc<Turns>) -> Writer {
        Writer { turns, directories: Mutex::default() }
    }

    /// Answers a message that writes. May be cancelled: what was handed to the store may still happen.
    pub(super) async fn write(&self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        match permit.envelope().method.as_str() {
            "star.put" => {
                let Put { body, only_if } = Put::of(permit.envelope())?;
                self.settle::<Put>(context, permit, Wanted { body, attributes: None, only_if }).await
            }
            "star.copy" => {
                let copy = Copy::of(permit.envelope())?;
                let (body, attributes) = copy::source(context, permit, &copy).await?;
                let wanted = Wanted { body: Some(body), attributes: Some(attributes), only_if: copy.only_if };
                self.settle::<Copy>(context, permit, wanted).await
            }
            _ => Err(unsupported(permit)),
        }
    }

    /// Forgets which directories exist.
    pub(super) fn forget_directories(&self) {
        self.directories().clear();
    }

    async fn settle<C: Command<Answer = Changed>>(
        &self,
        context: &ActorContext,
        permit: &Permit,
        wanted: Wanted,
    ) -> Result<Reply, StarError> {
        let to = &permit.envelope().to;
        check::name(to, wanted.body.as_ref())?;
        let _turn = self.turns.of(to).await;
        let ports = &context.tree.ports;
        for _ in 0..COMMIT_ATTEMPTS {
            let there = stored::load(&ports.meta, to).await?;
            wanted.only_if.check(to, there.as_ref())?;
            let guard = Guard::of(&context.tree, permit).await?;
            let upload = Conclusion::of(&context.tree, permit).await?;
            let mut change = Change::of(to, ports.clock.now_ms());
            guard.bind(&mut change)?;
            let made = self.make_directories(context, permit, &mut change).await?;
            if let Some(body) = &wanted.body {
                change.refer(stored::reference(ports, to, &body.content).await?);
            }
            let written = put_record(context, permit, &mut change, there.as_ref(), &wanted)?;
            let mut answer = Changed { resource: star_core::described(written), warnings: Vec::new(), changed: true };
            change.remember::<C>(permit, &answer)?;
            if let (Some(upload), Some(body)) = (&upload, &wanted.body) {
                upload.bind(&context.tree, &mut change, &body.content, there.is_none())?;
            }
            if let Some(committed) = change.commit(&ports.meta).await? {
                if let Some(upload) = &upload {
                    upload.done(&context.tree);
                }
                self.know(made);
                answer.close(committed.revision);
                return C::reply(&answer);
            }
            self.forget_directories();
            refuse_named_otherwise(context, to).await?;
        }
        Err(stored::contended(to))
    }

    /// Adds the directories that are missing above a path, and answers all that are there then.
    async fn make_directories(
        &self,
        context: &ActorContext,
        permit: &Permit,
        change: &mut Change,
    ) -> Result<Vec<ResourcePath>, StarError> {
        let ports = &context.tree.ports;
        let to = &permit.envelope().to;
        let (unknown, nearest) = self.above(to);
        if let Some(nearest) = nearest {
            change.only_if(Precondition::Present(keys::record(&nearest)));
        }
        for path in &unknown {
            match stored::load(&ports.meta, path).await? {
                Some(_) => {
                    change.only_if(Precondition::Present(keys::record(path)));
                }
                None => {
                    refuse_file_of_same_name(change, path)?;
                    // Whoever removes the FileSystem meanwhile removes this too.
                    change.only_if(Precondition::Present(keys::record(&context.path)));
                    let record = Record::new(Kind::File, owner(context).await?, ports.clock.now_ms());
                    let agent = permit.authority().agent();
                    change.make(path, &record)?.tell(&Event::new(EventType::Created, path, Kind::File, &agent))?;
                }
            }
        }
        Ok(unknown)
    }

    /// The directories above a path that are not known to exist, the nearest first, and the one above
    /// them that is.
    fn above(&self, to: &ResourcePath) -> (Vec<ResourcePath>, Option<ResourcePath>) {
        let known = self.directories();
        let above = std::iter::successors(to.parent(), ResourcePath::parent).take_while(|path| path.files().is_some());
        let mut unknown = Vec::new();
        for path in above {
            if known.contains(&path) {
                return (unknown, Some(path));
            }
            unknown.push(path);
        }
        (unknown, None)
    }

    fn know(&self, made: Vec<ResourcePath>) {
        let mut known = self.directories();
        if known.len() + made.len() > limits::DIRECTORIES_KNOWN {
            known.clear();
        }
        known.extend(made);
    }

    fn directories(&self) -> MutexGuard<'_, HashSet<ResourcePath>> {
        // A set that a thread left half changed is still one: what it says is a condition of the batch.
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The owner of the FileSystem owns what is in it.
async fn owner(context: &ActorContext) -> Result<ResourcePath, StarError> {
    Ok(stored::require(&context.tree.ports.meta, &context.path).await?.record.owner)
}

/// A directory `a/` and a file `a` would be the same name to everybody who copies them to a disk.
fn refuse_file_of_same_name(change: &mut Change, path: &ResourcePath) -> Result<(), StarError> {
    if path.files() != Some("/") {
        change.only_if(Precondition::Absent(keys::record(&keys::twin_of_file(path)?)));
    }
    Ok(())
}

/// Refuses what stands in the way of a path for good: a directory where a file shall be, or a file
/// where a directory. Looked at only when a commit failed.
async fn refuse_named_otherwise(context: &ActorContext, to: &ResourcePath) -> Result<(), StarError> {
    let path_and_above = std::iter::successors(Some(to.clone()), ResourcePath::parent);
    for path in path_and_above.take_while(|path| path.files().is_some_and(|files| files != "/")) {
        let twin = keys::twin_of_file(&path)?;
        if stored::load(&context.tree.ports.meta, &twin).await?.is_some() {
            let form = if twin.is_directory() { "directory" } else { "file" };
            let message = format!("{twin} exists already, as a {form}, and {path} would have the same name on a disk");
            return Err(StarError::new(ErrorCode::AlreadyExists, message).at(&twin).hint("take another name"));
        }
    }
    Ok(())
}

/// Adds the record of the File itself. Answers the File as it will be.
fn put_record(
    context: &ActorContext,
    permit: &Permit,
    change: &mut Change,
    there: Option<&Resource>,
    wanted: &Wanted,
) -> Result<Resource, StarError> {
    let to = &permit.envelope().to;
    let now_ms = context.tree.ports.clock.now_ms();
    let agent = permit.authority().agent();
    let mut event = Event::new(EventType::Written, to, Kind::File, &agent);
    if let Some(body) = &wanted.body {
        event = event.with("digest", body.content.digest.to_string()).with("size", body.content.size_bytes.to_string());
    }
    let (record, created) = match there {
        Some(there) => {
            let record = wanted.onto(Record { modified_ms: now_ms, ..there.record.clone() });
            change.only_if(Precondition::ModifiedAt(keys::record(to), there.modified));
            change.rewrite(to, &there.record, &record)?;
            (record, there.created)
        }
        None => {
            refuse_file_of_same_name(change, to)?;
            let record = wanted.onto(Record::new(Kind::File, permit_owner(context, permit), now_ms));
            change.make(to, &record)?;
            event = event.with("created", "true");
            (record, OPEN)
        }
    };
    change.tell(&event)?;
    Ok(Resource { path: to.clone(), record, created, modified: OPEN })
}

impl Wanted {
    /// A record with what is wanted in it.
    fn onto(&self, mut record: Record) -> Record {
        record.body = self.body.clone();
        if let Some(Attributes { properties, labels }) = self.attributes.clone() {
            record.properties = properties;
            record.labels = labels;
        }
        record
    }
}

/// Who owns a new File: whoever writes it, as far as that is a resource that can own.
fn permit_owner(context: &ActorContext, permit: &Permit) -> ResourcePath {
    match permit.authority().as_ref() {
        Authority::Admin(user) => user.clone(),
        _ => context.path.clone(),
    }
}
