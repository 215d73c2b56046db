//! `app.yaml`: what an App runs.

use star_path::ResourcePath;

use super::document::{Document, Keys};
use super::scope::Scope;
use super::text::TextError;

const KEYS: Keys = Keys {
    what: "an app.yaml",
    known: &["schema", "main"],
    later: &[
        ("requires", "leave the key out, and create what the App needs before it is used"),
        ("install", "leave the key out, and create the resources with `star create`"),
    ],
};

/// What an App runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The `mechtron.yaml` of the mechtron that answers for the App.
    pub main: ResourcePath,
}

impl App {
    /// The usual name of the document.
    pub const FILE: &'static str = "app.yaml";

    /// Reads an `app.yaml`; `${self}` is the App.
    pub fn parse(text: &str, scope: &Scope) -> Result<App, TextError> {
        Document::read(App::FILE, text, scope, &KEYS, |document, fields| {
            let example = "${bundle}:/mechtron.yaml";
            let main = fields.need("main", "like `main: \"${bundle}:/mechtron.yaml\"`")?;
            Ok(App { main: document.file(main, example)? })
        })
    }
}
