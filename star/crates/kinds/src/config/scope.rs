//! What `${bundle}` and `${self}` stand for, and what relative paths are relative to.

use std::ops::Range;

use star_path::{Reference, ResourcePath};

use super::text::{Fault, TextErrorKind};

const VARIABLES: [&str; 2] = ["bundle", "self"];

/// The surroundings of a document: the bundle it comes from and the resource it is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    bundle: Option<ResourcePath>,
    own: Option<ResourcePath>,
}

impl Scope {
    /// A document that comes from no bundle and is for no resource: no variable may be used.
    pub fn none() -> Scope {
        Scope::default()
    }

    /// A document that comes from this version of a bundle.
    pub fn of_bundle(bundle: &ResourcePath) -> Scope {
        Scope { bundle: Some(bundle.without_files()), own: None }
    }

    /// The same document, used for this resource.
    pub fn for_resource(mut self, own: &ResourcePath) -> Scope {
        self.own = Some(own.clone());
        self
    }

    /// The same document with a stand-in for the resource, to check it before there is one.
    /// Paths of a document read like this lead nowhere: keep the errors, drop the value.
    pub fn checking(self) -> Scope {
        let own = ResourcePath::parse("check:self").expect("a constant that is a path");
        self.for_resource(&own)
    }

    /// What `${bundle}` stands for.
    pub fn bundle(&self) -> Option<&ResourcePath> {
        self.bundle.as_ref()
    }

    /// What `${self}` stands for.
    pub fn own(&self) -> Option<&ResourcePath> {
        self.own.as_ref()
    }

    /// Puts the variables of a text in. `$${` is a plain `${`; spans of errors are bytes of `text`.
    pub(crate) fn substitute(&self, text: &str) -> Result<String, Fault> {
        let mut output = String::with_capacity(text.len());
        let mut rest = 0;
        while let Some(found) = text[rest..].find("${") {
            let start = rest + found;
            if text[..start].ends_with('$') && start > rest {
                output.push_str(&text[rest..start - 1]);
                output.push_str("${");
                rest = start + 2;
                continue;
            }
            output.push_str(&text[rest..start]);
            let end = text[start..]
                .find('}')
                .map(|length| start + length + 1)
                .ok_or_else(|| Fault::new(TextErrorKind::Syntax, start..text.len(), "`${` has no `}`"))?;
            output.push_str(self.value(&text[start + 2..end - 1], start..end)?.as_str());
            rest = end;
        }
        output.push_str(&text[rest..]);
        Ok(output)
    }

    fn value(&self, name: &str, span: Range<usize>) -> Result<&ResourcePath, Fault> {
        let (value, reason) = match name {
            "bundle" => (&self.bundle, "`${bundle}` is not known here: this document is not part of a bundle"),
            "self" => (&self.own, "`${self}` is not known here: this document is not used for a resource"),
            _ => {
                let fault = Fault::new(TextErrorKind::Unknown, span, format!("there is no variable `${{{name}}}`"));
                return Err(match star_path::suggest::nearest(name, VARIABLES) {
                    Some(near) => fault.hint(format!("did you mean `${{{near}}}`?")),
                    None => fault.hint("the variables are `${bundle}` and `${self}`; a plain `${` is written `$${`"),
                });
            }
        };
        value.as_ref().ok_or_else(|| Fault::new(TextErrorKind::Invalid, span, reason))
    }

    /// The absolute path that a text with variables means.
    pub(crate) fn path(&self, text: &str) -> Result<ResourcePath, Fault> {
        let substituted = self.substitute(text)?;
        let unchanged = substituted == text;
        self.absolute(&substituted).map_err(|mut fault| {
            if !unchanged {
                fault.span = 0..text.len();
            }
            fault
        })
    }

    fn absolute(&self, text: &str) -> Result<ResourcePath, Fault> {
        let reference = Reference::parse(text).map_err(path_fault)?;
        let whole = 0..text.len();
        if reference.route.is_some() {
            return Err(Fault::not_available(whole, "a path on another Star"));
        }
        if reference.kind.is_some() || reference.property.is_some() {
            return Err(Fault::new(
                TextErrorKind::Invalid,
                whole,
                "a plain path is expected, without kind or property",
            ));
        }
        match &self.own {
            Some(own) => reference.resolve(own).map_err(path_fault),
            None => match reference.target {
                star_path::Target::Absolute(path) => Ok(path),
                star_path::Target::Root => Ok(ResourcePath::root()),
                star_path::Target::Relative(_) => {
                    let message = "a relative path leads nowhere here: this document is not used for a resource";
                    Err(Fault::new(TextErrorKind::Invalid, whole, message))
                }
            },
        }
    }
}

/// An error of the path grammar as a fault of the text that held the path.
pub(crate) fn path_fault(error: star_path::PathError) -> Fault {
    let fault = Fault::new(TextErrorKind::Invalid, error.span.clone(), error.kind.to_string());
    match error.question() {
        Some(question) => fault.hint(question),
        None => fault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let bundle = ResourcePath::parse("acme:hello:1.0.0").expect("a path");
        let own = ResourcePath::parse("acme:app:greeter").expect("a path");
        Scope::of_bundle(&bundle).for_resource(&own)
    }

    #[test]
    fn variables_are_put_in_and_a_doubled_dollar_is_a_plain_one() {
        let text = scope().substitute("${bundle}:/x and ${self} and $${self} costs 5$");
        assert_eq!(text.expect("known variables"), "acme:hello:1.0.0:/x and acme:app:greeter and ${self} costs 5$");
    }

    #[test]
    fn unknown_and_unclosed_variables_are_refused_with_their_span() {
        let fault = scope().substitute("a ${bundel}:/x").expect_err("unknown");
        assert_eq!((fault.span, fault.hint.as_deref()), (2..11, Some("did you mean `${bundle}`?")));
        let fault = scope().substitute("a ${bundle:/x").expect_err("unclosed");
        assert_eq!(fault.span, 2..13);
        let fault = Scope::none().substitute("${self}").expect_err("no resource");
        assert!(fault.message.contains("not used for a resource"));
    }

    #[test]
    fn relative_paths_are_relative_to_the_resource() {
        let path = scope().path("..:files:/logo.svg").expect("a path");
        assert_eq!(path.as_str(), "acme:app:files:/logo.svg");
    }
}
