//! An ArtifactBundleSeries: adds versions, moves tags, and knows which version a path means.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use semver::Version;
use star_core::behaviour::{ActorContext, KindBehaviour, Published, ResourceActor};
use star_core::command::{self, Command, Publish, Tag, Tagged};
use star_core::event::{Event, EventType};
use star_core::gate::Permit;
use star_core::keys;
use star_core::kind::Kind;
use star_core::limits::PAGE_MAX;
use star_core::lock::Guard;
use star_core::once::{Answer, OPEN};
use star_core::ports::meta::{Key, KeyRange, Operation, Precondition, Versioned};
use star_core::record::{Body, Record, Resource};
use star_core::stored::{self, Change};
use star_path::{Digest, Release, ResourcePath};
use star_wire::{ErrorCode, Reply, StarError};

/// The media type of a manifest.
const MANIFEST_TYPE: &str = "application/vnd.starlane.manifest";

/// The kind ArtifactBundleSeries.
pub(crate) struct SeriesKind;

struct SeriesActor {
    index: Arc<SeriesIndex>,
}

/// What a series holds, as it was after the last change.
#[derive(Debug, Clone)]
struct SeriesIndex {
    series: ResourcePath,
    versions: BTreeMap<Version, Digest>,
    tags: BTreeMap<String, Version>,
}

#[async_trait]
impl KindBehaviour for SeriesKind {
    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(SeriesActor { index: Arc::new(SeriesIndex::load(context).await?) }))
    }
}

#[async_trait]
impl ResourceActor for SeriesActor {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        match permit.envelope().method.as_str() {
            "star.publish" => self.publish(context, permit).await,
            "star.tag" => self.tag(context, permit).await,
            _ => Err(star_core::behaviour::unsupported(permit)),
        }
    }

    async fn facts(&mut self, _: &ActorContext, _: &Resource) -> Result<BTreeMap<String, String>, StarError> {
        let versions: Vec<String> = self.index.versions.keys().map(Version::to_string).collect();
        let tags: Vec<String> = self.index.tags.iter().map(|(tag, version)| format!("{tag}={version}")).collect();
        Ok([("versions".to_owned(), versions.join(" ")), ("tags".to_owned(), tags.join(" "))].into())
    }

    async fn changed(&mut self, context: &ActorContext) -> Result<(), StarError> {
        self.index = Arc::new(SeriesIndex::load(context).await?);
        Ok(())
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        Some(Arc::clone(&self.index) as Arc<dyn Published>)
    }
}

impl SeriesActor {
    async fn publish(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let command = Publish::of(permit.envelope())?;
        let ports = &context.tree.ports;
        let path = context.path.with_version(&command.version)?;
        for tag in &command.tags {
            self.index.check_tag(tag)?;
        }
        let series = stored::require(&ports.meta, &context.path).await?;
        let agent = permit.authority().agent();
        let digest = command.manifest.digest.clone();

        let manifest = stored::reference(ports, &path, &command.manifest).await?;
        let mut record = Record::new(Kind::ArtifactBundle, series.record.owner, ports.clock.now_ms());
        record.properties = command.properties;
        record.body = Some(Body { content: command.manifest, content_type: MANIFEST_TYPE.into() });
        let guard = Guard::of(&context.tree, permit).await?;
        let mut change = Change::of(&context.path, ports.clock.now_ms());
        guard.bind(&mut change)?;
        change.refer(manifest);
        let once = keys::version(&context.path, &command.version.to_string());
        change.only_if(Precondition::Present(keys::record(&context.path))).only_if(Precondition::Absent(once.clone()));
        change.make(&path, &record)?.then(Operation::Put(once, digest.to_string().into_bytes().into()));
        let published = Event::new(EventType::Published, &path, Kind::ArtifactBundle, &agent);
        change.tell(&published.with("version", command.version.to_string()).with("digest", digest.to_string()))?;
        for tag in &command.tags {
            self.point(&mut change, tag, Some(&command.version), &agent)?;
        }
        let answer = command::Published { path: path.clone(), digest: digest.clone(), tags: command.tags };
        change.remember::<Publish>(permit, &answer)?;
        if change.commit(&ports.meta).await?.is_none() {
            return Err(interrupted(context, permit, &path, &command.version).await?);
        }
        let mut index = (*self.index).clone();
        index.versions.insert(command.version.clone(), digest);
        index.tags.extend(answer.tags.iter().map(|tag| (tag.clone(), command.version.clone())));
        self.index = Arc::new(index);
        Publish::reply(&answer)
    }

