//! A FileSystem: answers for its Files and directories.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, CreatePlan, KindBehaviour, Published, ResourceActor, unsupported};
use star_core::command::{Changed, Command, Create, Open, Opened, Put};
use star_core::event::{Event, EventType};
use star_core::gate::{Authority, Permit};
use star_core::keys;
use star_core::kind::Kind;
use star_core::limits::COMMIT_ATTEMPTS;
use star_core::lock::Guard;
use star_core::once::{Answer, OPEN};
use star_core::ports::meta::{MetaStore, Precondition};
use star_core::record::{Body, Record, Resource};
use star_core::stored::{self, Change};
use star_core::tree::Tree;
use star_core::uploads::Conclusion;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

/// The kind FileSystem.
pub(crate) struct FileSystemKind;

struct FileSystemActor {
    reader: Arc<Reader>,
    /// Directories known to exist, so that writing a thousand files of one directory looks for it
    /// once. Forgotten whenever something is removed.
    directories: HashSet<ResourcePath>,
}

/// Finds Files without the actor: what is committed needs no order.
struct Reader {
    meta: Arc<dyn MetaStore>,
}

#[async_trait]
impl KindBehaviour for FileSystemKind {
    async fn prepare(&self, tree: &Arc<Tree>, _: &Arc<Authority>, create: &Create) -> Result<CreatePlan, StarError> {
        let root = create.path.with_files("/")?;
        let record = Record::new(Kind::File, create.path.clone(), tree.ports.clock.now_ms());
        Ok(CreatePlan { also: vec![(root, record)], ..CreatePlan::default() })
    }

    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        let reader = Arc::new(Reader { meta: Arc::clone(&context.tree.ports.meta) });
        Ok(Box::new(FileSystemActor { reader, directories: HashSet::new() }))
    }
}

#[async_trait]
impl ResourceActor for FileSystemActor {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        match permit.envelope().method.as_str() {
            "star.open" => Open::reply(&self.reader.find(&permit.envelope().to).await?),
            "star.put" => self.put(context, permit).await,
            "star.info" => Err(StarError::not_found(&permit.envelope().to)),
            _ => Err(unsupported(permit)),
        }
    }

    async fn facts(&mut self, _: &ActorContext, target: &Resource) -> Result<BTreeMap<String, String>, StarError> {
        let form = match (target.record.kind, target.path.is_directory()) {
            (Kind::File, true) => "directory",
            (Kind::File, false) => "file",
            _ => return Ok(BTreeMap::new()),
        };
        Ok([("form".to_owned(), form.to_owned())].into())
    }

    async fn changed(&mut self, _: &ActorContext) -> Result<(), StarError> {
        self.directories.clear();
        Ok(())
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        Some(Arc::clone(&self.reader) as Arc<dyn Published>)
    }
}

