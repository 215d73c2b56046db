//! Many resources at once, written straight to the metadata store, as creating them one by one
//! would have left them.

use std::path::Path;
use std::sync::Arc;

use star_core::bootstrap;
use star_core::event::{Event, EventType};
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::meta::MetaStore;
use star_core::record::Record;
use star_core::stored::Change;
use star_path::ResourcePath;
use star_store::{OpenOptions, Store};
use star_wire::StarError;

use crate::failure::Failure;
use crate::limits;
use crate::tree::{path, refused};

/// One in so many resources has the label `env=prod`, the others none.
pub(crate) const LABELLED: usize = 20;

/// Some resources: Bases in Spaces, a thousand below each parent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forest {
    /// Over how many Spaces they are spread, and so over as many shards at most.
    pub(crate) spaces: usize,
    /// How many there are, without Spaces and parents.
    pub(crate) resources: usize,
}

impl Forest {
    /// Resources of one Space.
    pub(crate) fn per_space(self) -> usize {
        self.resources / self.spaces
    }

    /// The path of the resource of this number.
    pub(crate) fn text(self, number: usize) -> String {
        let (space, place) = (number / self.per_space(), number % self.per_space());
        format!("{}:n{:03}", parent(space, place / limits::SIBLINGS), place % limits::SIBLINGS)
    }

    /// The same as a path.
    pub(crate) fn path(self, number: usize) -> ResourcePath {
        path(&self.text(number))
    }

    /// Writes all of them into a store that has what every installation has.
    pub(crate) async fn plant(self, meta: &Arc<dyn MetaStore>) -> Result<(), Failure> {
        for space in 0..self.spaces {
            write(meta, Kind::Space, vec![path(&space_name(space))]).await?;
            let parents = self.per_space().div_ceil(limits::SIBLINGS);
            let parents: Vec<ResourcePath> = (0..parents).map(|number| path(&parent(space, number))).collect();
            for parents in parents.chunks(limits::FILL_BATCH) {
                write(meta, Kind::Base, parents.to_vec()).await?;
            }
        }
        for first in (0..self.resources).step_by(limits::FILL_BATCH) {
            // No batch reaches over the end of a Space, which is the end of its shard.
            let end_of_space = (first / self.per_space() + 1) * self.per_space();
            let end = (first + limits::FILL_BATCH).min(self.resources);
            write(meta, Kind::Base, (first..end.min(end_of_space)).map(|number| self.path(number)).collect()).await?;
            if end > end_of_space {
                write(meta, Kind::Base, (end_of_space..end).map(|number| self.path(number)).collect()).await?;
            }
        }
        Ok(())
    }

    /// The same for the data folder of a Star that does not run.
    pub(crate) async fn plant_in(self, data: &Path) -> Result<(), Failure> {
        let store =
            Store::open(OpenOptions::new(data.join("meta"))).map_err(|error| Failure::wrong("the store", error))?;
        let meta: Arc<dyn MetaStore> = store.clone();
        self.plant(&meta).await?;
        store.close().await;
        Ok(())
    }
}

fn space_name(space: usize) -> String {
    format!("bench-{space}")
}

fn parent(space: usize, number: usize) -> String {
    format!("{}:p{number:04}", space_name(space))
}

async fn write(meta: &Arc<dyn MetaStore>, kind: Kind, paths: Vec<ResourcePath>) -> Result<(), Failure> {
    let Some(first) = paths.first() else { return Ok(()) };
    let now_ms = SystemClock.now_ms();
    let mut change = Change::of(first, now_ms);
    let written: Result<(), StarError> = paths.iter().try_for_each(|path| {
        let mut record = Record::new(kind, bootstrap::admin(), now_ms);
        let number = path.last().strip_prefix('n').and_then(|number| number.parse::<usize>().ok());
        if number.is_some_and(|number| number.is_multiple_of(LABELLED)) {
            record.labels.insert("env".to_owned(), "prod".to_owned());
        }
        let event = Event::new(EventType::Created, path, kind, &Authority::System.agent());
        change.make(path, &record)?.tell(&event)?;
        Ok(())
    });
    written.map_err(refused)?;
    let committed = change.commit(meta).await.map_err(refused)?;
    committed.map(drop).ok_or_else(|| Failure::wrong("the store", format!("{first} exists already")))
}

#[cfg(test)]
mod tests {
    use star_core::kind::Kind;
    use star_core::stored;
    use star_testkit::MemoryMeta;

    use super::*;

    #[tokio::test]
    async fn every_resource_of_the_forest_is_there_below_a_parent() {
        let forest = Forest { spaces: 3, resources: 3 * 1_100 };
        let meta: Arc<dyn MetaStore> = MemoryMeta::new();
        forest.plant(&meta).await.unwrap();
        for number in [0, 999, 1_000, 1_099, 1_100, 3_299] {
            let path = forest.path(number);
            assert_eq!(stored::require(&meta, &path).await.unwrap().record.kind, Kind::Base, "{path}");
            assert!(stored::has_children(&meta, &path.parent().unwrap()).await.unwrap(), "{path}");
        }
        assert_ne!(forest.path(1_099).space(), forest.path(1_100).space());
    }
}
