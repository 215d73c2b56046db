//! Methods of web requests, as text that was checked, and sets of them.

use std::fmt;

/// The methods that rules may name: those of HTTP, of WebDAV, and a few that caches and APIs use.
/// CONNECT and TRACE are missing on purpose: no resource can answer them.
const METHODS: [&str; 20] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "QUERY",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "LINK",
    "UNLINK",
    "PURGE",
];

/// A method that a rule may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Method(u8);

impl Method {
    /// GET.
    pub const GET: Method = Method(0);
    /// HEAD.
    pub const HEAD: Method = Method(1);

    /// Reads a method, in capitals as HTTP wants it.
    pub fn parse(text: &str) -> Option<Method> {
        METHODS.iter().position(|method| *method == text).map(|index| Method(index as u8))
    }

    /// The method as HTTP writes it.
    pub fn as_str(self) -> &'static str {
        METHODS[usize::from(self.0)]
    }

    /// All methods that rules may name.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        METHODS.into_iter()
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The methods of a rule. `*` is more than all that can be named: it holds unknown ones too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MethodSet(u32);

impl MethodSet {
    /// `*`.
    pub const ANY: MethodSet = MethodSet(u32::MAX);

    /// The same set with a method; GET brings HEAD with it.
    #[must_use]
    pub fn with(self, method: Method) -> MethodSet {
        let implied = if method == Method::GET { 1 << Method::HEAD.0 } else { 0 };
        MethodSet(self.0 | implied | 1 << method.0)
    }

    /// Whether a request with this method, known or not, is meant.
    pub fn allows(self, method: &str) -> bool {
        match Method::parse(method) {
            Some(method) => self.0 & (1 << method.0) != 0,
            None => self == MethodSet::ANY,
        }
    }

    /// Whether every method of `other` is in this set.
    pub fn covers(self, other: MethodSet) -> bool {
        self.0 & other.0 == other.0
    }

    /// The methods of both sets.
    pub(crate) fn and(self, other: MethodSet) -> MethodSet {
        MethodSet(self.0 | other.0)
    }

    /// Whether the sets share a method.
    pub(crate) fn overlaps(self, other: MethodSet) -> bool {
        self.0 & other.0 != 0
    }

    /// The methods, in a fixed order; of `*`, those that can be named.
    pub fn iter(self) -> impl Iterator<Item = Method> {
        (0..METHODS.len() as u8).map(Method).filter(move |method| self.0 & (1 << method.0) != 0)
    }
}

impl fmt::Display for MethodSet {
    /// As rules write it; HEAD is left out where GET implies it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == MethodSet::ANY {
            return f.write_str("*");
        }
        let has_get = self.covers(MethodSet::default().with(Method::GET));
        let written = self.iter().filter(|method| !(has_get && *method == Method::HEAD));
        for (index, method) in written.enumerate() {
            let separator = if index == 0 { "" } else { "|" };
            write!(f, "{separator}{method}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> MethodSet {
        names.iter().map(|name| Method::parse(name).expect(name)).fold(MethodSet::default(), MethodSet::with)
    }

    #[test]
    fn get_implies_head_and_only_a_star_takes_unknown_methods() {
        assert!(set(&["GET"]).allows("HEAD"));
        assert!(!set(&["HEAD"]).allows("GET"));
        assert!(MethodSet::ANY.allows("BREW") && MethodSet::ANY.allows("GET"));
        assert!(METHODS.iter().all(|method| !set(&["GET", "PUT"]).allows("BREW") && Method::parse(method).is_some()));
    }

    #[test]
    fn a_star_is_covered_by_a_star_only() {
        let all = Method::names().filter_map(Method::parse).fold(MethodSet::default(), MethodSet::with);
        assert!(MethodSet::ANY.covers(all) && !all.covers(MethodSet::ANY));
    }

    #[test]
    fn sets_print_as_rules_write_them() {
        assert_eq!(set(&["PUT", "GET"]).to_string(), "GET|PUT");
        assert_eq!(set(&["HEAD"]).to_string(), "HEAD");
        assert_eq!(MethodSet::ANY.to_string(), "*");
    }
}