    async fn tag(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let Tag { tag, version, if_version } = Tag::of(permit.envelope())?;
        let ports = &context.tree.ports;
        self.index.check_tag(&tag)?;
        let before = self.index.tags.get(&tag).cloned();
        if if_version.is_some_and(|expected| expected != before) {
            let names = before.map_or("no version".to_owned(), |version| version.to_string());
            let tag_path = context.path.child(&tag)?;
            return Err(
                StarError::new(ErrorCode::PreconditionFailed, format!("{tag_path} names {names} now")).at(&tag_path)
            );
        }
        let guard = Guard::of(&context.tree, permit).await?;
        let mut change = Change::of(&context.path, ports.clock.now_ms());
        change.only_if(Precondition::Present(keys::record(&context.path)));
        guard.bind(&mut change)?;
        match &version {
            Some(version) if !self.index.versions.contains_key(version) => {
                return Err(self.index.no_version(&version.to_string()));
            }
            Some(version) => {
                change.only_if(Precondition::Present(keys::record(&context.path.with_version(version)?)));
            }
            None if before.is_none() => return Err(StarError::not_found(&context.path.child(&tag)?)),
            None => {}
        }
        self.point(&mut change, &tag, version.as_ref(), &permit.authority().agent())?;
        let mut answer = Tagged { before, now: version.clone(), revision: OPEN };
        change.remember::<Tag>(permit, &answer)?;
        let committed = change.commit(&ports.meta).await?.ok_or_else(|| stored::contended(&context.path))?;
        let mut index = (*self.index).clone();
        match &version {
            Some(version) => index.tags.insert(tag, version.clone()),
            None => index.tags.remove(&tag),
        };
        self.index = Arc::new(index);
        answer.close(committed.revision);
        Tag::reply(&answer)
    }

    /// Moves a tag within a change that is being put together.
    fn point(
        &self,
        change: &mut Change,
        tag: &str,
        version: Option<&Version>,
        agent: &star_wire::Agent,
    ) -> Result<(), StarError> {
        let series = &self.index.series;
        let key = keys::tag(series, tag);
        change.then(match version {
            Some(version) => Operation::Put(key, version.to_string().into_bytes().into()),
            None => Operation::Delete(key),
        });
        let mut event = Event::new(EventType::Tagged, series, Kind::ArtifactBundleSeries, agent).with("tag", tag);
        if let Some(version) = version {
            event = event.with("version", version.to_string());
        }
        if let Some(before) = self.index.tags.get(tag) {
            event = event.with("before", before.to_string());
        }
        change.tell(&event).map(drop)
    }
}

impl SeriesIndex {
    async fn load(context: &ActorContext) -> Result<SeriesIndex, StarError> {
        let series = context.path.clone();
        let mut index = SeriesIndex { series: series.clone(), versions: BTreeMap::new(), tags: BTreeMap::new() };
        for (key, _) in rows(context, keys::children(&series)).await? {
            let child = keys::path_of_child(&series, &key);
            let Some(path) = child.filter(|child| child.version().is_some()) else { continue };
            let bundle = stored::require(&context.tree.ports.meta, &path).await?;
            if let (Some(version), Some(body)) = (path.version(), bundle.record.body) {
                index.versions.insert(version.clone(), body.content.digest);
            }
        }
        for (key, row) in rows(context, keys::tags(&series)).await? {
            let version = std::str::from_utf8(&row.value).ok().and_then(|text| Version::parse(text).ok());
            let damaged =
                || StarError::new(ErrorCode::Corrupt, format!("a tag of {series} cannot be read")).at(&series);
            let tag = keys::name_of_tag(&series, &key).ok_or_else(damaged)?;
            // A tag whose version was removed names nothing.
            let version = version.ok_or_else(damaged)?;
            if index.versions.contains_key(&version) {
                index.tags.insert(tag, version);
            }
        }
        Ok(index)
    }

