//! What a request wants to be true before it is answered: entity tags and dates.
//!
//! Reading knows the validators of what it found and judges here. Writing cannot: what is at the
//! path is known only inside the turn of its actor, so the conditions travel with the message.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE};
use star_core::command::PutIf;
use star_core::ports::clock::UnixMillis;
use star_core::ports::content::{Coding, StoredForm};
use star_path::Digest;
use star_wire::{ErrorCode, StarError};

/// The strong entity tag of a content.
pub(crate) fn tag_of(digest: &Digest) -> String {
    let (name, hex) = (digest.algorithm().name(), digest.hex());
    let mut tag = String::with_capacity(name.len() + hex.len() + 3);
    for piece in ["\"", name, ":", &hex, "\""] {
        tag.push_str(piece);
    }
    tag
}

/// What stands between the digest of a content and the length of its stored form in the tag of that form.
const ZSTD: &str = ";zstd-";

/// The strong entity tag of the form in which a content lies. A content that was removed and came again
/// may have been made of other frames, by a later release; then it is of another length.
pub(crate) fn tag_of_stored(digest: &Digest, form: &StoredForm) -> String {
    let StoredForm { coding: Coding::Zstd, size_bytes } = form;
    let mut tag = tag_of(digest);
    tag.pop();
    tag.push_str(ZSTD);
    tag.push_str(&size_bytes.to_string());
    tag.push('"');
    tag
}

/// The content that a tag names, in whichever form: for those who change it, both are the same.
fn digest_of(opaque: &str) -> Option<Digest> {
    let digest = match opaque.split_once(ZSTD) {
        Some((digest, size_bytes)) => size_bytes.parse::<u64>().ok().map(|_| digest)?,
        None => opaque,
    };
    Digest::parse(digest).ok()
}

/// What becomes of a request to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is answered.
    Go,
    /// The client has it already.
    NotModified,
    /// What the client wants to be true is not.
    Failed,
}

/// Judges a request to read something with this tag and this time, in the order of RFC 9110.
pub(crate) fn judge(headers: &HeaderMap, tag: &str, modified_ms: UnixMillis) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if !tags(headers, IF_MATCH).any(|listed| listed.names(tag, Comparison::Strong)) {
            return Verdict::Failed;
        }
    } else if let Some(since) = date(headers, IF_UNMODIFIED_SINCE)
        && seconds(modified_ms) > since
    {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        let listed = tags(headers, IF_NONE_MATCH).any(|listed| listed.names(tag, Comparison::Weak));
        return if listed { Verdict::NotModified } else { Verdict::Go };
    }
    match date(headers, IF_MODIFIED_SINCE) {
        Some(since) if seconds(modified_ms) <= since => Verdict::NotModified,
        _ => Verdict::Go,
    }
}

/// Whether a part may be sent: `If-Range` names just this state, or is missing.
pub(crate) fn range_applies(headers: &HeaderMap, tag: &str, modified_ms: UnixMillis) -> bool {
    let Some(value) = headers.get(IF_RANGE) else { return true };
    match value.to_str() {
        Ok(text) if text.starts_with('"') => text.trim() == tag,
        Ok(text) => {
            httpdate::parse_http_date(text).ok().is_some_and(|date| seconds(modified_ms) == whole_seconds(date))
        }
        Err(_) => false,
    }
}

/// What a PUT wants to be true.
///
/// # Errors
/// `InvalidArgument` for conditions that cannot be kept in one step.
pub(crate) fn of_put(headers: &HeaderMap) -> Result<PutIf, StarError> {
    match (of_change(headers)?, unwanted(headers)) {
        (None, None) => Ok(PutIf::Any),
        (None, Some(Wanted::Anything)) => Ok(PutIf::Absent),
        (None, Some(Wanted::OneOf(digests))) => Ok(PutIf::Unless(digests)),
        (Some(_), Some(_)) => Err(invalid("`if-match` and `if-none-match` cannot both be kept")),
        (Some(Wanted::Anything), None) => Ok(PutIf::Present),
        (Some(Wanted::OneOf(digests)), None) => Ok(PutIf::Digest(digests)),
    }
}

/// What must not be there for a PUT: anything at all, or one of some contents, which are compared
/// weakly, as RFC 9110 has it.
fn unwanted(headers: &HeaderMap) -> Option<Wanted> {
    if !headers.contains_key(IF_NONE_MATCH) {
        return None;
    }
    let mut digests = Vec::new();
    for listed in tags(headers, IF_NONE_MATCH) {
        match listed {
            Listed::Any => return Some(Wanted::Anything),
            Listed::Tag { opaque, .. } => digests.extend(digest_of(opaque)),
        }
    }
    Some(Wanted::OneOf(digests))
}

