//! Watching seen from outside: completeness, order, gaps, and what can be read after an event.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, Behaviours, KindBehaviour, Published, ResourceActor};
use star_core::command::{Delete, Set};
use star_core::event::{Event, EventType};
use star_core::gate::Permit;
use star_core::kind::Kind;
use star_core::limits;
use star_core::ports::meta::MetaStore;
use star_core::stored::Change;
use star_core::watch::{EventLog, Filter, WatchItem, Watcher, Word};
use star_path::Selector;
use star_testkit::{MemoryMeta, TestTree, path};
use star_wire::{Agent, Envelope, Method, Reply, StarError};
use tokio::sync::Notify;

/// A kind whose actor commits an event, and publishes what it tells of when it is let go on.
#[derive(Clone, Default)]
struct Slow(Arc<Notify>);

struct SlowActor {
    go_on: Arc<Notify>,
    value: Arc<Value>,
}

#[derive(Default)]
struct Value(String);

#[async_trait]
impl KindBehaviour for Slow {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(SlowActor { go_on: Arc::clone(&self.0), value: Arc::default() }))
    }
}

#[async_trait]
impl ResourceActor for SlowActor {
    async fn handle(&mut self, context: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        let value = String::from_utf8(permit.envelope().body.to_vec()).unwrap();
        let mut change = Change::of(&context.path, 0);
        change.tell(
            &Event::new(EventType::Changed, &context.path, Kind::Base, &Agent::Anonymous).with("value", &*value),
        )?;
        change.commit(&context.tree.ports.meta).await?.unwrap();
        self.go_on.notified().await;
        self.value = Arc::new(Value(value));
        Ok(Reply::empty())
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        Some(Arc::clone(&self.value) as Arc<dyn Published>)
    }
}

#[async_trait]
impl Published for Value {
    async fn ask(&self, permit: &Permit) -> Option<Result<Reply, StarError>> {
        let read = permit.envelope().method.as_str() == "read";
        read.then(|| Ok(Reply::new("text/plain", self.0.clone())))
    }
}

async fn star() -> (TestTree, Slow) {
    let slow = Slow::default();
    let kinds = [Kind::Root, Kind::Space, Kind::Base, Kind::Star, Kind::App];
    let behaviours =
        kinds.into_iter().fold(Behaviours::default(), |behaviours, kind| behaviours.with(kind, slow.clone()));
    (TestTree::start(behaviours).await, slow)
}

fn selecting(selector: &str) -> Filter {
    Filter::from(Selector::parse(selector).unwrap())
}

fn message(to: &str, method: &str) -> Envelope {
    Envelope::new(path(to), Method::parse(method).unwrap())
}

/// What a list of items tells, as `word path` or `gap FROM TO`.
fn told(items: &[WatchItem]) -> Vec<String> {
    let text = |item: &WatchItem| match item {
        WatchItem::Event(word, happened) => format!("{} {}", word.as_str(), happened.event.path),
        WatchItem::Gap { from, to } => format!("gap {from} {to}"),
        WatchItem::Progress(to) => format!("progress {to}"),
    };
    items.iter().map(text).collect()
}

/// What a filter lets through of the whole log.
async fn all(star: &TestTree, filter: Filter) -> Vec<String> {
    told(&Watcher::new(&star.tree.log, filter, 0).drain().await.unwrap())
}

async fn label(star: &TestTree, at: &str, labels: &[(&str, &str)], remove: &[&str]) {
    let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let remove_labels = remove.iter().map(|key| (*key).to_owned()).collect();
    let set = Set { properties: BTreeMap::new(), remove: Vec::new(), labels, remove_labels, if_revision: None };
    star.send(&path(at), &set).await.unwrap();
}

async fn delete(star: &TestTree, at: &str) {
    star.send(&path(at), &Delete { recursive: true, if_digest: None }).await.unwrap();
}

