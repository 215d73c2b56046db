//! `star cp`: copies files between this machine and Stars.
//!
//! Owns the command. Which argument is what is said by `place`, what is to be done by `plan`, and
//! it is done by `transfer`, for single files by `files`; `sum` tells what came of it.

mod entries;
mod files;
mod place;
mod plan;
mod sum;
mod transfer;

use star_client::{Condition, UploadOptions};

use super::error::CliError;
use super::session::Session;
use place::Place;
use plan::Recursion;
use transfer::Copying;

/// Copy files to a Star, from a Star, or between paths of a Star
///
/// What holds a colon is a path on the Star, everything else a file of this machine; `./a:b` is a
/// file, `-` standard input or output. Into a target that ends with `/` a file keeps its name; the
/// files of a folder (-r) appear below the target.
///
/// Of a folder only those files move that are not there already with the same bytes, so after Ctrl-C
/// the same command goes on where it stopped. Between two paths of the Star no bytes move at all;
/// media type, properties and labels of a file go along.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star cp README.md localhost:files:/readme.md
  star cp a.txt b.txt localhost:files:/texts/
  star cp -r docs localhost:files:/docs/
  star cp localhost:files:/readme.md .
  star cp -r localhost:hello:1.0.0:/ hello/
  star cp -r localhost:files:/docs/ localhost:archive:/docs-2026/
  date | star cp - localhost:files:/now.txt")]
pub(crate) struct Cp {
    /// What to copy, and where to
    #[arg(required = true, num_args = 2.., value_names = ["SOURCE", "TARGET"])]
    places: Vec<String>,
    /// Copy folders with everything in them
    #[arg(long, short)]
    recursive: bool,
    /// Media type of what is sent [default: by the ending of the name]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Refuse to replace a file of the Star
    #[arg(long, short)]
    no_clobber: bool,
    /// Say what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
}

impl Cp {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let places: Vec<Place> = self.places.iter().map(|text| Place::parse(text)).collect::<Result<_, _>>()?;
        let (target, sources) = places.split_last().expect("two arguments are required");
        let recursion = if self.recursive { Recursion::Whole } else { Recursion::FilesOnly };
        let jobs = plan::jobs(sources, target, recursion)?;
        if self.dry_run {
            return rehearse(session, &jobs);
        }
        let options = UploadOptions {
            media_type: self.content_type.clone(),
            condition: if self.no_clobber { Condition::Absent } else { Condition::Any },
        };
        let only_one = jobs.len() == 1 && !jobs[0].is_tree();
        let to_output = jobs.iter().any(plan::Job::writes_output);
        let mut copying = Copying::begin(session, session.client()?, options);
        for job in jobs {
            copying.run(job, only_one).await?;
        }
        copying.end(!to_output)
    }
}

fn rehearse(session: &Session, jobs: &[plan::Job]) -> Result<(), CliError> {
    if !session.output.is_human() {
        let copies: Vec<_> = jobs.iter().map(|job| serde_json::json!({ "from": job.from(), "to": job.to() })).collect();
        return session.output.value(&serde_json::json!({ "dryRun": true, "copy": copies }));
    }
    jobs.iter().try_for_each(|job| session.output.line(&format!("would copy {} to {}", job.from(), job.to())))
}
