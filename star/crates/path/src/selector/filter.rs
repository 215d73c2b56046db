//! Filters of a selector: `[status=Panic]`, `[labels.env!=prod]`.

use std::cmp::Ordering;
use std::fmt;

use crate::caret;
use crate::error::{Fault, PathErrorKind, Place};
use crate::limits;
use crate::property::PropertyKey;

/// A condition on one attribute of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Filter {
    key: PropertyKey,
    op: Op,
    value: Box<str>,
}

/// How an attribute is compared with the value of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Op {
    Equal,
    /// Also met by a resource without the attribute.
    NotEqual,
    BeginsWith,
    Greater,
    Less,
}

/// Longer signs first: `!=` and `^=` end with the sign of another.
const OPS: [(&str, Op); 5] =
    [("!=", Op::NotEqual), ("^=", Op::BeginsWith), ("=", Op::Equal), (">", Op::Greater), ("<", Op::Less)];

impl Filter {
    /// Reads what stands between the square brackets.
    pub(super) fn read(text: &str) -> Result<Filter, Fault> {
        let wrong = || Fault::new(0..text.len(), PathErrorKind::Filter);
        let key_end = text.find(['=', '!', '^', '>', '<']).ok_or_else(wrong)?;
        let (sign, op) = OPS.into_iter().find(|(sign, _)| text[key_end..].starts_with(sign)).ok_or_else(wrong)?;
        let at = key_end + sign.len();
        let value = &text[at..];
        let hidden = |c: char| c == '[' || caret::is_hidden(c);
        if let Some((begin, found)) = value.char_indices().find(|&(_, c)| hidden(c)) {
            let kind = PathErrorKind::Character { found, place: Place::Filter };
            return Err(Fault::new(at + begin..at + begin + found.len_utf8(), kind));
        }
        if value.len() > limits::FILTER_VALUE_BYTES {
            let kind = PathErrorKind::PartTooLong { place: Place::Filter, limit: limits::FILTER_VALUE_BYTES };
            return Err(Fault::new(at..text.len(), kind));
        }
        Ok(Filter { key: PropertyKey::read(&text[..key_end])?, op, value: value.into() })
    }

    /// The key of the attribute.
    pub(super) fn key(&self) -> &str {
        self.key.as_str()
    }

    /// The key of an attribute that everything has that meets the condition, with its value where there
    /// is but one; nothing if the attribute may be missing.
    pub(super) fn demand(&self) -> Option<(&str, Option<&str>)> {
        match self.op {
            Op::NotEqual => None,
            Op::Equal => Some((self.key(), Some(&self.value))),
            Op::BeginsWith | Op::Greater | Op::Less => Some((self.key(), None)),
        }
    }

    /// Whether the condition is met; `attribute` gives the value of a key.
    pub(super) fn met(&self, attribute: &dyn Fn(&str) -> Option<String>) -> bool {
        let Some(found) = attribute(self.key.as_str()) else {
            return self.op == Op::NotEqual;
        };
        match self.op {
            Op::Equal => found == *self.value,
            Op::NotEqual => found != *self.value,
            Op::BeginsWith => found.starts_with(&*self.value),
            Op::Greater => compare(&found, &self.value) == Ordering::Greater,
            Op::Less => compare(&found, &self.value) == Ordering::Less,
        }
    }
}

/// Numbers by their size, everything else (moments in time among it) by its text.
fn compare(found: &str, value: &str) -> Ordering {
    let numbers = found.parse::<f64>().ok().zip(value.parse::<f64>().ok());
    numbers.and_then(|(a, b)| a.partial_cmp(&b)).unwrap_or_else(|| found.cmp(value))
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = OPS.into_iter().find(|(_, op)| *op == self.op).map_or("=", |(sign, _)| sign);
        write!(f, "[{}{sign}{}]", self.key, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_compare_as_their_sign_says() {
        let attribute = |key: &str| match key {
            "status" => Some("Ready".to_owned()),
            "size" => Some("900".to_owned()),
            "since" => Some("2026-02-01T00:00:00Z".to_owned()),
            _ => None,
        };
        for (filter, met) in [
            ("status=Ready", true),
            ("status!=Ready", false),
            ("labels.env!=prod", true),
            ("labels.env=prod", false),
            ("status^=Rea", true),
            ("size>80", true),
            ("size<80", false),
            ("since>2026-01-31", true),
            ("owner>a", false),
        ] {
            assert_eq!(Filter::read(filter).unwrap().met(&attribute), met, "{filter}");
        }
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        for bad in ["", "status", "=x", "status!x", "Status=x", "a=[", "a=\u{1b}"] {
            assert!(Filter::read(bad).is_err(), "{bad}");
        }
    }
}
