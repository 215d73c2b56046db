//! `bundle.yaml`: what a bundle says of itself. It must lie at the root of the bundle.

use super::document::{Document, Keys};
use super::node::Node;
use super::scope::Scope;
use super::text::{Fault, TextError};

const KEYS: Keys = Keys {
    what: "a bundle.yaml",
    known: &["schema", "name", "description", "authors", "image", "keywords"],
    later: &[],
};

/// What a bundle says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Its name; where it is published decides its path.
    pub name: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Who made it, e.g. `Ada <ada@example.com>`.
    pub authors: Vec<String>,
    /// The picture that stands for it: a file of the bundle, decoded, without a leading `/`.
    pub image: Option<String>,
    /// Words to find it by.
    pub keywords: Vec<String>,
}

impl Bundle {
    /// The name of the document, and its place in a bundle.
    pub const FILE: &'static str = "bundle.yaml";

    /// Reads a `bundle.yaml`.
    pub fn parse(text: &str) -> Result<Bundle, TextError> {
        Document::read(Bundle::FILE, text, &Scope::none(), &KEYS, |document, fields| {
            let name = document.name(fields.need("name", "like `name: my-bundle`")?)?;
            Ok(Bundle {
                name,
                description: fields.map("description", |node| document.prose(node))?,
                authors: fields.map("authors", |node| document.prose_list(node))?.unwrap_or_default(),
                image: fields.map("image", |node| image(document, node))?,
                keywords: fields.map("keywords", |node| document.prose_list(node))?.unwrap_or_default(),
            })
        })
    }
}

/// A picture lies in the bundle itself, so its name is relative to the root of it.
fn image(document: &Document<'_>, node: &Node) -> Result<String, Fault> {
    let name = document.text(node)?;
    let stands = star_path::ResourcePath::parse("bundle").expect("a constant that is a path");
    match stands.with_files(&format!("/{name}")) {
        Ok(path) if !path.is_directory() => Ok(name.to_owned()),
        _ => Err(document
            .wrong(node, "the name of a file of this bundle is expected")
            .hint("like `image: pictures/logo.png`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_document_is_read() {
        let text = "schema: 1\nname: my-favorite-mechtron\ndescription: Greets people\n\
            authors: [ \"Scott <scott@mightydevco.com>\" ]\nimage: logo.png\nkeywords: [ greeting, example ]\n";
        let bundle = Bundle::parse(text).expect("a good document");
        assert_eq!(bundle.name, "my-favorite-mechtron");
        assert_eq!(bundle.image.as_deref(), Some("logo.png"));
        assert_eq!(bundle.keywords, ["greeting", "example"]);
    }

    #[test]
    fn only_schema_and_name_are_needed() {
        let bundle = Bundle::parse("schema: 1\nname: b\n").expect("a good document");
        assert_eq!((bundle.description, bundle.authors.len()), (None, 0));
    }
}
