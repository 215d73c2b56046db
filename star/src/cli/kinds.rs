//! `star kinds`: the table of kinds.

use star_client::v1::Kind;
use star_wire::{ErrorCode, StarError};

use super::error::CliError;
use super::session::Session;
use crate::output::table::{Align, Table, facts};

/// List the kinds of resources, or show everything about one kind
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star kinds
  star kinds FileSystem")]
pub(crate) struct Kinds {
    /// Name of a kind
    kind: Option<String>,
}

impl Kinds {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let kinds = session.client()?.kinds().await?;
        let Some(name) = self.kind else {
            return match session.output.is_human() {
                true => session.output.line(&table(&kinds)),
                false => session.output.values(&kinds),
            };
        };
        let found = kinds.iter().find(|kind| kind.name.eq_ignore_ascii_case(&name));
        let kind = found.ok_or_else(|| unknown(&name, &kinds))?;
        match session.output.is_human() {
            true => session.output.line(&description(kind)),
            false => session.output.value(kind),
        }
    }
}

fn unknown(name: &str, kinds: &[Kind]) -> CliError {
    let error = StarError::new(ErrorCode::UnknownKind, format!("there is no kind `{name}`"));
    let near = star_path::suggest::nearest(name, kinds.iter().map(|kind| kind.name.as_str()));
    match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")).into(),
        None => error.hint("`star kinds` lists them all").into(),
    }
}

fn table(kinds: &[Kind]) -> String {
    let mut table = Table::new(&[("KIND", Align::Left), ("BELOW", Align::Left), ("WHAT IT IS", Align::Left)]);
    for kind in kinds {
        table.row(vec![kind.name.clone(), kind.parents.join(", "), kind.description.clone()]);
    }
    table.render()
}

fn description(kind: &Kind) -> String {
    let mut rows = vec![
        ("kind".to_owned(), kind.name.clone()),
        ("what it is".to_owned(), kind.description.clone()),
        ("below".to_owned(), kind.parents.join(", ")),
        ("verbs".to_owned(), kind.verbs.join(", ")),
        ("statuses".to_owned(), kind.statuses.join(", ")),
    ];
    for property in &kind.properties {
        rows.push((format!("#{}", property.key), format!("{} ({})", property.doc, property.r#type)));
    }
    rows.retain(|(_, value)| !value.is_empty());
    facts(&rows)
}
