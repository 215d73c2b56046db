//! `star explain`: what a code or a path means, without a Star.

use star_path::{Reference, ResourcePath, Target};
use star_wire::{ErrorCode, Outcome};

use super::error::CliError;
use super::exit::Exit;
use super::session::Session;
use crate::output::table::facts;

/// Explain the code of an error, or the parts of a path
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star explain S0301
  star explain NotFound
  star explain 'localhost:hello:1.0.0:/docs/a%20b.md'
  star explain localhost:files#title")]
pub(crate) struct Explain {
    /// Code such as S0301, or a path
    what: String,
}

impl Explain {
    pub(crate) fn run(self, session: &Session) -> Result<(), CliError> {
        let rows = match code(&self.what)? {
            Some(code) => of_code(code),
            None => of_path(&Reference::parse(&self.what)?),
        };
        if !session.output.is_human() {
            let map: serde_json::Map<String, serde_json::Value> =
                rows.into_iter().map(|(name, value)| (name, value.into())).collect();
            return session.output.value(&map);
        }
        session.output.line(&facts(&rows))
    }
}

/// The code that a text names; none for a path.
fn code(text: &str) -> Result<Option<ErrorCode>, CliError> {
    let plain = text.trim_matches(['[', ']']).to_ascii_uppercase();
    if let Some(code) = ErrorCode::parse(&plain) {
        return Ok(Some(code));
    }
    // No Space has capital letters, so that such a word can only be a code.
    let meant = text.starts_with(|c: char| c.is_ascii_uppercase()) && text != "ROOT" && !text.contains(':');
    if !meant {
        return Ok(None);
    }
    let by_name = ErrorCode::ALL.iter().find(|code| code.name().eq_ignore_ascii_case(text));
    by_name.copied().map(Some).ok_or_else(|| {
        let near = star_path::suggest::nearest(text, ErrorCode::ALL.iter().map(|code| code.name()));
        let error = CliError::usage(format!("there is no code `{text}`"));
        match near {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error.hint("a code is an S and four digits, e.g. S0301"),
        }
    })
}

fn of_code(code: ErrorCode) -> Vec<(String, String)> {
    let happened = match code.outcome() {
        Outcome::Rejected => "no: what was asked for was not done",
        Outcome::Unknown => "perhaps: look before trying again, or send an idempotency key",
    };
    let again = if code.is_retryable() { "can help, later" } else { "does not help unless something changes" };
    let exit = Exit::of(code);
    [
        ("code", code.to_string()),
        ("name", code.name().to_owned()),
        ("meaning", code.meaning().to_owned()),
        ("it happened", happened.to_owned()),
        ("trying again", again.to_owned()),
        ("exit code", format!("{} ({})", exit.number(), exit.meaning())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn of_path(reference: &Reference) -> Vec<(String, String)> {
    let mut rows = vec![("canonical".to_owned(), reference.to_string())];
    let mut part = |name: &str, value: Option<String>| rows.extend(value.map(|value| (name.to_owned(), value)));
    part("remote", reference.route.as_ref().map(ToString::to_string));
    match &reference.target {
        Target::Root => part("root", Some("the root of everything".to_owned())),
        Target::Relative(path) => part("relative", Some(format!("{path}, seen from the resource of its document"))),
        Target::Absolute(path) => parts(path, &mut part),
    }
    part("kind", reference.kind.as_ref().map(ToString::to_string));
    part("property", reference.property.as_ref().map(ToString::to_string));
    rows
}

fn parts(path: &ResourcePath, part: &mut impl FnMut(&str, Option<String>)) {
    let names: Vec<&str> = path.names().collect();
    part("Space", path.space().map(str::to_owned));
    part("names", Some(names.join(", ")).filter(|names| !names.is_empty()));
    part("version", path.release().map(ToString::to_string));
    part("digest", path.digest().map(ToString::to_string));
    part(if path.is_directory() { "directory" } else { "file" }, path.files_decoded());
    part("lies in", path.parent().map(|parent| parent.to_string()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(rows: &[(String, String)], name: &str) -> Option<String> {
        rows.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn a_code_is_known_by_number_and_by_name() {
        for text in ["S0301", "s0301", "[S0301]", "NotFound"] {
            assert_eq!(code(text).ok(), Some(Some(ErrorCode::NotFound)), "{text}");
        }
        assert_eq!(code("localhost:files").ok(), Some(None));
        assert_eq!(code("ROOT").ok(), Some(None));
        assert!(code("S9999").is_err() && code("NotFuond").is_err());
    }

    #[test]
    fn every_code_is_explained() {
        for code in ErrorCode::ALL {
            let rows = of_code(*code);
            assert!(rows.iter().all(|(_, value)| !value.is_empty()), "{code:?}");
        }
    }

    #[test]
    fn a_path_is_taken_apart() {
        let rows = of_path(&Reference::parse("acme:site:1.2.0:/docs/a%20b.md").unwrap());
        assert_eq!(value(&rows, "Space").as_deref(), Some("acme"));
        assert_eq!(value(&rows, "names").as_deref(), Some("site"));
        assert_eq!(value(&rows, "version").as_deref(), Some("1.2.0"));
        assert_eq!(value(&rows, "file").as_deref(), Some("/docs/a b.md"));
        assert_eq!(value(&rows, "lies in").as_deref(), Some("acme:site:1.2.0:/docs/"));
    }
}
