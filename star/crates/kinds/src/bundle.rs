//! An ArtifactBundle: answers for its Artifacts out of its manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, KindBehaviour, Published, ResourceActor, unsupported};
use star_core::command::{Command, Described, Info, Manifest, ManifestEntry, Open, Opened};
use star_core::gate::Permit;
use star_core::kind::Kind;
use star_core::record::{Record, Resource};
use star_core::stored;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use crate::documents::read_whole;

/// Longest manifest that is read: what the codec can hold.
const MANIFEST_BYTES: u64 = star_wire::limits::CODEC_BYTES as u64;

/// The kind ArtifactBundle.
pub(crate) struct BundleKind;

struct BundleActor {
    bundle: Arc<Bundle>,
}

/// A version with its manifest. It never changes, so whoever has it may keep it.
struct Bundle {
    resource: Resource,
    manifest: Manifest,
}

#[async_trait]
impl KindBehaviour for BundleKind {
    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        let resource = stored::require(&context.tree.ports.meta, &context.path).await?;
        let body = resource.record.body.clone().ok_or_else(|| {
            StarError::new(ErrorCode::Corrupt, format!("{} has no manifest", context.path)).at(&context.path)
        })?;
        let opened = Opened {
            path: context.path.clone(),
            content: body.content,
            content_type: body.content_type,
            modified_ms: resource.record.created_ms,
        };
        let manifest = Manifest::decode(&read_whole(&context.tree, &opened, MANIFEST_BYTES).await?)?;
        Ok(Box::new(BundleActor { bundle: Arc::new(Bundle { resource, manifest }) }))
    }
}

#[async_trait]
impl ResourceActor for BundleActor {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let to = &permit.envelope().to;
        match permit.envelope().method.as_str() {
            "star.open" => Open::reply(&self.bundle.opened(to)?),
            "star.info" => Info::reply(&self.bundle.described(to)?),
            "star.put" | "star.copy" => {
                Err(StarError::new(ErrorCode::VersionExists, format!("{} never changes", context.path))
                    .at(&context.path)
                    .hint("publish a new version"))
            }
            _ => Err(unsupported(permit)),
        }
    }

    async fn facts(&mut self, _: &ActorContext, _: &Resource) -> Result<BTreeMap<String, String>, StarError> {
        let digest = self.bundle.resource.record.body.as_ref().map(|body| body.content.digest.to_string());
        Ok(digest.into_iter().map(|digest| ("digest".to_owned(), digest)).collect())
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        Some(Arc::clone(&self.bundle) as Arc<dyn Published>)
    }
}

impl Bundle {
    fn entry(&self, to: &ResourcePath) -> Result<&ManifestEntry, StarError> {
        let files = to.files().unwrap_or("/");
        self.manifest.files.get(files).ok_or_else(|| {
            let error = StarError::not_found(to);
            let names = self.manifest.files.keys().map(String::as_str);
            match star_path::suggest::nearest(files, names) {
                Some(near) => error.hint(format!("did you mean {}:{near}?", self.resource.path)),
                None => error.hint(format!("star ls {}:/", self.resource.path)),
            }
        })
    }

    fn opened(&self, to: &ResourcePath) -> Result<Opened, StarError> {
        Ok(self.open_entry(to.clone(), self.entry(to)?))
    }

    fn open_entry(&self, path: ResourcePath, entry: &ManifestEntry) -> Opened {
        let body = entry.body.clone();
        Opened {
            path,
            content: body.content,
            content_type: body.content_type,
            modified_ms: self.resource.record.created_ms,
        }
    }

    fn described(&self, to: &ResourcePath) -> Result<Described, StarError> {
        let bundle = &self.resource.record;
        let mut record = Record::new(Kind::Artifact, bundle.owner.clone(), bundle.created_ms);
        record.body = Some(self.entry(to)?.body.clone());
        let Resource { created, modified, .. } = self.resource;
        Ok(Described {
            path: to.clone(),
            record,
            created,
            modified,
            facts: BTreeMap::new(),
            lock: None,
            history: Vec::new(),
        })
    }
}

#[async_trait]
impl Published for Bundle {
    fn resolve(&self, to: &ResourcePath) -> Option<Result<ResourcePath, StarError>> {
        let own = self.resource.record.body.as_ref().map(|body| &body.content.digest);
        let fits = to.digest().is_none_or(|digest| Some(digest) == own);
        if !fits {
            let message = format!("{} has another digest", self.resource.path);
            return Some(Err(StarError::new(ErrorCode::PreconditionFailed, message).at(to)));
        }
        let bundle = self.resource.path.clone();
        Some(match to.files_decoded() {
            Some(files) => bundle.with_files(&files).map_err(StarError::from),
            None => Ok(bundle),
        })
    }

    async fn open(&self, to: &ResourcePath) -> Option<Result<Opened, StarError>> {
        Some(self.opened(to))
    }

    fn list(&self, below: &ResourcePath) -> Option<Vec<Opened>> {
        let prefix = below.files().unwrap_or("/");
        let inside = self.manifest.files.range(prefix.to_owned()..).take_while(|(name, _)| name.starts_with(prefix));
        let opened = inside.filter_map(|(name, entry)| {
            let text = [self.resource.path.as_str(), ":", name].concat();
            Some(self.open_entry(ResourcePath::parse(&text).ok()?, entry))
        });
        Some(opened.collect())
    }
}
