//! Moves: everything is at the other place, in one moment, and works there.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use semver::Version;
use star_core::command::{
    Claim, Command, Delete, Info, Lock, Manifest, ManifestEntry, Move, Moved, Open, Publish, Put, PutIf, Set,
};
use star_core::event::{EventType, Happened};
use star_core::find::referring;
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::lock::fence::fenced;
use star_core::once::{IdempotencyKey, keyed};
use star_core::ports::meta::MetaStore;
use star_core::record::Body;
use star_path::{PropertyKey, Selector};
use star_testkit::{TestTree, path};
use star_wire::{ErrorCode, StarError};

async fn star() -> TestTree {
    let star = TestTree::start(star_kinds::behaviours()).await;
    for (kind, at) in [(Kind::Space, "acme"), (Kind::Base, "acme:b"), (Kind::FileSystem, "acme:fs")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    star
}

async fn put(star: &TestTree, at: &str) {
    let body = Body { content: star.content.put(at.to_owned()), content_type: "text/plain".into() };
    star.send(&path(at), &Put { body: Some(body), only_if: PutIf::Any }).await.unwrap();
}

/// The bytes of a File, which [`put`] made of the path under which it was written.
async fn content(star: &TestTree, at: &str) -> Result<String, StarError> {
    let permit = star.tree.gate.admit(&star.admin, Open.envelope(&path(at))?).await?;
    let opened = star.tree.open(permit).await?;
    match star.tree.ports.content.read(&opened.content, None).await.unwrap() {
        star_core::ports::content::Reading::Whole(bytes) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
        star_core::ports::content::Reading::Stream(_) => panic!("small contents come whole"),
    }
}

async fn mv(star: &TestTree, from: &str, to: &str) -> Result<Moved, StarError> {
    star.send(&path(from), &Move { to: path(to) }).await
}

async fn publish(star: &TestTree, series: &str, tag: &str) {
    let body = Body { content: star.content.put("page"), content_type: "text/html".into() };
    let files = [("/index.html".to_owned(), ManifestEntry { body })].into();
    let manifest = star.content.put(Manifest { files }.encode().unwrap());
    let publish = Publish {
        version: Version::new(1, 0, 0),
        manifest,
        properties: Default::default(),
        tags: vec![tag.to_owned()],
    };
    star.send(&path(series), &publish).await.unwrap();
}

async fn all(star: &TestTree, selector: &str) -> Vec<String> {
    let page = star.tree.select(&star.admin, &Selector::parse(selector).unwrap(), None, 1_000).await.unwrap();
    page.resources.iter().map(|resource| resource.path.to_string()).collect()
}

#[tokio::test]
async fn a_file_system_moves_with_its_files_and_answers_at_the_other_path_only() {
    let star = star().await;
    put(&star, "acme:fs:/docs/a.md").await;
    let moved = mv(&star, "acme:fs", "acme:b:files").await.unwrap();
    assert_eq!((moved.resource.path.as_str(), moved.resources), ("acme:b:files", 4));
    assert_eq!(content(&star, "acme:b:files:/docs/a.md").await.unwrap(), "acme:fs:/docs/a.md");
    for gone in ["acme:fs:/docs/a.md", "acme:fs:/", "acme:fs"] {
        assert_eq!(star.send(&path(gone), &Info).await.unwrap_err().code(), ErrorCode::NotFound, "{gone}");
    }
    assert!(all(&star, "acme:fs:**").await.is_empty());
    put(&star, "acme:b:files:/docs/new.md").await;
    star.create(Kind::FileSystem, &path("acme:fs")).await.unwrap();
    assert_eq!(all(&star, "acme:fs:**").await, ["acme:fs", "acme:fs:/"], "what is made there anew is empty");
}

#[tokio::test]
async fn who_has_a_content_is_found_wherever_it_went() {
    let star = star().await;
    let content = star.content.put("the same");
    let referring = async || {
        let found = referring::to_content(&star.tree.ports.meta, &content.digest, 10).await.unwrap();
        found.iter().map(|path| path.to_string()).collect::<Vec<_>>()
    };
    for at in ["acme:fs:/a", "acme:fs:/docs/b", "acme:fs:/c"] {
        let body = Body { content: content.clone(), content_type: "text/plain".into() };
        star.send(&path(at), &Put { body: Some(body), only_if: PutIf::Any }).await.unwrap();
    }
    assert_eq!(referring().await, ["acme:fs:/a", "acme:fs:/c", "acme:fs:/docs/b"]);
    put(&star, "acme:fs:/c").await;
    star.send(&path("acme:fs:/a"), &Delete { recursive: false, if_digest: None }).await.unwrap();
    mv(&star, "acme:fs", "acme:b:files").await.unwrap();
    assert_eq!(referring().await, ["acme:b:files:/docs/b"]);
    star.send(&path("acme:b:files"), &Delete { recursive: true, if_digest: None }).await.unwrap();
    assert!(referring().await.is_empty());
}

#[tokio::test]
async fn files_and_directories_move_within_and_between_file_systems() {
    let star = star().await;
    star.create(Kind::FileSystem, &path("acme:b:other")).await.unwrap();
    for at in ["acme:fs:/a", "acme:fs:/docs/one", "acme:fs:/docs/in/two", "acme:fs:/docs-2"] {
        put(&star, at).await;
    }
    assert_eq!(mv(&star, "acme:fs:/a", "acme:fs:/docs/b").await.unwrap().resources, 1);
    assert_eq!(mv(&star, "acme:fs:/docs/", "acme:b:other:/manual/").await.unwrap().resources, 5);
    let there = all(&star, "acme:b:other:**").await;
    let expected = ["/", "/manual/", "/manual/b", "/manual/in/", "/manual/in/two", "/manual/one"];
    let expected: Vec<String> = expected.iter().map(|file| format!("acme:b:other:{file}")).collect();
    assert_eq!(there[1..], expected, "{there:?}");
    assert_eq!(content(&star, "acme:b:other:/manual/b").await.unwrap(), "acme:fs:/a");
    assert_eq!(content(&star, "acme:fs:/docs-2").await.unwrap(), "acme:fs:/docs-2");
    // The FileSystem knew the directory, and must not think that it is there still.
    put(&star, "acme:fs:/docs/again").await;
    assert!(all(&star, "acme:fs:**").await.contains(&"acme:fs:/docs/".to_owned()));
}

#[tokio::test]
async fn a_series_moves_with_its_versions_and_tags() {
    let star = star().await;
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    publish(&star, "acme:site", "latest").await;
    mv(&star, "acme:site", "acme:b:pages").await.unwrap();
    assert_eq!(content(&star, "acme:b:pages:latest:/index.html").await.unwrap(), "page");
    assert!(content(&star, "acme:site:latest:/index.html").await.is_err());
    let again = Publish {
        version: Version::new(1, 0, 0),
        manifest: star.content.put("other"),
        properties: Default::default(),
        tags: Vec::new(),
    };
    let error = star.send(&path("acme:b:pages"), &again).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::VersionExists, "a version never means two things, wherever it is");
}

