//! `star gc`: takes away what nobody needs, and says what that is.

use std::time::Duration;

use star_client::v1::{CollectResponse, WhyResponse};

use super::error::CliError;
use super::session::Session;
use super::{paths, time};
use crate::output::measure::{bytes, count};

/// Take away bytes that nobody refers to, or say what keeps them
///
/// A Star does this by itself once an hour. What nobody refers to stays for a day of its running time
/// and comes back when somebody refers to it in between; nobody who reads or writes waits for it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star gc plan
  star gc run
  star gc run --grace 0s
  star gc why acme:web:/index.html
  star gc why sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
pub(crate) struct Gc {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Say what a run would do, and do nothing
    Plan,
    /// Do it now
    Run {
        /// Also when it is more than a fifth of all bytes
        #[arg(long)]
        force: bool,
        /// How long what nobody refers to stays, e.g. 12h; 0s takes it away at once [default: 1d]
        #[arg(long, value_name = "TIME", value_parser = grace)]
        grace: Option<Duration>,
    },
    /// Say what keeps the bytes of a resource, or a content by its digest
    Why {
        /// The path of a resource, or a digest
        what: String,
    },
}

/// Reads a time, which may be none at all.
fn grace(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        text => time(text),
    }
}

impl Gc {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let client = session.client()?;
        match self.action {
            Action::Plan => told(session, &client.collect(true, true, None).await?, true),
            Action::Run { force, grace } => told(session, &client.collect(false, force, grace).await?, false),
            Action::Why { what } => {
                let why = match star_path::Digest::parse(&what) {
                    Ok(digest) => client.why_digest(&digest.to_string()).await?,
                    Err(_) => client.why_path(paths::resource(&what)?.as_str()).await?,
                };
                reasons(session, &why)
            }
        }
    }
}

/// Tells what a run did, or would do.
fn told(session: &Session, run: &CollectResponse, plan: bool) -> Result<(), CliError> {
    if !session.output.is_human() {
        return session.output.value(run);
    }
    let output = &session.output;
    output.line(&format!("looked at {} with {}", count(run.contents, "content", "contents"), bytes(run.bytes)))?;
    if run.packs > 0 {
        output.line(&format!(
            "{} that {} full: {}, of which {} are needed",
            count(run.packs, "pack", "packs"),
            if run.packs == 1 { "is" } else { "are" },
            bytes(run.pack_bytes),
            bytes(run.live_bytes),
        ))?;
    }
    let would = |done: &'static str, planned: &'static str| if plan { planned } else { done };
    let lines = [
        (
            run.condemned,
            format!(
                "{} with {} {} referred to by nobody and {} when the time of grace is over",
                count(run.condemned, "content", "contents"),
                bytes(run.condemned_bytes),
                if run.condemned == 1 { "is" } else { "are" },
                if run.condemned == 1 { "goes" } else { "go" },
            ),
        ),
        (run.waiting, format!("{} of before, for which it is not over", count(run.waiting, "content", "contents"))),
        (run.revived, format!("{} to which somebody refers again", count(run.revived, "content", "contents"))),
        (
            run.removed,
            format!("{} {}", count(run.removed, "content", "contents"), would("removed", "would be removed")),
        ),
        (
            run.packs_removed,
            format!(
                "{} {}, {}",
                count(run.packs_removed, "pack", "packs"),
                would("removed", "would be removed"),
                bytes(run.freed_bytes),
            ),
        ),
        (
            run.packs_copied,
            format!(
                "{} {}, {}, so that {} can go",
                count(run.packs_copied, "sparse pack", "sparse packs"),
                would("copied", "would be copied"),
                bytes(run.copied_bytes),
                if run.packs_copied == 1 { "it" } else { "they" },
            ),
        ),
    ];
    let mut nothing = true;
    for (_, line) in lines.into_iter().filter(|(number, _)| *number > 0) {
        nothing = false;
        output.line(&line)?;
    }
    if nothing {
        output.note("there is nothing to take away");
    }
    Ok(())
}

/// Tells what keeps a content.
fn reasons(session: &Session, why: &WhyResponse) -> Result<(), CliError> {
    if !session.output.is_human() {
        return session.output.value(why);
    }
    let output = &session.output;
    output.line(&why.digest)?;
    for path in &why.resources {
        output.line(&format!("  is what {path} has as its bytes"))?;
    }
    for digest in &why.named_by {
        output.line(&format!("  is named by {digest}"))?;
    }
    if why.awaited {
        output.line("  was sent, and is about to be referred to")?;
    }
    if why.condemned {
        output.line("  is referred to by nobody, and goes when the time of grace is over")?;
    } else if why.resources.is_empty() && why.named_by.is_empty() && !why.awaited {
        output.line("  is referred to by nobody, which the next run of the collector finds")?;
    }
    Ok(())
}
