//! Where the Star is: flags, then the environment, then contexts, then the Star of this machine.

use std::path::PathBuf;

use star_client::{Endpoint, Token};

use super::contexts::{self, Contexts, same_url};
use crate::cli::error::CliError;
use crate::serve::{Ready, default_data_dir};

/// What the user says about where the Star is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// `--url` or `STAR_URL`.
    pub(crate) url: Option<String>,
    /// `--token-file`.
    pub(crate) token_file: Option<PathBuf>,
    /// `STAR_TOKEN`.
    pub(crate) token: Option<Token>,
    /// `--context`.
    pub(crate) context: Option<String>,
}

/// Where the address of a Star came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Flags or the environment.
    Given,
    /// A context.
    Context(String),
    /// The Star that runs on this machine.
    ThisMachine,
}

/// A Star that can be tried.
#[derive(Debug, Clone)]
pub(crate) struct Located {
    /// Its address and key.
    pub(crate) endpoint: Endpoint,
    /// Where the address came from.
    pub(crate) source: Source,
}

/// The places that are looked at.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The file of contexts; none for users without a home.
    pub(crate) contexts: Option<PathBuf>,
    /// The data directory of this machine's Star.
    pub(crate) data_dir: Option<PathBuf>,
}

impl Places {
    /// Those of this user.
    pub(crate) fn of_this_user() -> Places {
        let data_dir = std::env::var_os("STAR_DATA").filter(|dir| !dir.is_empty()).map(PathBuf::from);
        Places { contexts: contexts::default_file(), data_dir: data_dir.or_else(default_data_dir) }
    }

    /// The contexts of this user.
    pub(crate) fn contexts(&self) -> Result<Contexts, CliError> {
        self.contexts.as_deref().map_or_else(|| Ok(Contexts::default()), Contexts::read)
    }

    /// The Star that runs on this machine.
    pub(crate) fn running(&self) -> Option<Ready> {
        Ready::of_running_star(self.data_dir.as_deref()?)
    }

    /// The Star that the user means.
    pub(crate) fn locate(&self, wanted: &Wanted) -> Result<Located, CliError> {
        let mut located = self.address(wanted)?;
        if let Some(token) = given_token(wanted)? {
            located.endpoint.token = Some(token);
        }
        Ok(located)
    }

    /// The address, and the key that is known for it.
    fn address(&self, wanted: &Wanted) -> Result<Located, CliError> {
        let contexts = self.contexts()?;
        if let Some(name) = &wanted.context {
            let context = contexts.named(name)?;
            let url = wanted.url.clone().unwrap_or_else(|| context.url.clone());
            // The key of one Star is never shown to another.
            let token = same_url(&url, &context.url).then(|| context.token());
            return Ok(Located { endpoint: Endpoint { url, token }, source: Source::Context(name.clone()) });
        }
        if let Some(url) = &wanted.url {
            let token = match contexts.at(url) {
                Some(context) => Some(context.token()),
                None => self
                    .running()
                    .filter(|ready| same_url(&ready.api, url))
                    .map(|ready| token_of(&ready))
                    .transpose()?,
            };
            return Ok(Located { endpoint: Endpoint { url: url.clone(), token }, source: Source::Given });
        }
        if let Some((name, context)) = contexts.current() {
            let endpoint = Endpoint { url: context.url.clone(), token: Some(context.token()) };
            return Ok(Located { endpoint, source: Source::Context(name.to_owned()) });
        }
        let Some(ready) = self.running() else {
            return Err(CliError::NoStar { looked_in: self.data_dir.clone() });
        };
        // Whoever may not read the key of the Star is a stranger to it, and told so by it.
        let token = token_of(&ready).ok();
        Ok(Located { endpoint: Endpoint { url: ready.api, token }, source: Source::ThisMachine })
    }
}

fn token_of(ready: &Ready) -> Result<Token, CliError> {
    Ok(Token::read_file(&ready.token_file)?)
}