#[tokio::test]
async fn a_watcher_sees_what_it_asked_for_in_order_and_can_resume() {
    let (star, _) = star().await;
    let mut watcher = Watcher::from_now(&star.tree.log, selecting("acme:**"));
    for (kind, at) in [(Kind::Space, "acme"), (Kind::Space, "other"), (Kind::Base, "acme:b")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 2 {
        if let WatchItem::Event(_, happened) = watcher.next().await.unwrap() {
            seen.push((happened.position, happened.event.path.to_string()));
        }
    }
    assert_eq!(seen.iter().map(|(_, path)| path.as_str()).collect::<Vec<_>>(), ["acme", "acme:b"]);
    let resumed = Watcher::new(&star.tree.log, Filter::everything(), seen[0].0).drain().await.unwrap();
    assert_eq!(told(&resumed), ["created other", "created acme:b"]);
}

#[tokio::test]
async fn whoever_is_told_of_an_event_reads_what_it_tells_of() {
    let (star, slow) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star.create(Kind::Base, &path("acme:slow")).await.unwrap();
    star.create(Kind::Base, &path("acme:other")).await.unwrap();
    let mut watcher = Watcher::from_now(&star.tree.log, selecting("acme:slow"));
    let mut others = Watcher::from_now(&star.tree.log, selecting("acme:other"));
    let before = star.tree.log.head();
    let write = star.ask(message("acme:slow", "write").with_body("text/plain", "one"));
    let watch = async {
        while star.tree.log.head() == before {
            tokio::task::yield_now().await;
        }
        // The event is in the log, and its actor has not published yet: nobody is told.
        let early = tokio::time::timeout(Duration::from_millis(50), watcher.next()).await;
        assert!(early.is_err(), "{early:?}");
        // Who watches something else does not wait for it.
        label(&star, "acme:other", &[("a", "b")], &[]).await;
        assert_eq!(told(&[others.next().await.unwrap()]), ["changed acme:other"]);
        slow.0.notify_one();
        assert_eq!(told(&[watcher.next().await.unwrap()]), ["changed acme:slow"]);
        assert_eq!(star.ask(message("acme:slow", "read")).await.unwrap().body, "one");
    };
    let (written, ()) = tokio::join!(write, watch);
    written.unwrap();
}

#[tokio::test]
async fn a_watcher_behind_what_is_kept_is_told_of_the_gap_and_goes_on() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let mut late = Watcher::from_now(&star.tree.log, selecting("acme:**"));
    let left_at = star.tree.log.head();
    let count = limits::WATCH_TAIL_EVENTS + 10;
    for number in 0..count {
        label(&star, "acme", &[("n", &number.to_string())], &[]).await;
    }
    let kept = star.tree.log.head() - 5;
    star.meta.forget_events_up_to(kept);
    let items = late.drain().await.unwrap();
    let mut expected = vec![format!("gap {left_at} {kept}")];
    expected.extend((0..5).map(|_| "changed acme".to_owned()));
    assert_eq!(told(&items), expected);
}

#[tokio::test]
async fn a_watcher_that_is_not_read_holds_up_nobody_and_misses_nothing_that_is_kept() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let mut sleeper = Watcher::from_now(&star.tree.log, selecting("acme"));
    label(&star, "acme", &[("n", "first")], &[]).await;
    assert_eq!(told(&[sleeper.next().await.unwrap()]), ["changed acme"]);
    let writing = async {
        for number in 0..3 * limits::WATCH_BATCHES {
            label(&star, "acme", &[("n", &number.to_string())], &[]).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), writing).await.unwrap();
    assert_eq!(sleeper.drain().await.unwrap().len(), 3 * limits::WATCH_BATCHES);
}

#[tokio::test]
async fn what_a_watcher_holds_is_bounded_near_the_end_of_the_log_and_far_behind_it() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let since = star.tree.log.head();
    let large = "x".repeat(limits::BROADCAST_BYTES);
    let count = 2 * limits::WATCH_TAIL_BYTES / large.len();
    for _ in 0..count {
        let mut change = Change::of(&path("acme"), 0);
        let event = Event::new(EventType::Broadcast, &path("acme"), Kind::Space, &Agent::Anonymous);
        change.tell(&event.with("body", large.clone())).unwrap();
        change.commit(&star.tree.ports.meta).await.unwrap().unwrap();
    }
    let mut watcher = Watcher::new(&star.tree.log, selecting("acme"), since);
    for told in 1..=count {
        watcher.next().await.unwrap();
        let held = watcher.position() - since - told as u64;
        let bytes = held as usize * large.len();
        assert!(bytes <= limits::WATCH_STRETCH_BYTES + large.len(), "{bytes} bytes after {told} events");
    }
}

#[tokio::test(start_paused = true)]
async fn progress_comes_even_while_others_are_told_of_much() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star.create(Kind::Space, &path("other")).await.unwrap();
    let mut watcher = Watcher::from_now(&star.tree.log, selecting("acme:**"));
    let begin = star.tree.log.head();
    let chatter = async {
        for number in 0.. {
            label(&star, "other", &[("n", &number.to_string())], &[]).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        () = chatter => unreachable!("it has no end"),
        item = watcher.next() => assert!(matches!(item.unwrap(), WatchItem::Progress(to) if to > begin)),
    }
}

#[tokio::test]
async fn filters_are_judged_by_the_resource_and_its_end_is_always_told() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    for at in ["acme:prod", "acme:dev", "acme:left", "acme:gone"] {
        star.create(Kind::Base, &path(at)).await.unwrap();
    }
    label(&star, "acme:prod", &[("env", "prod")], &[]).await;
    label(&star, "acme:dev", &[("env", "dev")], &[]).await;
    label(&star, "acme:left", &[("env", "prod")], &[]).await;
    let mut watcher = Watcher::from_now(&star.tree.log, selecting("acme:*<Base>[labels.env=prod]"));
    label(&star, "acme:prod", &[("x", "1")], &[]).await;
    label(&star, "acme:dev", &[("x", "1")], &[]).await;
    label(&star, "acme:left", &[], &["env"]).await;
    label(&star, "acme:left", &[("x", "1")], &[]).await;
    delete(&star, "acme:gone").await;
    let seen = told(&watcher.drain().await.unwrap());
    assert_eq!(seen, ["changed acme:prod", "changed acme:left", "deleted acme:gone"]);
}