impl FileSystemActor {
    async fn put(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let to = &permit.envelope().to;
        let Put { body, only_if } = Put::of(permit.envelope())?;
        check_name(to, body.as_ref())?;
        let ports = &context.tree.ports;
        for _ in 0..COMMIT_ATTEMPTS {
            let there = stored::load(&ports.meta, to).await?;
            only_if.check(to, there.as_ref())?;
            let guard = Guard::of(&context.tree, permit).await?;
            let upload = Conclusion::of(&context.tree, permit).await?;
            let mut change = Change::of(to, ports.clock.now_ms());
            guard.bind(&mut change)?;
            if let Some(body) = &body {
                change.refer(stored::reference(ports, to, &body.content).await?);
            }
            let made = self.make_directories(context, permit, &mut change).await?;
            let written = write(context, permit, &mut change, there.as_ref(), body.clone())?;
            let mut answer = Changed { resource: star_core::described(written), warnings: Vec::new(), changed: true };
            change.remember::<Put>(permit, &answer)?;
            if let (Some(upload), Some(body)) = (&upload, &body) {
                upload.bind(&context.tree, &mut change, &body.content, there.is_none())?;
            }
            if let Some(committed) = change.commit(&ports.meta).await? {
                if let Some(upload) = &upload {
                    upload.done(&context.tree);
                }
                self.directories.extend(made);
                answer.close(committed.revision);
                return Put::reply(&answer);
            }
            self.directories.clear();
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
        let above = std::iter::successors(to.parent(), ResourcePath::parent).take_while(|path| path.files().is_some());
        let unknown: Vec<ResourcePath> = above.take_while(|path| !self.directories.contains(path)).collect();
        if let Some(nearest) = to.parent().filter(|parent| self.directories.contains(parent)) {
            change.only_if(Precondition::Present(keys::record(&nearest)));
        }
        for path in &unknown {
            match stored::load(&ports.meta, path).await? {
                Some(_) => {
                    change.only_if(Precondition::Present(keys::record(path)));
                }
                None => {
                    refuse_file_of_same_name(change, path)?;
                    let record = Record::new(Kind::File, owner(context).await?, ports.clock.now_ms());
                    let agent = permit.authority().agent();
                    change.make(path, &record)?.tell(&Event::new(EventType::Created, path, Kind::File, &agent))?;
                }
            }
        }
        Ok(unknown)
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

fn check_name(to: &ResourcePath, body: Option<&Body>) -> Result<(), StarError> {
    let invalid = |message: &str, hint: String| {
        Err(StarError::new(ErrorCode::InvalidArgument, format!("{to} {message}")).at(to).hint(hint))
    };
    match (to.files(), body) {
        (None, _) => invalid("is no path of a File", format!("{to}:/name")),
        (Some(_), Some(_)) if to.is_directory() => invalid("is a directory and has no bytes", format!("{to}name")),
        (Some(_), None) if !to.is_directory() => {
            invalid("is no directory", format!("a directory ends with a slash: {to}/"))
        }
        _ => Ok(()),
    }
}

/// Adds the record of the File itself. Answers the File as it will be.
fn write(
    context: &ActorContext,
    permit: &Permit,
    change: &mut Change,
    there: Option<&Resource>,
    body: Option<Body>,
) -> Result<Resource, StarError> {
    let to = &permit.envelope().to;
    let now_ms = context.tree.ports.clock.now_ms();
    let agent = permit.authority().agent();
    let mut event = Event::new(EventType::Written, to, Kind::File, &agent);
    if let Some(body) = &body {
        event = event.with("digest", body.content.digest.to_string()).with("size", body.content.size_bytes.to_string());
    }
    let (record, created) = match there {
        Some(there) => {
            let record = Record { body, modified_ms: now_ms, ..there.record.clone() };
            change.only_if(Precondition::ModifiedAt(keys::record(to), there.modified));
            change.rewrite(to, &there.record, &record)?;
            (record, there.created)
        }
        None => {
            refuse_file_of_same_name(change, to)?;
            let mut record = Record::new(Kind::File, permit_owner(context, permit), now_ms);
            record.body = body;
            change.make(to, &record)?;
            event = event.with("created", "true");
            (record, OPEN)
        }
    };
    change.tell(&event)?;
    Ok(Resource { path: to.clone(), record, created, modified: OPEN })
}

/// Who owns a new File: whoever writes it, as far as that is a resource that can own.
fn permit_owner(context: &ActorContext, permit: &Permit) -> ResourcePath {
    match permit.authority().as_ref() {
        Authority::Admin(user) => user.clone(),
        _ => context.path.clone(),
    }
}

impl Reader {
    async fn find(&self, to: &ResourcePath) -> Result<Opened, StarError> {
        let resource = stored::require(&self.meta, to).await?;
        let Some(body) = resource.record.body else {
            return Err(StarError::new(ErrorCode::NotFound, format!("{to} is a directory"))
                .at(to)
                .hint(format!("star ls {to}")));
        };
        let content_type = match resource.record.properties.iter().find(|(key, _)| key.as_str() == "content-type") {
            Some((_, given)) => given.as_str().into(),
            None => body.content_type,
        };
        Ok(Opened {
            path: resource.path,
            content: body.content,
            content_type,
            modified_ms: resource.record.modified_ms,
        })
    }
}

#[async_trait]
impl Published for Reader {
    async fn open(&self, to: &ResourcePath) -> Option<Result<Opened, StarError>> {
        Some(self.find(to).await)
    }
}
