//! Where things lie: the checkout, the cache folder that outlives it, the target folder.
//!
//! Nothing may rely on the cache being filled; it only saves time.

use std::env;
use std::path::{Path, PathBuf};

use crate::stop::Stop;

/// The folders that the tasks work in, all absolute.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// What may be kept between runs and between checkouts.
    pub(crate) cache: PathBuf,
    /// Cargo's target folder for the workspace.
    pub(crate) target: PathBuf,
}

impl Places {
    /// Finds the folders from the environment that `cargo run` gives to a task.
    pub(crate) fn find() -> Result<Self, Stop> {
        // At run time, because a target folder can be shared by several checkouts, and then the
        // folder known at compile time may be that of another.
        let here =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here.parent().ok_or_else(|| Stop::new("the tasks lie in no checkout"))?.to_path_buf();
        let cache = cache_home()?.join("starlane");
        let target = match env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
            Some(dir) => root.join(dir),
            // A CI run starts from a fresh clone: the dependencies survive outside of it.
            None if in_ci() => cache.join("target"),
            None => root.join("target"),
        };
        Ok(Self { root, cache, target })
    }

    /// Where built components are collected for the tests of this checkout.
    pub(crate) fn guests(&self) -> PathBuf {
        self.root.join(".xtask").join("guests")
    }

    /// The target folder of all guests: the standard library is compiled once for all of them.
    pub(crate) fn guests_target(&self) -> PathBuf {
        self.cache.join("guests")
    }

    /// Where tools of pinned versions are installed, apart from the user's own.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// Cargo's home, which holds the sources of dependencies.
    pub(crate) fn cargo_home() -> Option<PathBuf> {
        match env::var_os("CARGO_HOME").filter(|dir| !dir.is_empty()) {
            Some(dir) => Some(PathBuf::from(dir)),
            None => Some(Path::new(&env::var_os("HOME")?).join(".cargo")),
        }
    }
}

/// Whether a machine runs this, by the variable that CI services set.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|ci| ci == "true" || ci == "1")
}

fn cache_home() -> Result<PathBuf, Stop> {
    // The XDG convention: a relative path there is invalid and ignored.
    let named = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|dir| dir.is_absolute());
    named.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache"))).ok_or_else(|| {
        Stop::new("neither XDG_CACHE_HOME nor HOME is set").remedy("XDG_CACHE_HOME=/some/folder cargo xtask …")
    })
}
