//! Programs that are built from the package registry, at versions that we pin.
//!
//! They go into a folder of the cache and never into the user's own, so that neither disturbs
//! the other. Building one takes minutes, once.

use std::fs;
use std::path::PathBuf;

use super::Voice;
use crate::places::Places;
use crate::shell;
use crate::stop::Stop;

/// A package of the registry that installs one program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    package: &'static str,
    program: &'static str,
    version: &'static str,
    why: &'static str,
}

pub(super) const CARGO_DENY: Tool = Tool {
    package: "cargo-deny",
    program: "cargo-deny",
    version: "0.20.2",
    why: "checks bans, licences and sources of dependencies",
};

/// The version that the workspace's own engine has, or the comparison would be of two engines.
pub(super) const WASMTIME: Tool = Tool {
    package: "wasmtime-cli",
    program: "wasmtime",
    version: "48.0.8",
    why: "the peer for components that answer HTTP",
};

/// Installs `tool` unless it is there at its version; gives where the program is.
pub(super) fn install(places: &Places, tool: &Tool, voice: Voice) -> Result<PathBuf, Stop> {
    let program = places.tools().join("bin").join(tool.program);
    if shell::version(&program).is_some_and(|line| says_version(&line, tool.version)) {
        voice.present(&format!("{} {} ({})", tool.program, tool.version, tool.why));
        return Ok(program);
    }
    println!("building {} {} ({}); this takes minutes, once", tool.package, tool.version, tool.why);
    let scratch = places.tools().join(format!("target-{}", tool.program));
    shell::run(
        shell::cargo(places)
            .args(["install", "--quiet", "--locked", "--force"])
            .args([tool.package, "--version", tool.version, "--root"])
            .arg(places.tools())
            .env("CARGO_TARGET_DIR", &scratch),
    )?;
    fs::remove_dir_all(&scratch).map_err(|error| Stop::io("remove", &scratch, &error))?;
    Ok(program)
}

/// Whether a line such as `wasmtime 48.0.8 (rev date)` names exactly this version.
fn says_version(line: &str, version: &str) -> bool {
    line.split_whitespace().any(|word| word == version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_version_is_another_version() {
        assert!(says_version("wasmtime 48.0.8 (abc 2026-01-01)", "48.0.8"));
        assert!(!says_version("wasmtime 48.0.81", "48.0.8"));
        assert!(!says_version("cargo-deny 0.20.21", "0.20.2"));
    }
}