#[tokio::test]
async fn what_still_names_the_former_path_is_told_and_what_moves_along_is_not() {
    let star = star().await;
    put(&star, "acme:fs:/routes.conf").await;
    let routes = PropertyKey::parse("routes").unwrap();
    // Written past the Space, which would read the routes.
    let mut space = star_core::stored::require(&star.tree.ports.meta, &path("acme")).await.unwrap();
    space.record.properties.insert(routes.clone(), "acme:fs:/routes.conf".to_owned());
    let mut change = star_core::stored::Change::of(&space.path, 0);
    change.write(&space.path, &space.record).unwrap();
    change.commit(&star.tree.ports.meta).await.unwrap().unwrap();
    let moved = mv(&star, "acme:fs", "acme:files").await.unwrap();
    assert_eq!(moved.warnings.len(), 1, "{:?}", moved.warnings);
    assert!(moved.warnings[0].contains("acme#routes still names acme:fs:/routes.conf"), "{:?}", moved.warnings);
    assert_eq!(mv(&star, "acme:files", "acme:fs2").await.unwrap().warnings, [""; 0]);
    let root = star.send(&path("acme:fs2:/"), &Info).await.unwrap();
    assert_eq!(root.record.owner, star.send(&path("acme:fs2"), &Info).await.unwrap().record.owner);
}

