//! What a Star does by itself for its bytes: once in a while it takes away what nobody refers to.

use std::sync::Arc;

use star_artifact::PackedStore;
use star_core::limits;
use star_core::ports::content::{Collect, Collected, Upkeep, UpkeepError};
use tokio_util::sync::CancellationToken;

/// Collects until the Star ends. A run that is cut off leaves work for the next.
pub(super) async fn run(store: Arc<PackedStore>, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(limits::COLLECT_EVERY);
    // The first tick is at once, when a Star has other things to do.
    every.tick().await;
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = every.tick() => {}
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            done = collect(&store) => told(done),
        }
    }
}

/// One run. A share that would be much of a large store is nothing of a small one, where a day of grace
/// mends every mistake.
async fn collect(store: &PackedStore) -> Result<Collected, UpkeepError> {
    let how = Collect { plan: false, force: false, grace: limits::COLLECT_GRACE };
    match Upkeep::collect(store, how).await {
        Err(UpkeepError::TooMuch { condemned_bytes, .. }) if condemned_bytes <= limits::COLLECT_FREELY_BYTES => {
            Upkeep::collect(store, Collect { force: true, ..how }).await
        }
        done => done,
    }
}

fn told(done: Result<Collected, UpkeepError>) {
    match done {
        Ok(Collected { condemned, removed, packs_removed, freed_bytes, copied_bytes, .. }) => {
            tracing::info!(condemned, removed, packs_removed, freed_bytes, copied_bytes, "took away what nobody needs");
        }
        Err(error @ UpkeepError::TooMuch { .. }) => {
            tracing::warn!(%error, "nothing was taken away; see `star gc plan` and `star gc run --force`");
        }
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "taking away what nobody needs failed");
        }
    }
}
