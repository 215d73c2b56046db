//! The grammar by example: what is accepted and its canonical text, what is refused and how
//! that is shown. The expected texts lie in `tests/golden`; `UPDATE_GOLDEN=1` writes them.

use std::fmt::Write;
use std::path::Path;

use star_path::{PathError, Reference, ResourcePath, Selector, Target, Template};

/// Compares `actual` with a golden file, or writes the file if asked to.
fn golden(name: &str, actual: &str) {
    let file =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, actual).expect("the folder of golden files is writable");
    }
    let expected = std::fs::read_to_string(&file).expect("every golden file is committed");
    assert!(expected == actual, "{name} differs; UPDATE_GOLDEN=1 writes it\n--- now\n{actual}");
}

/// A real digest, because a shorter one is refused.
const SHA: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// `{sha}` in an example stands for a digest.
fn spelled(example: &str) -> String {
    example.replace("{sha}", SHA)
}

const ACCEPTED: &[&str] = &[
    "ROOT",
    "acme",
    "uberscott.com",
    "localhost",
    "scott@mightydevco.com",
    "acme:web",
    "acme:web<FileSystem>",
    "acme:web:/",
    "acme:web:/docs/",
    "acme:web:/index.html",
    "acme:files:/with%20space/café.txt",
    "acme:files:/with%20space/cafe\u{301}.txt",
    "acme:files:/caf%C3%A9.txt",
    "acme:files:/a:b",
    "acme:files:/a::b",
    "acme:bundle:1.2.0",
    "acme:bundle:1.2.0:/mechtron.wasm",
    "acme:bundle:1.2.0-rc.1+build.5:/Mechtron.wasm",
    "acme:bundle:latest:/x",
    "acme:bundle:(^1.2):/x",
    "acme:bundle:( >=1.2, <2 ):/x",
    "acme:images:app:v1.4_2@{sha}",
    "acme:images:app@{sha}",
    "acme:images:app@{sha}:/config.json",
    "acme:nix:main:/0c2kk1k8r5b.narinfo",
    "acme:pkgs:2048-game:0.9.1",
    "acme:users:uberscott<User>",
    "acme:db<Database<Relational<postgresql.org:postgres:standard:16.4.0>>>",
    "acme:db<Database<Relational<postgresql.org:postgres:standard:(>=16,<17)>>>#status",
    "acme:web#bind",
    "acme:web#labels.team",
    "acme:app:queue#status",
    "ROOT#status",
    ".",
    "..",
    ".:mechtron",
    "..:another-app",
    "..:..:shared:/logo.svg",
    "mechtronhub.io::uberscott.com:my-favorite-mechtron:1.0.0:/Mechtron.wasm",
    "[hub]::uberscott.com:my-favorite-mechtron:1.0.0:/Mechtron.wasm",
    "hub::uberscott.com:my-favorite-mechtron:1.0.0:/Mechtron.wasm",
    "mechtronhub.io::scott@mightydevco.com:my-mechtron:1.0.0:/Mechtron.wasm",
    "localhost:7443::acme:web",
    "[localhost]::acme:web",
    "star-b.lan:7443::ROOT",
    "[2001:db8::7]:7443::acme:web:/a",
    "acme::web",
];

const REJECTED: &[&str] = &[
    "",
    "Acme",
    "acme:",
    "acme::web::x",
    "acme:web::config",
    "acme:we b",
    "acme:web:/../etc",
    "acme:web:/a//b",
    "acme:1.0.0:2.0.0",
    "acme:1.0.0:name",
    "acme:-x",
    "acme:web:.hidden",
    "acme:web:/a#b c",
    "acme:web:/a;b",
    "acme:web:/%2f",
    "acme:web:/%2F",
    "acme:web:/%c3%a9",
    "acme:web:/100%",
    "acme:web:/%FF",
    "[Hub]::acme",
    "[hub",
    "[hub]:acme",
    "hub::",
    "a@b:x",
    "::acme",
    "acme:x@sha256:abc",
    "acme:x@md5:abc",
    "acme:(:x",
    "acme:(abc)",
    "acme:(^1)x",
    "scott@mightydevco.com::x",
    "acme:1.0+x",
    "bücher:x",
    "ROOT:acme",
    "acme:web<fileSystem>",
    "acme:web<FileSystem",
    "acme:web<A<B<C<D>>>>",
    "acme:db<Database<Relational<postgres:16.4.0>>>",
    "acme:web#",
    "acme:web#Routes",
    "acme:web#a..b",
    "./index.html",
    "../index.html",
    "...",
    "acme:a\u{1b}[31mb",
    "漢字:web",
];

fn show(text: &str, error: &PathError, out: &mut String) {
    writeln!(out, "{text:?}\n{}\n{}\n", error, error.excerpt()).expect("a string takes everything");
}

