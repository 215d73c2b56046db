//! The collector: what nobody needs goes, and nothing else does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use star_artifact::{CollectError, CollectOptions, Collection};
use star_core::keys;
use star_core::kind::Kind;
use star_core::ports::content::{ContentError, ContentRef, ContentStore};
use star_core::ports::meta::{MetaStore, Operation, Precondition};
use star_core::record::{Body, Record};
use star_core::stored::Change;
use star_path::ResourcePath;

use crate::fixture::{Fixture, content, get, noise, put_whole, text};

const NONE: Duration = Duration::ZERO;

fn options(grace: Duration) -> CollectOptions {
    CollectOptions { grace, force: true, now: Instant::now() }
}

fn path(name: &str) -> ResourcePath {
    ResourcePath::parse(&format!("acme:fs:/{name}")).unwrap()
}

impl Fixture {
    fn meta(&self) -> Arc<dyn MetaStore> {
        Arc::clone(&self.meta) as Arc<dyn MetaStore>
    }

    /// Makes a File of these bytes, in place of what was there.
    async fn write(&self, name: &str, bytes: &Bytes) -> Result<ContentRef, ContentError> {
        let content = put_whole(&*self.store, bytes).await;
        self.link(name, &content).await.map(|()| content)
    }

    /// Makes a File of a content that is there.
    async fn link(&self, name: &str, content: &ContentRef) -> Result<(), ContentError> {
        let mut record = Record::new(Kind::File, ResourcePath::root(), 0);
        record.body = Some(Body { content: content.clone(), content_type: "text/plain".into() });
        loop {
            let mut change = Change::of(&path(name), 0);
            change.refer(self.store.refer(content).await?);
            change.write(&path(name), &record).unwrap();
            if change.commit(&self.meta()).await.unwrap().is_some() {
                return Ok(());
            }
        }
    }

    async fn remove(&self, name: &str) {
        let mut change = Change::of(&path(name), 0);
        change.then(Operation::Delete(keys::record(&path(name))));
        change.commit(&self.meta()).await.unwrap();
    }

    async fn collect(&self, grace: Duration) -> Collection {
        self.store.collect(options(grace)).await.unwrap()
    }