#[tokio::test]
async fn one_resource_its_subtree_and_types_can_be_chosen() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    for at in ["acme:a", "acme:a:b", "acme:ab"] {
        star.create(Kind::Base, &path(at)).await.unwrap();
    }
    label(&star, "acme:a", &[("x", "1")], &[]).await;
    delete(&star, "acme:a").await;
    assert_eq!(all(&star, selecting("acme:a")).await, ["created acme:a", "changed acme:a", "deleted acme:a"]);
    let subtree = ["created acme:a", "created acme:a:b", "changed acme:a", "deleted acme:a"];
    assert_eq!(all(&star, selecting("acme:a:**")).await, subtree);
    assert_eq!(all(&star, selecting("acme:a:b")).await, ["created acme:a:b", "deleted acme:a"]);
    let deleted = selecting("acme:**").called(vec![Word::parse("deleted").unwrap()]);
    assert_eq!(all(&star, deleted).await, ["deleted acme:a"]);
    let children = all(&star, Filter::children_of(path("acme"))).await;
    assert_eq!(children, ["child-added acme:a", "child-added acme:ab", "child-removed acme:a"]);
    let below = all(&star, Filter::children_of(path("acme:a"))).await;
    assert_eq!(below, ["child-added acme:a:b", "deleted acme:a"]);
}

#[tokio::test]
async fn a_label_that_is_removed_stands_in_the_event() {
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    label(&star, "acme", &[("env", "prod")], &[]).await;
    label(&star, "acme", &[], &["env"]).await;
    let items = Watcher::new(&star.tree.log, selecting("acme"), 0).drain().await.unwrap();
    let Some(WatchItem::Event(_, last)) = items.last() else { panic!("{items:?}") };
    assert_eq!(last.event.detail["labels.env"], "");
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "the figure, for whoever measures")]
async fn a_thousand_watchers_share_one_reading_of_the_log() {
    const WATCHERS: usize = 1_000;
    const EVENTS: usize = 200;
    let (star, _) = star().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let watch = |_| {
        let mut watcher = Watcher::from_now(&star.tree.log, selecting("acme:**"));
        tokio::spawn(async move {
            let mut told = 0;
            while told < EVENTS {
                told += usize::from(matches!(watcher.next().await.unwrap(), WatchItem::Event(..)));
            }
        })
    };
    let watching: Vec<_> = (0..WATCHERS).map(watch).collect();
    let reads_before = star.meta.event_reads();
    let begun = std::time::Instant::now();
    for number in 0..EVENTS {
        label(&star, "acme", &[("n", &number.to_string())], &[]).await;
    }
    for ended in futures::future::join_all(watching).await {
        ended.unwrap();
    }
    let per_second = (WATCHERS * EVENTS) as f64 / begun.elapsed().as_secs_f64();
    println!("{WATCHERS} watchers, {EVENTS} events: {per_second:.0} deliveries a second");
    let reads = star.meta.event_reads() - reads_before;
    assert!(reads <= 4 * EVENTS as u64, "the log was read {reads} times for {EVENTS} events");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_is_told_in_rounds_misses_nothing_and_is_woken_seldom() {
    const WATCHERS: usize = 400;
    const EVENTS: u64 = 200;
    let meta: Arc<dyn MetaStore> = MemoryMeta::new();
    let log = EventLog::of(&meta);
    let watch = |_| {
        let mut watcher = Watcher::from_now(&log, selecting("acme")).in_rounds();
        tokio::spawn(async move {
            let (mut seen, mut woken) = (Vec::new(), 0);
            while seen.len() < EVENTS as usize {
                let mut item = Some(watcher.next().await.unwrap());
                woken += 1;
                while let Some(told) = item {
                    if let WatchItem::Event(_, happened) = told {
                        seen.push(happened.position);
                    }
                    item = watcher.next_at_hand().await.unwrap();
                }
            }
            assert!(watcher.next_at_hand().await.unwrap().is_none());
            (seen, woken)
        })
    };
    let watching: Vec<_> = (0..WATCHERS).map(watch).collect();
    let first = log.head() + 1;
    for _ in 0..EVENTS {
        let mut change = Change::of(&path("acme"), 0);
        change.tell(&Event::new(EventType::Changed, &path("acme"), Kind::Space, &Agent::Anonymous)).unwrap();
        change.commit(&meta).await.unwrap().unwrap();
        tokio::task::yield_now().await;
    }
    for ended in futures::future::join_all(watching).await {
        let (seen, woken) = ended.unwrap();
        assert_eq!(seen, (first..first + EVENTS).collect::<Vec<_>>());
        assert!(woken <= 4, "woken {woken} times for {EVENTS} events that came within a moment");
    }
}
