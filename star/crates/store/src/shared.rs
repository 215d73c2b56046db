//! What readers and the writer of a store share.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use star_core::ports::meta::{Position, ReadError};
use tokio::sync::watch;

use crate::index::{Index, IndexError};
use crate::journal::recent::Recent;
use crate::journal::{Fault, Journal};
use crate::meters::Meters;

/// The log, the index over it, and how far both have come.
pub(crate) struct Shared {
    pub(crate) journal: Arc<Journal>,
    pub(crate) index: Slot,
    pub(crate) recent: Recent,
    pub(crate) head: watch::Sender<Position>,
    /// The position of the newest checkpoint; 0 where there is none.
    pub(crate) checkpoint: AtomicU64,
    /// Held by whoever removes or copies files of the journal and checkpoints.
    pub(crate) files: Mutex<()>,
    pub(crate) meters: Meters,
}

/// The place of the index, which is empty while a failed one is brought back, and in the end.
pub(crate) struct Slot {
    state: RwLock<SlotState>,
}

enum SlotState {
    Open(Arc<dyn Index>),
    Failed,
    Closed,
}

impl Slot {
    /// A place with an index in it.
    pub(crate) fn holding(index: Arc<dyn Index>) -> Slot {
        Slot { state: RwLock::new(SlotState::Open(index)) }
    }

    /// The index, or why there is none.
    pub(crate) fn get(&self) -> Result<Arc<dyn Index>, ReadError> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            SlotState::Open(index) => Ok(Arc::clone(index)),
            SlotState::Failed => Err(ReadError::Failed("the index failed and is being brought back".into())),
            SlotState::Closed => Err(ReadError::Closed),
        }
    }

    /// Puts an index in.
    pub(crate) fn put(&self, index: Arc<dyn Index>) {
        self.set(SlotState::Open(index));
    }

    /// Lets go of an index that failed.
    pub(crate) fn fail(&self) {
        self.set(SlotState::Failed);
    }

    /// Lets go of the index for good.
    pub(crate) fn close(&self) {
        self.set(SlotState::Closed);
    }

    fn set(&self, state: SlotState) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

impl From<IndexError> for ReadError {
    fn from(error: IndexError) -> ReadError {
        ReadError::Failed(Box::new(error))
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> ReadError {
        match fault {
            Fault::Damaged { .. } | Fault::Missing { .. } | Fault::TooNew { .. } => {
                ReadError::Corrupt { what: fault.to_string() }
            }
            Fault::Io { .. } => ReadError::Failed(Box::new(fault)),
        }
    }
}