    /// Runs until nothing is left to do.
    async fn collect_all(&self) -> Collection {
        let mut all = Collection::default();
        for _ in 0..10 {
            let run = self.collect(NONE).await;
            all.removed += run.removed;
            all.packs_removed += run.packs_removed;
            all.copied_bytes += run.copied_bytes;
            all.freed_bytes += run.freed_bytes;
            if run == (Collection { contents: run.contents, bytes: run.bytes, ..Collection::default() }) {
                return all;
            }
        }
        panic!("there is always something left to do");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_refers_to_goes_after_the_grace_and_what_somebody_refers_to_stays() {
    let mut fixture = Fixture::new().await;
    let (kept, gone) = (text(3_000_000, 1), text(3_000_000, 2));
    fixture.write("kept", &kept).await.unwrap();
    let removed = fixture.write("gone", &gone).await.unwrap();
    fixture.write("small", &Bytes::from_static(b"small")).await.unwrap();
    fixture = fixture.reopened().await;
    assert_eq!(fixture.collect(NONE).await, Collection { contents: 3, bytes: 6_000_005, ..Collection::default() });
    fixture.remove("gone").await;
    fixture.remove("small").await;
    assert_eq!(fixture.collect(Duration::from_secs(60)).await.condemned, 2);
    assert_eq!(fixture.collect(Duration::from_secs(60)).await.removed, 0, "the grace is not over");
    assert!(fixture.store.why(&removed.digest).await.unwrap().unwrap().condemned);
    let run = fixture.collect(NONE).await;
    assert_eq!((run.removed, run.contents), (2, 3));
    assert!(matches!(get(&*fixture.store, &removed, None).await, Err(ContentError::Unknown(_))));
    assert!(get(&*fixture.store, &content(&kept), None).await.unwrap() == kept);
    let left = fixture.meta.scan(star_core::ports::meta::KeyRange::prefix(&b"m/"[..]), 10).await.unwrap();
    assert_eq!(left.rows.len(), 1, "the manifest of what is kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_condemned_is_revived_by_whoever_refers_to_it_or_asks_for_it() {
    let fixture = Fixture::new().await;
    let bytes = text(1_000_000, 1);
    for way in ["sent again", "asked for", "referred to"] {
        let kept = fixture.write("a", &bytes).await.unwrap();
        fixture.remove("a").await;
        fixture.collect(NONE).await;
        assert!(fixture.store.why(&kept.digest).await.unwrap().unwrap().condemned);
        match way {
            "sent again" => fixture.write("b", &bytes).await.map(drop).unwrap(),
            "asked for" => assert_eq!(fixture.store.stat(&kept.digest).await.unwrap(), Some(kept.clone())),
            _ => fixture.link("b", &kept).await.unwrap(),
        }
        let why = fixture.store.why(&kept.digest).await.unwrap().unwrap();
        assert!(!why.condemned, "{way}: {why:?}");
        assert_eq!(why.resources.len(), usize::from(way != "asked for"));
        assert!(get(&*fixture.store, &kept, None).await.unwrap() == bytes);
        fixture.remove("b").await;
        fixture.collect_all().await;
        assert_eq!(fixture.store.why(&kept.digest).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_kept_content_names_is_kept_and_goes_with_it() {
    let fixture = Fixture::new().await;
    let named = put_whole(&*fixture.store, &text(1_000_000, 1)).await;
    let index = put_whole(&*fixture.store, &Bytes::from_static(b"an index")).await;
    fixture.store.keep_with(std::slice::from_ref(&named), &index).await.unwrap();
    assert_eq!(fixture.collect(NONE).await.condemned, 0, "whoever sent the index is about to refer to it");
    fixture.link("index", &index).await.unwrap();
    fixture.collect_all().await;
    assert_eq!(fixture.store.why(&named.digest).await.unwrap().unwrap().named_by, std::slice::from_ref(&index.digest));
    fixture.remove("index").await;
    assert_eq!(fixture.collect_all().await.removed, 2);
    assert_eq!(fixture.store.why(&named.digest).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_go_with_their_packs_and_what_is_left_in_sparse_ones_is_copied_as_it_is() {
    let mut fixture = Fixture::new().await;
    let contents: Vec<Bytes> = (0..10).map(|seed| text(2_000_000, seed)).collect();
    for (number, bytes) in contents.iter().enumerate() {
        fixture.write(&number.to_string(), bytes).await.unwrap();
    }
    fixture = fixture.reopened().await;
    let before = fixture.packed_bytes();
    for number in 2..10 {
        fixture.remove(&number.to_string()).await;
    }
    let all = fixture.collect_all().await;
    assert_eq!((all.removed, all.packs_removed), (8, 1));
    assert!(all.freed_bytes > before * 9 / 10 && all.copied_bytes < before / 4, "{all:?} of {before}");
    fixture = fixture.reopened().await;
    assert!(fixture.packed_bytes() < before / 4, "{} of {before}", fixture.packed_bytes());
    for bytes in &contents[..2] {
        assert!(get(&*fixture.store, &content(bytes), None).await.unwrap() == *bytes);
    }
    // What is copied is shared as what it was copied from.
    let changed = Bytes::from([&contents[0][..], b"more"].concat());
    fixture.write("changed", &changed).await.unwrap();
    fixture = fixture.reopened().await;
    assert!(fixture.packed_bytes() < before / 3);
    assert!(get(&*fixture.store, &content(&changed), None).await.unwrap() == changed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_would_take_much_is_refused_unless_it_is_forced() {
    let fixture = Fixture::new().await;
    for number in 0..4 {
        fixture.write(&number.to_string(), &text(100_000, number)).await.unwrap();
    }
    fixture.remove("1").await;
    fixture.collect(NONE).await;
    fixture.remove("2").await;
    let careful = CollectOptions { force: false, ..options(NONE) };
    let refused = fixture.store.collect(careful).await.unwrap_err();
    assert!(matches!(refused, CollectError::TooMuch { condemned_bytes: 100_000, .. }), "{refused:?}");
    assert_eq!(fixture.collect(NONE).await.condemned, 1);
}

/// Numbers that are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Contents that have much in common: pieces of the same texts in another order.
fn mixed(random: &mut Random, texts: &[Bytes]) -> Bytes {
    let mut bytes = BytesMut::new();
    for _ in 0..=random.below(4) {
        let text = &texts[random.below(texts.len() as u64) as usize];
        let start = random.below(text.len() as u64 / 2) as usize;
        let len = match random.below(4) {
            0 => random.below(3_000) as usize,
            _ => text.len() - start,
        };
        bytes.extend_from_slice(&text[start..start + len]);
    }
    bytes.freeze()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_a_map_whatever_is_collected_meanwhile() {
    let steps = std::env::var("STAR_COLLECT_STEPS").ok().and_then(|steps| steps.parse().ok()).unwrap_or(400u64);
    let (mut fixture, mut random) = (Fixture::new().await, Random(7));
    let texts: Vec<Bytes> =
        (0..6).map(|seed| if seed == 5 { noise(900_000, 1) } else { text(1_200_000, seed) }).collect();
    let mut model: BTreeMap<String, Bytes> = BTreeMap::new();
    for step in 0..steps {
        let name = random.below(24).to_string();
        match random.below(20) {
            0..8 => {
                let bytes = mixed(&mut random, &texts);
                fixture.write(&name, &bytes).await.unwrap();
                model.insert(name, bytes);
            }
            8..11 => {
                fixture.remove(&name).await;
                model.remove(&name);
            }
            11..13 => {
                // Somebody sends something and never comes back.
                put_whole(&*fixture.store, &mixed(&mut random, &texts)).await;
            }
            13..17 => {
                fixture.collect(NONE).await;
            }
            17 => fixture = fixture.reopened().await,
            18 => fixture.store.close().await.unwrap(),
            _ => {
                for (name, bytes) in &model {
                    let got = get(&*fixture.store, &content(bytes), None).await;
                    assert!(got.as_ref().is_ok_and(|got| got == bytes), "step {step}, {name}: {:?}", got.err());
                }
            }
        }
    }
    fixture = fixture.reopened().await;
    fixture.collect_all().await;
    for bytes in model.values() {
        assert!(get(&*fixture.store, &content(bytes), None).await.unwrap() == *bytes);
    }
    for name in model.keys() {
        fixture.remove(name).await;
    }
    fixture.collect_all().await;
    fixture = fixture.reopened().await;
    fixture.collect_all().await;
    assert_eq!(fixture.packed_bytes(), 0, "nothing is left when nobody needs anything");
    for table in ["x/", "m/", "l/", "f/", "u/", "n/", "p/"] {
        let range = star_core::ports::meta::KeyRange::prefix(table);
        assert_eq!(fixture.meta.scan(range, 10).await.unwrap().rows, [], "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_writes_and_reads_beside_the_collector_notices_nothing() {
    const WRITERS: u64 = 4;
    let fixture = Arc::new(Fixture::new().await);
    let texts: Vec<Bytes> = (0..4).map(|seed| text(700_000, seed)).collect();
    let writers = (0..WRITERS).map(|writer| {
        let (fixture, texts) = (Arc::clone(&fixture), texts.clone());
        tokio::spawn(async move {
            let mut random = Random(writer + 1);
            for round in 0..40 {
                let name = format!("{writer}-{}", random.below(4));
                let bytes = mixed(&mut random, &texts);
                let kept = fixture.write(&name, &bytes).await.unwrap();
                let got = get(&*fixture.store, &kept, None).await;
                assert!(got.as_ref().is_ok_and(|got| *got == bytes), "round {round}: {:?}", got.err());
                if random.below(3) == 0 {
                    fixture.remove(&name).await;
                }
            }
        })
    });
    let writing: Vec<_> = writers.collect();
    let mut runs = 0;
    while writing.iter().any(|writer| !writer.is_finished()) {
        // Long enough for whoever has sent something to refer to it.
        fixture.collect(Duration::from_millis(200)).await;
        runs += 1;
        tokio::task::yield_now().await;
    }
    for writer in writing {
        writer.await.unwrap();
    }
    assert!(runs > 3, "{runs}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_that_was_on_its_way_out_when_the_process_ended_still_is() {
    let mut fixture = Fixture::new().await;
    let bytes = text(1_000_000, 1);
    fixture.write("a", &bytes).await.unwrap();
    fixture = fixture.reopened().await;
    fixture.remove("a").await;
    let grace = Duration::from_secs(3_600);
    let now = Instant::now();
    for now in [now, now + grace] {
        fixture.store.collect(CollectOptions { grace, force: true, now }).await.unwrap();
    }
    let marks = async |fixture: &Fixture| {
        let rows = fixture.meta.scan(star_core::ports::meta::KeyRange::prefix(&b"p/"[..]), 10).await.unwrap().rows;
        rows.len()
    };
    assert_eq!(marks(&fixture).await, 1, "its row without its mark");
    fixture = fixture.reopened().await;
    let before = fixture.packed_bytes();
    // Its chunks are no longer shared, so whoever sends them again does not rely on it.
    fixture.write("a", &bytes).await.unwrap();
    fixture = fixture.reopened().await;
    assert!(fixture.packed_bytes() > before);
    fixture.collect_all().await;
    assert_eq!(marks(&fixture).await, 2, "the other pack with its mark");
    assert!(get(&*fixture.store, &content(&bytes), None).await.unwrap() == bytes);
    fixture.commit(vec![Precondition::Present(keys::record(&path("a")))], Vec::new()).await;
}
