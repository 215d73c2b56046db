//! Which codings a request takes, by its `Accept-Encoding`.
//!
//! A request is never refused for it: who takes nothing that there is gets the plain bytes, as RFC 9110
//! allows.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

/// Whether zstd is taken, and not less wanted than the plain bytes. Without the header only plain bytes
/// are: clients that say nothing mostly decode nothing.
pub(crate) fn takes_zstd(headers: &HeaderMap) -> bool {
    let (mut zstd, mut identity, mut other) = (None, None, None);
    let lines = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    for (coding, weight) in lines.flat_map(|line| line.split(',')).filter_map(entry) {
        let place = match coding {
            coding if coding.eq_ignore_ascii_case("zstd") => &mut zstd,
            coding if coding.eq_ignore_ascii_case("identity") => &mut identity,
            "*" => &mut other,
            _ => continue,
        };
        *place = Some(weight);
    }
    let zstd = zstd.or(other).unwrap_or(0);
    // Plain bytes are taken though nobody names them, but not rather than what is named.
    let identity = identity.or(other).unwrap_or(0);
    zstd > 0 && zstd >= identity
}

/// A coding and its weight in thousandths. One whose weight cannot be read is not taken.
fn entry(text: &str) -> Option<(&str, u16)> {
    let mut parts = text.split(';');
    let coding = parts.next().map(str::trim).filter(|coding| !coding.is_empty())?;
    let weight = parts.map(str::trim).find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((coding, weight.map_or(1000, thousandths)))
}

/// The value of a weight, which has at most three digits behind its point.
fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let is_weight = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    let part = || format!("{part:0<3}").parse().unwrap_or(0);
    match whole {
        "0" if is_weight => part(),
        "1" if is_weight && part() == 0 => 1000,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap())).collect()
    }

    #[test]
    fn zstd_is_sent_to_those_who_want_it_at_least_as_much() {
        for (lines, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip, deflate, br"], false),
            (&["gzip, deflate, br, zstd"], true),
            (&["gzip", "ZSTD"], true),
            (&["zstd;q=0"], false),
            (&["zstd;q=0.000, *"], false),
            (&["zstd; q=0.001"], true),
            (&["zstd;Q=0.5, identity;q=0.5"], true),
            (&["zstd;q=0.5, identity"], false),
            (&["identity;q=0, zstd;q=0.1"], true),
            (&["identity;q=0"], false),
            (&["*"], true),
            (&["*;q=0"], false),
            (&["*;q=0, zstd"], true),
            (&["identity;q=1, *;q=0"], false),
            (&["zstd;q=0.5, *;q=1"], false),
            (&["zstd;q=1.000"], true),
            (&["zstd;q=1.5"], false),
            (&["zstd;q=nan"], false),
            (&["zstd;q="], false),
            (&["zstd;q=0.1234"], false),
            (&["zstd;level=3"], true),
            (&["x-zstd, dcz"], false),
        ] {
            assert_eq!(takes_zstd(&headers(lines)), expected, "{lines:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn who_refuses_zstd_never_gets_it(before in "[a-z0-9*,;=. ]{0,20}", after in "[a-y0-9*,;=. ]{0,20}") {
            let line = format!("{before},zstd;q=0,{after}");
            prop_assume!(!before.contains("zstd"));
            prop_assert!(!takes_zstd(&headers(&[&line])), "{line}");
        }
    }
}
