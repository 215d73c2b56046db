//! Patterns of kinds: `User`, `Database<*>`, `Database<Relational<postgresql.org:*:*:(^16)>>`.

use std::fmt;

use crate::error::Fault;
use crate::error::Place;
use crate::kind::{self, Levels, SpecificVersion};
use crate::segment;

/// What a kind must be like. Levels that are left out may be anything, or missing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct KindPattern {
    name: Word,
    sub: Option<Word>,
    specific: Option<SpecificPattern>,
}

/// One word, or `*` for any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Word {
    Any,
    Is(Box<str>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum SpecificPattern {
    Any,
    Parts { vendor: Word, product: Word, variant: Word, version: SpecificVersion },
}

impl Word {
    fn read(text: &str, check: impl FnOnce(&str) -> Result<(), Fault>) -> Result<Word, Fault> {
        if text == "*" {
            return Ok(Word::Any);
        }
        check(text).map(|()| Word::Is(text.into()))
    }

    fn covers(&self, text: &str) -> bool {
        match self {
            Word::Any => true,
            Word::Is(word) => &**word == text,
        }
    }
}

impl KindPattern {
    pub(super) fn read(text: &str) -> Result<KindPattern, Fault> {
        let levels = Levels::read(text)?;
        let camel = |text| Word::read(text, kind::check_camel);
        Ok(KindPattern {
            name: levels.name.read(camel)?,
            sub: levels.sub.map(|piece| piece.read(camel)).transpose()?,
            specific: levels.specific.map(|piece| piece.read(SpecificPattern::read)).transpose()?,
        })
    }

    /// The outermost word, if it is no pattern.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.name {
            Word::Any => None,
            Word::Is(name) => Some(name),
        }
    }

    /// Whether the full text of a kind is covered; a text that is no kind is not.
    pub(super) fn covers(&self, text: &str) -> bool {
        let Ok(levels) = Levels::read(text) else {
            return false;
        };
        let sub = match (&self.sub, levels.sub) {
            (None, _) => true,
            (Some(word), Some(sub)) => word.covers(sub.text),
            (Some(_), None) => false,
        };
        let specific = match (&self.specific, levels.specific) {
            (None, _) => true,
            (Some(pattern), Some(specific)) => pattern.covers(specific.text),
            (Some(_), None) => false,
        };
        self.name.covers(levels.name.text) && sub && specific
    }
}

impl SpecificPattern {
    fn read(text: &str) -> Result<SpecificPattern, Fault> {
        if text == "*" {
            return Ok(SpecificPattern::Any);
        }
        let [vendor, product, variant, version] = kind::four_parts(text)?;
        let name = |text| Word::read(text, segment::check_name);
        Ok(SpecificPattern::Parts {
            vendor: vendor.read(|text| Word::read(text, |it| segment::check_dns(it, Place::Space)))?,
            product: product.read(name)?,
            variant: variant.read(name)?,
            version: version.read(SpecificVersion::read)?,
        })
    }

    fn covers(&self, text: &str) -> bool {
        let SpecificPattern::Parts { vendor, product, variant, version } = self else {
            return true;
        };
        let Ok(parts) = kind::four_parts(text) else {
            return false;
        };
        let words = [vendor, product, variant].into_iter().zip(&parts).all(|(word, part)| word.covers(part.text));
        words && SpecificVersion::read(parts[3].text).is_ok_and(|it| version.covers(&it))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Word::Any => f.write_str("*"),
            Word::Is(word) => f.write_str(word),
        }
    }
}

impl fmt::Display for SpecificPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SpecificPattern::Any => f.write_str("*"),
            SpecificPattern::Parts { vendor, product, variant, version } => {
                write!(f, "{vendor}:{product}:{variant}:{version}")
            }
        }
    }
}

impl fmt::Display for KindPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.sub, &self.specific) {
            (None, _) => write!(f, "{}", self.name),
            (Some(sub), None) => write!(f, "{}<{sub}>", self.name),
            (Some(sub), Some(specific)) => write!(f, "{}<{sub}<{specific}>>", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_that_are_left_out_may_be_anything() {
        let postgres = "Database<Relational<postgresql.org:postgres:standard:16.4.0>>";
        for (pattern, kind, covered) in [
            ("User", "User", true),
            ("User", "UserBase", false),
            ("*", "User", true),
            ("Database", postgres, true),
            ("Database<*>", postgres, true),
            ("Database<*>", "Database", false),
            ("Database<Relational<*>>", postgres, true),
            ("Database<Relational<*:postgres:*:(^16)>>", postgres, true),
            ("Database<Relational<*:postgres:*:(^17)>>", postgres, false),
            ("Database<Relational<*:mysql:*:*>>", postgres, false),
            ("<Database<Graph>>", postgres, false),
        ] {
            assert_eq!(KindPattern::read(pattern).unwrap().covers(kind), covered, "{pattern} on {kind}");
        }
    }
}
