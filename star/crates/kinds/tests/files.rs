//! Files as many writers meet them: copies without bytes, and puts beside each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use semver::Version;
use star_core::bootstrap;
use star_core::command::{
    Changed, Command, Copy, Delete, Info, Manifest, ManifestEntry, Open, Opened, Publish, Put, PutIf, Set,
};
use star_core::gate::{Authority, CallGrant, Gate, Right};
use star_core::kind::Kind;
use star_core::placement::SingleStar;
use star_core::ports::content::{
    ByteRange, ContentError, ContentRef, ContentStatus, ContentStore, Expected, Ingest, Reading, Reference,
};
use star_core::record::Body;
use star_core::tree::{Ports, Tree};
use star_path::{Digest, PropertyKey, Selector};
use star_testkit::{MemoryContent, NoMechtrons, TestTree, path};
use star_wire::{ErrorCode, StarError};
use tokio::sync::Barrier;

const PATIENCE: Duration = Duration::from_secs(30);

async fn star() -> TestTree {
    let star = TestTree::start(star_kinds::behaviours()).await;
    for (kind, at) in
        [(Kind::Space, "acme"), (Kind::FileSystem, "acme:fs"), (Kind::Space, "beta"), (Kind::FileSystem, "beta:fs")]
    {
        star.create(kind, &path(at)).await.unwrap();
    }
    star
}

fn put_of(star: &TestTree, bytes: &str, only_if: PutIf) -> Put {
    let body = Body { content: star.content.put(bytes.to_owned()), content_type: "text/plain".into() };
    Put { body: Some(body), only_if }
}

async fn put(star: &TestTree, at: &str, bytes: &str) -> Changed {
    star.send(&path(at), &put_of(star, bytes, PutIf::Any)).await.unwrap()
}

fn copy_of(from: &str) -> Copy {
    Copy { from: path(from), digest: None, content_type: None, only_if: PutIf::Any }
}

async fn open(star: &TestTree, at: &str) -> Result<Opened, StarError> {
    let permit = star.tree.gate.admit(&star.admin, Open.envelope(&path(at))?).await?;
    star.tree.open(permit).await
}

async fn all(star: &TestTree, selector: &str) -> Vec<String> {
    let page = star.tree.select(&star.admin, &Selector::parse(selector).unwrap(), None, 1_000).await.unwrap();
    page.resources.iter().map(|resource| resource.path.to_string()).collect()
}

fn digest_of(star: &TestTree, bytes: &str) -> Digest {
    star.content.put(bytes.to_owned()).digest
}

#[tokio::test]
async fn a_copy_has_what_its_source_has_and_moves_no_bytes() {
    let star = star().await;
    put(&star, "acme:fs:/docs/a", "hello").await;
    let properties = [("content-type", "text/x-note"), ("title", "A note")];
    let set = Set {
        properties: properties.map(|(key, value)| (PropertyKey::parse(key).unwrap(), value.to_owned())).into(),
        labels: [("team".to_owned(), "red".to_owned())].into(),
        ..Set::default()
    };
    star.send(&path("acme:fs:/docs/a"), &set).await.unwrap();
    let before = star.content.status();

    let made = star.send(&path("beta:fs:/deep/er/b"), &copy_of("acme:fs:/docs/a")).await.unwrap();
    assert!(made.was_made());
    let copy = star.send(&path("beta:fs:/deep/er/b"), &Info).await.unwrap().record;
    assert_eq!(copy.body.as_ref().unwrap().content.digest, digest_of(&star, "hello"));
    assert_eq!((copy.property("title"), copy.labels["team"].as_str()), (Some("A note"), "red"));
    assert_eq!(&*open(&star, "beta:fs:/deep/er/b").await.unwrap().content_type, "text/x-note");
    assert_eq!(star.content.status(), before);
    assert_eq!(all(&star, "beta:**[labels.team=red]").await, ["beta:fs:/deep/er/b"], "it is found by its label");

    // What it had of its own before goes, and a type that is asked for wins.
    let typed = Copy { content_type: Some("text/html".into()), ..copy_of("acme:fs:/docs/a") };
    put(&star, "acme:fs:/other", "bytes").await;
    assert!(!star.send(&path("acme:fs:/other"), &typed).await.unwrap().was_made());
    assert_eq!(&*open(&star, "acme:fs:/other").await.unwrap().content_type, "text/html");
    star.send(&path("acme:fs:/docs/a"), &Delete { recursive: false, if_digest: None }).await.unwrap();
    assert_eq!(open(&star, "beta:fs:/deep/er/b").await.unwrap().content.digest, digest_of(&star, "hello"));
}