/// What a DELETE wants the content to be; none for any.
///
/// # Errors
/// `PreconditionFailed` for tags that no content can have, `InvalidArgument` for more than one
/// digest.
pub(crate) fn of_delete(headers: &HeaderMap) -> Result<Option<Digest>, StarError> {
    match of_change(headers)? {
        None | Some(Wanted::Anything) => Ok(None),
        Some(Wanted::OneOf(digests)) if digests.is_empty() => {
            Err(StarError::new(ErrorCode::PreconditionFailed, "no content has the entity tag of `if-match`"))
        }
        Some(Wanted::OneOf(digests)) => match <[Digest; 1]>::try_from(digests) {
            Ok([digest]) => Ok(Some(digest)),
            Err(_) => Err(invalid("`if-match` of a DELETE names one entity tag")),
        },
    }
}

enum Wanted {
    Anything,
    OneOf(Vec<Digest>),
}

fn of_change(headers: &HeaderMap) -> Result<Option<Wanted>, StarError> {
    if headers.contains_key(IF_UNMODIFIED_SINCE) {
        return Err(invalid("changes are guarded by entity tags, not by dates: send `if-match`"));
    }
    if !headers.contains_key(IF_MATCH) {
        return Ok(None);
    }
    let mut digests: Vec<Digest> = Vec::new();
    for listed in tags(headers, IF_MATCH) {
        match listed {
            Listed::Any => return Ok(Some(Wanted::Anything)),
            Listed::Tag { opaque, weak: false } => {
                digests.extend(digest_of(opaque).filter(|digest| !digests.contains(digest)));
            }
            Listed::Tag { weak: true, .. } => {}
        }
    }
    // A tag that no content of ours can have names nothing, and so the condition fails later.
    Ok(Some(Wanted::OneOf(digests)))
}

fn invalid(message: &str) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, message)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// One entry of a list of entity tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed<'h> {
    Any,
    Tag { opaque: &'h str, weak: bool },
}

impl Listed<'_> {
    /// Whether it means a strong tag, which is given with its quotes.
    fn names(self, tag: &str, comparison: Comparison) -> bool {
        match self {
            Listed::Any => true,
            Listed::Tag { weak: true, .. } if comparison == Comparison::Strong => false,
            Listed::Tag { opaque, .. } => tag.len() == opaque.len() + 2 && &tag[1..tag.len() - 1] == opaque,
        }
    }
}

/// The entity tags of a header. Our tags hold no comma, so what is cut at one is none of ours.
fn tags(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = Listed<'_>> {
    let lines = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|entry| {
        let entry = entry.trim();
        if entry == "*" {
            return Some(Listed::Any);
        }
        let (quoted, weak) = match entry.strip_prefix("W/") {
            Some(quoted) => (quoted, true),
            None => (entry, false),
        };
        let opaque = quoted.strip_prefix('"')?.strip_suffix('"')?;
        Some(Listed::Tag { opaque, weak })
    })
}

fn date(headers: &HeaderMap, name: HeaderName) -> Option<u64> {
    let text = headers.get(name)?.to_str().ok()?;
    httpdate::parse_http_date(text).ok().map(whole_seconds)
}

