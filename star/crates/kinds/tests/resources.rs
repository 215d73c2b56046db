//! Kinds as the tree sees them: Files, versions and tags, Apps on a host that echoes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use semver::Version;
use star_core::command::{
    Command, Create, Delete, Info, Manifest, ManifestEntry, Move, Open, Opened, Publish, Put, PutIf, Set, Strategy, Tag,
};
use star_core::kind::Kind;
use star_core::ports::content::ContentRef;
use star_core::ports::mechtron::{
    CodeSource, HostStatus, LoadedMechtron, MechtronHost, MechtronSpec, Roles, WebRequest, WebResponse,
};
use star_core::record::Body;
use star_path::{PropertyKey, ResourcePath};
use star_testkit::{TestTree, path};
use star_wire::{Agent, Envelope, ErrorCode, Method, Reply, StarError};

/// Runs nothing, but answers messages with what they say, and web requests with their path.
struct EchoHost;

struct Echo(MechtronSpec);

#[async_trait]
impl MechtronHost for EchoHost {
    async fn load(
        &self,
        _: &ContentRef,
        code: &dyn CodeSource,
        spec: MechtronSpec,
    ) -> Result<Arc<dyn LoadedMechtron>, StarError> {
        match code.bytes().await?.as_ref() {
            b"wasm" => Ok(Arc::new(Echo(spec))),
            _ => Err(StarError::new(ErrorCode::InvalidComponent, "this is no component").at(&spec.path)),
        }
    }

    fn status(&self) -> HostStatus {
        HostStatus::default()
    }
}

#[async_trait]
impl LoadedMechtron for Echo {
    fn roles(&self) -> Roles {
        Roles { messages: true, web: false }
    }

    async fn message(&self, _: &Agent, envelope: &Envelope) -> Result<Option<Reply>, StarError> {
        match envelope.method.as_str() {
            "hog" => Err(StarError::new(ErrorCode::MechtronMemory, "too much").at(&self.0.path)),
            _ => Ok(Some(Reply::new("application/json", envelope.body.clone()))),
        }
    }

    async fn web(&self, _: WebRequest) -> Result<WebResponse, StarError> {
        Err(StarError::new(ErrorCode::UnsupportedMethod, "no web requests").at(&self.0.path))
    }
}

async fn star() -> TestTree {
    let star = TestTree::with_mechtrons(star_kinds::behaviours(), Arc::new(EchoHost)).await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star
}

fn body(star: &TestTree, bytes: &str) -> Body {
    Body { content: star.content.put(bytes.to_owned()), content_type: "text/plain".into() }
}

async fn put(star: &TestTree, at: &str, bytes: &str, only_if: PutIf) -> Result<(), StarError> {
    star.send(&path(at), &Put { body: Some(body(star, bytes)), only_if }).await.map(drop)
}

async fn open(star: &TestTree, at: &str) -> Result<Opened, StarError> {
    let permit = star.tree.gate.admit(&star.admin, Open.envelope(&path(at))?).await?;
    star.tree.open(permit).await
}

