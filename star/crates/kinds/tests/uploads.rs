//! Uploads below every protocol: what is written down of them, who is told, and what they hold.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;

use star_core::command::{Command, Put, PutIf};
use star_core::find::referring;
use star_core::gate::{Authority, CallGrant, Permit, Right};
use star_core::keys;
use star_core::kind::Kind;
use star_core::limits;
use star_core::ports::content::ContentRef;
use star_core::ports::meta::{KeyRange, MetaStore};
use star_core::record::Body;
use star_core::uploads::{Extension, Found, Plan, Upload, finishing};
use star_path::{ResourcePath, Selector};
use star_testkit::{TestTree, path};
use star_wire::{ErrorCode, StarError};

const FILE: &str = "acme:fs:/a.txt";

async fn star() -> TestTree {
    let star = TestTree::start(star_kinds::behaviours()).await;
    for (kind, at) in [(Kind::Space, "acme"), (Kind::FileSystem, "acme:fs")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    star
}

fn nothing_yet(only_if: PutIf) -> Put {
    Put { body: None, only_if }
}

async fn permit(star: &TestTree, authority: &Arc<Authority>, at: &str) -> Result<Permit, StarError> {
    star.tree.gate.admit(authority, nothing_yet(PutIf::Any).envelope(&path(at))?).await
}

fn plan() -> Plan {
    Plan {
        content_type: "text/plain".into(),
        digest: None,
        only_if: PutIf::Any,
        fence: String::new(),
        metadata: String::new(),
    }
}

async fn begun(star: &TestTree, at: &str) -> Upload {
    let permit = permit(star, &star.admin, at).await.unwrap();
    star.tree.begin_upload(&permit, Some(11), plan()).await.unwrap()
}

async fn extend(star: &TestTree, upload: &mut Upload, text: &'static str) -> ContentRef {
    let part = star.content.put(text);
    let whole = upload.session.offset + part.size_bytes == 11;
    star.tree.extend_upload(upload, Extension { part: Some(part.clone()), length: None, whole }).await.unwrap();
    part
}

/// Makes the File of an upload, and lets go of its parts unless that is left to the sweep.
async fn finish(star: &TestTree, upload: &Upload, content: &ContentRef) -> Result<(), StarError> {
    let body = Body { content: content.clone(), content_type: "text/plain".into() };
    let put = Put { body: Some(body), only_if: PutIf::Any };
    star.ask(finishing(put.envelope(&upload.session.path)?, upload.id)).await.map(drop)
}

async fn referring(star: &TestTree, content: &ContentRef) -> Vec<ResourcePath> {
    let meta: Arc<dyn MetaStore> = star.meta.clone();
    referring::to_content(&meta, &content.digest, 10).await.unwrap()
}

/// Rows of uploads of any sort.
async fn rows(star: &TestTree) -> usize {
    let mut rows = 0;
    for table in ["s/", "q/", "b/", "d/"] {
        rows += star.meta.scan(KeyRange::prefix(table), 100).await.unwrap().rows.len();
    }
    rows
}

#[tokio::test]
async fn the_parts_of_an_upload_are_held_until_it_is_a_file_or_forgotten() {
    let star = star().await;
    let (mut one, mut other) = (begun(&star, FILE).await, begun(&star, "acme:fs:/b").await);
    let shared = extend(&star, &mut one, "hello ").await;
    extend(&star, &mut other, "hello ").await;
    assert_eq!(referring(&star, &shared).await.len(), 2);
    let world = extend(&star, &mut one, "world").await;
    assert_eq!(referring(&star, &world).await, [path(FILE)]);
    assert_eq!(star.tree.parts_of_upload(&one).await.unwrap(), [shared.clone(), world.clone()]);

    let whole = star.content.put("hello world");
    finish(&star, &one, &whole).await.unwrap();
    assert_eq!(referring(&star, &whole).await, [path(FILE)], "as the bytes of the File");
    assert!(referring(&star, &world).await.is_empty(), "though its row is still there");
    assert_eq!(referring(&star, &shared).await, [path("acme:fs:/b")]);
    let permit = permit(&star, &star.admin, "acme:fs:/b").await.unwrap();
    star.tree.cancel_upload(&permit, other.id).await.unwrap();
    assert!(referring(&star, &shared).await.is_empty());

    // What the one who finished it did not get to.
    star.tree.sweep_uploads().await.unwrap();
    assert_eq!(rows(&star).await, 1, "that it was finished");
    star.clock.advance_ms(u64::try_from(limits::UPLOAD_TOLD.as_millis()).unwrap());
    star.tree.sweep_uploads().await.unwrap();
    assert_eq!(rows(&star).await, 0);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart_from_where_it_was() {
    let star = star().await;
    let mut upload = begun(&star, FILE).await;
    extend(&star, &mut upload, "hello ").await;
    let star = star.again(star_kinds::behaviours());
    let permit = permit(&star, &star.admin, FILE).await.unwrap();
    let Found::Open(mut found) = star.tree.find_upload(&permit, upload.id).await.unwrap() else { panic!("it is open") };
    assert_eq!(found, upload);
    extend(&star, &mut found, "world").await;
    assert!(found.session.whole);
}

#[tokio::test]
async fn of_two_who_continue_an_upload_at_the_same_place_one_is_refused() {
    let star = star().await;
    let mut first = begun(&star, FILE).await;
    let mut second = first.clone();
    extend(&star, &mut first, "hello ").await;
    let part = star.content.put("HELLO ");
    let extension = Extension { part: Some(part.clone()), ..Extension::default() };
    let refused = star.tree.extend_upload(&mut second, extension).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Contended);
    assert!(referring(&star, &part).await.is_empty());
    // And one who has seen it before it was finished cannot finish it once more.
    let whole = star.content.put("hello world");
    finish(&star, &first, &whole).await.unwrap();
    assert_eq!(finish(&star, &first, &whole).await.unwrap_err().code(), ErrorCode::Contended);
}

#[tokio::test]
async fn an_upload_is_the_affair_of_who_began_it_and_of_the_administrator() {
    let star = star().await;
    let mechtron = |name: &str| {
        let calls = [CallGrant { to: Selector::parse("acme:**").unwrap(), can: vec![Right::Write] }];
        Arc::new(Authority::Mechtron { path: path(name), calls: calls.into() })
    };
    let (one, other) = (mechtron("acme:app:one"), mechtron("acme:app:other"));
    let (of_one, of_other) = (permit(&star, &one, FILE).await.unwrap(), permit(&star, &other, FILE).await.unwrap());
    let upload = star.tree.begin_upload(&of_one, None, plan()).await.unwrap();
    assert!(star.tree.find_upload(&of_one, upload.id).await.is_ok());
    let unknown = star.tree.find_upload(&of_other, star_core::uploads::UploadId::made().unwrap()).await.unwrap_err();
    let hidden = star.tree.find_upload(&of_other, upload.id).await.unwrap_err();
    assert_eq!(
        (hidden.code(), hidden.message()),
        (unknown.code(), unknown.message()),
        "one is not told from the other"
    );
    assert!(star.tree.cancel_upload(&of_other, upload.id).await.is_err());
    assert!(star.tree.uploads_below(&of_other).await.unwrap().is_empty());
    let of_admin = permit(&star, &star.admin, FILE).await.unwrap();
    assert_eq!(star.tree.uploads_below(&of_admin).await.unwrap().len(), 1);
    star.tree.cancel_upload(&of_admin, upload.id).await.unwrap();
}

#[tokio::test]
async fn an_upload_to_what_takes_no_files_does_not_begin() {
    let star = star().await;
    star.create(Kind::Base, &path("acme:base")).await.unwrap();
    for (at, code) in [
        ("acme:fs", ErrorCode::InvalidArgument),
        ("acme:fs:/", ErrorCode::InvalidArgument),
        ("acme:none:/a", ErrorCode::NotFound),
        ("acme:base:/a", ErrorCode::UnsupportedMethod),
    ] {
        let permit = permit(&star, &star.admin, at).await.unwrap();
        assert_eq!(star.tree.begin_upload(&permit, None, plan()).await.unwrap_err().code(), code, "{at}");
    }
    let permit = permit(&star, &star.admin, FILE).await.unwrap();
    let metadata = "x".repeat(limits::UPLOAD_METADATA_BYTES + 1);
    let plan = Plan { metadata, ..plan() };
    assert_eq!(star.tree.begin_upload(&permit, None, plan).await.unwrap_err().code(), ErrorCode::TooLarge);
    assert_eq!(rows(&star).await, 0);
}

#[tokio::test]
async fn an_upload_does_not_live_for_ever_however_often_something_comes() {
    let star = star().await;
    let permit = permit(&star, &star.admin, FILE).await.unwrap();
    let mut upload = star.tree.begin_upload(&permit, None, plan()).await.unwrap();
    let half_ms = u64::try_from(limits::UPLOAD_LIFE.as_millis()).unwrap() / 2;
    let most = limits::UPLOAD_LIFE_MAX.as_millis() / limits::UPLOAD_LIFE.as_millis() * 2;
    let mut times = 0;
    while star.tree.find_upload(&permit, upload.id).await.is_ok() {
        extend(&star, &mut upload, "x").await;
        star.clock.advance_ms(half_ms);
        times += 1;
    }
    assert_eq!(times, most);
    assert!(star.meta.read(&[keys::record(&path(FILE))]).await.unwrap()[0].is_none());
}
