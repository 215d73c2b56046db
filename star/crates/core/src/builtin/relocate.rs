//! Moving a resource with everything below it to another place of its Space, in one moment.
//!
//! What moves is rows, and no bytes: they are read, and written under their other keys in the batch
//! that removes the former ones, on condition that none of them changed meanwhile. So there is a
//! largest tree, [`limits::MOVE_ROWS`]. What else there is to say about a place is in [`check`].

use std::collections::BTreeMap;

use bytes::Bytes;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use super::create::{check_parent, is_ordinary};
use super::described;
use crate::behaviour::{ActorContext, ResourceActor};
use crate::command::{Command, Move, Moved};
use crate::event::{Event, EventType};
use crate::find::term;
use crate::gate::{Authority, Permit, Right};
use crate::keys;
use crate::kind::{Kind, PropertyType, Segment};
use crate::limits;
use crate::lock::Guard;
use crate::once::{Answer, OPEN};
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{Key, KeyRange, Operation, Precondition, Revision};
use crate::record::{Record, Resource};
use crate::stored::{self, Change};
use crate::tree::Tree;

pub(crate) async fn relocate(
    context: &ActorContext,
    actor: Option<&mut dyn ResourceActor>,
    permit: &Permit,
) -> Result<Reply, StarError> {
    let (from, to) = (&permit.envelope().to, Move::of(permit.envelope())?.to);
    let tree = &context.tree;
    let right = if to.files().is_some() { Right::Write } else { Right::Create };
    tree.gate.allow(permit.authority(), right, to.parent().as_ref().unwrap_or(&to)).await?;
    for _ in 0..limits::COMMIT_ATTEMPTS {
        let source = stored::require(&tree.ports.meta, from).await?;
        let parent = check(tree, &source, &to).await?;
        let guards = Guards::of(tree, permit, &parent.path).await?;
        let way = Way { from: from.clone(), to: to.clone(), now_ms: tree.ports.clock.now_ms() };
        let since = stored::revision_of_shard(&tree.ports.meta, from, way.now_ms).await?;
        let luggage = Luggage::pack(tree, &way).await?;
        let mut change = Change::of(from, way.now_ms);
        way.demand(&mut change, &source, &parent, since)?;
        guards.bind(&mut change)?;
        way.carry(&mut change, &source, &luggage);
        for place in [from, &to] {
            let event = Event::new(EventType::Moved, place, source.record.kind, &permit.authority().agent());
            let event = event.with("from", from.as_str()).with("to", to.as_str());
            change.tell(&event.with("resources", luggage.resources.to_string()))?;
        }
        let record = way.record(source.clone());
        let resource = described(Resource { path: to.clone(), record, created: OPEN, modified: OPEN });
        let mut moved = Moved { resource, resources: luggage.resources, warnings: still_named(tree, from).await? };
        change.remember::<Move>(permit, &moved)?;
        let Some(committed) = change.commit(&tree.ports.meta).await? else { continue };
        tree.evict(from, true);
        if luggage.stale.is_none() {
            tree.unswept.notify_one();
        }
        if let Some(actor) = actor.filter(|_| *from != context.path) {
            actor.changed(context).await?;
        }
        moved.close(committed.revision);
        return Move::reply(&moved);
    }
    Err(stored::contended(from))
}

/// Whether the resource may move, and to this place; answers what will hold it.
async fn check(tree: &Tree, source: &Resource, to: &ResourcePath) -> Result<Resource, StarError> {
    check_source(source)?;
    check_form(source, to)?;
    let from = &source.path;
    if let Some(there) = stored::load(&tree.ports.meta, to).await? {
        let kind = there.record.kind;
        let error = StarError::new(ErrorCode::AlreadyExists, format!("{to} exists already, as a {kind}")).at(to);
        return Err(if to.is_directory() { error } else { error.hint(format!("star rm {to}, or another name")) });
    }
    let above = to.parent().ok_or_else(|| StarError::not_found(to))?;
    let parent = stored::load(&tree.ports.meta, &above).await?.ok_or_else(|| {
        StarError::new(ErrorCode::ParentNotFound, format!("{above}, which shall hold {from}, does not exist"))
            .at(&above)
            .hint("make it first")
    })?;
    check_parent(to, source.record.kind, &parent)?;
    Ok(parent)
}

/// Whether a resource is one that moves at all.
fn check_source(source: &Resource) -> Result<(), StarError> {
    let (path, kind) = (&source.path, source.record.kind);
    let stays = |message: String| StarError::new(ErrorCode::InvalidArgument, message).at(path);
    if path.is_root() || path.space() == Some("star") {
        return Err(StarError::new(ErrorCode::Protected, format!("{path} is needed by Starlane itself")).at(path));
    }
    match kind.spec().segment {
        Segment::Space => Err(stays(format!("{path} is a Space, and keeps its name"))
            .hint("make another Space, and move what it shall hold by copying: star cp -r")),
        Segment::Version => Err(stays(format!("{path} is a version, and versions never change"))
            .hint("publish it again, or move the whole series")),
        Segment::File if path.files() == Some("/") => {
            let whole = path.without_files();
            Err(stays(format!("{path} belongs to its FileSystem")).hint(format!("star mv {whole} moves all of it")))
        }
        Segment::File if kind == Kind::Artifact => {
            Err(stays(format!("{path} is part of a version, which never changes")))
        }
        Segment::Root | Segment::Name | Segment::File => Ok(()),
    }
}

