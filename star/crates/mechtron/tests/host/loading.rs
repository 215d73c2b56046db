//! What is loaded and what is refused, and that nothing is compiled twice.

use star_core::ports::mechtron::MechtronHost;
use star_mechtron::{Allocation, WasmHost};
use star_wire::ErrorCode;

use crate::fixture::{AMPLE, Fixture, Source, guest};

#[tokio::test]
async fn what_is_no_component_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with_code_in(folder.path());
    for (bytes, message) in [
        (&b""[..], "not a WebAssembly component"),
        (b"#!/bin/sh", "not a WebAssembly component"),
        (b"\x7fELF\x02\x01\x01", "not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0d\0\x01\0\xff", "cannot be compiled"),
        (b"\0asm\x0d\0\x01\0", "answers neither messages nor web requests"),
    ] {
        let error = fixture.load_bytes(bytes).await.err().expect("it is refused");
        assert_eq!(error.code(), ErrorCode::InvalidComponent);
        assert!(error.message().contains(message), "{error}");
        assert_eq!(error.path().map(ToString::to_string).as_deref(), Some("acme:app:main"));
    }
    assert_eq!(fixture.host.status().loaded, 0);
}

#[tokio::test]
async fn an_import_that_is_not_offered_is_named() {
    let fixture = Fixture::new();
    let error = fixture.load_bytes(guest("stranger")).await.err().expect("it is refused");
    assert_eq!(error.code(), ErrorCode::InvalidComponent);
    assert!(error.message().contains("`acme:vault/secrets@1.0.0`"), "{error}");
    assert!(!error.message().contains("wasi:"), "{error}");
}

#[tokio::test]
async fn a_component_is_compiled_once_for_all_its_mechtrons_and_forgotten_with_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with_code_in(folder.path());
    assert_eq!(fixture.host.allocation(), Allocation::Pool);
    let source = Source::new(guest("hello-greeter"));
    let (content, host) = (source.content(), &fixture.host);
    let both = tokio::join!(
        host.load(&content, &source, fixture.spec(AMPLE)),
        host.load(&content, &source, fixture.spec(AMPLE))
    );
    assert_eq!((source.asked(), host.status().loaded), (1, 1));
    drop(both);
    assert_eq!(host.status().loaded, 0);
}

#[tokio::test]
async fn a_host_that_starts_again_compiles_nothing_it_has_compiled_before() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with_code_in(folder.path());
    let source = Source::new(guest("hello-greeter"));
    fixture.host.load(&source.content(), &source, fixture.spec(AMPLE)).await.unwrap();
    let again = WasmHost::start(folder.path().join("code")).unwrap();
    let greeter = again.load(&source.content(), &source, fixture.spec(AMPLE)).await.unwrap();
    assert_eq!(source.asked(), 1);
    let answer = crate::fixture::ask(&greeter, "greet", &serde_json::json!({ "name": "Ada" })).await.unwrap();
    assert_eq!(answer, serde_json::json!({ "greeting": "Salut, Ada!" }));
}

#[tokio::test]
async fn compiled_code_that_was_tampered_with_is_compiled_again() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with_code_in(folder.path());
    let source = Source::new(guest("hello-greeter"));
    fixture.host.load(&source.content(), &source, fixture.spec(AMPLE)).await.unwrap();
    let code = folder.path().join("code");
    let file = std::fs::read_dir(&code).unwrap().map(|entry| entry.unwrap().path());
    let file = file.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "cwasm")).unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, bytes).unwrap();
    let again = WasmHost::start(code).unwrap();
    again.load(&source.content(), &source, fixture.spec(AMPLE)).await.unwrap();
    assert_eq!(source.asked(), 2);
}
