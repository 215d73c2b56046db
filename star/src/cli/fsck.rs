//! `star fsck`: reads all bytes of a Star that runs, and tells what is damaged.

use star_client::v1::{CheckResponse, DamagedPack};

use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use crate::output::measure::{bytes, count, span};
use crate::output::say;
use crate::progress::Transfer;

/// Read every pack of a Star that runs, and tell what is damaged
///
/// Packs that are still being written, for five minutes at most, are left out. Names the files, and the
/// resources that cannot be read for it. `star store check` does the same for the
/// folder of a Star that does not run, its log included.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star fsck
  star fsck -o json")]
pub(crate) struct Fsck {}

impl Fsck {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let transfer = Transfer::begin(&session.output);
        let checked = session.client()?.check_contents().await;
        transfer.end();
        let checked = checked?;
        if !session.output.is_human() {
            session.output.value(&checked)?;
        } else {
            let CheckResponse { packs, frames, bytes: read, .. } = &checked;
            session.output.line(&format!(
                "read {} with {} ({}) in {}",
                count(*packs, "pack", "packs"),
                count(*frames, "frame", "frames"),
                bytes(*read),
                span(transfer.elapsed()),
            ))?;
            checked.damaged.iter().for_each(|damaged| tell(session, damaged));
        }
        if !checked.damaged.is_empty() {
            return Err(CliError::Told(Exit::Unexpected));
        }
        session.output.note("nothing is damaged");
        Ok(())
    }
}

fn tell(session: &Session, damaged: &DamagedPack) {
    let paint = session.output.paint();
    let text = format!("{}: {}", damaged.file, damaged.what);
    say(&format!("{}: {}\n", paint.error("damaged"), star_path::caret::visible(&text)));
    for content in &damaged.contents {
        let resources =
            if content.resources.is_empty() { content.digest.clone() } else { content.resources.join(", ") };
        say(&format!("  cannot be read: {}\n", star_path::caret::visible(&resources)));
    }
    let remedy = "write again what cannot be read, or restore it from a backup; what else lies in the pack is whole";
    say(&format!("{}: {remedy}\n", paint.hint("hint")));
}
