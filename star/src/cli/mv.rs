//! `star mv`: moves a resource within its Space.

use super::error::CliError;
use super::paths;
use super::session::Session;
use crate::output::measure::count;

/// Move or rename a resource, with everything below it
///
/// It moves within its Space, in one moment, and no bytes are copied. What names the former path, such
/// as routes, is not rewritten; a warning says what is known to.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star mv localhost:files localhost:archive
  star mv localhost:files:/draft.md localhost:files:/docs/guide.md
  star mv localhost:files:/docs/ localhost:files:/manual/")]
pub(crate) struct Mv {
    /// Its path
    from: String,
    /// Its path from then on
    to: String,
    /// Say what would be moved, and move nothing
    #[arg(long)]
    dry_run: bool,
}

impl Mv {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let (from, to) = (paths::resource(&self.from)?, paths::resource(&self.to)?);
        let client = session.client()?;
        if self.dry_run {
            client.info(&from).await?;
            if !session.output.is_human() {
                return session.output.value(&serde_json::json!({ "dryRun": true, "move": from, "to": to }));
            }
            return session.output.line(&format!("would move {from} to {to}"));
        }
        let response = client.move_to(&from, &to).await?;
        for warning in &response.resource.warnings {
            session.output.warning(warning);
        }
        if !session.output.is_human() {
            return session.output.value(&response);
        }
        session.output.note(&format!("moved {from} to {to} ({})", count(response.moved, "resource", "resources")));
        session.output.next(&format!("star info {to}"));
        Ok(())
    }
}
