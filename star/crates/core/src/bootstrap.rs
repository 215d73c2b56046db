//! What an empty store has to hold before anybody can use it: the root, and the Space `star`.

use std::collections::BTreeMap;
use std::sync::Arc;

use star_path::{PropertyKey, ResourcePath};
use star_wire::{Agent, StarError};

use crate::event::{Event, EventType};
use crate::find;
use crate::kind::Kind;
use crate::ports::clock::Clock;
use crate::ports::meta::{MetaStore, Operation};
use crate::record::Record;
use crate::stored::{self, Change};

/// The User that holds the admin key.
pub fn admin() -> ResourcePath {
    path("star:users:admin")
}

/// The resource of a Star.
pub fn star(name: &str) -> Result<ResourcePath, StarError> {
    Ok(path("star:nodes").child(name)?)
}

/// Makes what is missing of the resources that belong to the installation itself, and writes
/// what this Star says of itself. A store of an older release gets the rows first by which resources
/// are found, which takes a while where there are many.
pub async fn ensure(
    meta: &Arc<dyn MetaStore>,
    clock: &dyn Clock,
    star_name: &str,
    star_facts: BTreeMap<PropertyKey, String>,
) -> Result<(), StarError> {
    let mut first = find::build::bring_up_to_date(meta, clock.now_ms()).await?;
    let fixed = [
        (ResourcePath::root(), Kind::Root),
        (path("star"), Kind::Space),
        (path("star:nodes"), Kind::Base),
        (path("star:users"), Kind::Base),
    ];
    for (path, kind) in fixed {
        let record = Record::new(kind, admin(), clock.now_ms());
        ensure_one(meta, clock, &path, record, first.take()).await?;
    }
    let mut record = Record::new(Kind::Star, admin(), clock.now_ms());
    record.properties = star_facts;
    ensure_one(meta, clock, &star(star_name)?, record, None).await
}

async fn ensure_one(
    meta: &Arc<dyn MetaStore>,
    clock: &dyn Clock,
    path: &ResourcePath,
    record: Record,
    with_it: Option<Operation>,
) -> Result<(), StarError> {
    let agent = Agent::Resource(self::path("star"));
    let mut change = Change::of(path, clock.now_ms());
    if let Some(operation) = with_it {
        change.then(operation);
    }
    match stored::load(meta, path).await? {
        Some(there) if there.record.properties == record.properties => return Ok(()),
        Some(there) => {
            let now = Record { properties: record.properties, modified_ms: clock.now_ms(), ..there.record.clone() };
            change.rewrite(path, &there.record, &now)?.tell(&Event::new(
                EventType::Changed,
                path,
                record.kind,
                &agent,
            ))?;
        }
        None => {
            change.make(path, &record)?.tell(&Event::new(EventType::Created, path, record.kind, &agent))?;
        }
    }
    // Nobody else writes before the Star is open, so there is nothing to conflict with.
    change.commit(meta).await.map(drop)
}

fn path(text: &str) -> ResourcePath {
    ResourcePath::parse(text).expect("a constant that is a path")
}
