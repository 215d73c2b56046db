//! Contexts: Stars that the user has logged in to, each with its key, under a name.
//!
//! They live in one JSON file of the user's configuration directory that nobody else can read.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::{Deserialize, Serialize};
use star_client::Token;

use crate::cli::error::CliError;

/// The form of the file. A file that says none is of this form, and so it is not written: programs
/// that know no other would refuse it.
const SCHEMA: u32 = 1;

/// A Star that the user has logged in to.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Context {
    /// URL of its API.
    pub(crate) url: String,
    key: String,
}

impl Context {
    pub(crate) fn new(url: &str, token: &Token) -> Context {
        Context { url: url.to_owned(), key: token.secret().to_owned() }
    }

    /// The key that opens it.
    pub(crate) fn token(&self) -> Token {
        Token::new(&self.key)
    }
}

/// All contexts, and which of them is used when nobody names one.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contexts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<u32>,
    current: Option<String>,
    #[serde(default)]
    contexts: BTreeMap<String, Context>,
}

/// The file that holds the contexts.
pub(crate) fn default_file() -> Option<PathBuf> {
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("starlane").join("contexts.json"))
}

impl Contexts {
    /// Reads a file; one that is not there holds no contexts.
    pub(crate) fn read(file: &Path) -> Result<Contexts, CliError> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contexts::default()),
            Err(error) => return Err(CliError::file("read the contexts in", file)(error)),
        };
        let contexts: Contexts =
            serde_json::from_str(&text).map_err(|error| CliError::file("read the contexts in", file)(error.into()))?;
        match contexts.schema.unwrap_or(SCHEMA) {
            SCHEMA => Ok(contexts),
            other => {
                let what = format!("the file is of schema {other}, and this release knows {SCHEMA}: update it");
                Err(CliError::file("read the contexts in", file)(io::Error::new(io::ErrorKind::InvalidData, what)))
            }
        }
    }

    /// Writes the file, readable by its owner alone, whole or not at all.
    pub(crate) fn write(&self, file: &Path) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(self).expect("a map of texts is always JSON");
        write_private(file, &format!("{text}\n")).map_err(CliError::file("write the contexts to", file))
    }

    /// The context of this name.
    pub(crate) fn named(&self, name: &str) -> Result<&Context, CliError> {
        self.contexts.get(name).ok_or_else(|| {
            let known = self.contexts.keys().cloned().collect();
            CliError::NoContext { name: name.to_owned(), known }
        })
    }

    /// The context that is used when nobody names one.
    pub(crate) fn current(&self) -> Option<(&str, &Context)> {
        let name = self.current.as_deref()?;
        self.contexts.get(name).map(|context| (name, context))
    }

    /// The context whose Star is at this URL.
    pub(crate) fn at(&self, url: &str) -> Option<&Context> {
        self.contexts.values().find(|context| same_url(&context.url, url))
    }

    /// Adds or replaces a context and makes it the current one.
    pub(crate) fn save(&mut self, name: &str, context: Context) {
        self.contexts.insert(name.to_owned(), context);
        self.current = Some(name.to_owned());
    }

    /// Forgets a context with its key.
    pub(crate) fn forget(&mut self, name: &str) -> Result<Context, CliError> {
        self.named(name)?;
        if self.current.as_deref() == Some(name) {
            self.current = None;
        }
        Ok(self.contexts.remove(name).expect("it was found a moment ago"))
    }
}

/// Whether two texts name the same Star.
pub(crate) fn same_url(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

/// The name of a context that is not given one: the host and port of its URL.
pub(crate) fn name_of(url: &str) -> String {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.trim_end_matches('/').to_ascii_lowercase()
}

fn write_private(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let draft = file.with_extension(format!("{}.draft", std::process::id()));
    let mut writer = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    // A draft that was left behind keeps the mode it had.
    writer.set_permissions(Permissions::from_mode(0o600))?;
    writer.write_all(text.as_bytes())?;
    writer.sync_all()?;
    fs::rename(&draft, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(url: &str) -> Context {
        Context::new(url, &Token::new("a-key"))
    }

    #[test]
    fn contexts_come_back_from_a_file_that_only_their_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config/starlane/contexts.json");
        assert!(Contexts::read(&file).unwrap().current().is_none());
        let mut contexts = Contexts::default();
        contexts.save("work", context("https://star.example.com"));
        contexts.save("home", context("http://127.0.0.1:4343/"));
        contexts.write(&file).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let read = Contexts::read(&file).unwrap();
        assert_eq!(read.current().unwrap().0, "home");
        assert_eq!(read.named("work").unwrap().token().secret(), "a-key");
        assert!(read.at("http://127.0.0.1:4343").is_some());
        assert!(read.at("http://127.0.0.1:4344").is_none());
        fs::write(&file, r#"{"schema":1,"current":null}"#).unwrap();
        assert!(Contexts::read(&file).unwrap().current().is_none());
    }

    #[test]
    fn a_forgotten_context_is_not_the_current_one() {
        let mut contexts = Contexts::default();
        contexts.save("a", context("http://a"));
        assert!(contexts.forget("b").is_err());
        contexts.forget("a").unwrap();
        assert!(contexts.current().is_none() && contexts.named("a").is_err());
    }

    #[test]
    fn a_file_that_cannot_be_understood_is_an_error_and_not_overlooked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("contexts.json");
        for text in ["", "[]", "{\"contexts\": {\"a\": {}}}", "{\"other\": 1}", "{\"schema\": 2}"] {
            fs::write(&file, text).unwrap();
            assert!(matches!(Contexts::read(&file), Err(CliError::File { .. })), "{text}");
        }
    }

    #[test]
    fn a_context_is_named_after_its_host() {
        assert_eq!(name_of("https://Star.example.com/"), "star.example.com");
        assert_eq!(name_of("http://127.0.0.1:4343"), "127.0.0.1:4343");
    }
}
