//! Kinds as they are written: `FileSystem`, `Database<Relational<vendor:product:variant:version>>`.
//!
//! Owns the text and its three levels. Which kinds exist is not known here: any word that
//! begins with a capital letter will do. Patterns of kinds belong to selectors.

use std::fmt;

use semver::{Version, VersionReq};

use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::limits;
use crate::release::{self, Release};
use crate::segment;
use crate::split::Piece;
use crate::text::textual;

/// A kind, perhaps with a sub-kind, perhaps with the specific product behind it.
///
/// Its text has no outer brackets; behind a path it is written in them: `acme:web<FileSystem>`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KindExpr {
    name: Box<str>,
    sub: Option<Box<str>>,
    specific: Option<Box<Specific>>,
}

/// The product that stands behind a kind: `postgresql.org:postgres:standard:16.4.0`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Specific {
    /// Who makes it: a domain.
    pub vendor: String,
    /// What it is called.
    pub product: String,
    /// Which edition of it.
    pub variant: String,
    /// Which version of that.
    pub version: SpecificVersion,
}

/// The version of a [`Specific`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SpecificVersion {
    /// Exactly this one.
    Version(Version),
    /// Any that meets this.
    Requirement(VersionReq),
    /// Any.
    Any,
}

impl KindExpr {
    /// Reads a kind, with or without outer angle brackets.
    pub fn parse(text: &str) -> Result<KindExpr, PathError> {
        KindExpr::read(text).map_err(|fault| fault.of(text, |meant| KindExpr::read(meant).is_ok()))
    }

    pub(crate) fn read(text: &str) -> Result<KindExpr, Fault> {
        let levels = Levels::read(text)?;
        levels.name.read(check_camel)?;
        if let Some(sub) = levels.sub {
            sub.read(check_camel)?;
        }
        let specific = levels.specific.map(|piece| piece.read(Specific::read)).transpose()?;
        Ok(KindExpr {
            name: levels.name.text.into(),
            sub: levels.sub.map(|piece| piece.text.into()),
            specific: specific.map(Box::new),
        })
    }

    /// The outermost word, which decides how the resource behaves.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The word inside it.
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// The product inside that.
    pub fn specific(&self) -> Option<&Specific> {
        self.specific.as_deref()
    }
}

/// The pieces of a kind or of a pattern of kinds, not yet read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Levels<'a> {
    pub(crate) name: Piece<'a>,
    pub(crate) sub: Option<Piece<'a>>,
    pub(crate) specific: Option<Piece<'a>>,
}

