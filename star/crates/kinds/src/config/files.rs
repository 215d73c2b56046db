//! Which file of a bundle is which document, so that a bundle is checked before it is published.

use super::app::App;
use super::bind::Bind;
use super::bundle::Bundle;
use super::mechtron::Mechtron;
use super::scope::Scope;
use super::text::TextError;
use crate::routes::{RouteTable, Warning};

/// A file of a bundle that is a document by its name. Other files may be documents too, where
/// another document names them; those are read when they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentFile {
    /// `bundle.yaml`, at the root of the bundle only.
    Bundle,
    /// `app.yaml`, in any directory.
    App,
    /// `mechtron.yaml`, in any directory.
    Mechtron,
    /// `bind.yaml`, in any directory.
    Bind,
    /// `routes.conf`, in any directory.
    Routes,
}

impl DocumentFile {
    /// What a file of a bundle is by its name, which is decoded and begins at the root of the
    /// bundle, with or without a leading `/`.
    pub fn of(file: &str) -> Option<DocumentFile> {
        let file = file.strip_prefix('/').unwrap_or(file);
        match file.rsplit('/').next()? {
            name if name == Bundle::FILE => (file == Bundle::FILE).then_some(DocumentFile::Bundle),
            name if name == App::FILE => Some(DocumentFile::App),
            name if name == Mechtron::FILE => Some(DocumentFile::Mechtron),
            name if name == Bind::FILE => Some(DocumentFile::Bind),
            name if name == RouteTable::FILE => Some(DocumentFile::Routes),
            _ => None,
        }
    }

    /// Reads the document for its mistakes alone; they carry the name `file`. A document may
    /// stand in for a resource that is not there yet, so `${self}` is anything.
    pub fn check(self, file: &str, text: &str, scope: &Scope) -> Result<Vec<Warning>, TextError> {
        let scope = scope.clone().checking();
        let checked = match self {
            DocumentFile::Bundle => Bundle::parse(text).map(|_| Vec::new()),
            DocumentFile::App => App::parse(text, &scope).map(|_| Vec::new()),
            DocumentFile::Mechtron => Mechtron::parse(text, &scope).map(|_| Vec::new()),
            DocumentFile::Bind => {
                Bind::parse(text, &scope).map(|bind| bind.http.map_or(Vec::new(), |http| http.check()))
            }
            DocumentFile::Routes => RouteTable::parse(file, text, &scope).map(|routes| routes.check()),
        };
        checked.map_err(|error| error.in_document(file))
    }
}

#[cfg(test)]
mod tests {
    use star_path::ResourcePath;

    use super::*;

    #[test]
    fn documents_are_known_by_their_names() {
        for (file, expected) in [
            ("bundle.yaml", Some(DocumentFile::Bundle)),
            ("/bundle.yaml", Some(DocumentFile::Bundle)),
            ("sub/bundle.yaml", None),
            ("a/b/bind.yaml", Some(DocumentFile::Bind)),
            ("app.yaml", Some(DocumentFile::App)),
            ("mechtron.yaml", Some(DocumentFile::Mechtron)),
            ("site/routes.conf", Some(DocumentFile::Routes)),
            ("my-bind.yaml", None),
            ("bind.yaml/", None),
        ] {
            assert_eq!(DocumentFile::of(file), expected, "{file}");
        }
    }

    #[test]
    fn mistakes_carry_the_name_of_their_file() {
        let scope = Scope::of_bundle(&ResourcePath::parse("acme:hello:1.0.0").expect("a path"));
        let text = "schema: 1\nlimits: {}\ncalls: [ { to: \"${self}:**\", can: [ raed ] } ]\n";
        let error = DocumentFile::Bind.check("greeter/bind.yaml", text, &scope).expect_err("a mistake");
        assert!(error.to_string().starts_with("greeter/bind.yaml:3:"), "{error}");
        let routes = "* /{*p} -> status 404;\nGET /a -> ${self}:x;\n";
        let warnings = DocumentFile::Routes.check("routes.conf", routes, &scope).expect("no mistake");
        assert_eq!(warnings.len(), 1);
    }
}