#[tokio::test]
async fn a_move_that_cannot_be_is_refused_with_the_reason() {
    let star = star().await;
    put(&star, "acme:fs:/a").await;
    put(&star, "acme:fs:/d/x").await;
    star.create(Kind::Space, &path("other")).await.unwrap();
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    publish(&star, "acme:site", "latest").await;
    for (from, to, code, word) in [
        ("acme:fs", "other:fs", ErrorCode::InvalidArgument, "cannot leave its Space"),
        ("acme:b", "acme:b:inner", ErrorCode::InvalidArgument, "into itself"),
        ("acme:fs:/d/", "acme:fs:/d/e/", ErrorCode::InvalidArgument, "into itself"),
        ("acme:b", "acme:b", ErrorCode::InvalidArgument, "there already"),
        ("acme:b", "acme:fs", ErrorCode::AlreadyExists, "as a FileSystem"),
        ("acme:b", "acme:fs:b", ErrorCode::WrongParent, "cannot hold a Base"),
        ("acme:b", "acme:none:b", ErrorCode::ParentNotFound, "acme:none"),
        ("acme:b", "acme:Upper", ErrorCode::InvalidArgument, "no path of a Base"),
        ("acme:none", "acme:c", ErrorCode::NotFound, "acme:none"),
        ("acme", "acme2", ErrorCode::InvalidArgument, "keeps its name"),
        ("star:users", "star:people", ErrorCode::Protected, "needed by Starlane"),
        ("acme:site:1.0.0", "acme:site:2.0.0", ErrorCode::InvalidArgument, "versions never change"),
        ("acme:site:latest", "acme:site:beta", ErrorCode::InvalidArgument, "is a name of"),
        ("acme:fs:/", "acme:b:/", ErrorCode::InvalidArgument, "belongs to its FileSystem"),
        ("acme:fs:/a", "acme:fs:/d/", ErrorCode::InvalidArgument, "no path of a File"),
        ("acme:fs:/a", "acme:b:x", ErrorCode::InvalidArgument, "no path of a File"),
        ("acme:fs:/d/", "acme:fs:/e", ErrorCode::InvalidArgument, "no path of a directory"),
        ("acme:fs:/a", "acme:fs:/none/a", ErrorCode::ParentNotFound, "acme:fs:/none/"),
        ("acme:fs:/a", "acme:fs:/d/x", ErrorCode::AlreadyExists, "as a File"),
    ] {
        let error = mv(&star, from, to).await.unwrap_err();
        assert_eq!(error.code(), code, "{from} to {to}: {error}");
        assert!(error.message().contains(word), "{from} to {to}: {error}");
    }
    assert!(mv(&star, "acme:fs:/a", "acme:fs:/d").await.is_err(), "a directory has this name");
    let nobody = std::sync::Arc::new(Authority::Anonymous);
    let envelope = Move { to: path("acme:c") }.envelope(&path("acme:b")).unwrap();
    assert_eq!(star.tree.gate.admit(&nobody, envelope).await.unwrap_err().code(), ErrorCode::LoginNeeded);
}

#[tokio::test]
async fn locks_on_both_sides_hold() {
    let star = star().await;
    star.create(Kind::Base, &path("acme:b:in")).await.unwrap();
    star.create(Kind::Base, &path("acme:c")).await.unwrap();
    let lock = Lock { claim: Claim::IfFree("me".to_owned()), ttl_ms: 60_000, note: String::new() };
    for (held, from, to) in
        [("acme:b", "acme:b", "acme:c:b"), ("acme:b:in", "acme:b", "acme:c:b"), ("acme:c", "acme:b", "acme:c:b")]
    {
        let token = star.send(&path(held), &lock).await.unwrap().token;
        assert_eq!(mv(&star, from, to).await.unwrap_err().code(), ErrorCode::Locked, "{held}");
        star.send(&path(held), &star_core::command::Unlock { token }).await.unwrap();
    }
    let token = star.send(&path("acme:b"), &lock).await.unwrap().token;
    let under = fenced(Move { to: path("acme:c:b") }.envelope(&path("acme:b")).unwrap(), &format!("{token}@acme:b"));
    star.ask(under).await.unwrap();
    assert!(star.send(&path("acme:c:b"), &Info).await.unwrap().lock.is_none(), "the lock ended with the path");
}

#[tokio::test]
async fn a_move_is_told_once_at_each_place_and_a_tree_too_large_is_refused() {
    let star = star().await;
    let before = *star.meta.head().borrow();
    mv(&star, "acme:b", "acme:c").await.unwrap();
    let page = star.meta.events(before, 100).await.unwrap().events;
    let told: Vec<_> = page.iter().map(|event| Happened::from_log(event, true).unwrap().event).collect();
    let places: Vec<_> = told.iter().map(|event| (event.what, event.path.as_str())).collect();
    assert_eq!(places, [(EventType::Moved, "acme:b"), (EventType::Moved, "acme:c")]);
    assert!(told.iter().all(|event| event.detail["from"] == "acme:b" && event.detail["to"] == "acme:c"));
    for number in 0..star_core::limits::MOVE_ROWS / 2 {
        star.create(Kind::Base, &path(&format!("acme:c:n{number}"))).await.unwrap();
    }
    let error = mv(&star, "acme:c", "acme:d").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    assert!(error.message().contains("480"), "{error}");
    assert_eq!(all(&star, "acme:c:**").await.len(), 1 + star_core::limits::MOVE_ROWS / 2);
    for number in 0..star_core::limits::MOVE_ROWS / 2 {
        put(&star, &format!("acme:fs:/d/{number}")).await;
    }
    let error = mv(&star, "acme:fs:/d/", "acme:fs:/e/").await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    assert!(error.hint_text().unwrap().contains("star cp -r acme:fs:/d/ acme:fs:/e/"), "{error:?}");
}