async fn publish(
    star: &TestTree,
    version: &str,
    files: &[(&str, &str)],
    tags: &[&str],
) -> Result<ResourcePath, StarError> {
    let files =
        files.iter().map(|(name, text)| ((*name).to_owned(), ManifestEntry { body: body(star, text) })).collect();
    let manifest = star.content.put(Manifest { files }.encode()?);
    let publish = Publish {
        version: Version::parse(version).unwrap(),
        manifest,
        properties: BTreeMap::new(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
    };
    Ok(star.send(&path("acme:site"), &publish).await?.path)
}

async fn content(star: &TestTree, at: &str) -> String {
    let opened = open(star, at).await.unwrap();
    match star.tree.ports.content.read(&opened.content, None).await.unwrap() {
        star_core::ports::content::Reading::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        star_core::ports::content::Reading::Stream(_) => panic!("small contents come whole"),
    }
}

#[tokio::test]
async fn files_are_written_whole_under_conditions_and_make_their_directories() {
    let star = star().await;
    star.create(Kind::FileSystem, &path("acme:files")).await.unwrap();
    put(&star, "acme:files:/a/b/c.txt", "one", PutIf::Any).await.unwrap();
    assert_eq!(content(&star, "acme:files:/a/b/c.txt").await, "one");
    let exists = put(&star, "acme:files:/a/b/c.txt", "two", PutIf::Absent).await.unwrap_err();
    assert_eq!(exists.code(), ErrorCode::PreconditionFailed);
    let digest = open(&star, "acme:files:/a/b/c.txt").await.unwrap().content.digest;
    put(&star, "acme:files:/a/b/c.txt", "two", PutIf::Digest(vec![digest.clone()])).await.unwrap();
    let stale = put(&star, "acme:files:/a/b/c.txt", "three", PutIf::Digest(vec![digest])).await.unwrap_err();
    assert_eq!(stale.code(), ErrorCode::PreconditionFailed);
    assert_eq!(content(&star, "acme:files:/a/b/c.txt").await, "two");
    assert!(star.send(&path("acme:files:/a/b/"), &Info).await.unwrap().record.body.is_none());
    assert_eq!(open(&star, "acme:files:/a/").await.unwrap_err().code(), ErrorCode::NotFound);
    // The same name cannot be a file and a directory.
    assert!(put(&star, "acme:files:/a/b", "x", PutIf::Any).await.is_err());
    assert!(put(&star, "acme:files:/a/b/c.txt/d", "x", PutIf::Any).await.is_err());
}

#[tokio::test]
async fn removing_a_directory_removes_what_is_in_it_and_its_name_is_free_again() {
    let star = star().await;
    star.create(Kind::FileSystem, &path("acme:files")).await.unwrap();
    for at in ["acme:files:/docs/a", "acme:files:/docs/in/b", "acme:files:/docs-2/c"] {
        put(&star, at, "x", PutIf::Any).await.unwrap();
    }
    let plain = Delete { recursive: false, if_digest: None };
    assert_eq!(star.send(&path("acme:files:/docs/"), &plain).await.unwrap_err().code(), ErrorCode::NotEmpty);
    let all = Delete { recursive: true, if_digest: None };
    assert_eq!(star.send(&path("acme:files:/docs/"), &all).await.unwrap().resources, 4);
    assert_eq!(open(&star, "acme:files:/docs/a").await.unwrap_err().code(), ErrorCode::NotFound);
    open(&star, "acme:files:/docs-2/c").await.unwrap();
    put(&star, "acme:files:/docs", "a file now", PutIf::Any).await.unwrap();
    star.send(&path("acme:files:/"), &all).await.unwrap();
    put(&star, "acme:files:/again", "x", PutIf::Any).await.unwrap();
    star.send(&path("acme:files"), &all).await.unwrap();
    assert_eq!(open(&star, "acme:files:/again").await.unwrap_err().code(), ErrorCode::NotFound);
}

#[tokio::test]
async fn a_version_never_changes_and_tags_move_with_the_answer() {
    let star = star().await;
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    publish(&star, "1.0.0", &[("/index.html", "one")], &["latest"]).await.unwrap();
    assert_eq!(content(&star, "acme:site:1.0.0:/index.html").await, "one");
    assert_eq!(content(&star, "acme:site:latest:/index.html").await, "one");
    let again = publish(&star, "1.0.0", &[("/index.html", "other")], &[]).await.unwrap_err();
    assert_eq!(again.code(), ErrorCode::VersionExists);
    publish(&star, "1.1.0", &[("/index.html", "two")], &[]).await.unwrap();
    assert_eq!(content(&star, "acme:site:latest:/index.html").await, "one");
    let tag = |version: &str| Tag { tag: "latest".to_owned(), version: Version::parse(version).ok(), if_version: None };
    star.send(&path("acme:site"), &tag("1.1.0")).await.unwrap();
    assert_eq!(content(&star, "acme:site:latest:/index.html").await, "two");
    assert_eq!(content(&star, "acme:site:(^1.0):/index.html").await, "two");
    assert_eq!(content(&star, "acme:site:(~1.0):/index.html").await, "one");
    assert_eq!(star.send(&path("acme:site"), &tag("3.0.0")).await.unwrap_err().code(), ErrorCode::VersionNotFound);
    assert_eq!(open(&star, "acme:site:newest:/index.html").await.unwrap_err().code(), ErrorCode::VersionNotFound);
    let remove = Delete { recursive: true, if_digest: None };
    let named = star.send(&path("acme:site:latest"), &remove).await.unwrap_err();
    assert_eq!(named.code(), ErrorCode::InvalidArgument, "a tag is not removed as the version that it names");
    assert_eq!(content(&star, "acme:site:latest:/index.html").await, "two");
    let digest = star.send(&path("acme:site:1.0.0"), &Info).await.unwrap().facts["digest"].clone();
    assert_eq!(content(&star, &format!("acme:site@{digest}:/index.html")).await, "one");
    assert_eq!(content(&star, &format!("acme:site:1.0.0@{digest}:/index.html")).await, "one");
    assert!(open(&star, &format!("acme:site:1.1.0@{digest}:/index.html")).await.is_err());
}

#[tokio::test]
async fn a_version_that_was_removed_cannot_come_back_as_another() {
    let star = star().await;
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    let bundle = publish(&star, "1.0.0", &[("/a", "one")], &["latest"]).await.unwrap();
    star.send(&bundle, &Delete { recursive: true, if_digest: None }).await.unwrap();
    assert!(open(&star, "acme:site:1.0.0:/a").await.is_err());
    assert!(open(&star, "acme:site:latest:/a").await.is_err());
    let again = publish(&star, "1.0.0", &[("/a", "two")], &[]).await.unwrap_err();
    assert_eq!(again.code(), ErrorCode::VersionExists);
}

const APP: &str = "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\n";
const MECHTRON: &str = "schema: 1\nname: echo\nwasm: \"${bundle}:/echo.wasm\"\nbind: \"${bundle}:/bind.yaml\"\n";
const BIND: &str = "schema: 1\nmessages:\n  say: { in: \"${bundle}:/say.json\" }\n  hog: {}\non_limit: panic\n";
const SAY: &str = r#"{ "type": "object", "required": ["text"] }"#;

async fn app(star: &TestTree, files: &[(&str, &str)]) -> Result<(), StarError> {
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    publish(star, "1.0.0", files, &[]).await.unwrap();
    let create = Create {
        path: path("acme:app"),
        kind: Kind::App,
        properties: [(PropertyKey::parse("from").unwrap(), "acme:site:1.0.0:/app.yaml".to_owned())].into(),
        labels: BTreeMap::new(),
        owner: None,
        strategy: Strategy::Create,
    };
    star.tree.create(&star.admin, create).await.map(drop)
}

fn say(to: &str, method: &str, body: &str) -> Envelope {
    let body = Bytes::from(body.to_owned());
    Envelope::new(path(to), Method::parse(method).unwrap()).with_body("application/json", body)
}

#[tokio::test]
async fn an_app_answers_through_its_main_mechtron_within_the_contract_of_the_bind() {
    let star = star().await;
    let files = [
        ("/app.yaml", APP),
        ("/mechtron.yaml", MECHTRON),
        ("/bind.yaml", BIND),
        ("/say.json", SAY),
        ("/echo.wasm", "wasm"),
    ];
    app(&star, &files).await.unwrap();
    for to in ["acme:app", "acme:app:echo"] {
        assert_eq!(star.ask(say(to, "say", r#"{"text":"hi"}"#)).await.unwrap().body, r#"{"text":"hi"}"#);
    }
    let no_json = star.ask(say("acme:app:echo", "say", "hi")).await.unwrap_err();
    assert_eq!((no_json.code(), no_json.message().contains("is not JSON")), (ErrorCode::InvalidMessage, true));
    let no_fit = star.ask(say("acme:app:echo", "say", "{}")).await.unwrap_err();
    assert_eq!(no_fit.code(), ErrorCode::InvalidMessage);
    assert!(no_fit.causes()[0].contains("text"), "{:?}", no_fit.causes());
    let unknown = star.ask(say("acme:app:echo", "sya", "{}")).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::UnsupportedMethod);
    assert!(unknown.hint_text().unwrap().contains("`say`"));
}

#[tokio::test]
async fn an_app_that_moved_answers_at_its_other_path_only() {
    let star = star().await;
    let files = [
        ("/app.yaml", APP),
        ("/mechtron.yaml", MECHTRON),
        ("/bind.yaml", BIND),
        ("/say.json", SAY),
        ("/echo.wasm", "wasm"),
    ];
    app(&star, &files).await.unwrap();
    star.ask(say("acme:app", "say", r#"{"text":"hi"}"#)).await.unwrap();
    let moved = star.send(&path("acme:app"), &Move { to: path("acme:shop") }).await.unwrap();
    assert_eq!(moved.resource.record.property("main"), Some("acme:shop:echo"), "it names what moved with it");
    for to in ["acme:shop", "acme:shop:echo"] {
        assert_eq!(star.ask(say(to, "say", r#"{"text":"hi"}"#)).await.unwrap().body, r#"{"text":"hi"}"#);
    }
    for gone in ["acme:app", "acme:app:echo"] {
        let error = star.ask(say(gone, "say", r#"{"text":"hi"}"#)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::NotFound, "{gone}");
    }
    let series = star.send(&path("acme:site"), &Move { to: path("acme:pages") }).await.unwrap();
    assert!(series.warnings.iter().any(|warning| warning.starts_with("acme:shop#from")), "{:?}", series.warnings);
}

#[tokio::test]
async fn on_limit_panic_takes_a_mechtron_out_of_service_until_somebody_sets_something() {
    let star = star().await;
    let files = [
        ("/app.yaml", APP),
        ("/mechtron.yaml", MECHTRON),
        ("/bind.yaml", BIND),
        ("/say.json", SAY),
        ("/echo.wasm", "wasm"),
    ];
    app(&star, &files).await.unwrap();
    assert_eq!(star.ask(say("acme:app:echo", "hog", "{}")).await.unwrap_err().code(), ErrorCode::MechtronMemory);
    let refused = star.ask(say("acme:app:echo", "say", r#"{"text":"hi"}"#)).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::NotRunning);
    let status = star.send(&path("acme:app:echo"), &Info).await.unwrap().record.status;
    assert_eq!(status.state.word(), "Panic");
    let title =
        Set { properties: [(PropertyKey::parse("title").unwrap(), "again".to_owned())].into(), ..Set::default() };
    star.send(&path("acme:app:echo"), &title).await.unwrap();
    star.ask(say("acme:app:echo", "say", r#"{"text":"hi"}"#)).await.unwrap();
}

#[tokio::test]
async fn an_app_that_cannot_work_is_not_made() {
    let cases: [(&[(&str, &str)], ErrorCode); 5] = [
        (&[("/other", "")], ErrorCode::NotFound),
        (&[("/app.yaml", "schema: 1\nmane: x\n")], ErrorCode::InvalidDocument),
        (
            &[("/app.yaml", APP), ("/mechtron.yaml", MECHTRON), ("/bind.yaml", BIND), ("/say.json", SAY)],
            ErrorCode::InvalidComponent,
        ),
        (
            &[
                ("/app.yaml", APP),
                ("/mechtron.yaml", MECHTRON),
                ("/bind.yaml", BIND),
                ("/say.json", SAY),
                ("/echo.wasm", "no"),
            ],
            ErrorCode::InvalidComponent,
        ),
        (
            &[
                ("/app.yaml", APP),
                ("/mechtron.yaml", MECHTRON),
                ("/echo.wasm", "wasm"),
                ("/bind.yaml", "schema: 1\nhttp: |\n  GET / -> core;\n"),
            ],
            ErrorCode::InvalidComponent,
        ),
    ];
    for (files, code) in cases {
        let star = star().await;
        let error = app(&star, files).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(star.send(&path("acme:app"), &Info).await.unwrap_err().code(), ErrorCode::NotFound, "{names:?}");
    }
}

#[tokio::test]
async fn routes_that_cannot_be_read_are_refused_with_a_caret_and_shadowed_rules_are_told() {
    let star = star().await;
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    let good = "GET / -> ${bundle}:/a;\nGET / -> ${bundle}:/b;\n";
    publish(&star, "1.0.0", &[("/good.conf", good), ("/bad.conf", "GET / => x;\n")], &["latest"]).await.unwrap();
    let routes = |at: &str| Set {
        properties: [(PropertyKey::parse("routes").unwrap(), at.to_owned())].into(),
        ..Set::default()
    };
    let set = star.send(&path("acme"), &routes("acme:site:latest:/good.conf")).await.unwrap();
    assert_eq!(set.warnings.len(), 1, "{:?}", set.warnings);
    let bad = star.send(&path("acme"), &routes("acme:site:latest:/bad.conf")).await.unwrap_err();
    assert_eq!(bad.code(), ErrorCode::InvalidRoutes);
    assert!(bad.excerpt_text().unwrap().contains('^'), "{:?}", bad.excerpt_text());
    let there = star.send(&path("acme"), &Info).await.unwrap();
    assert_eq!(there.record.property("routes"), Some("acme:site:latest:/good.conf"));
}

#[tokio::test]
async fn a_broadcast_reaches_the_log() {
    let star = star().await;
    star.create(Kind::Broadcast, &path("acme:news")).await.unwrap();
    let reply = star.ask(say("acme:news", "broadcast", "hello")).await.unwrap();
    assert!(reply.body.starts_with(b"{\"position\":"));
    let error = star.ask(say("acme:news", "shout", "hello")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::UnsupportedMethod);
}
