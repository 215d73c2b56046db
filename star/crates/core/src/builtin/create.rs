//! Making a child.

use std::sync::Arc;

use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use super::described;
use super::properties::{self, Writer};
use crate::behaviour::{ActorContext, CreatePlan, ResourceActor};
use crate::command::{Changed, Command, Create, Strategy};
use crate::event::{Event, EventType};
use crate::gate::{Authority, Permit};
use crate::keys;
use crate::kind::{Kind, Made, Segment};
use crate::lock::Guard;
use crate::lock::fence::fenced;
use crate::once::{Answer, IdempotencyKey, OPEN, keyed};
use crate::ports::meta::Precondition;
use crate::record::{Record, Resource};
use crate::stored::{self, Change};
use crate::tree::Tree;

impl Tree {
    /// Makes a resource, in somebody's name.
    ///
    /// What its kind has to prepare (reading documents, compiling a component) happens here, in
    /// the caller's time, and only then is the parent asked. It counts among what its Space has under
    /// way, as every message from outside does.
    pub async fn create(self: &Arc<Self>, authority: &Arc<Authority>, create: Create) -> Result<Changed, StarError> {
        self.create_fenced(authority, create, "", None).await
    }

    /// The same under locks, whose tokens stand in `fence` as in the header of a message, and under
    /// an idempotency key.
    pub async fn create_fenced(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        create: Create,
        fence: &str,
        key: Option<&IdempotencyKey>,
    ) -> Result<Changed, StarError> {
        let parent = parent_of(&create)?;
        if create.strategy == Strategy::Apply {
            return self.apply(authority, create, &parent, (fence, key)).await;
        }
        let envelope = keyed(fenced(create.envelope(&parent)?, fence), key);
        let permit = self.admit(authority, envelope).await?;
        let make = async move |tree: Arc<Tree>, permit: Permit| tree.make(permit, create).await;
        // Looked at before anything is prepared: what was made under the key stands in its own way.
        let made = self.once(permit, make).await;
        Create::answer(&made.map_err(|error| parent_missing(error, &parent))?)
    }

    /// Prepares what is to be made, in the caller's time, and then asks the parent.
    pub(super) async fn make(self: &Arc<Self>, permit: Permit, create: Create) -> Result<Reply, StarError> {
        let prepared = prepare(self, permit.authority(), create).await?;
        self.ask(permit.with_prepared(prepared)).await
    }
}

/// A checked request to make a resource, with what its kind prepared for it.
#[derive(Debug)]
pub(crate) struct Prepared {
    create: Create,
    plan: CreatePlan,
    /// The resource that is there already, where that is no error.
    existing: Option<Resource>,
}

async fn prepare(tree: &Arc<Tree>, authority: &Arc<Authority>, mut create: Create) -> Result<Prepared, StarError> {
    properties::check(create.kind.spec(), &create.path, &mut create.properties, Writer::Client)?;
    properties::check_labels(&create.path, &create.labels)?;
    let existing = existing(tree, &create).await?;
    let plan = match existing {
        Some(_) => CreatePlan::default(),
        None => tree.behaviours.of(create.kind)?.prepare(tree, authority, &create).await?,
    };
    Ok(Prepared { create, plan, existing })
}

pub(super) fn parent_missing(error: StarError, parent: &ResourcePath) -> StarError {
    let missing = error.code() == ErrorCode::NotFound && error.path() == Some(parent);
    if !missing {
        return error;
    }
    let hint = match parent.parent().is_some_and(|above| above.is_root()) {
        true => format!("star create Space {parent}"),
        false => format!("make {parent} first, e.g. star create Base {parent}"),
    };
    StarError::new(ErrorCode::ParentNotFound, format!("the parent {parent} does not exist")).at(parent).hint(hint)
}

/// The parent under which the new resource goes, if its kind may be made like this at all.
fn parent_of(create: &Create) -> Result<ResourcePath, StarError> {
    let (path, spec) = (&create.path, create.kind.spec());
    let invalid = |message: String| StarError::new(ErrorCode::InvalidArgument, message).at(path);
    match spec.made {
        Made::ByCreate => {}
        Made::ByStarlane => return Err(invalid(format!("a {} is made by Starlane itself", spec.name))),
        Made::ByWriting | Made::ByPublishing => {
            return Err(invalid(format!("a {} is not made by create", spec.name))
                .hint(spec.example.replace("PATH", path.as_str())));
        }
    }
    let form_fits = match spec.segment {
        Segment::Space => path.parent().is_some_and(|parent| parent.is_root()),
        Segment::Name => is_ordinary(path),
        Segment::Root | Segment::Version | Segment::File => false,
    };
    match path.parent() {
        Some(parent) if form_fits && path.digest().is_none() => Ok(parent),
        _ if spec.segment == Segment::Space => Err(invalid(format!("{path} is no path of a Space"))
            .hint("a Space is a single name, domain or e-mail address, e.g. `star create Space acme`")),
        _ => Err(invalid(format!("{path} is no path of a {}", spec.name)).hint(format!(
            "a {} has an ordinary name below its parent: {}",
            spec.name,
            spec.example.replace("PATH", "acme:name")
        ))),
    }
}