/// Whether a place has the form that this resource needs, in the same Space and outside of itself.
fn check_form(source: &Resource, to: &ResourcePath) -> Result<(), StarError> {
    let from = &source.path;
    let invalid = |message: String| StarError::new(ErrorCode::InvalidArgument, message).at(to);
    if from == to {
        return Err(invalid(format!("{from} is there already")));
    }
    if from.space() != to.space() {
        return Err(invalid(format!("{from} cannot leave its Space for {to}"))
            .hint("copy it and remove the original: star cp -r, then star rm -r"));
    }
    if to.is_within(from) {
        return Err(invalid(format!("{from} cannot be moved into itself")));
    }
    let fits = match source.record.kind.spec().segment {
        Segment::File => to.files().is_some() && to.files() != Some("/") && to.is_directory() == from.is_directory(),
        _ => is_ordinary(to) && to.digest().is_none(),
    };
    if fits {
        return Ok(());
    }
    let what = if from.is_directory() { "directory".to_owned() } else { source.record.kind.to_string() };
    let error = invalid(format!("{to} is no path of a {what}"));
    Err(match (from.files(), from.is_directory(), to.is_directory()) {
        (Some(_), false, true) => error.hint(format!("name the file: {to}{}", from.last())),
        (Some(_), true, false) => error.hint(format!("a directory ends with a slash: {to}/")),
        _ => error.hint(format!("e.g. {}", source.record.kind.spec().example.replace("PATH", "acme:name"))),
    })
}

/// The locks on both sides: of what moves with all below it, and of what will hold it.
struct Guards {
    source: Guard,
    parent: Option<Guard>,
}

impl Guards {
    async fn of(tree: &Tree, permit: &Permit, parent: &ResourcePath) -> Result<Guards, StarError> {
        let source = Guard::of_tree(tree, permit).await?;
        let parent = Guard::at(tree, permit, parent).await?;
        // Within one FileSystem it is the same lock, which is bound once.
        Ok(Guards { parent: Some(parent).filter(|parent| !parent.is_that_of(&source)), source })
    }

    fn bind(&self, change: &mut Change) -> Result<(), StarError> {
        self.source.bind(change)?;
        self.parent.as_ref().map_or(Ok(()), |parent| parent.bind(change))
    }
}

/// From where to where.
struct Way {
    from: ResourcePath,
    to: ResourcePath,
    now_ms: UnixMillis,
}

/// The rows of a tree under the keys that they will have.
struct Luggage {
    rows: Vec<(Key, Bytes)>,
    resources: u64,
    /// The rows by which it was found at the former place; none where there is no room to remove them in
    /// the same batch.
    stale: Option<Vec<Key>>,
}

impl Way {
    /// That nothing changed since it was looked at, and that the place is free.
    fn demand(
        &self,
        change: &mut Change,
        source: &Resource,
        parent: &Resource,
        since: Revision,
    ) -> Result<(), StarError> {
        change.only_if(Precondition::ModifiedAt(keys::record(&self.from), source.modified));
        change.only_if(Precondition::Present(keys::record(&parent.path)));
        change.only_if(Precondition::Absent(keys::record(&self.to)));
        if self.to.files().is_some() {
            change.only_if(Precondition::Absent(keys::record(&keys::twin_of_file(&self.to)?)));
        }
        for range in keys::below(&self.from) {
            change.only_if(Precondition::RangeUnchangedSince(range, since));
        }
        Ok(())
    }

    /// Removes the rows from the former place, and writes them at the other.
    fn carry(&self, change: &mut Change, source: &Resource, luggage: &Luggage) {
        for operation in keys::remove_tree(&self.from) {
            change.then(operation);
        }
        match &luggage.stale {
            Some(rows) => {
                for row in rows {
                    change.then(Operation::Delete(row.clone()));
                }
            }
            None => {
                change.then(Operation::Put(keys::unswept(&self.from), Bytes::new()));
            }
        }
        for (key, value) in &luggage.rows {
            change.then(Operation::Put(key.clone(), value.clone()));
        }
        if let Some(parent) = self.to.parent() {
            let number = source.record.kind.spec().number;
            change.then(Operation::Put(keys::child(&parent, &self.to), vec![number].into()));
        }
    }

    /// The key at the other place for one at the former.
    fn key(&self, key: &Key) -> Option<Key> {
        let (table, path) = key.as_bytes().split_at_checked(keys::TABLE_BYTES)?;
        let rest = path.strip_prefix(self.from.as_str().as_bytes())?;
        Some(Key::new([table, self.to.as_str().as_bytes(), rest].concat()))
    }

    /// The path at the other place for one within the tree; none for one outside.
    fn path(&self, path: &ResourcePath) -> Option<ResourcePath> {
        let rest = path.is_within(&self.from).then(|| path.as_str().get(self.from.as_str().len()..))??;
        ResourcePath::parse(&[self.to.as_str(), rest].concat()).ok()
    }

