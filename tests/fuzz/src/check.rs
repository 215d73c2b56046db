//! What several targets ask in the same way: complaints that can be shown, values that read back.

use std::fmt::{Debug, Display};

use serde::Serialize;
use serde::de::DeserializeOwned;
use star_kinds::config::TextError;
use star_path::PathError;
use star_wire::codec;

/// The bytes as text; readers of text are given nothing else by their callers.
pub(crate) fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// A complaint about a text has its place within the text and can be printed on a terminal.
pub(crate) fn complaint(error: &PathError, read: &str) {
    let kept = error.input.as_str();
    assert!(read.starts_with(kept), "the complaint is about another text: {error:?}");
    assert!(error.span.start <= error.span.end && error.span.end <= kept.len(), "outside of the text: {error:?}");
    printable(&error.excerpt());
    printable(&error.to_string());
    if let Some(question) = error.question() {
        assert!(question.ends_with('?'), "{question}");
    }
}

/// A complaint about a document has its place within the document and can be printed.
pub(crate) fn text_complaint(error: &TextError, read: &str) {
    let lines = read.matches('\n').count() + 1;
    assert!((1..=lines).contains(&error.line()), "line {} of {lines}: {error}", error.line());
    let line = read.split('\n').nth(error.line() - 1).unwrap_or_default();
    let columns = line.chars().count() + 1;
    assert!((1..=columns).contains(&error.column()), "column {} of {columns}: {error}", error.column());
    assert!(!error.message().is_empty(), "a complaint says what is wrong");
    printable(&error.excerpt());
    printable(&error.to_string());
}

/// Nothing that a terminal would act on is printed.
fn printable(shown: &str) {
    let acting = shown.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(acting, None, "a terminal acts on what is printed: {shown:?}");
}

/// What was read prints a text that is read as the same, and printed as the same.
pub(crate) fn prints_itself<T, E>(value: &T, parse: impl Fn(&str) -> Result<T, E>)
where
    T: Display + PartialEq + Debug,
    E: Debug,
{
    let printed = value.to_string();
    match parse(&printed) {
        Ok(again) => {
            assert_eq!(&again, value, "`{printed}` is read as something else");
            assert_eq!(again.to_string(), printed, "`{printed}` is printed in another way");
        }
        Err(error) => panic!("{printed:?} was printed and is refused: {error:?}"),
    }
}

/// Bytes that decode are written again as bytes that decode to the same; nothing shorter and nothing
/// longer is taken for them.
pub(crate) fn decodes<T: Serialize + DeserializeOwned>(schema: u8, data: &[u8]) -> Option<T> {
    let value: T = codec::decode(schema, data).ok()?;
    let written = codec::encode(schema, &value).expect("what was decoded is within the limits of the codec");
    let again: T = codec::decode(schema, &written).expect("what was written decodes");
    let twice = codec::encode(schema, &again).expect("what was decoded is within the limits of the codec");
    assert_eq!(written, twice, "a value changes when it is written and read");
    whole_only(&written, |bytes| codec::decode::<T>(schema, bytes).is_ok());
    Some(value)
}

/// Of bytes that are read, no part is, and nothing may follow them.
pub(crate) fn whole_only(bytes: &[u8], reads: impl Fn(&[u8]) -> bool) {
    assert!(!reads(&[bytes, &[0]].concat()), "bytes behind the end are not seen");
    // Every cut of what is short, and a spread of those of what is long.
    let step = bytes.len().div_ceil(64).max(1);
    for end in (0..bytes.len()).step_by(step) {
        assert!(!reads(&bytes[..end]), "{end} of {} bytes are taken for all of them", bytes.len());
    }
}
