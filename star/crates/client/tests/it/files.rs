//! Bytes in both directions, and the event log.

use std::path::Path;

use futures::TryStreamExt as _;
use star_client::{
    Class, ClientError, Condition, EventsQuery, Outgoing, Part, Stored, UploadOptions, WatchItem, cursor_of, limits,
    silent,
};
use star_path::ResourcePath;
use tokio::io::AsyncRead;

use crate::fake::FakeStar;

fn path(text: &str) -> ResourcePath {
    text.parse().expect("a path")
}

fn put(star: &FakeStar, path: &str, bytes: impl Into<Vec<u8>>) {
    star.kept().files.insert(path.into(), bytes.into().into());
}

async fn send(
    star: &FakeStar,
    target: &str,
    source: Outgoing<impl AsyncRead + Send + Unpin + 'static>,
) -> Result<Stored, ClientError> {
    star.client().upload(&path(target), source, &UploadOptions::default(), silent()).await
}

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    let star = FakeStar::start().await;
    let client = star.client();
    let directory = tempfile::tempdir().unwrap();
    let (source, copy) = (directory.path().join("page.html"), directory.path().join("copy"));
    let content: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&source, &content).unwrap();
    let target = path("localhost:files:/a%20b/page.html");
    let stored = client.upload_file(&target, &source, &UploadOptions::default(), silent()).await.unwrap();
    assert!(stored.created);
    assert_eq!(stored.bytes, 3_000_000);
    assert_eq!(star.kept().requests, ["localhost:files:/a%20b/page.html text/html"]);
    let info = client.file_info(&target).await.unwrap();
    assert_eq!((info.digest, info.bytes), (Some(stored.digest), Some(3_000_000)));
    assert_eq!(client.download_file(&target, &copy, silent()).await.unwrap(), 3_000_000);
    assert_eq!(std::fs::read(&copy).unwrap(), content);
    client.remove_file(&target).await.unwrap();
    assert_eq!(client.file_info(&target).await.unwrap_err().class(), Class::NotFound);
}

#[tokio::test]
async fn a_part_of_a_file_is_a_part() {
    let star = FakeStar::start().await;
    put(&star, "a:b:/c", "0123456789");
    let download = star.client().download(&path("a:b:/c"), Part::From(7), silent()).await.unwrap();
    let mut bytes = Vec::new();
    assert_eq!(download.copy_to(&mut bytes, Path::new("-")).await.unwrap(), 3);
    assert_eq!(bytes, b"789");
}