/// Whether a path ends with an ordinary name.
pub(super) fn is_ordinary(path: &ResourcePath) -> bool {
    path.names().last().is_some_and(star_path::ordinary_name) && path.release().is_none() && path.files().is_none()
}

/// The resource that is there already; an error when it must not be.
async fn existing(tree: &Tree, create: &Create) -> Result<Option<Resource>, StarError> {
    let Some(resource) = stored::load(&tree.ports.meta, &create.path).await? else { return Ok(None) };
    if create.strategy == Strategy::Ensure && resource.record.kind == create.kind {
        return Ok(Some(resource));
    }
    Err(taken(&resource))
}

/// The error for a path at which there is something else than may be there.
pub(super) fn taken(there: &Resource) -> StarError {
    let (path, what) = (&there.path, there.record.kind);
    StarError::new(ErrorCode::AlreadyExists, format!("{path} exists already, as a {what}")).at(path).hint(format!(
        "`star info {path}` shows it; `star create --ensure` accepts it if its kind is the same, and `--apply` changes it"
    ))
}

pub(crate) async fn create(
    context: &ActorContext,
    actor: Option<&mut dyn ResourceActor>,
    permit: &Permit,
) -> Result<Reply, StarError> {
    let tree = &context.tree;
    // A message that did not come through `Tree::create` is prepared here.
    let prepared = match permit.prepared() {
        Some(prepared) => prepared,
        None => {
            let command = Create::of(permit.envelope())?;
            parent_of(&command)?;
            Arc::new(prepare(tree, permit.authority(), command).await?)
        }
    };
    let command = &prepared.create;
    if let Some(resource) = &prepared.existing {
        return Create::reply(&unchanged(resource.clone()));
    }
    let guard = Guard::of(tree, permit).await?;
    let parent = stored::require(&tree.ports.meta, &permit.envelope().to).await?;
    check_parent(&command.path, command.kind, &parent)?;
    let (record, also) = records(tree, permit.authority(), &prepared, &parent);
    let mut change = Change::of(&command.path, tree.ports.clock.now_ms());
    // The root belongs to no shard of a Space, and can neither change nor go away.
    if !parent.path.is_root() {
        change.only_if(Precondition::Present(keys::record(&parent.path)));
    }
    guard.bind(&mut change)?;
    let agent = permit.authority().agent();
    let asked = std::iter::once((&command.path, &record));
    for (path, record) in asked.chain(also.iter().map(|(path, record)| (path, record))) {
        change.make(path, record)?.tell(&Event::new(EventType::Created, path, record.kind, &agent))?;
    }
    let resource = described(Resource { path: command.path.clone(), record, created: OPEN, modified: OPEN });
    let mut made = Changed { resource, warnings: prepared.plan.warnings.clone(), changed: true };
    change.remember::<Create>(permit, &made)?;
    let Some(committed) = change.commit(&tree.ports.meta).await? else {
        return match existing(tree, command).await? {
            Some(resource) => Create::reply(&unchanged(resource)),
            None => Err(interrupted(tree, permit, command, &parent).await?),
        };
    };
    if let Some(actor) = actor {
        actor.changed(context).await?;
    }
    made.close(committed.revision);
    Create::reply(&made)
}

fn unchanged(resource: Resource) -> Changed {
    Changed { resource: described(resource), warnings: Vec::new(), changed: false }
}

/// What came between the look and the commit: the parent was removed, or its lock was taken.
async fn interrupted(
    tree: &Tree,
    permit: &Permit,
    command: &Create,
    parent: &Resource,
) -> Result<StarError, StarError> {
    if stored::load(&tree.ports.meta, &parent.path).await?.is_some() {
        Guard::of(tree, permit).await?;
        return Ok(stored::contended(&command.path));
    }
    Ok(StarError::new(ErrorCode::ParentNotFound, format!("{} was removed meanwhile", parent.path)).at(&command.path))
}

/// Whether a parent can hold a resource of a kind.
pub(super) fn check_parent(path: &ResourcePath, kind: Kind, parent: &Resource) -> Result<(), StarError> {
    let (spec, held_by) = (kind.spec(), parent.record.kind);
    if spec.parents.contains(&held_by) {
        return Ok(());
    }
    let allowed: Vec<String> = spec.parents.iter().map(Kind::to_string).collect();
    Err(StarError::new(ErrorCode::WrongParent, format!("a {held_by} ({}) cannot hold a {}", parent.path, spec.name))
        .at(path)
        .hint(format!("a {} goes under: {}", spec.name, allowed.join(", "))))
}

/// The record of what is made, and further records that are made with it.
fn records(
    tree: &Tree,
    authority: &Authority,
    prepared: &Prepared,
    parent: &Resource,
) -> (Record, Vec<(ResourcePath, Record)>) {
    let Prepared { create, plan, .. } = prepared;
    let owner = match (&create.owner, authority) {
        (Some(said), _) => said.clone(),
        (None, Authority::Admin(user)) => user.clone(),
        (None, _) => parent.record.owner.clone(),
    };
    let mut record = Record::new(create.kind, owner.clone(), tree.ports.clock.now_ms());
    record.properties = create.properties.clone();
    record.properties.extend(plan.properties.clone());
    record.labels = create.labels.clone();
    let also = plan.also.iter().map(|(path, record)| (path.clone(), Record { owner: owner.clone(), ..record.clone() }));
    (record, also.collect())
}
