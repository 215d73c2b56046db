//! Running other programs, and saying which one failed.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::places::{self, Places};
use crate::stop::Stop;

/// The workspace's cargo, in the checkout, building into the target folder of [`Places`].
pub(crate) fn cargo(places: &Places) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
    if places::in_ci() {
        // What a run compiles it compiles once: keeping track of changes only costs disk.
        command.env("CARGO_INCREMENTAL", "0");
    }
    // `cargo run` describes this package to us; its children must not take that for theirs.
    forget_own_package(&mut command);
    command
}

/// Takes away what `cargo run` put into the environment to describe this package.
pub(crate) fn forget_own_package(command: &mut Command) {
    for (name, _) in env::vars_os() {
        let described =
            name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"));
        if described {
            command.env_remove(name);
        }
    }
}

/// Runs to the end with our output, and without input: no task may wait for an answer.
pub(crate) fn run(command: &mut Command) -> Result<(), Stop> {
    let status = command.stdin(Stdio::null()).status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(Stop::new(format!("`{}` ended with {status}", shown(command)))) }
}

/// Runs to the end and gives what it wrote to standard output, trimmed.
pub(crate) fn output(command: &mut Command) -> Result<String, Stop> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        return Err(Stop::new(format!("`{}` ended with {}", shown(command), output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first line of `PROGRAM --version`, or nothing where there is no such program.
pub(crate) fn version(program: &Path) -> Option<String> {
    let output = Command::new(program)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.lines().next()?.trim().to_owned())
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(command.get_program());
    let mut line = name.to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

/// The error for a program that is not there or not ours to run.
pub(crate) fn cannot_start(command: &Command, error: &std::io::Error) -> Stop {
    Stop::new(format!("could not start `{}`: {error}", shown(command)))
}