#[tokio::test]
async fn bytes_that_were_altered_on_their_way_never_become_a_file() {
    let star = FakeStar::start().await;
    let directory = tempfile::tempdir().unwrap();
    for name in ["damaged", "cut"] {
        let source = format!("a:b:/{name}");
        put(&star, &source, "some bytes");
        let target = directory.path().join(name);
        let error = star.client().download_file(&path(&source), &target, silent()).await.unwrap_err();
        assert!(matches!(error, ClientError::Damaged { .. } | ClientError::Lost { .. }), "{error:?}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn bytes_that_come_as_they_are_kept_are_unpacked_and_compared() {
    let star = FakeStar::start().await;
    let directory = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000u32).flat_map(|n| (n / 5).to_be_bytes()).collect();
    put(&star, "a:b:/packed", content.clone());
    let download = star.client().download(&path("a:b:/packed"), Part::All, silent()).await.unwrap();
    assert_eq!(download.info.bytes, None, "the length is that of another form");
    let target = directory.path().join("packed");
    assert_eq!(star.client().download_file(&path("a:b:/packed"), &target, silent()).await.unwrap(), 12_000_000);
    assert!(std::fs::read(&target).unwrap() == content);
    let part = star.client().download(&path("a:b:/packed"), Part::From(11_999_990), silent()).await.unwrap();
    let mut bytes = Vec::new();
    part.copy_to(&mut bytes, Path::new("-")).await.unwrap();
    assert_eq!(bytes, content[11_999_990..], "a part is one of the plain bytes");
    for name in ["packed-damaged", "packed-cut", "packed-other"] {
        let source = format!("a:b:/{name}");
        put(&star, &source, content.clone());
        let error = star.client().download_file(&path(&source), &directory.path().join(name), silent()).await;
        assert!(matches!(error, Err(ClientError::Damaged { .. })), "{name}: {error:?}");
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_star_that_keeps_other_bytes_than_were_sent_is_found_out() {
    let star = FakeStar::start().await;
    let source = Outgoing::new("-", &b"my bytes"[..]);
    let error = send(&star, "a:b:/damaged", source).await.unwrap_err();
    assert!(matches!(error, ClientError::Damaged { .. }), "{error:?}");
}

#[tokio::test]
async fn a_condition_that_does_not_hold_changes_nothing() {
    let star = FakeStar::start().await;
    let client = star.client();
    let target = path("a:b:/c");
    let send = |text: &'static str, condition| {
        let options = UploadOptions { condition, ..Default::default() };
        let (client, target) = (client.clone(), target.clone());
        async move { client.upload(&target, Outgoing::new("-", text.as_bytes()), &options, silent()).await }
    };
    let first = send("one", Condition::Absent).await.unwrap();
    assert!(first.created);
    assert_eq!(send("two", Condition::Absent).await.unwrap_err().class(), Class::Conflict);
    assert!(!send("three", Condition::Holds(first.digest.clone())).await.unwrap().created);
    assert_eq!(send("four", Condition::Holds(first.digest)).await.unwrap_err().class(), Class::Conflict);
    assert_eq!(star.kept().files["a:b:/c"], "three");
}

#[tokio::test]
async fn a_reader_that_ends_too_early_is_an_error_of_this_machine() {
    let star = FakeStar::start().await;
    let source = Outgoing::new("the-source", &b"short"[..]).with_length(50);
    let error = send(&star, "a:b:/c", source).await.unwrap_err();
    assert!(matches!(&error, ClientError::Io { path, .. } if path == Path::new("the-source")), "{error:?}");
    assert!(star.kept().files.is_empty());
}

#[tokio::test]
async fn a_large_upload_that_is_refused_at_once_says_why() {
    let star = FakeStar::start().await;
    let reader = tokio::io::AsyncReadExt::take(tokio::io::repeat(1), 64 * 1024 * 1024);
    let error = send(&star, "a:b:/denied", Outgoing::new("-", reader)).await.unwrap_err();
    assert_eq!(error.class(), Class::Denied, "{error:?}");
}

#[tokio::test]
async fn a_tree_is_sent_a_few_files_at_once_and_failures_are_told_apart() {
    let star = FakeStar::start().await;
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("sub")).unwrap();
    for n in 0..40 {
        std::fs::write(directory.path().join(format!("sub/{n}.txt")), vec![n; 20_000]).unwrap();
    }
    std::fs::write(directory.path().join("conflict"), "x").unwrap();
    let options = UploadOptions::default();
    let sent = star.client().upload_tree(&path("a:files:/in/"), directory.path(), &options, silent()).await.unwrap();
    assert_eq!((sent.files, sent.bytes), (41, 40 * 20_000 + 1));
    assert_eq!(star.kept().files["a:files:/in/sub/7.txt"], vec![7; 20_000]);
    assert!((2..=limits::PARALLEL_UPLOADS).contains(&star.kept().uploads_most), "{}", star.kept().uploads_most);
    assert!(sent.failed.is_empty(), "{:?}", sent.failed);
    let sent = star.client().upload_tree(&path("a:other:/"), directory.path(), &options, silent()).await.unwrap();
    assert_eq!((sent.files, sent.known_files), (40, 0));
    assert_eq!(sent.failed.len(), 1);
    assert_eq!(sent.failed[0].source.file_name().unwrap(), "conflict");
    assert_eq!(sent.failed[0].error.class(), Class::Conflict);
}

#[tokio::test]
async fn of_a_tree_only_that_is_sent_which_is_not_there() {
    let star = FakeStar::start().await;
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
    put(&star, "a:files:/in/same", "same bytes");
    put(&star, "a:files:/in/old-name", "moved here");
    put(&star, "a:files:/in/changed", "former one");
    for (name, text) in [("same", "same bytes"), ("new-name", "moved here"), ("changed", "second one"), ("new", "n")] {
        write(name, text);
    }
    let (target, options) = (path("a:files:/in/"), UploadOptions::default());
    let sent = star.client().upload_tree(&target, directory.path(), &options, silent()).await.unwrap();
    assert_eq!((sent.files, sent.bytes, sent.known_files, sent.known_bytes), (4, 31, 2, 20));
    assert!(sent.failed.is_empty(), "{:?}", sent.failed);
    let mut requests = std::mem::take(&mut star.kept().requests);
    requests.sort();
    let copied = "a:files:/in/new-name as a:files:/in/old-name";
    assert_eq!(requests, ["a:files:/in/changed ", "a:files:/in/new ", copied]);
    let again = star.client().upload_tree(&target, directory.path(), &options, silent()).await.unwrap();
    assert_eq!((again.files, again.known_files, again.known_bytes), (4, 4, 31));
    assert!(star.kept().requests.is_empty());
}

#[tokio::test]
async fn the_log_is_read_from_a_cursor() {
    let star = FakeStar::start().await;
    let query = EventsQuery { since: Some("1".into()), ..Default::default() };
    let events: Vec<_> = star.client().events(&query).await.unwrap().try_collect().await.unwrap();
    let cursors: Vec<&str> = events.iter().filter_map(cursor_of).collect();
    assert_eq!(cursors, ["2", "3"]);
    let WatchItem::Event(event) = &events[0] else { panic!("{events:?}") };
    assert_eq!((event.path.as_str(), event.revision), ("a:2", 2));
    let query = EventsQuery { since: Some("never".into()), ..Default::default() };
    let error = star.client().events(&query).await.err().unwrap();
    assert_eq!(error.detail().unwrap().code, "S0110");
}
