//! `star rm`: removes resources.

use futures::TryStreamExt;
use star_client::{Below, Client};
use star_path::{ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

use super::error::CliError;
use super::exit::Exit;
use super::once::Once;
use super::paths;
use super::session::Session;
use crate::output::measure::count;
use crate::output::report::exit_of;

/// Remove resources
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star rm localhost:files:/readme.md
  star rm -r localhost:files:/docs/
  star rm -r localhost:app --dry-run")]
pub(crate) struct Rm {
    /// Their paths
    #[arg(required = true)]
    paths: Vec<String>,
    /// Remove everything below them too
    #[arg(long, short)]
    recursive: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    once: Once,
}

impl Rm {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let paths: Vec<ResourcePath> = self.paths.iter().map(|text| paths::resource(text)).collect::<Result<_, _>>()?;
        if self.once.is_named() && paths.len() > 1 {
            return Err(CliError::usage("a key belongs to one removal")
                .hint("one command for each path, each with a key of its own"));
        }
        let client = self.once.client(session)?;
        let below = if self.recursive { Below::Remove } else { Below::Refuse };
        let (total, mut failed) = (paths.len() as u64, 0);
        for path in &paths {
            let removed = match self.refuse_tag(&client, path).await {
                Ok(()) if self.dry_run => would_remove(session, &client, path, below).await,
                Ok(()) => remove(session, &client, path, below).await,
                Err(error) => Err(error),
            };
            match removed {
                Ok(()) => {}
                // One alone is told with the exit code of its own error.
                Err(error) if total == 1 => return Err(error),
                Err(error @ (CliError::OutputClosed | CliError::Output(_))) => return Err(error),
                Err(error) => {
                    session.output.error(&error);
                    failed += 1;
                }
            }
        }
        if failed > 0 {
            return Err(CliError::Partial { failed, total, what: "removals" });
        }
        Ok(())
    }

    async fn refuse_tag(&self, client: &Client, path: &ResourcePath) -> Result<(), CliError> {
        match refuse_tag(client, path).await {
            // What was removed under this key before is answered for as it was then.
            Err(error) if self.once.is_named() && exit_of(&error) == Exit::NotFound => Ok(()),
            looked => looked,
        }
    }
}

/// A tag stands for a version in every path, and whoever removes `acme:site:beta` wants to be rid
/// of the tag and keep the version.
async fn refuse_tag(client: &Client, path: &ResourcePath) -> Result<(), CliError> {
    let may_be_a_tag = path.release().is_none() && path.digest().is_none() && path.files().is_none();
    if !may_be_a_tag || path.names().count() < 2 {
        return Ok(());
    }
    let meant = client.info(path).await?.path;
    if meant == path.as_str() {
        return Ok(());
    }
    Err(StarError::new(ErrorCode::PreconditionFailed, format!("{path} is a tag, which names {meant}"))
        .at(path)
        .hint(format!("star tag --delete {path} takes the tag away; star rm {meant} removes the version"))
        .into())
}

async fn remove(session: &Session, client: &Client, path: &ResourcePath, below: Below) -> Result<(), CliError> {
    let removed = client.delete(path, below).await?;
    if !session.output.is_human() {
        return session.output.value(&serde_json::json!({ "path": path, "removed": removed }));
    }
    session.output.note(&format!("removed {path} ({})", count(removed, "resource", "resources")));
    Ok(())
}

async fn would_remove(session: &Session, client: &Client, path: &ResourcePath, below: Below) -> Result<(), CliError> {
    client.info(path).await?;
    let mut all = vec![path.to_string()];
    if below == Below::Remove {
        let everything = match path.files() {
            Some(_) if path.is_directory() => Some(format!("{path}**")),
            Some(_) => None,
            None => Some(format!("{path}:**")),
        };
        if let Some(selector) = everything {
            let found: Vec<_> = client.list(&Selector::parse(&selector)?).try_collect().await?;
            all.extend(found.into_iter().map(|resource| resource.path).filter(|found| found != path.as_str()));
        }
    }
    if !session.output.is_human() {
        return session.output.value(&serde_json::json!({ "dryRun": true, "remove": all }));
    }
    all.iter().try_for_each(|path| session.output.line(&format!("would remove {path}")))
}
