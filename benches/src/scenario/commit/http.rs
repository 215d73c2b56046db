//! A running Star, and the script that creates resources in it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::{Committer, PARENTS};
use crate::failure::Failure;
use crate::figures::Measure;
use crate::load;
use crate::star::Star;

/// What makes `wrk` create resources.
const CREATE: &str = include_str!("../../load/create.lua");

pub(super) struct Http {
    star: Star,
    script: PathBuf,
    runs: AtomicU64,
}

impl Http {
    pub(super) async fn open(star: Star, scratch: &Path) -> Result<Http, Failure> {
        let script = scratch.join("create.lua");
        load::script(&script, &CREATE.replace("KEY", &star.key()?))?;
        star.run(&["create", "Space", "bench"]).await?;
        let parents = (0..PARENTS).map(|parent| format!(r#"{{"path":"bench:p{parent}","kind":"Base"}}"#));
        load::posts(&star.api("/starlane.v1.Resources/Create"), &star.key()?, parents, scratch).await?;
        Ok(Http { star, script, runs: AtomicU64::new(0) })
    }
}

#[async_trait]
impl Committer for Http {
    async fn measure(&self, clients: usize, parents: usize, time: Duration) -> Result<Measure, Failure> {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let arguments = [run.to_string(), parents.to_string()];
        load::requests("star", &self.star.api("/"), clients, time, &self.script, &arguments).await
    }
}