/// The key that the user names, which goes before every key that is known.
pub(crate) fn given_token(wanted: &Wanted) -> Result<Option<Token>, CliError> {
    match &wanted.token_file {
        Some(file) => Ok(Some(Token::read_file(file)?)),
        None => Ok(wanted.token.clone()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::config::contexts::Context;

    struct Machine {
        _folder: tempfile::TempDir,
        places: Places,
    }

    fn machine() -> Machine {
        let folder = tempfile::tempdir().unwrap();
        let places =
            Places { contexts: Some(folder.path().join("contexts.json")), data_dir: Some(folder.path().join("data")) };
        fs::create_dir(folder.path().join("data")).unwrap();
        Machine { _folder: folder, places }
    }

    impl Machine {
        fn log_in(&self, name: &str, url: &str, key: &str) {
            let mut contexts = self.places.contexts().unwrap();
            contexts.save(name, Context::new(url, &Token::new(key)));
            contexts.write(self.places.contexts.as_deref().unwrap()).unwrap();
        }

        fn run_star(&self, url: &str, pid: u32) {
            let data = self.places.data_dir.as_deref().unwrap();
            let token_file = data.join("admin.token");
            fs::write(&token_file, "local-key\n").unwrap();
            let ready = Ready { schema: 1, api: url.into(), web: url.into(), token_file, pid, version: "1".into() };
            fs::write(data.join("ready.json"), serde_json::to_string(&ready).unwrap()).unwrap();
        }

        fn find(&self, wanted: &Wanted) -> (String, Option<String>) {
            let located = self.places.locate(wanted).ok().unwrap();
            (located.endpoint.url, located.endpoint.token.map(|token| token.secret().to_owned()))
        }
    }

    fn at(url: &str) -> Wanted {
        Wanted { url: Some(url.into()), ..Wanted::default() }
    }

    #[test]
    fn the_star_of_this_machine_is_found_with_its_key() {
        let machine = machine();
        assert!(matches!(machine.places.locate(&Wanted::default()), Err(CliError::NoStar { .. })));
        machine.run_star("http://127.0.0.1:1", std::process::id());
        assert_eq!(machine.find(&Wanted::default()), ("http://127.0.0.1:1".into(), Some("local-key".into())));
    }

    #[test]
    fn a_star_that_has_died_does_not_count() {
        let machine = machine();
        machine.run_star("http://127.0.0.1:1", i32::MAX as u32);
        assert!(matches!(machine.places.locate(&Wanted::default()), Err(CliError::NoStar { .. })));
    }

    #[test]
    fn flags_go_before_contexts_and_contexts_before_this_machine() {
        let machine = machine();
        machine.run_star("http://local", std::process::id());
        machine.log_in("office", "http://office", "office-key");
        machine.log_in("home", "http://home", "home-key");
        assert_eq!(machine.find(&Wanted::default()), ("http://home".into(), Some("home-key".into())));
        let named = Wanted { context: Some("office".into()), ..Wanted::default() };
        assert_eq!(machine.find(&named), ("http://office".into(), Some("office-key".into())));
        assert_eq!(machine.find(&at("http://office/")).1, Some("office-key".into()));
        assert_eq!(machine.find(&at("http://local")).1, Some("local-key".into()));
    }

    #[test]
    fn the_key_of_one_star_is_not_shown_to_another() {
        let machine = machine();
        machine.run_star("http://local", std::process::id());
        machine.log_in("office", "http://office", "office-key");
        assert_eq!(machine.find(&at("http://elsewhere")).1, None);
        let both = Wanted { context: Some("office".into()), ..at("http://elsewhere") };
        assert_eq!(machine.find(&both).1, None);
    }

    #[test]
    fn a_key_that_is_given_goes_before_all_others() {
        let machine = machine();
        machine.log_in("office", "http://office", "office-key");
        let given = Wanted { token: Some(Token::new("given")), ..Wanted::default() };
        assert_eq!(machine.find(&given).1, Some("given".into()));
        let file = machine.places.data_dir.as_deref().unwrap().join("key");
        fs::write(&file, "from-file\n").unwrap();
        let both = Wanted { token_file: Some(file), ..given };
        assert_eq!(machine.find(&both).1, Some("from-file".into()));
    }
}
