//! `star uploads`: uploads in several requests that are not finished.

use star_client::OpenUpload;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::error::CliError;
use super::paths;
use super::session::Session;
use crate::output::measure;
use crate::output::table::{Align, Table};

/// List or cancel uploads that are not finished
///
/// Clients of tus and of resumable uploads send a file in several requests. What has come is kept for a
/// day after the last of it, so that they can go on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star uploads ls
  star uploads ls localhost:files
  star uploads cancel localhost:files:/film.mp4")]
pub(crate) struct Uploads {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them, and how far they have come
    Ls {
        /// Only those to this path or below it
        path: Option<String>,
    },
    /// Forget those to a file, and what came of them
    Cancel {
        /// Path of the file
        path: String,
        /// Only the one of this name, as `star uploads ls` shows it
        #[arg(long)]
        id: Option<String>,
    },
}

impl Uploads {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        match self.action {
            Action::Ls { path } => {
                let path = path.map_or(Ok(ResourcePath::root()), |path| paths::resource(&path))?;
                list(session, &path).await
            }
            Action::Cancel { path, id } => cancel(session, &paths::resource(&path)?, id.as_deref()).await,
        }
    }
}

async fn list(session: &Session, path: &ResourcePath) -> Result<(), CliError> {
    let uploads = session.client()?.uploads(path).await?;
    match session.output.is_human() {
        true if uploads.is_empty() => {
            session.output.note("there are no uploads that are not finished");
            Ok(())
        }
        true => session.output.line(&table(&uploads)),
        false => session.output.values(&uploads),
    }
}

fn table(uploads: &[OpenUpload]) -> String {
    let mut table = Table::new(&[
        ("FILE", Align::Left),
        ("CAME", Align::Right),
        ("OF", Align::Right),
        ("KEPT UNTIL", Align::Left),
        ("ID", Align::Left),
    ]);
    for upload in uploads {
        let until_s = i64::try_from(upload.until_ms / 1000).unwrap_or(i64::MAX);
        table.row(vec![
            upload.path.clone(),
            measure::bytes(upload.offset),
            upload.length.map_or_else(|| "?".to_owned(), measure::bytes),
            measure::moment(until_s),
            upload.id.clone(),
        ]);
    }
    table.render()
}

async fn cancel(session: &Session, path: &ResourcePath, id: Option<&str>) -> Result<(), CliError> {
    let client = session.client()?;
    let meant = |upload: &OpenUpload| upload.path == path.as_str() && id.is_none_or(|id| id == upload.id);
    let uploads: Vec<OpenUpload> = client.uploads(path).await?.into_iter().filter(meant).collect();
    if uploads.is_empty() {
        let error = StarError::new(ErrorCode::NotFound, format!("there is no such upload to {path}")).at(path);
        return Err(error.hint("`star uploads ls` lists them").into());
    }
    for upload in &uploads {
        client.cancel_upload(path, &upload.id).await?;
    }
    let cancelled = measure::count(uploads.len() as u64, "upload", "uploads");
    session.output.note(&format!("cancelled {cancelled} to {path}"));
    Ok(())
}