#[test]
fn every_accepted_example_has_its_canonical_text() {
    let mut out = String::new();
    for example in ACCEPTED {
        let text = spelled(example);
        let reference = Reference::parse(&text).unwrap_or_else(|error| panic!("{}", error.excerpt()));
        let canonical = reference.to_string();
        assert_eq!(Reference::parse(&canonical).unwrap(), reference, "{canonical}");
        let same = if canonical == text { "" } else { "    (written otherwise)" };
        writeln!(out, "{text}{same}\n    {canonical}").unwrap();
        if let Target::Absolute(path) = &reference.target {
            let names: Vec<&str> = path.names().collect();
            let parts = (path.space().unwrap(), names, path.release().map(ToString::to_string), path.files());
            writeln!(out, "    {parts:?}").unwrap();
        }
    }
    golden("accepted.txt", &out);
}

#[test]
fn every_refused_example_shows_where_and_why() {
    let mut out = String::new();
    for text in REJECTED {
        let error = Reference::parse(text).expect_err(text);
        show(text, &error, &mut out);
    }
    let long = format!("acme:{}", "x".repeat(3_000));
    show("a name of 3,000 bytes", &Reference::parse(&long).unwrap_err(), &mut out);
    let deep = format!("acme{}", ":x".repeat(33));
    show("33 names", &Reference::parse(&deep).unwrap_err(), &mut out);
    let wide = format!("acme:web:/{}/a;b/{}", "漢".repeat(60), "z".repeat(200));
    show("a mistake far inside", &Reference::parse(&wide).unwrap_err(), &mut out);
    let remote = Reference::parse("acme::web").unwrap().unknown_remote().unwrap();
    show("acme::web", &remote, &mut out);
    golden("rejected.txt", &out);
}

#[test]
fn a_path_alone_takes_nothing_around_it() {
    let mut out = String::new();
    for text in ["hub::acme", "acme<Space>", "acme#owner", ".:x", "..", "", "acme:web:/a?b"] {
        show(text, &ResourcePath::parse(text).unwrap_err(), &mut out);
    }
    let path = ResourcePath::parse("acme:web").unwrap();
    for files in ["a", "/a//b", "/../x", "/a\0"] {
        show(files, &path.with_files(files).unwrap_err(), &mut out);
    }
    show("child", &path.child("we b").unwrap_err(), &mut out);
    golden("path_alone.txt", &out);
}

#[test]
fn selectors_have_their_canonical_text_and_prefix() {
    let mut out = String::new();
    for text in [
        "acme:*",
        "acme:**",
        "acme:*:**",
        "**<User>",
        "**",
        "ROOT",
        "acme:**<Mechtron>[status=Panic]",
        "acme:bundle:(>=1.2,<2)",
        "acme:bundle:( ^1 )",
        "acme:web:/img/**/*.png",
        "acme:web:/cafe\u{301}/?*",
        "acme:web:/docs/",
        "acme:**<Database<*>>[labels.env=prod]",
        "*.example.com:site",
        "hub::uberscott.com:*<BundleSeries>",
        "[hub]::acme:x",
        "acme:job-*",
        "acme:profiles:$(u):**",
        "acme:users:ada",
        "acme:b:1.2.0:/x",
        "acme:b:1.2.*",
        "**<Database<Relational<*:postgres:*:(>=16,<17)>>>[status!=Ready][size>10]",
    ] {
        let selector = Selector::parse(text).unwrap_or_else(|error| panic!("{}", error.excerpt()));
        let canonical = selector.to_string();
        assert_eq!(Selector::parse(&canonical).unwrap(), selector, "{canonical}");
        let literal = if selector.is_literal() { "is" } else { "from" };
        writeln!(out, "{text}\n    {canonical}\n    {literal} {}", selector.literal_prefix()).unwrap();
    }
    golden("selectors.txt", &out);
}

#[test]
fn refused_selectors_show_where_and_why() {
    let mut out = String::new();
    for text in [
        "",
        "acme:",
        "acme:a**",
        "acme:web:/a**/b",
        "acme:web:/a//b",
        "acme:web:/../x",
        "acme:$(u",
        "acme:$():x",
        "acme:$(u):$(u)",
        "acme:1.0.0:*",
        "ROOT:*",
        "acme:*<user>",
        "acme:*<User",
        "acme:*[status]",
        "acme:*[status=Ready",
        "acme:*[Status=Ready]",
        "acme:*[status=Ready]x",
        "acme:*#status",
        "Acme:*",
        "acme:we b",
    ] {
        show(text, &Selector::parse(text).expect_err(text), &mut out);
    }
    golden("selectors_rejected.txt", &out);
}

#[test]
fn refused_templates_show_where_and_why() {
    let mut out = String::new();
    for text in ["/hello/{name", "/hello/{}", "/{a b}", "/{1st}", "/a}b", "/${bundle", "/{*}", "/{a:b}"] {
        show(text, &Template::route(text).expect_err(text), &mut out);
    }
    for text in ["${", "x ${a-b} y", "${}"] {
        show(text, &Template::document(text).expect_err(text), &mut out);
    }
    golden("templates_rejected.txt", &out);
}

#[test]
fn a_suggestion_is_accepted_when_it_is_followed() {
    for text in REJECTED {
        let error = Reference::parse(text).expect_err(text);
        if let Some(meant) = error.suggestion {
            let meant = meant.trim_matches('`');
            assert!(Reference::parse(meant).is_ok(), "{text:?} proposes {meant:?}");
        }
    }
}