#[tokio::test]
async fn a_file_of_a_bundle_is_copied_under_any_name_of_its_version() {
    let star = star().await;
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    let body = Body { content: star.content.put("page"), content_type: "text/html".into() };
    let manifest = Manifest { files: [("/index.html".to_owned(), ManifestEntry { body })].into() };
    let publish = Publish {
        version: Version::new(1, 0, 0),
        manifest: star.content.put(manifest.encode().unwrap()),
        properties: BTreeMap::new(),
        tags: vec!["latest".to_owned()],
    };
    star.send(&path("acme:site"), &publish).await.unwrap();
    for (from, to) in [("acme:site:1.0.0:/index.html", "acme:fs:/a"), ("acme:site:latest:/index.html", "acme:fs:/b")] {
        star.send(&path(to), &copy_of(from)).await.unwrap();
        let opened = open(&star, to).await.unwrap();
        assert_eq!((opened.content.digest, &*opened.content_type), (digest_of(&star, "page"), "text/html"), "{to}");
    }
    let never = star.send(&path("acme:site:1.0.0:/x"), &copy_of("acme:fs:/a")).await.unwrap_err();
    assert_eq!(never.code(), ErrorCode::VersionExists);
}

#[tokio::test]
async fn a_copy_is_made_under_conditions_on_both_ends() {
    let star = star().await;
    put(&star, "acme:fs:/a", "one").await;
    put(&star, "acme:fs:/b", "two").await;
    let (one, two) = (digest_of(&star, "one"), digest_of(&star, "two"));
    let stale = Copy { digest: Some(two.clone()), ..copy_of("acme:fs:/a") };
    let only_new = Copy { only_if: PutIf::Absent, ..copy_of("acme:fs:/a") };
    let unless = Copy { only_if: PutIf::Unless(vec![two.clone()]), ..copy_of("acme:fs:/a") };
    for refused in [stale, only_new, unless] {
        let error = star.send(&path("acme:fs:/b"), &refused).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::PreconditionFailed, "{refused:?}");
    }
    assert_eq!(open(&star, "acme:fs:/b").await.unwrap().content.digest, two);
    let as_seen =
        Copy { digest: Some(one.clone()), only_if: PutIf::Unless(vec![one.clone()]), ..copy_of("acme:fs:/a") };
    star.send(&path("acme:fs:/b"), &as_seen).await.unwrap();
    assert_eq!(open(&star, "acme:fs:/b").await.unwrap().content.digest, one);
    for (from, code) in [
        ("acme:fs:/none", ErrorCode::NotFound),
        ("acme:none:/a", ErrorCode::NotFound),
        ("acme:fs", ErrorCode::InvalidArgument),
        ("acme:fs:/", ErrorCode::InvalidArgument),
    ] {
        assert_eq!(star.send(&path("acme:fs:/c"), &copy_of(from)).await.unwrap_err().code(), code, "{from}");
    }
    let directory = star.send(&path("acme:fs:/d/"), &copy_of("acme:fs:/a")).await.unwrap_err();
    assert_eq!(directory.code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_copy_out_of_a_space_that_the_sender_may_not_read_is_refused_as_if_nothing_were_there() {
    let star = star().await;
    put(&star, "beta:fs:/secret", "secret").await;
    put(&star, "acme:fs:/own", "own").await;
    let grant = |to: &str, can: &[Right]| CallGrant { to: Selector::parse(to).unwrap(), can: can.to_vec() };
    let calls = [grant("acme:fs:/**", &[Right::Write]), grant("acme:fs:/own", &[Right::Read])];
    let mechtron = Arc::new(Authority::Mechtron { path: path("acme:app:m"), calls: calls.into() });
    let copy = async |from: &str, to: &str| {
        let permit = star.tree.gate.admit(&mechtron, copy_of(from).envelope(&path(to)).unwrap()).await?;
        star.tree.ask(permit).await
    };
    let hidden = copy("beta:fs:/secret", "acme:fs:/stolen").await.unwrap_err();
    let missing = copy("beta:fs:/none", "acme:fs:/stolen").await.unwrap_err();
    let nowhere = copy("beta:none:/x", "acme:fs:/stolen").await.unwrap_err();
    for (error, from) in [(&hidden, "beta:fs:/secret"), (&missing, "beta:fs:/none"), (&nowhere, "beta:none:/x")] {
        let expected = StarError::not_found(&path(from));
        assert_eq!((error.code(), error.message()), (expected.code(), expected.message()));
        assert_eq!((error.path(), error.hint_text()), (expected.path(), expected.hint_text()));
    }
    assert_eq!(open(&star, "acme:fs:/stolen").await.unwrap_err().code(), ErrorCode::NotFound);
    copy("acme:fs:/own", "acme:fs:/mine").await.unwrap();
    // A target that may not be written is refused whatever the source is.
    assert_eq!(copy("acme:fs:/own", "beta:fs:/planted").await.unwrap_err().code(), ErrorCode::CallNotGranted);
    assert!(all(&star, "beta:fs:/planted").await.is_empty());
    let public = [(PropertyKey::parse("public").unwrap(), "read".to_owned())].into();
    star.send(&path("beta:fs"), &Set { properties: public, ..Set::default() }).await.unwrap();
    copy("beta:fs:/secret", "acme:fs:/shared").await.unwrap();
}

#[tokio::test]
async fn a_path_longer_than_the_store_can_hold_is_refused_with_the_number() {
    let star = star().await;
    let long = format!("acme:fs:/{}", vec!["n".repeat(200); 10].join("/"));
    let error = star.send(&path(&long), &put_of(&star, "x", PutIf::Any)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TooLarge);
    let most = star_kinds::limits::FILE_PATH_BYTES.to_string();
    assert!(error.message().contains(&most), "{error}");
    let longest = format!("acme:fs:/{}", "n".repeat(250));
    let longest = format!("{longest}{}", format!("/{}", "m".repeat(200)).repeat(8));
    assert!(longest.len() < star_kinds::limits::FILE_PATH_BYTES);
    put(&star, &longest, "x").await;
    assert_eq!(open(&star, &longest).await.unwrap().content.size_bytes, 1);
}

/// A content store at which those who refer to a content meet, or lose time.
struct Crossroads {
    contents: Arc<MemoryContent>,
    meeting: Option<Barrier>,
}

/// Long enough for every other writer to look at what is there.
const LOST_TURNS: usize = 64;

#[async_trait]
impl ContentStore for Crossroads {
    async fn ingest(&self, expected: Expected) -> Result<Box<dyn Ingest>, ContentError> {
        self.contents.ingest(expected).await
    }
    async fn stat(&self, digest: &Digest) -> Result<Option<ContentRef>, ContentError> {
        self.contents.stat(digest).await
    }
    async fn read(&self, content: &ContentRef, range: Option<ByteRange>) -> Result<Reading, ContentError> {
        self.contents.read(content, range).await
    }
    async fn refer(&self, content: &ContentRef) -> Result<Reference, ContentError> {
        match &self.meeting {
            Some(meeting) => {
                meeting.wait().await;
            }
            None => {
                for _ in 0..LOST_TURNS {
                    tokio::task::yield_now().await;
                }
            }
        }
        self.contents.refer(content).await
    }
    async fn keep_with(&self, named: &[ContentRef], by: &ContentRef) -> Result<(), ContentError> {
        self.contents.keep_with(named, by).await
    }
    fn status(&self) -> ContentStatus {
        self.contents.status()
    }
}

/// The same Star with such a content store.
fn crossroads(star: &TestTree, meeting: Option<usize>) -> Arc<Tree> {
    let content = Crossroads { contents: star.content.clone(), meeting: meeting.map(Barrier::new) };
    let ports = Ports {
        meta: star.meta.clone(),
        content: Arc::new(content),
        mechtrons: Arc::new(NoMechtrons),
        clock: star.clock.clone(),
        placement: Arc::new(SingleStar),
    };
    let gate = Gate::new(Arc::clone(&ports.meta), bootstrap::admin(), "star_test");
    Tree::new(ports, gate, star_kinds::behaviours())
}

/// Puts of all writers at the same time, and what they were answered, in their order.
async fn put_together(
    star: &TestTree,
    tree: &Arc<Tree>,
    writes: impl IntoIterator<Item = (String, String, PutIf)>,
) -> Vec<Result<Changed, StarError>> {
    let writers: Vec<_> = writes
        .into_iter()
        .map(|(at, bytes, only_if)| {
            let (tree, admin) = (Arc::clone(tree), Arc::clone(&star.admin));
            let envelope = put_of(star, &bytes, only_if).envelope(&path(&at)).unwrap();
            tokio::spawn(async move {
                let permit = tree.gate.admit(&admin, envelope).await?;
                Put::answer(&tree.ask(permit).await?)
            })
        })
        .collect();
    let all = futures::future::join_all(writers);
    let answers = tokio::time::timeout(PATIENCE, all).await.expect("nobody waits for ever");
    answers.into_iter().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_different_files_do_not_wait_for_each_other() {
    let star = star().await;
    put(&star, "acme:fs:/d/first", "x").await;
    // Each waits until all of them have come as far: one after the other they would never get there.
    let tree = crossroads(&star, Some(8));
    let writes = (0..8).map(|n| (format!("acme:fs:/d/{n}"), format!("bytes {n}"), PutIf::Any));
    for (n, answer) in put_together(&star, &tree, writes).await.into_iter().enumerate() {
        answer.unwrap();
        let opened = open(&star, &format!("acme:fs:/d/{n}")).await.unwrap();
        assert_eq!(opened.content.digest, digest_of(&star, &format!("bytes {n}")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_of_one_file_take_turns_and_none_is_turned_away() {
    let star = star().await;
    let tree = crossroads(&star, None);
    let writes = (0..64).map(|n| ("acme:fs:/one".to_owned(), format!("bytes {n}"), PutIf::Any));
    let answers = put_together(&star, &tree, writes).await;
    let written: BTreeMap<u64, usize> = answers
        .into_iter()
        .enumerate()
        .map(|(n, answer)| (answer.expect("none is turned away").resource.modified, n))
        .collect();
    assert_eq!(written.len(), 64, "each has a revision of its own");
    let (_, last) = written.last_key_value().unwrap();
    let there = open(&star, "acme:fs:/one").await.unwrap().content.digest;
    assert_eq!(there, digest_of(&star, &format!("bytes {last}")), "what the last one wrote is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_condition_lets_one_of_many_through() {
    let star = star().await;
    let tree = crossroads(&star, None);
    let only_new = (0..32).map(|n| ("acme:fs:/new/one".to_owned(), format!("bytes {n}"), PutIf::Absent));
    let first: Vec<usize> = let_through(put_together(&star, &tree, only_new).await);
    assert_eq!(first.len(), 1);
    let digest = digest_of(&star, &format!("bytes {}", first[0]));
    assert_eq!(open(&star, "acme:fs:/new/one").await.unwrap().content.digest, digest);
    let as_seen = PutIf::Digest(vec![digest]);
    let next = (0..32).map(|n| ("acme:fs:/new/one".to_owned(), format!("next {n}"), as_seen.clone()));
    assert_eq!(let_through(put_together(&star, &tree, next).await).len(), 1);
}

fn let_through(answers: Vec<Result<Changed, StarError>>) -> Vec<usize> {
    let mut through = Vec::new();
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(_) => through.push(n),
            Err(error) => assert_eq!(error.code(), ErrorCode::PreconditionFailed, "{error}"),
        }
    }
    through
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_that_many_need_at_once_are_made_once_and_hold_all_of_them() {
    let star = star().await;
    let tree = crossroads(&star, None);
    let at = |n: usize| format!("acme:fs:/a/b/c{}/{n}", n % 8);
    let writes = (0..64).map(|n| (at(n), "x".to_owned(), PutIf::Any));
    for answer in put_together(&star, &tree, writes).await {
        answer.unwrap();
    }
    let there: BTreeSet<String> = all(&star, "acme:fs:/**").await.into_iter().collect();
    let directories = ["/", "/a/", "/a/b/"].map(|files| format!("acme:fs:{files}"));
    let expected = directories.into_iter().chain((0..8).map(|n| format!("acme:fs:/a/b/c{n}/"))).chain((0..64).map(at));
    assert_eq!(there, expected.collect());
    // A file and a directory of one name are the same name to a disk.
    let both = [("acme:fs:/twin", "x"), ("acme:fs:/twin/in", "x")];
    let writes = both.map(|(at, bytes)| (at.to_owned(), bytes.to_owned(), PutIf::Any));
    let one = put_together(&star, &tree, writes).await;
    assert_eq!(one.iter().filter(|answer| answer.is_ok()).count(), 1, "{one:?}");
    let other = one.into_iter().find_map(Result::err).unwrap();
    assert_eq!(other.code(), ErrorCode::AlreadyExists, "{other}");
    assert!(other.message().contains("acme:fs:/twin"), "{other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_without_its_directory_when_that_is_removed_meanwhile() {
    let star = star().await;
    let tree = crossroads(&star, None);
    for round in 0..4 {
        let gone = if round < 3 { "acme:fs:/d/" } else { "acme:fs" };
        let written = AtomicBool::new(false);
        let removing = async {
            while !written.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
                let all = Delete { recursive: true, if_digest: None };
                let permit = tree.gate.admit(&star.admin, all.envelope(&path(gone)).unwrap()).await.unwrap();
                tree.ask(permit).await.ok();
            }
        };
        let writes = (0..64).map(|n| (format!("acme:fs:/d/e{}/{n}", n % 4), "x".to_owned(), PutIf::Any));
        let writing = async {
            let answers = put_together(&star, &tree, writes).await;
            written.store(true, Ordering::Relaxed);
            answers
        };
        let (answers, ()) = tokio::join!(writing, removing);
        for error in answers.into_iter().filter_map(Result::err) {
            let told = [ErrorCode::NotFound, ErrorCode::Contended, ErrorCode::NotRunning];
            assert!(told.contains(&error.code()), "{error}");
        }
        let there: BTreeSet<String> = all(&star, "acme:**").await.into_iter().collect();
        for at in &there {
            let parent = path(at).parent().unwrap();
            assert!(parent.is_root() || at == "acme" || there.contains(parent.as_str()), "{at} has no {parent}");
        }
        assert!(round < 3 || !there.contains("acme:fs:/"), "{there:?}");
    }
}
