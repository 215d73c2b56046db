//! What a bundle says of itself: its `bundle.yaml`, and the other documents by their names.
//!
//! `bundle.yaml` must be right. A mistake in another document is told as a warning: it may be
//! there for somebody else, and whoever uses it refuses it with the same words.

use std::collections::BTreeMap;

use star_core::command::Manifest;
use star_kinds::config::{Bundle, DocumentFile, Scope};
use star_path::{PropertyKey, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::names;
use crate::limits;

/// A document of a bundle as it came.
#[derive(Debug)]
pub(crate) struct Document {
    /// What it is by its name.
    pub(crate) form: DocumentFile,
    /// Its name in the bundle, decoded, without a leading slash.
    pub(crate) name: String,
    /// Its bytes; none when they are more than are looked at.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// What was found in the documents of a bundle.
#[derive(Debug)]
pub(crate) struct Findings {
    pub(crate) properties: BTreeMap<PropertyKey, String>,
    pub(crate) warnings: Vec<String>,
}

/// Reads the documents of a bundle.
///
/// # Errors
/// `InvalidBundle` without a `bundle.yaml`, `InvalidDocument` for one that is not right.
pub(crate) fn check(bundle: &ResourcePath, manifest: &Manifest, documents: &[Document]) -> Result<Findings, StarError> {
    let scope = Scope::of_bundle(bundle);
    let mut own = None;
    let mut warnings = Vec::new();
    for document in documents {
        match document.form {
            DocumentFile::Bundle => own = Some(about(bundle, document)?),
            form => warnings.extend(mistakes(form, document, &scope)),
        }
    }
    let own = own.ok_or_else(|| without_document(bundle))?;
    if let Some(image) = &own.image
        && !names::path(bundle, image)
            .is_ok_and(|path| path.files().is_some_and(|file| manifest.files.contains_key(file)))
    {
        warnings.push(format!("bundle.yaml names the image `{image}`, which is not in the bundle"));
    }
    let more = warnings.len().saturating_sub(limits::BUNDLE_WARNINGS);
    if more > 0 {
        warnings.truncate(limits::BUNDLE_WARNINGS);
        warnings.push(format!("{more} more warnings"));
    }
    Ok(Findings { properties: properties(own, manifest), warnings })
}

fn about(bundle: &ResourcePath, document: &Document) -> Result<Bundle, StarError> {
    let path = bundle.with_files("/bundle.yaml")?;
    let invalid = |message: &str| StarError::new(ErrorCode::InvalidDocument, format!("{path} {message}")).at(&path);
    let bytes = document.bytes.as_deref().ok_or_else(|| invalid("is too long"))?;
    let text = std::str::from_utf8(bytes).map_err(|error| invalid("is not UTF-8").because(&error))?;
    Bundle::parse(text).map_err(|error| star_kinds::invalid_text(ErrorCode::InvalidDocument, &path, &error))
}

fn mistakes(form: DocumentFile, document: &Document, scope: &Scope) -> Vec<String> {
    let name = &document.name;
    let Some(bytes) = &document.bytes else { return vec![format!("{name} is too long to be used")] };
    let Ok(text) = std::str::from_utf8(bytes) else { return vec![format!("{name} is not UTF-8")] };
    match form.check(name, text, scope) {
        Ok(warnings) => warnings.iter().map(|warning| format!("{name}, {warning}")).collect(),
        Err(error) => vec![error.to_string()],
    }
}

fn without_document(bundle: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::InvalidBundle, "there is no bundle.yaml at the root of the bundle")
        .at(bundle)
        .hint("two lines are enough: `schema: 1` and `name: my-bundle`")
}

fn properties(own: Bundle, manifest: &Manifest) -> BTreeMap<PropertyKey, String> {
    let bytes: u64 = manifest.files.values().map(|entry| entry.body.content.size_bytes).sum();
    let said = [
        ("name", Some(own.name)),
        ("description", own.description),
        ("authors", Some(own.authors.join(", ")).filter(|authors| !authors.is_empty())),
        ("keywords", Some(own.keywords.join(", ")).filter(|keywords| !keywords.is_empty())),
        ("files", Some(manifest.files.len().to_string())),
        ("bytes", Some(bytes.to_string())),
    ];
    let key = |key| PropertyKey::parse(key).expect("a constant that is a key");
    said.into_iter().filter_map(|(name, value)| Some((key(name), value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle() -> ResourcePath {
        ResourcePath::parse("acme:site:1.0.0").unwrap()
    }

    fn document(name: &str, text: &str) -> Document {
        Document { form: DocumentFile::of(name).unwrap(), name: name.into(), bytes: Some(text.into()) }
    }

    #[test]
    fn a_bundle_without_its_document_is_refused() {
        let error = check(&bundle(), &Manifest::default(), &[]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidBundle);
        let broken = document("bundle.yaml", "schema: 1\nnane: x\n");
        let error = check(&bundle(), &Manifest::default(), &[broken]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidDocument);
        assert!(error.excerpt_text().unwrap().contains('^'), "{error:?}");
    }

    #[test]
    fn mistakes_elsewhere_are_warnings_with_their_place() {
        let documents = [
            document("bundle.yaml", "schema: 1\nname: site\nkeywords: [ a, b ]\nimage: logo.png\n"),
            document("routes.conf", "GET / -> nonsense;\n"),
            document("sub/routes.conf", "* /{*p} -> status 404;\nGET /a -> status 200;\n"),
        ];
        let findings = check(&bundle(), &Manifest::default(), &documents).unwrap();
        assert!(findings.warnings[0].starts_with("routes.conf:1:"), "{:?}", findings.warnings);
        assert!(findings.warnings[1].starts_with("sub/routes.conf, line 2:"), "{:?}", findings.warnings);
        assert!(findings.warnings[2].contains("logo.png"), "{:?}", findings.warnings);
        let keyword = PropertyKey::parse("keywords").unwrap();
        assert_eq!(findings.properties[&keyword], "a, b");
    }
}