impl<'a> Levels<'a> {
    /// Takes the brackets apart. There are three levels at most, so nothing recurses.
    pub(crate) fn read(text: &'a str) -> Result<Levels<'a>, Fault> {
        let whole = Piece { text, at: 0 };
        let inner = if text.starts_with('<') { unbracketed(whole)? } else { whole };
        let (name, sub) = opened(inner)?;
        let Some(sub) = sub else {
            return Ok(Levels { name, sub, specific: None });
        };
        let (sub, specific) = opened(sub)?;
        Ok(Levels { name, sub: Some(sub), specific })
    }
}

/// What stands before the first bracket, and what stands in it.
fn opened(piece: Piece<'_>) -> Result<(Piece<'_>, Option<Piece<'_>>), Fault> {
    // A specific holds no brackets but those of a requirement, which opens with a parenthesis.
    let before = piece.text.find('(').unwrap_or(piece.text.len());
    let Some(open) = piece.text[..before].find('<') else {
        return Ok((piece, None));
    };
    let behind = Piece { text: &piece.text[open..], at: piece.at + open };
    Ok((Piece { text: &piece.text[..open], at: piece.at }, Some(unbracketed(behind)?)))
}

fn unbracketed(piece: Piece<'_>) -> Result<Piece<'_>, Fault> {
    match piece.text[1..].strip_suffix('>') {
        Some(text) => Ok(Piece { text, at: piece.at + 1 }),
        None => {
            let end = piece.at + piece.text.len();
            let fault = Fault::new(piece.at..piece.at + 1, PathErrorKind::Unclosed { open: '<' });
            Err(fault.fix_at(end..end, ">"))
        }
    }
}

/// Refuses what is not written like `FileSystem`.
pub(crate) fn check_camel(word: &str) -> Result<(), Fault> {
    let place = Place::Kind;
    let whole = 0..word.len();
    let Some(first) = word.chars().next() else {
        return Err(Fault::new(whole, PathErrorKind::Missing { place }));
    };
    if word.len() > limits::KIND_BYTES {
        return Err(Fault::new(whole, PathErrorKind::PartTooLong { place, limit: limits::KIND_BYTES }));
    }
    segment::refuse_other(word, place, |c| c.is_ascii_alphanumeric())?;
    if !first.is_ascii_uppercase() {
        let capital = format!("{}{}", first.to_ascii_uppercase(), &word[1..]);
        return Err(Fault::new(whole, PathErrorKind::NotCamel).fix(capital));
    }
    Ok(())
}

impl Specific {
    fn read(text: &str) -> Result<Specific, Fault> {
        let [vendor, product, variant, version] = four_parts(text)?;
        vendor.read(|it| segment::check_dns(it, Place::Space))?;
        product.read(segment::check_name)?;
        variant.read(segment::check_name)?;
        Ok(Specific {
            vendor: vendor.text.to_owned(),
            product: product.text.to_owned(),
            variant: variant.text.to_owned(),
            version: version.read(SpecificVersion::read)?,
        })
    }
}

/// `vendor:product:variant:version`, cut at the colons.
pub(crate) fn four_parts(text: &str) -> Result<[Piece<'_>; 4], Fault> {
    let mut parts = [Piece { text: "", at: 0 }; 4];
    let mut found = 0;
    let mut at = 0;
    for part in text.split(':') {
        if let Some(place) = parts.get_mut(found) {
            *place = Piece { text: part, at };
        }
        found += 1;
        at += part.len() + 1;
    }
    if found == parts.len() { Ok(parts) } else { Err(Fault::new(0..text.len(), PathErrorKind::Specific)) }
}

impl SpecificVersion {
    pub(crate) fn read(text: &str) -> Result<SpecificVersion, Fault> {
        if text == "*" {
            return Ok(SpecificVersion::Any);
        }
        match Release::read(text)? {
            Some(Release::Version(version)) => Ok(SpecificVersion::Version(version)),
            Some(Release::Requirement(requirement)) => Ok(SpecificVersion::Requirement(requirement)),
            None => Err(Fault::new(0..text.len(), PathErrorKind::Version)),
        }
    }

    /// Whether everything that `other` stands for is meant by this.
    pub(crate) fn covers(&self, other: &SpecificVersion) -> bool {
        match (self, other) {
            (SpecificVersion::Any, _) => true,
            (SpecificVersion::Requirement(wanted), SpecificVersion::Version(it)) => wanted.matches(it),
            _ => self == other,
        }
    }
}

impl fmt::Display for SpecificVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecificVersion::Version(version) => fmt::Display::fmt(version, f),
            SpecificVersion::Requirement(requirement) => release::write_requirement(requirement, f),
            SpecificVersion::Any => f.write_str("*"),
        }
    }
}

impl fmt::Display for Specific {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}:{}", self.vendor, self.product, self.variant, self.version)
    }
}

impl fmt::Display for KindExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.sub, &self.specific) {
            (None, _) => f.pad(&self.name),
            (Some(sub), None) => write!(f, "{}<{sub}>", self.name),
            (Some(sub), Some(specific)) => write!(f, "{}<{sub}<{specific}>>", self.name),
        }
    }
}

textual!(KindExpr);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_has_up_to_three_levels() {
        let text = "Database<Relational<postgresql.org:postgres:standard:(>=16,<17)>>";
        let kind = KindExpr::parse(text).unwrap();
        assert_eq!((kind.name(), kind.sub()), ("Database", Some("Relational")));
        assert_eq!(kind.specific().unwrap().vendor, "postgresql.org");
        assert_eq!(kind.to_string(), text);
        assert_eq!(KindExpr::parse(&format!("<{text}>")).unwrap(), kind);
        assert_eq!(KindExpr::parse("File").unwrap().to_string(), "File");
    }

    #[test]
    fn mistakes_in_a_kind_are_pointed_at() {
        for (bad, suggestion) in [
            ("", None),
            ("<", None),
            ("<>", None),
            ("<File", Some("`<File>`")),
            ("file", Some("`File`")),
            ("File<", None),
            ("File>", None),
            ("A<B<c>>", None),
            ("A<B<C<D>>>", None),
            ("A<B<v:p:x:1.0>>", None),
            ("é", None),
        ] {
            assert_eq!(KindExpr::parse(bad).unwrap_err().suggestion.as_deref(), suggestion, "{bad}");
        }
    }
}
