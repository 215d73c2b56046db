//! What a running Star tells commands on the same machine: where it answers and where its key is.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use star_http::server::Listener;

use super::{DataDir, ServeError};

/// The form of the line. A line that says none is of this form, too.
const SCHEMA: u32 = 1;

/// The line of JSON that says where a Star answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// The form that the line is in.
    #[serde(default = "first_schema")]
    pub(crate) schema: u32,
    /// The URL of the API.
    pub(crate) api: String,
    /// The URL of the web router.
    pub(crate) web: String,
    /// The file that holds the admin key.
    pub(crate) token_file: PathBuf,
    /// The process.
    pub(crate) pid: u32,
    /// The release.
    pub(crate) version: String,
}

fn first_schema() -> u32 {
    SCHEMA
}

impl Ready {
    pub(super) fn now(data: &DataDir, api: &Listener, web: &Listener) -> Ready {
        Ready {
            schema: SCHEMA,
            api: api.url(),
            web: web.url(),
            token_file: data.token_file(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Writes the line where commands look for it, and where the user asked for it.
    pub(super) fn announce(&self, data: &DataDir, also: Option<&Path>) -> Result<(), ServeError> {
        for path in [Some(data.ready_file().as_path()), also].into_iter().flatten() {
            self.write(path).map_err(|source| ServeError::File { action: "write", path: path.to_owned(), source })?;
        }
        Ok(())
    }

    /// Takes the line away again, so that nobody looks for a Star that has ended.
    pub(super) fn withdraw(&self, data: &DataDir) {
        if let Err(error) = fs::remove_file(data.ready_file()) {
            tracing::warn!(%error, "ready.json could not be removed");
        }
    }

    /// The Star that runs on this folder; none when none does. A line that a killed Star left
    /// behind does not count.
    pub(crate) fn of_running_star(data_dir: &Path) -> Option<Ready> {
        let line = fs::read_to_string(data_dir.join("ready.json")).ok()?;
        let ready: Ready = serde_json::from_str(&line).ok()?;
        if ready.schema != SCHEMA {
            return None;
        }
        let pid = rustix::process::Pid::from_raw(i32::try_from(ready.pid).ok()?)?;
        let lives = !matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH));
        lives.then_some(ready)
    }

    /// Written beside and renamed, because whoever waits for the file reads it at once.
    fn write(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension("draft");
        let mut file = fs::File::create(&draft)?;
        writeln!(file, "{}", serde_json::to_string(self)?)?;
        fs::rename(&draft, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_this_form_is_read_with_or_without_saying_so_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let pid = std::process::id();
        let found = |schema: &str| {
            let line = format!(r#"{{{schema}"api":"a","web":"w","token_file":"t","pid":{pid},"version":"0.1.0"}}"#);
            fs::write(folder.path().join("ready.json"), line).unwrap();
            Ready::of_running_star(folder.path()).map(|ready| ready.schema)
        };
        assert_eq!(found(""), Some(1), "as release 0.1.0 wrote it");
        assert_eq!(found(r#""schema":1,"#), Some(1));
        assert_eq!(found(r#""schema":2,"#), None);
    }
}