    /// A record of the tree as it is at the other place: what it names within the tree moves along.
    fn record(&self, resource: Resource) -> Record {
        let mut record = resource.record;
        if let Some(owner) = self.path(&record.owner) {
            record.owner = owner;
        }
        let kind = record.kind;
        for (key, value) in &mut record.properties {
            let named = Some(value.as_str()).filter(|_| names_a_path(kind, key.as_str()));
            let named = named.and_then(|value| ResourcePath::parse(value).ok());
            if let Some(moved) = named.and_then(|named| self.path(&named)) {
                *value = moved.to_string();
            }
        }
        if resource.path == self.from {
            record.modified_ms = self.now_ms;
        }
        record
    }
}

/// Whether the value of a property is the path of a resource.
fn names_a_path(kind: Kind, key: &str) -> bool {
    let form = kind.spec().property(key).map(|property| property.form);
    let made_of = matches!(kind, Kind::App | Kind::Mechtron);
    form == Some(PropertyType::Path) || made_of && form == Some(PropertyType::ReadOnly)
}

impl Luggage {
    async fn pack(tree: &Tree, way: &Way) -> Result<Luggage, StarError> {
        let mut found = BTreeMap::new();
        let alone = [keys::record(&way.from), keys::history(&way.from)].map(|key| {
            let end = Some(Key::new([key.as_bytes(), &[0]].concat()));
            KeyRange { start: key, end }
        });
        // A lock ends with the place of its resource.
        let below = keys::below(&way.from).into_iter().filter(|range| !keys::is_lock(&range.start));
        for mut range in below.chain(alone) {
            loop {
                let page = tree.ports.meta.scan(range.clone(), limits::PAGE_DEFAULT).await;
                let page = page.map_err(|error| stored::read_failed(&way.from, &error))?;
                found.extend(page.rows);
                if found.len() > limits::MOVE_ROWS {
                    return Err(too_large(way));
                }
                match page.next {
                    Some(next) => range.start = next,
                    None => break,
                }
            }
        }
        let mut luggage = Luggage { rows: Vec::new(), resources: 0, stale: None };
        let mut stale = Vec::new();
        for (key, row) in found {
            let Some(moved) = way.key(&key) else { continue };
            let value = match keys::path_of_record(&key) {
                None => row.value,
                Some(path) => {
                    luggage.resources += 1;
                    let at = keys::path_of_record(&moved).ok_or_else(|| too_long(way, &path))?;
                    let record = way.record(Resource::from_row(path.clone(), &row)?);
                    // Neither kind nor status nor labels change on the way.
                    stale.extend(term::rows(&path, &record));
                    luggage.rows.extend(term::rows(&at, &record).map(|row| (row, Bytes::new())));
                    record.encode().map_err(|error| stored::unreadable(&path, &error))?
                }
            };
            luggage.rows.push((moved, value));
        }
        if luggage.rows.len() > limits::MOVE_ROWS {
            return Err(too_large(way));
        }
        luggage.stale = Some(stale).filter(|stale| luggage.rows.len() + stale.len() <= limits::MOVE_ROWS);
        Ok(luggage)
    }
}

fn too_large(way: &Way) -> StarError {
    let (from, to, most) = (&way.from, &way.to, limits::MOVE_ROWS);
    let error =
        StarError::new(ErrorCode::TooLarge, format!("{from} holds more than the {most} rows that move in one moment"));
    let hint = match from.files() {
        Some(_) => format!("copy it, which moves no bytes either, and then remove it: star cp -r {from} {to}, star rm -r {from}"),
        None => "a resource takes two or three rows, and more with labels, tags and versions: move what is below it in parts".to_owned(),
    };
    error.at(from).hint(hint)
}

fn too_long(way: &Way, path: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::TooLarge, format!("below {} the path of {path} would be too long or too deep", way.to))
        .at(path)
}

/// What of the Space will still name the former place, as far as it is written in properties.
async fn still_named(tree: &std::sync::Arc<Tree>, from: &ResourcePath) -> Result<Vec<String>, StarError> {
    let Some(space) = from.space_path() else { return Ok(Vec::new()) };
    let mut lookers = vec![stored::require(&tree.ports.meta, &space).await?];
    for kind in [Kind::App, Kind::Mechtron] {
        let selector = star_path::Selector::parse(&format!("{space}:**<{kind}>")).map_err(StarError::from)?;
        lookers.extend(tree.select(&Authority::system(), &selector, None, limits::PAGE_MAX).await?.resources);
    }
    let mut warnings = Vec::new();
    // What moves along names the other place by then.
    for looker in lookers.iter().filter(|looker| !looker.path.is_within(from)) {
        for (key, value) in &looker.record.properties {
            let names = names_a_path(looker.record.kind, key.as_str())
                && ResourcePath::parse(value).is_ok_and(|named| named.is_within(from));
            if names {
                warnings.push(format!("{}#{key} still names {value}, where nothing is any more", looker.path));
            }
        }
    }
    Ok(warnings)
}
