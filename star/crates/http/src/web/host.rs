//! The host of a request: which Space a visitor means.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};

use crate::limits;

/// The Space of this very machine.
pub(crate) const LOCAL: &str = "localhost";

/// Where a visitor wants to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Host<'r> {
    /// Host and port as the visitor wrote them.
    pub(crate) authority: &'r str,
    /// The name of the Space that it means.
    pub(crate) space: Cow<'r, str>,
}

/// Why a host means no Space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadHost {
    /// The request is not well formed.
    #[error("the request has no host, or more than one")]
    Missing,
    /// The text is no host.
    #[error("the host of the request is not well formed")]
    Malformed,
    /// It is a host, but no Space can have this name.
    #[error("no Space can be called `{0}`")]
    NoName(String),
}

/// Reads the host of a request. What stands in the address wins over the header, as the standard
/// wants it.
pub(crate) fn of<'r>(uri: &'r Uri, headers: &'r HeaderMap) -> Result<Host<'r>, BadHost> {
    if let Some(authority) = uri.authority() {
        return read(authority.as_str());
    }
    let mut values = headers.get_all(HOST).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(BadHost::Missing) };
    read(value.to_str().map_err(|_| BadHost::Malformed)?)
}

fn read(authority: &str) -> Result<Host<'_>, BadHost> {
    if authority.len() > limits::HOST_BYTES {
        return Err(BadHost::Malformed);
    }
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or(BadHost::Malformed)?;
            check_port(port)?;
            return address_literal(authority, address);
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    check_port(port)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        return Err(BadHost::Malformed);
    }
    let space = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    };
    let begins_with_digit = name.as_bytes()[0].is_ascii_digit();
    if begins_with_digit && name.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback()) {
        return Ok(Host { authority, space: Cow::Borrowed(LOCAL) });
    }
    match star_path::is_space_name(&space) {
        true => Ok(Host { authority, space }),
        false => Err(BadHost::NoName(space.into_owned())),
    }
}

/// An address in brackets. Only that of this machine has a Space.
fn address_literal<'r>(authority: &'r str, address: &str) -> Result<Host<'r>, BadHost> {
    match address.parse::<Ipv6Addr>() {
        Ok(address) if address.is_loopback() => Ok(Host { authority, space: Cow::Borrowed(LOCAL) }),
        Ok(address) => Err(BadHost::NoName(format!("[{address}]"))),
        Err(_) => Err(BadHost::Malformed),
    }
}

fn check_port(port: &str) -> Result<(), BadHost> {
    let digits = match port {
        "" => return Ok(()),
        port => port.strip_prefix(':').ok_or(BadHost::Malformed)?,
    };
    match digits.is_empty() || (digits.bytes().all(|byte| byte.is_ascii_digit()) && digits.parse::<u16>().is_ok()) {
        true => Ok(()),
        false => Err(BadHost::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_host_means_the_space_of_its_name() {
        for (host, space) in [
            ("localhost", "localhost"),
            ("localhost:8080", "localhost"),
            ("localhost:", "localhost"),
            ("LocalHost:8080", "localhost"),
            ("acme.example.com.", "acme.example.com"),
            ("Acme.Example.COM.:443", "acme.example.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("127.0.0.1:8080", "localhost"),
            ("127.5.5.5", "localhost"),
            ("[::1]:8080", "localhost"),
            ("[::1]", "localhost"),
            ("10.0.0.7", "10.0.0.7"),
        ] {
            let read = read(host).unwrap();
            assert_eq!((read.space.as_ref(), read.authority), (space, host));
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for host in
            ["", ".", ":80", "a b", "a/b", "a@b.c", "a:b", "a:99999", "[::1", "[::1]x", "[zz]", "a%2eb", "é.example"]
        {
            assert_eq!(read(host), Err(BadHost::Malformed), "{host}");
        }
        assert_eq!(read(&"a".repeat(limits::HOST_BYTES + 1)), Err(BadHost::Malformed));
        for host in ["[2001:db8::1]", "a..b", "under_score.example", "-a"] {
            assert!(matches!(read(host), Err(BadHost::NoName(_))), "{host}");
        }
    }

    #[test]
    fn two_hosts_are_none_and_the_address_wins() {
        let header = |hosts: &[&'static str]| -> HeaderMap {
            hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect()
        };
        let plain = Uri::from_static("/a");
        assert_eq!(of(&plain, &header(&[])), Err(BadHost::Missing));
        assert_eq!(of(&plain, &header(&["a", "b"])), Err(BadHost::Missing));
        assert_eq!(of(&plain, &header(&["a"])).unwrap().space, "a");
        assert_eq!(of(&Uri::from_static("http://b/a"), &header(&["a"])).unwrap().space, "b");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn whatever_is_taken_is_the_name_of_a_space(text in "[\\[a-zA-Z0-9.:_\\]-]{0,20}") {
            if let Ok(host) = read(&text) {
                prop_assert!(star_path::is_space_name(&host.space));
            }
        }
    }
}