fn whole_seconds(date: SystemTime) -> u64 {
    date.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Dates of HTTP have whole seconds only.
fn seconds(at_ms: UnixMillis) -> u64 {
    Duration::from_millis(at_ms).as_secs()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const AT_MS: UnixMillis = 1_700_000_000_250;
    const AT: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
    const BEFORE: &str = "Tue, 14 Nov 2023 22:13:19 GMT";

    fn digest(byte: u8) -> Digest {
        Digest::sha256([byte; 32])
    }

    fn stored_tag(byte: u8) -> String {
        tag_of_stored(&digest(byte), &StoredForm { coding: Coding::Zstd, size_bytes: 17 })
    }

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn reading_is_judged_in_the_order_of_the_standard() {
        let (tag, other) = (tag_of(&digest(1)), tag_of(&digest(2)));
        let weak = format!("W/{tag}");
        let list = format!("{other}, {tag}");
        for (pairs, expected) in [
            (vec![], Verdict::Go),
            (vec![(IF_NONE_MATCH, tag.as_str())], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, &weak)], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, &list)], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, "*")], Verdict::NotModified),
            (vec![(IF_NONE_MATCH, &other)], Verdict::Go),
            (vec![(IF_NONE_MATCH, &other), (IF_MODIFIED_SINCE, AT)], Verdict::Go),
            (vec![(IF_MODIFIED_SINCE, AT)], Verdict::NotModified),
            (vec![(IF_MODIFIED_SINCE, BEFORE)], Verdict::Go),
            (vec![(IF_MODIFIED_SINCE, "yesterday")], Verdict::Go),
            (vec![(IF_MATCH, &tag)], Verdict::Go),
            (vec![(IF_MATCH, &weak)], Verdict::Failed),
            (vec![(IF_MATCH, &other)], Verdict::Failed),
            (vec![(IF_UNMODIFIED_SINCE, AT)], Verdict::Go),
            (vec![(IF_UNMODIFIED_SINCE, BEFORE)], Verdict::Failed),
        ] {
            assert_eq!(judge(&headers(&pairs), &tag, AT_MS), expected, "{pairs:?}");
        }
    }

    #[test]
    fn the_tag_of_one_form_is_not_that_of_the_other() {
        let (plain, stored) = (tag_of(&digest(1)), stored_tag(1));
        assert!(stored.ends_with(";zstd-17\""), "{stored}");
        let both = format!("{plain}, {stored}");
        for (selected, listed, expected) in [
            (&plain, &plain, true),
            (&plain, &stored, false),
            (&stored, &stored, true),
            (&stored, &plain, false),
            (&plain, &both, true),
            (&stored, &both, true),
        ] {
            let verdict = |name, told| judge(&headers(&[(name, listed)]), selected, AT_MS) == told;
            assert_eq!(verdict(IF_NONE_MATCH, Verdict::NotModified), expected, "{selected} {listed}");
            assert_eq!(verdict(IF_MATCH, Verdict::Go), expected, "{selected} {listed}");
            let may_be_resumed = range_applies(&headers(&[(IF_RANGE, listed)]), selected, AT_MS);
            assert_eq!(may_be_resumed, selected == listed, "{selected} {listed}");
        }
    }

    #[test]
    fn a_part_of_another_state_is_not_sent() {
        let (tag, other) = (tag_of(&digest(1)), tag_of(&digest(2)));
        for (value, expected) in
            [(tag.as_str(), true), (&other, false), (AT, true), (BEFORE, false), ("W/\"x\"", false)]
        {
            assert_eq!(range_applies(&headers(&[(IF_RANGE, value)]), &tag, AT_MS), expected, "{value}");
        }
        assert!(range_applies(&HeaderMap::new(), &tag, AT_MS));
    }

    #[test]
    fn conditions_of_a_put_become_those_of_the_message() {
        let (tag, other) = (tag_of(&digest(1)), tag_of(&digest(2)));
        let both = format!("{tag}, {other}");
        let (stored, strange) = (stored_tag(1), tag.replace("\"sha256", "\"sha256;zstd-x"));
        let in_both_forms = format!("{tag}, {stored}");
        for (pairs, expected) in [
            (vec![], PutIf::Any),
            (vec![(IF_NONE_MATCH, "*")], PutIf::Absent),
            (vec![(IF_MATCH, "*")], PutIf::Present),
            (vec![(IF_MATCH, tag.as_str())], PutIf::Digest(vec![digest(1)])),
            (vec![(IF_MATCH, &both)], PutIf::Digest(vec![digest(1), digest(2)])),
            (vec![(IF_MATCH, &stored)], PutIf::Digest(vec![digest(1)])),
            (vec![(IF_MATCH, &in_both_forms)], PutIf::Digest(vec![digest(1)])),
            (vec![(IF_MATCH, "\"strange\"")], PutIf::Digest(vec![])),
            (vec![(IF_MATCH, &strange)], PutIf::Digest(vec![])),
            (vec![(IF_NONE_MATCH, tag.as_str())], PutIf::Unless(vec![digest(1)])),
            (vec![(IF_NONE_MATCH, &both)], PutIf::Unless(vec![digest(1), digest(2)])),
            (vec![(IF_NONE_MATCH, "\"strange\"")], PutIf::Unless(vec![])),
        ] {
            assert_eq!(of_put(&headers(&pairs)).unwrap(), expected, "{pairs:?}");
        }
        for pairs in [vec![(IF_NONE_MATCH, "*"), (IF_MATCH, tag.as_str())], vec![(IF_UNMODIFIED_SINCE, AT)]] {
            assert_eq!(of_put(&headers(&pairs)).unwrap_err().code(), ErrorCode::InvalidArgument, "{pairs:?}");
        }
    }

    #[test]
    fn a_delete_names_one_content() {
        let (tag, other) = (tag_of(&digest(1)), tag_of(&digest(2)));
        assert_eq!(of_delete(&HeaderMap::new()).unwrap(), None);
        assert_eq!(of_delete(&headers(&[(IF_MATCH, "*")])).unwrap(), None);
        assert_eq!(of_delete(&headers(&[(IF_MATCH, &tag)])).unwrap(), Some(digest(1)));
        assert_eq!(of_delete(&headers(&[(IF_MATCH, &tag), (IF_MATCH, &stored_tag(1))])).unwrap(), Some(digest(1)));
        assert!(of_delete(&headers(&[(IF_MATCH, &tag), (IF_MATCH, &other)])).is_err());
        assert!(of_delete(&headers(&[(IF_MATCH, "\"strange\"")])).is_err());
    }
}
