//! A FileSystem: answers for its Files and directories.
//!
//! Owns what its actor does, and who may pass it: Files are found ([`Files::find`]) and written
//! ([`mod@write`]) beside the actor, because what is committed needs no order, and a batch that says what
//! it relies on needs no turn. What all resources understand (set, delete, move) goes through the
//! mailbox.

mod check;
mod copy;
mod turns;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, CreatePlan, KindBehaviour, Published, ResourceActor, unsupported};
use star_core::command::{Command, Create, Open, Opened};
use star_core::gate::{Authority, Permit};
use star_core::kind::Kind;
use star_core::ports::meta::MetaStore;
use star_core::record::{Record, Resource};
use star_core::stored;
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use turns::Turns;
use write::Writer;

/// The kind FileSystem.
#[derive(Default)]
pub(crate) struct FileSystemKind {
    /// Of all FileSystems together: there are as many writers as the Star lets in.
    turns: Arc<Turns>,
}

struct FileSystemActor {
    files: Arc<Files>,
}

/// What is used beside the actor.
struct Files {
    meta: Arc<dyn MetaStore>,
    writer: Writer,
}

#[async_trait]
impl KindBehaviour for FileSystemKind {
    async fn prepare(&self, tree: &Arc<Tree>, _: &Arc<Authority>, create: &Create) -> Result<CreatePlan, StarError> {
        let root = create.path.with_files("/")?;
        let record = Record::new(Kind::File, create.path.clone(), tree.ports.clock.now_ms());
        Ok(CreatePlan { also: vec![(root, record)], ..CreatePlan::default() })
    }

    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        let writer = Writer::new(Arc::clone(&self.turns));
        let files = Arc::new(Files { meta: Arc::clone(&context.tree.ports.meta), writer });
        Ok(Box::new(FileSystemActor { files }))
    }
}

#[async_trait]
impl ResourceActor for FileSystemActor {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        match permit.envelope().method.as_str() {
            "star.open" => Open::reply(&self.files.find(&permit.envelope().to).await?),
            // Only what came while the actor was not well comes this way.
            "star.put" | "star.copy" => self.files.writer.write(context, permit).await,
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
        self.files.writer.forget_directories();
        Ok(())
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        Some(Arc::clone(&self.files) as Arc<dyn Published>)
    }
}

impl Files {
    async fn find(&self, to: &ResourcePath) -> Result<Opened, StarError> {
        let resource = stored::require(&self.meta, to).await?;
        let Some(body) = resource.record.body else {
            return Err(StarError::new(ErrorCode::NotFound, format!("{to} is a directory"))
                .at(to)
                .hint(format!("star ls {to}")));
        };
        let content_type = match resource.record.properties.iter().find(|(key, _)| key.as_str() == CONTENT_TYPE) {
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

/// The property that says of which media type the bytes are, whatever came with them.
const CONTENT_TYPE: &str = "content-type";

#[async_trait]
impl Published for Files {
    async fn open(&self, to: &ResourcePath) -> Option<Result<Opened, StarError>> {
        Some(self.find(to).await)
    }

    async fn write(&self, context: &ActorContext, permit: &Permit) -> Option<Result<Reply, StarError>> {
        Some(self.writer.write(context, permit).await)
    }
}
