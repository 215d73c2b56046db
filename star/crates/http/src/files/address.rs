//! The path of a resource as it stands in a URL.
//!
//! Clients differ in what they percent-encode, so every spelling of a path is taken that can mean
//! only one: the part before the files may be encoded anywhere, and so may each file name. What
//! could be read in two ways (an encoded slash, an encoding that is none) is refused.

use std::borrow::Cow;

use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

/// Reads the raw text behind a prefix like `/r/`, without query.
pub(crate) fn path(text: &str) -> Result<ResourcePath, StarError> {
    let (head, files) = match text.find('/') {
        None => (text, None),
        Some(at) => match without_colon(&text[..at]) {
            Some(head) => (head, Some(&text[at..])),
            None => {
                let message = "the files of a path begin behind `:/`";
                return Err(malformed(message).hint("like /r/acme:web:/index.html"));
            }
        },
    };
    let head = decoded(head)?;
    if head.contains('/') {
        return Err(malformed("an encoded slash could mean two paths").hint("write slashes as they are"));
    }
    let resource = ResourcePath::parse(&head)?;
    let Some(files) = files else { return Ok(resource) };
    let mut plain = String::with_capacity(files.len());
    for (index, name) in files.split('/').enumerate() {
        let name = decoded(name)?;
        if name.contains('/') {
            return Err(malformed("an encoded slash could mean two paths").hint("no file has a slash in its name"));
        }
        if index > 0 {
            plain.push('/');
        }
        plain.push_str(&name);
    }
    Ok(resource.with_files(&plain)?)
}

/// The text without the colon, plain or encoded, at its end.
fn without_colon(text: &str) -> Option<&str> {
    text.strip_suffix(':').or_else(|| text.strip_suffix("%3A")).or_else(|| text.strip_suffix("%3a"))
}

/// Takes the percent signs out of a text.
pub(crate) fn decoded(text: &str) -> Result<Cow<'_, str>, StarError> {
    if !text.contains('%') {
        return Ok(Cow::Borrowed(text));
    }
    let not_encoded = || malformed("the path is not well percent-encoded").hint("a percent sign itself is `%25`");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, behind @ ..] = rest else { return Err(not_encoded()) };
        let byte = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low);
        bytes.push(byte.ok_or_else(not_encoded)?);
        rest = behind;
    }
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| malformed("the path is not UTF-8"))
}

fn digit(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

fn malformed(message: &str) -> StarError {
    StarError::new(ErrorCode::MalformedPath, message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_spelling_of_a_path_means_the_same() {
        for (text, expected) in [
            ("acme", "acme"),
            ("acme:web", "acme:web"),
            ("acme%3Aweb", "acme:web"),
            ("acme:web:/", "acme:web:/"),
            ("acme:web:/a/b.txt", "acme:web:/a/b.txt"),
            ("acme%3aweb%3a/a/b.txt", "acme:web:/a/b.txt"),
            ("acme:web:/a%20b", "acme:web:/a%20b"),
            ("acme:web:/a%2eb", "acme:web:/a.b"),
            ("acme:web:/(x)*", "acme:web:/%28x%29%2A"),
            ("acme:web:/50%25", "acme:web:/50%25"),
            ("acme:web:/gr%c3%bc%C3%9fe/", "acme:web:/grüße/"),
            ("acme:site:(%5E1.2):/x", "acme:site:(^1.2):/x"),
            ("acme:site:1.0.0:/x:y", "acme:site:1.0.0:/x:y"),
        ] {
            assert_eq!(path(text).unwrap().as_str(), expected, "{text}");
        }
    }

    #[test]
    fn what_could_mean_two_paths_is_refused() {
        for text in [
            "",
            "/a",
            "acme/web",
            "acme:web:%2Fa",
            "acme:web:/a%2fb",
            "acme:web:/a//b",
            "acme:web:/../b",
            "acme:web:/%2e%2e/b",
            "acme:web:/a%00",
            "acme:web:/%ff",
            "acme:web:/%4",
            "acme:web:/%zz",
            "acme:web%23title",
            "acme:web%3CFile%3E",
            "..:web",
        ] {
            assert_eq!(path(text).unwrap_err().code(), ErrorCode::MalformedPath, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_path_that_was_read_reads_back_as_it_prints(text in "[a-c]{1,3}(:[a-c]{1,3}){0,2}(:/[a-c%20:/.~(é]{0,12})?") {
            if let Ok(read) = path(&text) {
                prop_assert_eq!(path(read.as_str()).unwrap(), read);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,64}") {
            path(&text).ok();
        }
    }
}
