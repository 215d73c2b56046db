//! `star login`: remembers a Star and its key as a context.

use star_client::{Client, Endpoint, Token};

use super::error::CliError;
use super::session::Session;
use super::{secret, stdin};
use crate::config::contexts::{Context, Contexts, name_of};
use crate::config::locate::given_token;

/// Log in to a Star: check a key and remember both as a context
///
/// The key is asked for, or comes from STAR_TOKEN, --token-file or standard input; never from the
/// command line, where others could read it. Without URL the context that --context names is used
/// from now on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star login https://star.example.com
  star login http://10.0.0.7:4343 --name office --token-file admin.token
  star login https://star.example.com --token-stdin < key.txt
  star login --context office")]
pub(crate) struct Login {
    /// URL of the Star's API
    #[arg(value_name = "URL")]
    address: Option<String>,
    /// Name of the context [default: host and port of the URL]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Read the key from standard input
    #[arg(long)]
    token_stdin: bool,
}

impl Login {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let file = session.places.contexts.clone();
        let file = file.ok_or_else(|| CliError::usage("this user has no home folder to keep contexts in"))?;
        let mut contexts = Contexts::read(&file)?;
        let (name, url, known) = self.star(session, &contexts)?;
        let token = self.token(session, &url, known).await?;
        let client = session.client_of(crate::config::locate::Located {
            endpoint: Endpoint { url, token: Some(token.clone()) },
            source: crate::config::locate::Source::Given,
        })?;
        let agent = recognised(&client).await?;
        contexts.save(&name, Context::new(client.url(), &token));
        contexts.write(&file)?;
        if !session.output.is_human() {
            let value = serde_json::json!({ "context": name, "url": client.url(), "agent": agent });
            return session.output.value(&value);
        }
        session.output.note(&format!("logged in to {} as {agent}, context `{name}`", client.url()));
        session.output.next("star ls");
        Ok(())
    }

    /// Name, URL, and the key that is known already, of the Star to log in to.
    fn star(&self, session: &Session, contexts: &Contexts) -> Result<(String, String, Option<Token>), CliError> {
        if let Some(url) = self.address.as_ref().or(session.wanted.url.as_ref()) {
            let name = self.name.clone().or_else(|| session.wanted.context.clone());
            return Ok((name.unwrap_or_else(|| name_of(url)), url.clone(), None));
        }
        if let Some(name) = &session.wanted.context {
            let context = contexts.named(name)?;
            return Ok((self.name.clone().unwrap_or_else(|| name.clone()), context.url.clone(), Some(context.token())));
        }
        Err(CliError::usage("which Star?").hint("star login URL; commands on the machine of a Star need no login"))
    }

    async fn token(&self, session: &Session, url: &str, known: Option<Token>) -> Result<Token, CliError> {
        if self.token_stdin {
            return secret::read().await;
        }
        if let Some(token) = given_token(&session.wanted)?.or(known) {
            return Ok(token);
        }
        if !session.may_ask || !stdin::is_terminal() {
            return Err(CliError::usage("no key was given").hint("--token-stdin, --token-file FILE or STAR_TOKEN"));
        }
        secret::ask(&format!("Key for {url}: ")).await
    }
}

/// Who the key stands for.
async fn recognised(client: &Client) -> Result<String, CliError> {
    let who = client.who_am_i().await?;
    if who.agent.is_empty() {
        let error = star_wire::StarError::new(star_wire::ErrorCode::LoginNeeded, "the Star does not know this key");
        return Err(error.hint("the key of a Star is in `admin.token` of its data folder").into());
    }
    Ok(who.agent)
}
