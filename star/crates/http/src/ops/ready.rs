//! Whether the Star can do its work: its store answers, its disk takes bytes, it is not on its
//! way out.

use std::path::Path;

use serde::Serialize;
use star_core::keys;
use star_path::ResourcePath;

use crate::limits;
use crate::state::ApiState;

/// What was looked at. `ok`, or what is wrong.
#[derive(Debug, Serialize)]
pub(super) struct Checks {
    ready: bool,
    /// The Star takes requests.
    running: String,
    /// The store can be read.
    store: String,
    /// The data directory can be written to.
    disk: String,
}

impl Checks {
    pub(super) fn all_pass(&self) -> bool {
        self.ready
    }
}

/// Looks at everything at once.
pub(super) async fn check(state: &ApiState) -> Checks {
    let running = if state.shutdown().is_cancelled() { Err("shutting down".to_owned()) } else { Ok(()) };
    let (store, disk) = tokio::join!(in_time(store(state)), in_time(disk(state)));
    let ready = [&running, &store, &disk].into_iter().all(Result::is_ok);
    let told = |check: Result<(), String>| check.err().unwrap_or_else(|| "ok".to_owned());
    Checks { ready, running: told(running), store: told(store), disk: told(disk) }
}

async fn in_time(check: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::time::timeout(limits::READY_CHECK, check).await.unwrap_or_else(|_| Err("does not answer".to_owned()))
}

async fn store(state: &ApiState) -> Result<(), String> {
    let root = keys::record(&ResourcePath::root());
    let read = state.tree().ports.meta.read(&[root]).await;
    read.map(drop).map_err(|error| error.to_string())
}

async fn disk(state: &ApiState) -> Result<(), String> {
    let folder = state.star().data_dir.clone();
    // A disk behind a network can hang, and must not take a thread of the runtime with it.
    tokio::task::spawn_blocking(move || room(&folder)).await.map_err(|error| error.to_string())?
}

fn room(folder: &Path) -> Result<(), String> {
    let disk = rustix::fs::statvfs(folder).map_err(|error| error.to_string())?;
    if disk.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY) {
        return Err("read-only".to_owned());
    }
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < limits::READY_FREE_BYTES {
        return Err(format!("{free} bytes free, {} are needed", limits::READY_FREE_BYTES));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_no_room() {
        assert!(room(Path::new("/")).is_ok() || room(Path::new("/tmp")).is_ok());
        assert!(room(Path::new("/no/such/folder")).is_err());
    }
}
