//! What a command works with: its flags, its voice, and its Star.

use std::time::Duration;

use star_client::{Client, Token};
use star_core::lock::Fences;

use super::error::CliError;
use super::globals::Globals;
use crate::config::locate::{Located, Places, Wanted};
use crate::output::{Output, Talk};

/// What a command works with.
pub(crate) struct Session {
    /// Where it speaks.
    pub(crate) output: Output,
    /// Where this user keeps things.
    pub(crate) places: Places,
    /// What the user says about where the Star is.
    pub(crate) wanted: Wanted,
    /// Whether questions may be asked.
    pub(crate) may_ask: bool,
    /// How often `-v` was said.
    pub(crate) verbose: u8,
    timeout: Option<Duration>,
    fence: String,
}

impl Session {
    /// A session as the global flags want it.
    pub(crate) fn new(globals: &Globals) -> Session {
        let talk = if globals.quiet { Talk::Quiet } else { Talk::Normal };
        let token = std::env::var("STAR_TOKEN").ok().filter(|text| !text.trim().is_empty());
        Session {
            output: Output::new(globals.output, talk, globals.color, !globals.no_progress),
            places: Places::of_this_user(),
            wanted: Wanted {
                url: globals.url.clone().filter(|url| !url.is_empty()),
                token_file: globals.token_file.clone(),
                token: token.map(|text| Token::new(&text)),
                context: globals.context.clone().filter(|name| !name.is_empty()),
            },
            may_ask: !globals.no_input,
            verbose: globals.verbose,
            timeout: globals.timeout,
            fence: globals.fence.clone().unwrap_or_default(),
        }
    }

    /// Where the Star is.
    pub(crate) fn located(&self) -> Result<Located, CliError> {
        self.places.locate(&self.wanted)
    }

    /// A client of the Star.
    pub(crate) fn client(&self) -> Result<Client, CliError> {
        self.client_of(self.located()?)
    }

    /// A client of a Star that was found already.
    pub(crate) fn client_of(&self, located: Located) -> Result<Client, CliError> {
        if self.verbose > 0 {
            self.output.note(&format!("asking {}", located.endpoint.url));
        }
        let fence = Fences::parse(&self.fence)?.to_string();
        let client = Client::new(located.endpoint)?.with_fence(fence);
        Ok(match self.timeout {
            Some(timeout) => client.with_timeout(timeout),
            None => client,
        })
    }

    /// The fencing tokens of the locks that this user holds, as they were given; empty for none.
    pub(crate) fn fence(&self) -> &str {
        &self.fence
    }

    /// How long calls may take, if the user says so.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout
    }
}
