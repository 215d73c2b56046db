//! Which events a reader wants, from what it says: the same words at every door.

use star_core::watch::{Filter, Word};
use star_path::{ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

/// What a reader says of the events that it wants. What is empty says nothing.
#[derive(Debug, Default)]
pub(crate) struct Wanted<'a> {
    /// The resources.
    pub(crate) selector: &'a str,
    /// In place of a selector, the resource whose children it follows.
    pub(crate) children_of: &'a str,
    /// The types.
    pub(crate) types: Vec<&'a str>,
}

impl Wanted<'_> {
    /// The filter that lets just these through.
    ///
    /// # Errors
    /// When a path, selector or type cannot be read, or they exclude each other.
    pub(crate) fn filter(&self) -> Result<Filter, StarError> {
        let words = self.types.iter().map(|text| Word::parse(text)).collect::<Result<Vec<Word>, _>>()?;
        let invalid = |message: &str| Err(StarError::new(ErrorCode::InvalidArgument, message));
        let of_children = words.iter().any(|word| matches!(word, Word::Child(_)));
        let filter = match (self.selector, self.children_of) {
            ("", "") | (_, "") if of_children => {
                return invalid("`child-added` and `child-removed` are told to those who watch the children of a path");
            }
            ("", "") => Filter::everything(),
            (selector, "") => Filter::from(Selector::parse(selector)?),
            ("", parent) => Filter::children_of(ResourcePath::parse(parent)?),
            _ => return invalid("a selector and the children of a path exclude each other"),
        };
        Ok(filter.called(words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_excludes_each_other_is_refused() {
        let wanted = |selector, children_of, types: &[&'static str]| {
            Wanted { selector, children_of, types: types.to_vec() }.filter().map(|filter| filter.prefix().to_string())
        };
        assert_eq!(wanted("", "", &[]).unwrap(), "ROOT");
        assert_eq!(wanted("acme:web:**", "", &["written", "deleted"]).unwrap(), "acme:web");
        assert_eq!(wanted("", "acme", &["child-added"]).unwrap(), "acme");
        for (selector, children_of, types) in [
            ("acme", "acme", &[][..]),
            ("acme", "", &["child-added"]),
            ("", "", &["child-removed"]),
            ("", "", &["exploded"]),
            ("acme:[", "", &[]),
            ("", "acme:*", &[]),
        ] {
            assert!(wanted(selector, children_of, types).is_err(), "{selector} {children_of} {types:?}");
        }
    }
}