#[tokio::test]
async fn the_largest_tree_that_moves_does_so_under_a_key_and_one_more_resource_is_refused_by_name() {
    let star = star().await;
    let (mut places, mut moves) = (["acme:b", "acme:c"], 0);
    for number in 0..star_core::limits::MOVE_ROWS / 2 {
        star.create(Kind::Base, &path(&format!("{}:n{number}", places[0]))).await.unwrap();
        if number < star_core::limits::MOVE_ROWS / 4 {
            continue;
        }
        let key = IdempotencyKey::parse(&format!("move-{number}")).unwrap();
        let envelope = keyed(Move { to: path(places[1]) }.envelope(&path(places[0])).unwrap(), Some(&key));
        match star.ask(envelope).await {
            Ok(_) => (moves, places) = (moves + 1, [places[1], places[0]]),
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::TooLarge);
                assert!(error.message().contains("rows that move in one moment"), "{error}");
                assert!(moves > 0, "none was small enough");
                return;
            }
        }
    }
    panic!("none was too large");
}

/// Writes on and on, wherever the resources are at the moment, and answers what was acknowledged last.
async fn write_on(star: Arc<TestTree>, over: Arc<AtomicBool>) -> BTreeMap<usize, usize> {
    let mut kept: BTreeMap<usize, usize> = BTreeMap::new();
    for turn in 0.. {
        if over.load(Ordering::SeqCst) {
            break;
        }
        let number = turn % 10;
        let title =
            Set { properties: [(PropertyKey::parse("title").unwrap(), turn.to_string())].into(), ..Set::default() };
        for top in ["acme:b", "acme:c"] {
            if let Ok(there) = star.send(&path(&format!("{top}:n{number}")), &Info).await {
                // A write that met the move may have happened though it was refused.
                let title = there.record.property("title").and_then(|title| title.parse::<usize>().ok());
                assert!(title >= kept.get(&number).copied(), "what was acknowledged for {number} is lost");
            }
            if star.send(&path(&format!("{top}:n{number}")), &title).await.is_ok() {
                kept.insert(number, turn);
                break;
            }
        }
    }
    kept
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writes_beside_a_move_are_kept_or_refused() {
    let star = Arc::new(star().await);
    for number in 0..10 {
        star.create(Kind::Base, &path(&format!("acme:b:n{number}"))).await.unwrap();
    }
    let over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write_on(star.clone(), over.clone()));
    let (mut here, mut there) = ("acme:b", "acme:c");
    for _ in 0..200 {
        // In the way of so many writes a move may have to give up, and is asked for again.
        match mv(&star, here, there).await {
            Ok(_) => (here, there) = (there, here),
            Err(error) => assert_eq!(error.code(), ErrorCode::Contended, "{error}"),
        }
    }
    over.store(true, Ordering::SeqCst);
    for (number, value) in writer.await.unwrap() {
        let found = star.send(&path(&format!("{here}:n{number}")), &Info).await.unwrap();
        let title = found.record.property("title").and_then(|title| title.parse().ok());
        assert!(title >= Some(value), "what was acknowledged for {number} is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_beside_a_move_see_all_of_it_at_one_place() {
    let star = Arc::new(star().await);
    for number in 0..100 {
        star.create(Kind::Base, &path(&format!("acme:b:n{number}"))).await.unwrap();
    }
    let reader = tokio::spawn({
        let star = star.clone();
        async move {
            for _ in 0..200 {
                let (one, other) = (all(&star, "acme:b:**").await.len(), all(&star, "acme:c:**").await.len());
                assert!(one == 101 || one == 0 && other == 101, "{one} and {other}");
            }
        }
    });
    mv(&star, "acme:b", "acme:c").await.unwrap();
    reader.await.unwrap();
}
