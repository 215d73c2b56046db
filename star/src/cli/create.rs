//! `star create`: makes a resource.

use star_client::v1::{CreateRequest, Resource, Strategy};
use star_core::kind::Kind;
use star_core::numbers::NumberedPath;
use star_path::ResourcePath;

use super::error::CliError;
use super::once::Once;
use super::session::Session;
use super::{pairs, paths};

/// Create a resource
///
/// `star kinds` lists the kinds. Files are made by `star cp`, versions of bundles by `star publish`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star create Space localhost
  star create FileSystem localhost:files -p title='Shared files' --label team=red
  star create App localhost:app --from localhost:hello:1.0.0:/app.yaml
  star create Base localhost:projects --ensure
  star create Base localhost:projects --idempotency-key job-4711
  star create FileSystem localhost:files -p title=Files --apply
  star create Base 'localhost:projects:job-%'")]
pub(crate) struct Create {
    /// What it is, such as FileSystem
    kind: String,
    /// Its path; `%` in the last name stands for the next number
    path: String,
    /// Document that describes it, such as acme:site:1.0.0:/app.yaml
    #[arg(long, value_name = "REF")]
    from: Option<String>,
    /// Property to begin with
    #[arg(long, short, value_name = "KEY=VALUE")]
    property: Vec<String>,
    /// Label to begin with
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Resource that owns it [default: you]
    #[arg(long, value_name = "PATH")]
    owner: Option<String>,
    /// Succeed if it is there already, and leave it as it is
    #[arg(long)]
    ensure: bool,
    /// Make it, or bring properties and labels of the one that is there to what is given
    #[arg(long, conflicts_with = "ensure")]
    apply: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    once: Once,
}

impl Create {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let numbered = NumberedPath::parse(&self.path)?;
        let parent = match &numbered {
            Some(name) => Some(name.parent().clone()),
            None => paths::resource(&self.path)?.parent(),
        };
        let kind = Kind::parse(&self.kind)?;
        let strategy = self.strategy();
        let request = CreateRequest {
            path: self.path.clone(),
            kind: kind.to_string(),
            properties: pairs::map("--property", &self.property)?,
            labels: pairs::map("--label", &self.label)?,
            owner: self
                .owner
                .as_deref()
                .map(paths::resource)
                .transpose()?
                .map(|path| path.to_string())
                .unwrap_or_default(),
            strategy: strategy.into(),
            from: self
                .from
                .as_deref()
                .map(paths::resource)
                .transpose()?
                .map(|path| path.to_string())
                .unwrap_or_default(),
            ..Default::default()
        };
        if self.dry_run {
            return rehearse(session, &self.path, parent, kind).await;
        }
        let response = self.once.client(session)?.create(request).await?;
        let resource = response.resource.into_option().unwrap_or_default();
        for warning in &resource.warnings {
            session.output.warning(warning);
        }
        if !session.output.is_human() {
            return session.output.value(&resource);
        }
        let done = match (response.created, response.changed) {
            (true, _) => "created",
            (false, true) => "changed",
            (false, false) => "there already:",
        };
        session.output.note(&format!("{done} {} ({})", resource.path, resource.kind));
        session.output.next(&next(kind, &resource));
        Ok(())
    }

    fn strategy(&self) -> Strategy {
        match (self.ensure, self.apply) {
            (true, _) => Strategy::STRATEGY_ENSURE,
            (_, true) => Strategy::STRATEGY_APPLY,
            _ => Strategy::STRATEGY_CREATE,
        }
    }
}

/// Looks at what the creation depends on.
async fn rehearse(session: &Session, path: &str, parent: Option<ResourcePath>, kind: Kind) -> Result<(), CliError> {
    if let Some(parent) = parent {
        session.client()?.info(&parent).await?;
    }
    if !session.output.is_human() {
        return session.output.value(&serde_json::json!({ "dryRun": true, "create": path, "kind": kind.to_string() }));
    }
    session.output.line(&format!("would create {path} ({kind})"))
}

/// What a newcomer may want to do with it.
fn next(kind: Kind, resource: &Resource) -> String {
    let path = &resource.path;
    match kind {
        Kind::Space => format!("star create FileSystem {path}:files"),
        Kind::FileSystem => format!("star cp FILE {path}:/"),
        Kind::App => format!("star ls {path}"),
        Kind::ArtifactBundleSeries => format!("star publish FOLDER {path}:1.0.0 --tag latest"),
        Kind::Broadcast => format!("star watch {path}"),
        _ => format!("star info {path}"),
    }
}