    fn check_tag(&self, tag: &str) -> Result<(), StarError> {
        let is_name = self.series.child(tag).is_ok() && Version::parse(tag).is_err();
        if is_name {
            return Ok(());
        }
        Err(StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no name of a tag", tag.escape_debug()))
            .at(&self.series)
            .hint("letters, digits, `.`, `_` and `-`, and no full version, e.g. `latest` or `v1.4`"))
    }

    /// The version that the part of a path behind the series means.
    fn meant(&self, to: &ResourcePath) -> Result<&Version, StarError> {
        if let Some(digest) = to.digest() {
            let found = self.versions.iter().find(|(_, other)| *other == digest);
            return found.map(|(version, _)| version).ok_or_else(|| self.no_version(&digest.to_string()));
        }
        if let Some(Release::Requirement(requirement)) = to.release() {
            let highest = self.versions.keys().rev().find(|version| requirement.matches(version));
            return highest.ok_or_else(|| self.no_version(&format!("({requirement})")));
        }
        if let Some(version) = to.version() {
            return Err(self.no_version(&version.to_string()));
        }
        let tag = to.without_files();
        self.tags.get(tag.last()).ok_or_else(|| {
            let known: Vec<&str> = self.tags.keys().map(String::as_str).collect();
            let hint = match known.is_empty() {
                true => format!("it has no tags yet: star tag {}:VERSION {}", self.series, tag.last()),
                false => format!("its tags: {}", known.join(", ")),
            };
            StarError::new(ErrorCode::VersionNotFound, format!("{} has no tag `{}`", self.series, tag.last()))
                .at(&tag)
                .hint(hint)
        })
    }

    fn no_version(&self, meant: &str) -> StarError {
        let known: Vec<String> = self.versions.keys().rev().take(5).map(Version::to_string).collect();
        let hint = match known.is_empty() {
            true => format!("it has no versions yet: star publish FOLDER {}:1.0.0", self.series),
            false => format!("its newest versions: {}", known.join(", ")),
        };
        StarError::new(ErrorCode::VersionNotFound, format!("{} has no version {meant}", self.series))
            .at(&self.series)
            .hint(hint)
    }
}

#[async_trait]
impl Published for SeriesIndex {
    fn resolve(&self, to: &ResourcePath) -> Option<Result<ResourcePath, StarError>> {
        let resolved = self.meant(to).and_then(|version| {
            let bundle = self.series.with_version(version)?;
            match to.files_decoded() {
                Some(files) => Ok(bundle.with_files(&files)?),
                None => Ok(bundle),
            }
        });
        Some(resolved)
    }
}

async fn rows(context: &ActorContext, mut range: KeyRange) -> Result<Vec<(Key, Versioned)>, StarError> {
    let mut rows = Vec::new();
    loop {
        let page = context.tree.ports.meta.scan(range.clone(), PAGE_MAX).await;
        let page = page.map_err(|error| stored::read_failed(&context.path, &error))?;
        rows.extend(page.rows);
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(rows),
        }
    }
}

/// What came between the look and the commit: the same version, or somebody who took the lock.
async fn interrupted(
    context: &ActorContext,
    permit: &Permit,
    path: &ResourcePath,
    version: &Version,
) -> Result<StarError, StarError> {
    let once = keys::version(&context.path, &version.to_string());
    let there = context.tree.ports.meta.read(&[once]).await.map_err(|error| stored::read_failed(path, &error))?;
    if there.into_iter().flatten().next().is_some() {
        return Ok(version_exists(path));
    }
    Guard::of(&context.tree, permit).await?;
    Ok(stored::contended(path))
}

fn version_exists(path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::VersionExists, format!("{path} was published before, and versions never change"))
        .at(path)
        .hint("publish under a new version, and move a tag to it")
}
