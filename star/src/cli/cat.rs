//! `star cat`: prints the bytes of resources.

use std::sync::Arc;

use star_client::{Client, Part, Progress, silent};
use star_path::ResourcePath;

use super::error::CliError;
use super::paths;
use super::session::Session;

/// Print the bytes of files
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star cat localhost:files:/readme.md
  star cat localhost:hello:latest:/routes.conf
  star cat --from 1000 localhost:files:/log.txt | less")]
pub(crate) struct Cat {
    /// Their paths
    #[arg(required = true)]
    paths: Vec<String>,
    /// Begin at this byte, counted from 0
    #[arg(long, value_name = "BYTE")]
    from: Option<u64>,
    /// Print the last so many bytes
    #[arg(long, value_name = "BYTES", conflicts_with = "from")]
    last: Option<u64>,
}

impl Cat {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let paths: Vec<ResourcePath> = self.paths.iter().map(|text| paths::resource(text)).collect::<Result<_, _>>()?;
        let client = session.client()?;
        let part = match (self.from, self.last) {
            (Some(first), _) => Part::From(first),
            (None, Some(count)) => Part::Last(count),
            (None, None) => Part::All,
        };
        for path in &paths {
            print(session, &client, path, part, silent()).await?;
        }
        Ok(())
    }
}

/// Writes the bytes of a resource to standard output. Returns how many there were.
pub(super) async fn print(
    session: &Session,
    client: &Client,
    path: &ResourcePath,
    part: Part,
    progress: Arc<dyn Progress>,
) -> Result<u64, CliError> {
    let mut download = client.download(path, part, progress).await?;
    let mut bytes = 0;
    while let Some(piece) = download.next_piece().await? {
        session.output.bytes(&piece)?;
        bytes += piece.len() as u64;
    }
    session.output.flush()?;
    Ok(bytes)
}
