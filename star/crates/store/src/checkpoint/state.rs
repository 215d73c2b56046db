//! What a store is at one position, apart from its rows.

use std::collections::BTreeMap;

use star_core::ports::clock::UnixMillis;
use star_core::ports::meta::{Committed, Position, Shard};

use crate::commit::erasures::Erasures;
use crate::commit::outcomes::Outcomes;
use crate::index::{Record, ShardState};
use crate::journal::record::{Chain, Header, Installation};

/// The position, and what the batches up to it leave behind besides rows.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) installation: Installation,
    pub(crate) position: Position,
    /// The chain value that the next frame carries.
    pub(crate) chain: Chain,
    /// The wall clock of the batch at this position.
    pub(crate) at: UnixMillis,
    pub(crate) shards: BTreeMap<Shard, ShardState>,
    pub(crate) erasures: Erasures,
    pub(crate) outcomes: Outcomes,
    /// The cursors of durable consumers when the checkpoint was made.
    pub(crate) consumers: BTreeMap<String, Position>,
}

impl State {
    /// The state before the first batch of an installation.
    pub(crate) fn empty(installation: Installation) -> State {
        State { installation, ..State::default() }
    }

    /// Goes on by one frame of the log.
    pub(crate) fn follow(&mut self, header: &Header, link: Chain, record: &Record) {
        self.position = header.position;
        self.chain = link;
        self.at = header.at;
        let shard = self.shards.entry(record.shard).or_default();
        *shard = shard.after(record);
        self.erasures.note(record);
        self.outcomes.note(header.id, Committed { revision: record.revision, position: record.position });
    }
}
