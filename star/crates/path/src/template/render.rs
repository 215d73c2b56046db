//! Filling templates in, so that a value can never be more than a value.
//!
//! A capture comes from a request: before `:/` it may hold no character that separates
//! parts of a path, and behind it everything that a file name cannot hold is encoded. A
//! variable comes from the document's own surroundings and is put in as it is.

use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::file;
use crate::path::ROOT;
use crate::reference::Reference;
use crate::template::{Part, Reach, Template};

/// Why a template could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// Nobody has a value for this name.
    #[error("there is no value for `{name}`")]
    Missing {
        /// The capture or variable.
        name: String,
    },
    /// The value cannot stand there: a slash or `..` in a name, an empty name, and so on.
    #[error("the value of `{name}` does not fit")]
    Unfit {
        /// The capture.
        name: String,
        /// What is wrong with its value.
        #[source]
        error: PathError,
    },
    /// The text that came out is no reference.
    #[error("what was filled in is no reference")]
    NotAReference(#[source] PathError),
}

impl Template {
    /// The text with every capture and variable replaced by what `value` gives for its name.
    ///
    /// Values are plain texts, decoded once by who took them out of a request.
    ///
    /// # Errors
    /// If a value is missing, or if that of a capture does not fit where it stands.
    pub fn render(&self, value: &dyn Fn(&str) -> Option<String>) -> Result<String, RenderError> {
        let mut out = String::new();
        for part in self.parts() {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Variable(name) => out.push_str(&given(name, value)?),
                Part::Capture { name, reach } => {
                    let plain = given(name, value)?;
                    push(&plain, *reach, &mut out).map_err(|fault| RenderError::Unfit {
                        name: name.clone(),
                        error: fault.of(&plain, |_| false),
                    })?;
                }
            }
        }
        Ok(out)
    }

    /// [`render`](Template::render), read as a reference.
    ///
    /// # Errors
    /// As `render`, and if the result is no reference.
    pub fn render_reference(&self, value: &dyn Fn(&str) -> Option<String>) -> Result<Reference, RenderError> {
        Reference::parse(&self.render(value)?).map_err(RenderError::NotAReference)
    }
}

fn given(name: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, RenderError> {
    value(name).ok_or_else(|| RenderError::Missing { name: name.to_owned() })
}

/// Appends the value of a capture in the way in which it must be written at this place.
fn push(plain: &str, reach: Reach, out: &mut String) -> Result<(), Fault> {
    let in_files = out.starts_with('/') || out.contains(":/");
    match reach {
        _ if !in_files => push_hop(plain, out),
        Reach::One => {
            out.push_str(&file::segment(plain)?);
            Ok(())
        }
        Reach::Rest => push_rest(plain, out),
    }
}

/// Several file names. Nothing at all, or a slash at the end, is a directory.
fn push_rest(plain: &str, out: &mut String) -> Result<(), Fault> {
    let mut at = 0;
    for name in plain.split('/') {
        let last = at + name.len() == plain.len();
        if !(last && name.is_empty()) {
            out.push_str(&file::segment(name).map_err(|fault| fault.shifted(at))?);
        }
        if !last {
            out.push('/');
        }
        at += name.len() + 1;
    }
    Ok(())
}

/// A name, a Space or a version, or a piece of one.
fn push_hop(plain: &str, out: &mut String) -> Result<(), Fault> {
    let place = Place::Name;
    let first = out.is_empty() || out.ends_with("::");
    let Some(begin) = plain.chars().next() else {
        return Err(Fault::new(0..0, PathErrorKind::Missing { place }));
    };
    // Dots would make the path relative, and this word would make it everybody's parent.
    if begin == '.' || (first && plain == ROOT) {
        return Err(Fault::new(0..plain.len(), PathErrorKind::Edge { found: begin, place }));
    }
    crate::segment::refuse_other(plain, place, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@')
    })?;
    out.push_str(plain);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(template: &str, value: &str) -> Option<String> {
        let template = Template::route(template).unwrap();
        template.render_reference(&|_| Some(value.to_owned())).ok().map(|reference| reference.to_string())
    }

    #[test]
    fn a_capture_is_one_file_name_and_a_rest_is_several() {
        for (template, value, text) in [
            ("acme:web:/{p}", "a b", Some("acme:web:/a%20b")),
            ("acme:web:/{p}", "100%", Some("acme:web:/100%25")),
            ("acme:web:/{p}", "a/b", None),
            ("acme:web:/{p}", "..", None),
            ("acme:web:/{p}", "", None),
            ("acme:web:/{p}.html", "x#y<z>", Some("acme:web:/x%23y%3Cz%3E.html")),
            ("acme:web:/{*p}", "a b/c", Some("acme:web:/a%20b/c")),
            ("acme:web:/{*p}", "", Some("acme:web:/")),
            ("acme:web:/{*p}", "docs/", Some("acme:web:/docs/")),
            ("acme:web:/{*p}", "a//b", None),
            ("acme:web:/{*p}", "/a", None),
            ("acme:web:/{*p}", "a/../b", None),
            ("acme:web:/$1", "a/b", Some("acme:web:/a/b")),
        ] {
            assert_eq!(rendered(template, value).as_deref(), text, "{template} with {value}");
        }
    }

    #[test]
    fn a_capture_before_the_files_separates_nothing() {
        for (template, value, text) in [
            ("acme:users:{u}", "ada", Some("acme:users:ada")),
            ("acme:users:{u}", "ada:secret", None),
            ("acme:users:{u}", "a/b", None),
            ("acme:users:{u}", "x#owner", None),
            ("acme:users:{u}", "..", None),
            ("{s}:web", "scott@mightydevco.com", Some("scott@mightydevco.com:web")),
            ("{s}", "ROOT", None),
            ("{s}:web", "..", None),
            ("hub::{s}", "ROOT", None),
            ("acme:b:{v}:/x", "1.2.0+b", Some("acme:b:1.2.0+b:/x")),
        ] {
            assert_eq!(rendered(template, value).as_deref(), text, "{template} with {value}");
        }
    }

    #[test]
    fn a_variable_is_put_in_as_it_is() {
        let template = Template::document("${bundle}:/mechtron.yaml").unwrap();
        let text = template.render(&|name| (name == "bundle").then(|| "acme:b:1.0.0".to_owned())).unwrap();
        assert_eq!(text, "acme:b:1.0.0:/mechtron.yaml");
        let missing = template.render(&|_| None).unwrap_err();
        assert_eq!(missing.to_string(), "there is no value for `bundle`");
    }

    #[test]
    fn a_capture_can_be_widened_to_the_rest() {
        let template = Template::route("acme:files:/{p}").unwrap().with_rest("p");
        assert_eq!(template.render(&|_| Some("a/b".to_owned())).unwrap(), "acme:files:/a/b");
        assert_eq!(template.to_string(), "acme:files:/{*p}");
    }
}
