//! The route before `::`: which Star, or which remote, a reference is for.
//!
//! Owns the text of routes. What a tag stands for is known by who keeps the remotes.

use std::fmt;
use std::net::Ipv6Addr;

use crate::error::{Fault, PathError, PathErrorKind, Place};
use crate::segment;
use crate::text::textual;

/// Where a reference is to be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// A remote that was given a name: `hub` or `[hub]`.
    Tag(Tag),
    /// A Star by its address: `mechtronhub.io`, `localhost:7443`, `[2001:db8::7]:7443`.
    Host(Host),
}

/// The name of a remote: one label in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tag(Box<str>);

/// The address of a Star.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host {
    name: HostName,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HostName {
    Dns(Box<str>),
    V6(Ipv6Addr),
}

impl Tag {
    /// The label without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Host {
    /// The name or address, an IPv6 address in brackets, without the port.
    pub fn name(&self) -> String {
        match &self.name {
            HostName::Dns(name) => name.to_string(),
            HostName::V6(address) => format!("[{address}]"),
        }
    }

    /// The port, if one is written.
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl Route {
    /// Reads a route without its `::`. A label without dot and port is a tag.
    pub fn parse(text: &str) -> Result<Route, PathError> {
        Route::read(text).map_err(|fault| fault.of(text, |meant| Route::read(meant).is_ok()))
    }

    pub(crate) fn read(text: &str) -> Result<Route, Fault> {
        if text.is_empty() {
            return Err(Fault::new(0..0, PathErrorKind::Missing { place: Place::Remote }));
        }
        if text.starts_with('[') {
            return bracketed(text);
        }
        if let Some((name, port)) = text.split_once(':') {
            let port = read_port(port).ok_or_else(|| Fault::new(0..text.len(), PathErrorKind::Remote))?;
            return dns(name, Some(port));
        }
        if text.contains('.') || text == "localhost" {
            return dns(text, None);
        }
        tag(text)
    }
}

fn bracketed(text: &str) -> Result<Route, Fault> {
    let Some(close) = text.find(']') else {
        return Err(Fault::new(0..1, PathErrorKind::Unclosed { open: '[' }));
    };
    let (inner, behind) = (&text[1..close], &text[close + 1..]);
    let not_a_remote = || Fault::new(0..text.len(), PathErrorKind::Remote);
    if !inner.contains(':') {
        let found = tag(inner).map_err(|fault| fault.shifted(1))?;
        return if behind.is_empty() { Ok(found) } else { Err(not_a_remote()) };
    }
    let address = inner.parse().map_err(|_| Fault::new(1..close, PathErrorKind::Remote))?;
    let port = match behind.strip_prefix(':') {
        Some(port) => Some(read_port(port).ok_or_else(not_a_remote)?),
        None if behind.is_empty() => None,
        None => return Err(not_a_remote()),
    };
    Ok(Route::Host(Host { name: HostName::V6(address), port }))
}

fn dns(name: &str, port: Option<u16>) -> Result<Route, Fault> {
    if name.contains('@') {
        return Err(Fault::new(0..name.len(), PathErrorKind::Remote));
    }
    segment::check_dns(name, Place::Remote)?;
    Ok(Route::Host(Host { name: HostName::Dns(name.into()), port }))
}

fn tag(label: &str) -> Result<Route, Fault> {
    if let Some(at) = label.find('.') {
        let kind = PathErrorKind::Character { found: '.', place: Place::Remote };
        return Err(Fault::new(at..at + 1, kind));
    }
    segment::check_dns(label, Place::Remote)?;
    Ok(Route::Tag(Tag(label.into())))
}

/// A port as it is printed again: decimal digits, no zero in front, not zero.
fn read_port(text: &str) -> Option<u16> {
    let plain = !text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // This one label would be read as a host without its brackets.
        if &*self.0 == "localhost" { write!(f, "[{}]", self.0) } else { f.write_str(&self.0) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            HostName::Dns(name) => f.write_str(name)?,
            HostName::V6(address) => write!(f, "[{address}]")?,
        }
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Tag(tag) => fmt::Display::fmt(tag, f),
            Route::Host(host) => fmt::Display::fmt(host, f),
        }
    }
}

textual!(Route);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_label_is_a_tag_and_everything_else_a_host() {
        for (text, tag, canonical) in [
            ("hub", true, "hub"),
            ("[hub]", true, "hub"),
            ("[localhost]", true, "[localhost]"),
            ("localhost", false, "localhost"),
            ("star:7443", false, "star:7443"),
            ("mechtronhub.io", false, "mechtronhub.io"),
            ("[2001:DB8:0::7]:7443", false, "[2001:db8::7]:7443"),
            ("[::1]", false, "[::1]"),
        ] {
            let route = Route::parse(text).unwrap();
            assert_eq!(matches!(route, Route::Tag(_)), tag, "{text}");
            assert_eq!(route.to_string(), canonical);
            assert_eq!(Route::parse(canonical).unwrap(), route);
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for bad in [
            "", "[", "[]", "[hub", "[hub]x", "[hub]:1", "Hub", "a:b", "a:0", "a:01", "a:65536", "a:", "x@y.z",
            "[::1]:", "[1:2]", ":1",
        ] {
            assert!(Route::parse(bad).is_err(), "{bad}");
        }
    }
}
