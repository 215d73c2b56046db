//! `star check`: reads documents and routes for their mistakes, without a Star.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;
use star_kinds::config::{DocumentFile, Scope, TextError};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::error::CliError;
use super::session::Session;
use super::{exit::Exit, limits};
use crate::output::measure::count;

/// Check documents and routes for mistakes, without a Star
///
/// Knows bundle.yaml, app.yaml, mechtron.yaml, bind.yaml and routes.conf by their names; of a
/// folder it checks all that are in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star check bundles/hello
  star check routes.conf
  star check my-bind.yaml --as bind")]
pub(crate) struct Check {
    /// Files or folders
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What the files are, where their names do not say it
    #[arg(long = "as", value_enum, value_name = "DOCUMENT")]
    what: Option<What>,
}

/// What a file may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// A bundle.yaml
    Bundle,
    /// An app.yaml
    App,
    /// A mechtron.yaml
    Mechtron,
    /// A bind.yaml
    Bind,
    /// A routes.conf
    Routes,
}

impl From<What> for DocumentFile {
    fn from(what: What) -> DocumentFile {
        match what {
            What::Bundle => DocumentFile::Bundle,
            What::App => DocumentFile::App,
            What::Mechtron => DocumentFile::Mechtron,
            What::Bind => DocumentFile::Bind,
            What::Routes => DocumentFile::Routes,
        }
    }
}

/// A document that was read without a mistake.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    file: PathBuf,
    warnings: Vec<String>,
}

impl Check {
    pub(crate) fn run(self, session: &Session) -> Result<(), CliError> {
        let bundle = ResourcePath::parse("check:bundle:1.0.0").expect("a constant that is a path");
        let mut good = Vec::new();
        let (mut bad, mut last) = (0, None);
        for file in &self.files {
            let result = match self.what {
                None if file.is_dir() => folder(session, file, &bundle),
                what => self.one(session, file, what, &bundle).map(|checked| vec![checked]),
            };
            match result {
                Ok(checked) => good.extend(checked),
                Err(error) => {
                    if !matches!(error, CliError::Told(_)) {
                        session.output.error(&error);
                    }
                    bad += 1;
                    last = Some(crate::output::report::exit_of(&error));
                }
            }
        }
        if !session.output.is_human() {
            session.output.values(&good)?;
        } else if !good.is_empty() {
            session.output.note(&format!("{} without a mistake", count(good.len() as u64, "document", "documents")));
        }
        match (bad, last) {
            (0, _) | (_, None) => Ok(()),
            (1, Some(exit)) => Err(CliError::Told(exit)),
            _ => Err(CliError::Told(Exit::Usage)),
        }
    }

    fn one(
        &self,
        session: &Session,
        file: &Path,
        what: Option<What>,
        bundle: &ResourcePath,
    ) -> Result<Checked, CliError> {
        let by_name = || file.file_name().and_then(|name| name.to_str()).and_then(DocumentFile::of);
        let document = what.map(DocumentFile::from).or_else(by_name).ok_or_else(|| {
            CliError::usage(format!("{} is none of the documents that are known by their names", file.display()))
                .hint("say what it is, e.g. --as bind")
        })?;
        check(session, file, &file.display().to_string(), document, bundle)
    }
}

/// Checks all documents of a folder that is a bundle. Tells each mistake; the error then says no
/// more than that there were some.
pub(super) fn folder(session: &Session, folder: &Path, bundle: &ResourcePath) -> Result<Vec<Checked>, CliError> {
    let mut documents = Vec::new();
    find(folder, folder, 0, &mut documents)?;
    if !documents.iter().any(|(_, document)| *document == DocumentFile::Bundle) {
        let message = format!("{} has no bundle.yaml", folder.display());
        let error = StarError::new(ErrorCode::InvalidBundle, message);
        return Err(error.hint("it needs two lines at least: `schema: 1` and `name: my-bundle`").into());
    }
    documents.sort_by(|one, other| one.0.cmp(&other.0));
    let mut checked = Vec::new();
    let mut failed = None;
    for (file, document) in documents {
        match check(session, &file, &file.display().to_string(), document, bundle) {
            Ok(good) => checked.push(good),
            Err(error) => {
                session.output.error(&error);
                failed = Some(crate::output::report::exit_of(&error));
            }
        }
    }
    match failed {
        None => Ok(checked),
        Some(exit) => Err(CliError::Told(exit)),
    }
}

