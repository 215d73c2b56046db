//! Every table of the metadata store as it is written: keys and values, byte by byte, read for ever.
//!
//! `tests/golden/rows-v2.txt` has a row per line, of a small tree with something in every table. It is
//! never changed; another form of a row is another schema or another table, and another file. What stands
//! in the files before it is still read: `rows-v1.txt` was written before resources were found by their
//! contents.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use semver::Version;
use star_core::bootstrap;
use star_core::command::{Claim, Lock, Manifest, ManifestEntry, Publish};
use star_core::kind::Kind;
use star_core::ports::clock::SystemClock;
use star_core::ports::meta::{Batch, Key, KeyRange, MetaStore, Operation, Shard, Versioned};
use star_core::record::Body;
use star_testkit::{MemoryMeta, TestTree, path};
use star_wire::MessageId;

/// What has rows without a resource that fails or a caller who comes again.
const TABLES: [&str; 8] = ["a/", "c/", "h/", "n/", "r/", "t/", "v/", "z/"];

async fn small_tree() -> TestTree {
    let star = TestTree::start(star_kinds::behaviours()).await;
    star.clock.set_ms(1_700_000_000_000);
    for (kind, at) in [(Kind::Space, "acme"), (Kind::FileSystem, "acme:files"), (Kind::Base, "acme:b")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    let counted = star_core::numbers::NumberedPath::parse("acme:b:job-%").unwrap().unwrap();
    let create = star_core::command::Create {
        path: counted.at(0).unwrap(),
        kind: Kind::Base,
        properties: Default::default(),
        labels: [("team".to_owned(), "web".to_owned())].into(),
        owner: None,
        strategy: star_core::command::Strategy::Create,
    };
    star.tree.create_numbered(&star.admin, &counted, create, ("", None)).await.unwrap();
    let body = Body { content: star.content.put("page"), content_type: "text/html".into() };
    let manifest = Manifest { files: [("/index.html".to_owned(), ManifestEntry { body })].into() };
    let publish = Publish {
        version: Version::new(1, 0, 0),
        manifest: star.content.put(manifest.encode().unwrap()),
        properties: Default::default(),
        tags: vec!["latest".to_owned()],
    };
    star.create(Kind::ArtifactBundleSeries, &path("acme:site")).await.unwrap();
    star.send(&path("acme:site"), &publish).await.unwrap();
    let lock = Lock { claim: Claim::IfFree("a1b2".to_owned()), ttl_ms: 30_000, note: "deploy".to_owned() };
    star.send(&path("acme:files"), &lock).await.unwrap();
    star
}

#[tokio::test]
async fn every_table_of_the_store_is_written_as_ever() {
    let star = small_tree().await;
    let meta: Arc<dyn MetaStore> = Arc::clone(&star.meta) as Arc<dyn MetaStore>;
    let lines = lines(&meta).await;
    let tables: BTreeSet<&str> = lines.iter().filter_map(|line| line.get(..2)).collect();
    assert_eq!(tables.into_iter().collect::<Vec<_>>(), TABLES);
    let file = golden("rows-v2.txt");
    let written = lines.join("\n") + "\n";
    if !file.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &written).unwrap();
    }
    assert_eq!(written, std::fs::read_to_string(&file).unwrap());
}

#[tokio::test]
async fn rows_that_were_written_before_are_brought_up_to_date() {
    let meta: Arc<dyn MetaStore> = MemoryMeta::new();
    for line in std::fs::read_to_string(golden("rows-v1.txt")).unwrap().lines() {
        let (key, value) = line.rsplit_once(' ').filter(|(_, value)| is_hex(value)).unwrap_or((line, ""));
        let value: Vec<u8> =
            (0..value.len()).step_by(2).map(|at| u8::from_str_radix(&value[at..at + 2], 16).unwrap()).collect();
        let operations = vec![Operation::Put(Key::new(unescaped(key)), value.into())];
        let id = MessageId::next().as_u128();
        let shard = Shard::of_space("");
        let batch = Batch { id, shard, preconditions: Vec::new(), operations, events: Vec::new(), at: 0 };
        meta.commit(batch).await.unwrap();
    }
    bootstrap::ensure(&meta, &SystemClock, "test", BTreeMap::new()).await.unwrap();
    let found = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("a/") || line.starts_with("z/")).map(str::to_owned).collect()
    };
    let lines = lines(&meta).await.join("\n");
    assert_eq!(found(&lines), found(&std::fs::read_to_string(golden("rows-v2.txt")).unwrap()));
}

fn golden(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/golden").join(name)
}

/// Every row, in words.
async fn lines(meta: &Arc<dyn MetaStore>) -> Vec<String> {
    let page = meta.scan(KeyRange::prefix(""), 1_000).await.unwrap();
    assert!(page.next.is_none(), "the tree is small");
    let line = |(key, row): &(Key, Versioned)| {
        let value: String = row.value.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {value}", key.as_bytes().escape_ascii()).trim_end().to_owned()
    };
    page.rows.iter().map(line).collect()
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Undoes `escape_ascii`.
fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), text.bytes());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next().unwrap() {
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                other => other,
            },
            other => other,
        });
    }
    bytes
}
