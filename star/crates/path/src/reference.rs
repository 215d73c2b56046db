//! References: a path with all that may stand around it.
//!
//! Owns how route, path, kind and property are put together. Start at [`Reference::parse`];
//! code that needs a path alone starts at [`ResourcePath::parse`].

use std::fmt;

use crate::error::{Fault, PathError, PathErrorKind};
use crate::file;
use crate::kind::KindExpr;
use crate::path::{ROOT, ResourcePath};
use crate::property::PropertyKey;
use crate::relative::RelativePath;
use crate::route::Route;
use crate::split::{self, Pieces};
use crate::text::textual;

/// What a user or a document may write to name a resource or one of its properties.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// Which Star or remote it is for; this one if nothing is written.
    pub route: Option<Route>,
    /// The resource.
    pub target: Target,
    /// The kind that the resource is said to have.
    pub kind: Option<KindExpr>,
    /// The property that is meant.
    pub property: Option<PropertyKey>,
}

/// The path of a [`Reference`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// `ROOT`.
    Root,
    /// A path that begins with a Space.
    Absolute(ResourcePath),
    /// A path that begins with dots.
    Relative(RelativePath),
}

impl Reference {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Reference, PathError> {
        Reference::read(text).map_err(|fault| fault.of(text, |meant| Reference::read(meant).is_ok()))
    }

    fn read(text: &str) -> Result<Reference, Fault> {
        let pieces = split::split(text)?;
        let route = match pieces.route {
            Some(piece) => Some(piece.read(Route::read).map_err(|fault| not_a_route(fault, &pieces))?),
            None => None,
        };
        let target = pieces.body.read(Target::read)?;
        let kind = pieces.kind.map(|piece| piece.read(KindExpr::read)).transpose()?;
        let property = match pieces.property {
            Some(piece) => Some(piece.read(PropertyKey::read).map_err(|fault| not_a_property(fault, &pieces))?),
            None => None,
        };
        Ok(Reference { route, target, kind, property })
    }

    /// The absolute path, seen from the resource `base`; route, kind and property are left
    /// to the caller.
    ///
    /// # Errors
    /// If the target is relative and leads nowhere from `base`.
    pub fn resolve(&self, base: &ResourcePath) -> Result<ResourcePath, PathError> {
        match &self.target {
            Target::Root => Ok(ResourcePath::root()),
            Target::Absolute(path) => Ok(path.clone()),
            Target::Relative(relative) => relative.resolve(base),
        }
    }

    /// The path, unless it is relative.
    pub fn path(&self) -> Option<ResourcePath> {
        match &self.target {
            Target::Root => Some(ResourcePath::root()),
            Target::Absolute(path) => Some(path.clone()),
            Target::Relative(_) => None,
        }
    }

    /// The error for a route that nobody knows. In `acme::web` a property or a name was
    /// probably meant, so both are proposed. Nothing if there is no route.
    pub fn unknown_remote(&self) -> Option<PathError> {
        let route = self.route.as_ref()?.to_string();
        let input = self.to_string();
        let behind = &input[route.len() + 2..];
        let meant: Vec<String> = [format!("{route}#{behind}"), format!("{route}:{behind}")]
            .into_iter()
            .filter(|text| Reference::read(text).is_ok())
            .map(|text| format!("`{text}`"))
            .collect();
        let suggestion = (!meant.is_empty()).then(|| meant.join(" or "));
        Some(PathError { span: 0..route.len(), input, kind: PathErrorKind::UnknownRemote, suggestion })
    }
}

impl Target {
    fn read(body: &str) -> Result<Target, Fault> {
        if body == ROOT {
            return Ok(Target::Root);
        }
        if body.starts_with('.') {
            return RelativePath::read(body).map(Target::Relative);
        }
        ResourcePath::read_body(body).map(Target::Absolute)
    }
}

/// An e-mail Space or a whole path before `::` was meant to go on: with one colon, or, in
/// the way of Starlane's first release, with a property.
fn not_a_route(fault: Fault, pieces: &Pieces<'_>) -> Fault {
    let Some(route) = pieces.route.filter(|piece| ResourcePath::read_body(piece.text).is_ok()) else {
        return fault;
    };
    let property = route.text.contains(':') && PropertyKey::read(pieces.body.text).is_ok();
    let end = route.span().end;
    fault.fix_at(end..end + 2, if property { "#" } else { ":" })
}

/// A `#` in a file name has to be encoded.
fn not_a_property(fault: Fault, pieces: &Pieces<'_>) -> Fault {
    match pieces.property {
        Some(piece) if pieces.kind.is_none() && pieces.body.text.contains(":/") => {
            let hash = piece.at - 1;
            fault.fix_at(hash..piece.span().end, file::encoded(&format!("#{}", piece.text)))
        }
        _ => fault,
    }
}

impl From<ResourcePath> for Reference {
    fn from(path: ResourcePath) -> Reference {
        let target = if path.is_root() { Target::Root } else { Target::Absolute(path) };
        Reference { route: None, target, kind: None, property: None }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Root => f.write_str(ROOT),
            Target::Absolute(path) => fmt::Display::fmt(path, f),
            Target::Relative(path) => fmt::Display::fmt(path, f),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(route) = &self.route {
            write!(f, "{route}::")?;
        }
        write!(f, "{}", self.target)?;
        if let Some(kind) = &self.kind {
            write!(f, "<{kind}>")?;
        }
        match &self.property {
            Some(property) => write!(f, "#{property}"),
            None => Ok(()),
        }
    }
}

textual!(Reference);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_remote_proposes_what_was_meant() {
        let meant = |text: &str| Reference::parse(text).unwrap().unknown_remote().and_then(|error| error.suggestion);
        assert_eq!(meant("acme::web").as_deref(), Some("`acme#web` or `acme:web`"));
        assert_eq!(meant("localhost::config").as_deref(), Some("`localhost#config` or `localhost:config`"));
        assert_eq!(meant("acme::web:/a").as_deref(), Some("`acme:web:/a`"));
        assert_eq!(meant("[2001:db8::7]::acme"), None);
        assert_eq!(meant("acme:web"), None);
    }

    #[test]
    fn a_reference_resolves_against_a_base() {
        let base = ResourcePath::parse("acme:app").unwrap();
        for (text, path) in [("ROOT", "ROOT"), ("hub::acme:x#y", "acme:x"), ("..:z<File>", "acme:z")] {
            assert_eq!(Reference::parse(text).unwrap().resolve(&base).unwrap().as_str(), path);
        }
    }
}