/// The documents of a bundle, by their names relative to its root.
fn find(root: &Path, folder: &Path, depth: usize, found: &mut Vec<(PathBuf, DocumentFile)>) -> Result<(), CliError> {
    if depth > limits::FOLDER_DEPTH {
        return Err(CliError::usage(format!("{} lies too deep", folder.display())));
    }
    for entry in fs::read_dir(folder).map_err(CliError::file("read the folder", folder))? {
        let entry = entry.map_err(CliError::file("read the folder", folder))?;
        let path = entry.path();
        // Links are followed when the bundle is sent, which refuses those that leave the folder.
        let kind = entry.file_type().map_err(CliError::file("read", &path))?;
        if kind.is_dir() {
            find(root, &path, depth + 1, found)?;
        } else if let Some(document) = path.strip_prefix(root).ok().and_then(Path::to_str).and_then(DocumentFile::of) {
            found.push((path, document));
        }
    }
    Ok(())
}

fn check(
    session: &Session,
    file: &Path,
    name: &str,
    document: DocumentFile,
    bundle: &ResourcePath,
) -> Result<Checked, CliError> {
    let text = read(file)?;
    let warnings = document.check(name, &text, &Scope::of_bundle(bundle)).map_err(|error| mistake(document, &error))?;
    for warning in &warnings {
        session.output.warning(&format!("{name}, {warning}\n{}", warning.excerpt()));
    }
    Ok(Checked { file: file.to_owned(), warnings: warnings.iter().map(ToString::to_string).collect() })
}

fn read(file: &Path) -> Result<String, CliError> {
    let opened = fs::File::open(file).map_err(CliError::file("read", file))?;
    let mut text = String::new();
    opened.take(limits::DOCUMENT_BYTES).read_to_string(&mut text).map_err(CliError::file("read", file))?;
    Ok(text)
}

/// A mistake in a document as the Star would tell it.
fn mistake(document: DocumentFile, error: &TextError) -> CliError {
    let code = match document {
        DocumentFile::Routes => ErrorCode::InvalidRoutes,
        DocumentFile::Bundle | DocumentFile::App | DocumentFile::Mechtron | DocumentFile::Bind => {
            ErrorCode::InvalidDocument
        }
    };
    let place = format!("{}, line {}, column {}: {}", error.document(), error.line(), error.column(), error.message());
    let told = StarError::new(code, place).excerpt(error.excerpt());
    match error.hint() {
        Some(hint) => told.hint(hint).into(),
        None => told.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::paint::Paint;
    use crate::output::report::{Report, exit_of};

    fn told(document: DocumentFile, text: &str) -> String {
        let bundle = ResourcePath::parse("check:bundle:1.0.0").unwrap();
        let error = document.check("routes.conf", text, &Scope::of_bundle(&bundle)).unwrap_err();
        let error = mistake(document, &error);
        assert_eq!(exit_of(&error), Exit::Usage);
        Report::of(&error).lines(Paint::Plain)
    }

    #[test]
    fn a_mistake_is_shown_with_its_place_and_a_caret() {
        let lines = told(DocumentFile::Routes, "GET /a -> acme:x;\nGTE /b -> acme:y;\n");
        assert!(lines.starts_with("error[S0105]: routes.conf, line 2, column 1: "), "{lines}");
        assert!(lines.contains("GTE /b -> acme:y;") && lines.contains('^'), "{lines}");
        assert!(lines.ends_with("hint: did you mean `GET`?\n"), "{lines}");
    }

    #[test]
    fn the_documents_of_a_bundle_are_found_in_its_folders() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("app/deep")).unwrap();
        for name in ["bundle.yaml", "routes.conf", "app/bind.yaml", "app/bundle.yaml", "app/deep/app.yaml", "readme.md"]
        {
            fs::write(root.path().join(name), "").unwrap();
        }
        let mut found = Vec::new();
        find(root.path(), root.path(), 0, &mut found).ok().unwrap();
        let mut names: Vec<String> =
            found.iter().map(|(file, _)| file.strip_prefix(root.path()).unwrap().display().to_string()).collect();
        names.sort();
        assert_eq!(names, ["app/bind.yaml", "app/deep/app.yaml", "bundle.yaml", "routes.conf"]);
    }
}
