//! `star du`: how much lies below a path.

use star_client::v1::{Usage, UsageResponse};

use super::error::CliError;
use super::paths;
use super::session::Session;
use crate::output::measure;
use crate::output::table::{Align, Table};

/// Count files and bytes below a path
///
/// The Star counts; files of bundles are counted too. Distinct bytes are what is left when each content
/// counts once; with very many contents they are an estimate, and `~` stands before them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star du localhost:files
  star du localhost:files:/docs/ --depth 2
  star du localhost --depth 1 -o json")]
pub(crate) struct Du {
    /// A Space, a FileSystem, a directory, a bundle or a file
    path: String,
    /// Tell what lies below it in parts, for so many levels
    #[arg(long, short, value_name = "N", default_value_t = 0)]
    depth: u32,
}

impl Du {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let path = paths::resource(&self.path)?;
        let usage = session.client()?.usage(&path, self.depth).await?;
        if session.output.is_human() {
            return session.output.line(&table(&usage));
        }
        session.output.value(&json(&usage))
    }
}

/// The parts, and the whole at the end.
fn table(usage: &UsageResponse) -> String {
    let columns = [
        ("SIZE", Align::Right),
        ("FILES", Align::Right),
        ("DIRECTORIES", Align::Right),
        ("DISTINCT", Align::Right),
        ("PATH", Align::Left),
    ];
    let mut table = Table::new(&columns);
    let mut row = |part: &Usage, distinct: String| {
        let [files, directories] = [part.files, part.directories].map(|count| count.to_string());
        table.row(vec![measure::bytes(part.bytes), files, directories, distinct, part.path.clone()]);
    };
    usage.parts.iter().for_each(|part| row(part, String::new()));
    let sign = if usage.is_estimate { "~" } else { "" };
    row(&usage.usage, format!("{sign}{}", measure::bytes(usage.distinct_bytes)));
    table.render()
}

fn json(usage: &UsageResponse) -> serde_json::Value {
    let part = |part: &Usage| {
        serde_json::json!({
            "path": part.path, "files": part.files, "directories": part.directories, "bytes": part.bytes,
        })
    };
    let mut whole = part(&usage.usage);
    whole["distinctBytes"] = usage.distinct_bytes.into();
    whole["isEstimate"] = usage.is_estimate.into();
    whole["parts"] = usage.parts.iter().map(part).collect();
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage() -> UsageResponse {
        let part = |path: &str, files, bytes| Usage {
            path: path.into(),
            files,
            directories: files / 2,
            bytes,
            ..Default::default()
        };
        UsageResponse {
            usage: part("acme:web", 3, 3_072).into(),
            parts: vec![part("acme:web:/docs/", 2, 2_048)],
            distinct_bytes: 1_024,
            is_estimate: true,
            ..Default::default()
        }
    }

    #[test]
    fn the_whole_comes_last_with_what_is_distinct() {
        let text = table(&usage());
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[1], ["2.0", "KiB", "2", "1", "acme:web:/docs/"]);
        assert_eq!(lines[2], ["3.0", "KiB", "3", "1", "~1.0", "KiB", "acme:web"]);
    }

    #[test]
    fn numbers_are_numbers_in_json() {
        let json = json(&usage());
        assert_eq!((json["bytes"].clone(), json["distinctBytes"].clone()), (3_072.into(), 1_024.into()));
        assert_eq!(json["parts"][0]["path"], "acme:web:/docs/");
    }
}
