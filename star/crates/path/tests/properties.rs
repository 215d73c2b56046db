//! What holds for every text: nothing panics, and what is printed reads back the same.

use proptest::prelude::*;
use star_path::caret::Caret;
use star_path::{Digest, KindExpr, PathError, PropertyKey, Reference, ResourcePath, Selector, Syntax, Template};

/// What addresses are made of, and what they stumble over.
const PIECES: &[&str] = &[
    "acme",
    "a",
    "x.y",
    "s@x.y",
    "ROOT",
    "localhost",
    "web",
    "1.2.0",
    "1.2.0-rc.1+b",
    "(^1.2)",
    "(>=1, <2)",
    "latest",
    ":",
    ":",
    ":",
    ":/",
    "::",
    "/",
    "/",
    ".",
    "..",
    "[hub]",
    "[::1]",
    ":80",
    "<",
    ">",
    "<File>",
    "<Database<Relational<v.w:p:x:1.0.0>>>",
    "<Database<*>>",
    "#",
    "#routes",
    "#a.b",
    "%20",
    "%C3%A9",
    "%2",
    "é",
    "e\u{301}",
    "漢",
    "\u{202e}",
    " ",
    "*",
    "**",
    "?",
    "job-*",
    "$(u)",
    "${u}",
    "{u}",
    "{*u}",
    "$1",
    "$",
    "{",
    "}",
    "[status=Ready]",
    "[a.b!=c d]",
    "[",
    "]",
    "@",
    "-",
    "_",
    "~",
    "+",
    "=",
    ";",
    "\u{0}",
];

/// Texts made of the pieces of the grammar, so that many are accepted and most are nearly so.
fn nearly() -> impl Strategy<Value = String> {
    let digest = format!("@sha256:{}", "0a".repeat(32));
    let pieces: Vec<String> = PIECES.iter().copied().map(str::to_owned).chain([digest]).collect();
    proptest::collection::vec(proptest::sample::select(pieces), 0..12).prop_map(|pieces| pieces.concat())
}

/// Any text at all, bytes that are no UTF-8 replaced.
fn anything() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Paths that are accepted, in every form.
fn path() -> impl Strategy<Value = ResourcePath> {
    let space = "[a-z][a-z0-9]{0,8}(\\.[a-z]{2,4})?|[a-z]{1,5}@[a-z]{1,5}\\.[a-z]{2}";
    let names = proptest::collection::vec("[A-Za-z0-9_][A-Za-z0-9._-]{0,9}", 0..5);
    let release = proptest::option::of("[0-9]\\.[0-9]\\.[0-9](-rc\\.[1-9])?(\\+[a-z]{1,3})?|\\(\\^[0-9](\\.[0-9])?\\)");
    let digest = proptest::option::of(any::<[u8; 32]>());
    let files = proptest::option::of(proptest::collection::vec("\\PC{1,8}", 0..4));
    (space, names, release, digest, files, any::<bool>()).prop_filter_map(
        "a name may be a version, and a file name may be dots",
        |(space, names, release, digest, files, directory)| {
            let mut text = space;
            for part in names.into_iter().chain(release) {
                text = format!("{text}:{part}");
            }
            if let Some(bytes) = digest {
                text = format!("{text}@{}", Digest::sha256(bytes));
            }
            let path = ResourcePath::parse(&text).ok()?;
            let Some(files) = files else {
                return Some(path);
            };
            let slash = if directory && !files.is_empty() { "/" } else { "" };
            path.with_files(&format!("/{}{slash}", files.join("/"))).ok()
        },
    )
}

/// The error of a refused text can be shown, and points into it.
fn shown<T>(text: &str, result: Result<T, PathError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end <= text.len(), "{error:?}");
            assert!(text.is_char_boundary(error.span.start) && text.is_char_boundary(error.span.end), "{error:?}");
            let drawn = format!("{error}\n{}", error.excerpt());
            assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
            None
        }
    }
}

/// Every parser takes the text or refuses it, and what it took reads back the same.
fn reads_back(text: &str) {
    macro_rules! check {
        ($type:ty) => {
            if let Some(value) = shown(text, <$type>::parse(text)) {
                let printed = value.to_string();
                assert_eq!(<$type>::parse(&printed).as_ref(), Ok(&value), "{text:?} printed {printed:?}");
                assert_eq!(<$type>::parse(&printed).map(|it| it.to_string()), Ok(printed));
            }
        };
    }
    check!(ResourcePath);
    check!(Reference);
    check!(Selector);
    check!(KindExpr);
    check!(PropertyKey);
    for syntax in [Syntax::Route, Syntax::Document] {
        if let Some(template) = shown(text, Template::parse(text, syntax)) {
            let printed = template.to_string();
            assert_eq!(Template::parse(&printed, syntax), Ok(template), "{text:?} printed {printed:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn near_texts_read_back_or_are_refused(text in nearly()) {
        reads_back(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in anything()) {
        reads_back(&text);
    }

    #[test]
    fn a_path_reads_back_and_knows_its_place(path in path()) {
        prop_assert_eq!(&ResourcePath::parse(path.as_str()).unwrap(), &path);
        prop_assert_eq!(path.depth(), path.ancestors().count());
        for above in path.ancestors() {
            prop_assert!(path.is_within(&above) && !above.is_within(&path));
            prop_assert_eq!(&ResourcePath::parse(above.as_str()).unwrap(), &above);
            prop_assert_eq!(above.depth(), above.ancestors().count());
        }
        if let Some(files) = path.files_decoded() {
            prop_assert_eq!(&path.with_files(&files).unwrap(), &path);
        }
    }

    #[test]
    fn a_path_is_a_selector_of_itself(path in path()) {
        let selector = Selector::from(&path);
        prop_assert!(selector.matches_path(&path).is_some());
        prop_assert!(path.digest().is_some() || !selector.is_literal() || selector.literal_prefix() == &path);
        prop_assert!(Selector::parse("**").unwrap().matches_path(&path).is_some());
    }

    #[test]
    fn what_a_selector_matches_lies_within_its_prefix(text in nearly(), path in path()) {
        if let Ok(selector) = Selector::parse(&text)
            && selector.matches_path(&path).is_some()
        {
            let pure = path.without_digest();
            prop_assert!(path.is_within(selector.literal_prefix()) || pure.is_within(&selector.literal_prefix().without_files()));
        }
    }

    #[test]
    fn a_rendered_value_is_one_file_name(value in "\\PC{0,20}") {
        let template = Template::route("acme:web:/{v}").unwrap();
        if let Ok(reference) = template.render_reference(&|_| Some(value.clone())) {
            let path = reference.path().unwrap();
            let above = path.parent().unwrap();
            prop_assert_eq!(above.as_str(), "acme:web:/");
            prop_assert!(reference.kind.is_none() && reference.property.is_none());
        }
    }

    #[test]
    fn a_caret_is_drawn_for_any_span(source in anything(), start in 0_usize..300, length in 0_usize..300) {
        let span = start..start + length;
        let drawn = Caret { source: &source, line: Some(7), span: span.clone(), message: "m", suggestion: None }.render();
        prop_assert!(drawn.contains('^') && drawn.lines().count() == 2);
        prop_assert!(Caret::in_text(&source, span, "m", Some("s")).render().contains('^'));
    }
}
