//! Which Star a shard belongs to.

use std::fmt::Debug;

use crate::ports::meta::Shard;

/// Where messages for a shard have to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// This Star, with the fencing epoch under which it writes.
    Here {
        /// Grows with every change of owner.
        epoch: u64,
    },
}

/// Knows the owners of shards.
pub trait Placement: Debug + Send + Sync + 'static {
    /// The owner of a shard.
    fn owner(&self, shard: Shard) -> Owner;
}

/// One Star that owns everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct SingleStar;

impl Placement for SingleStar {
    fn owner(&self, _shard: Shard) -> Owner {
        Owner::Here { epoch: 1 }
    }
}
