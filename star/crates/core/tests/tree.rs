//! The tree seen from outside: what a permit leads to, and what stays when things go wrong.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, Behaviours, KindBehaviour, ResourceActor};
use star_core::command::{Create, Delete, Info, Set, Strategy};
use star_core::gate::{Authority, CallGrant, Right};
use star_core::kind::Kind;
use star_core::status::State;
use star_path::{PropertyKey, Selector};
use star_testkit::{TestTree, path};
use star_wire::{Deadline, Envelope, ErrorCode, Method, Reply, StarError};

/// A kind whose actor counts its activations, sleeps, panics and echoes when it is told to.
#[derive(Clone, Default)]
struct Probe(Arc<AtomicUsize>);

struct ProbeActor;

#[async_trait]
impl KindBehaviour for Probe {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        Ok(Box::new(ProbeActor))
    }
}

#[async_trait]
impl ResourceActor for ProbeActor {
    async fn handle(&mut self, _: &ActorContext, permit: &star_core::gate::Permit) -> Result<Reply, StarError> {
        match permit.envelope().method.as_str() {
            "echo" => Ok(Reply::new("text/plain", permit.envelope().body.clone())),
            "sleep" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok(Reply::empty())
            }
            "panic" => panic!("told to"),
            _ => Err(star_core::behaviour::unsupported(permit)),
        }
    }
}

async fn tree() -> (TestTree, Probe) {
    let probe = Probe::default();
    let behaviours = [Kind::Root, Kind::Space, Kind::Base, Kind::Star, Kind::FileSystem, Kind::App, Kind::Broadcast]
        .into_iter()
        .fold(Behaviours::default(), |behaviours, kind| behaviours.with(kind, probe.clone()));
    (TestTree::start(behaviours).await, probe)
}

fn message(to: &str, method: &str) -> Envelope {
    Envelope::new(path(to), Method::parse(method).unwrap())
}

#[tokio::test]
async fn a_resource_is_brought_to_life_once_however_many_ask_at_the_same_time() {
    let (star, probe) = tree().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let before = probe.0.load(Ordering::SeqCst);
    star.create(Kind::Base, &path("acme:b")).await.unwrap();
    let asks = (0..100).map(|_| star.ask(message("acme:b", "echo").with_body("text/plain", "hi")));
    for reply in futures::future::join_all(asks).await {
        assert_eq!(reply.unwrap().body, "hi");
    }
    // One for `acme`, which made `acme:b`, and one for `acme:b`.
    assert_eq!(probe.0.load(Ordering::SeqCst) - before, 2);
}

#[tokio::test]
async fn a_panic_is_the_status_of_its_resource_and_nobody_elses_trouble() {
    let (star, _) = tree().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    star.create(Kind::Base, &path("acme:good")).await.unwrap();
    star.create(Kind::Base, &path("acme:bad")).await.unwrap();
    let error = star.ask(message("acme:bad", "panic")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Panicked);
    assert!(error.message().contains("told to"), "{error}");
    let bad = star.send(&path("acme:bad"), &Info).await.unwrap();
    assert_eq!(bad.record.status.state, State::Panic { code: ErrorCode::Panicked });
    let good = star.send(&path("acme:good"), &Info).await.unwrap();
    assert_eq!(good.record.status.state, State::Ready);
    // After a rest, the next message finds it in service again.
    tokio::time::sleep(star_core::limits::PANIC_REST).await;
    star.ask(message("acme:bad", "echo")).await.unwrap();
    let revived = star.send(&path("acme:bad"), &Info).await.unwrap();
    assert_eq!(revived.record.status.state, State::Ready);
}

#[tokio::test]
async fn an_ask_ends_with_its_deadline_and_a_late_message_is_not_begun() {
    let (star, _) = tree().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let soon = Deadline::within(Duration::from_millis(30));
    let error = star.ask(message("acme", "sleep").with_deadline(soon)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::TimedOut);
    let passed = Deadline::within(Duration::ZERO);
    let error = star.ask(message("acme", "echo").with_deadline(passed)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Expired);
}

#[tokio::test]
async fn creating_names_what_is_wrong() {
    let (star, _) = tree().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let cases = [
        (Kind::Space, "acme", ErrorCode::AlreadyExists),
        (Kind::Base, "other:b", ErrorCode::ParentNotFound),
        (Kind::Space, "acme:inner", ErrorCode::InvalidArgument),
        (Kind::File, "acme:fs:/a", ErrorCode::InvalidArgument),
        (Kind::Star, "acme:star", ErrorCode::InvalidArgument),
        (Kind::Base, "acme:Upper", ErrorCode::InvalidArgument),
    ];
    for (kind, at, code) in cases {
        let error = star.create(kind, &path(at)).await.unwrap_err();
        assert_eq!(error.code(), code, "{kind} {at}: {error}");
    }
    star.create(Kind::FileSystem, &path("acme:fs")).await.unwrap();
    let error = star.create(Kind::Base, &path("acme:fs:b")).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::WrongParent);
}

#[tokio::test]
async fn ensure_accepts_what_is_there_and_create_does_not() {
    let (star, _) = tree().await;
    let create = |strategy| Create {
        path: path("acme"),
        kind: Kind::Space,
        properties: BTreeMap::new(),
        labels: BTreeMap::new(),
        owner: None,
        strategy,
    };
    assert!(star.tree.create(&star.admin, create(Strategy::Ensure)).await.unwrap().changed);
    assert!(!star.tree.create(&star.admin, create(Strategy::Ensure)).await.unwrap().changed);
    let error = star.tree.create(&star.admin, create(Strategy::Create)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::AlreadyExists);
}

#[tokio::test]
async fn deleting_a_tree_is_one_moment_and_leaves_neighbours_alone() {
    let (star, _) = tree().await;
    for (kind, at) in
        [(Kind::Space, "acme"), (Kind::Base, "acme:a"), (Kind::Base, "acme:a:inner"), (Kind::Base, "acme:a-2")]
    {
        star.create(kind, &path(at)).await.unwrap();
        star.ask(message(at, "echo")).await.unwrap();
    }
    let plain = Delete { recursive: false, if_digest: None };
    assert_eq!(star.send(&path("acme:a"), &plain).await.unwrap_err().code(), ErrorCode::NotEmpty);
    let deleted = star.send(&path("acme:a"), &Delete { recursive: true, if_digest: None }).await.unwrap();
    assert_eq!(deleted.resources, 2);
    for gone in ["acme:a", "acme:a:inner"] {
        assert_eq!(star.ask(message(gone, "echo")).await.unwrap_err().code(), ErrorCode::NotFound, "{gone}");
    }
    star.ask(message("acme:a-2", "echo")).await.unwrap();
    star.create(Kind::Base, &path("acme:a")).await.unwrap();
    let error = star.send(&path("star:nodes"), &Delete { recursive: true, if_digest: None }).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Protected);
}

#[tokio::test]
async fn properties_are_those_of_the_kind_and_a_full_disk_changes_nothing() {
    let (star, _) = tree().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let set = |key: &str, value: &str| Set {
        properties: [(PropertyKey::parse(key).unwrap(), value.to_owned())].into(),
        ..Set::default()
    };
    assert!(star.send(&path("acme"), &set("title", "Acme")).await.unwrap().changed);
    assert!(!star.send(&path("acme"), &set("title", "Acme")).await.unwrap().changed);
    let unknown = star.send(&path("acme"), &set("titel", "x")).await.unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::InvalidProperty);
    assert!(unknown.hint_text().unwrap().contains("did you mean `title`"), "{unknown}");
    let word = star.send(&path("acme"), &set("public", "yes")).await.unwrap_err();
    assert_eq!(word.code(), ErrorCode::InvalidProperty);
    star.meta.set_disk_full(true);
    assert_eq!(star.send(&path("acme"), &set("title", "B")).await.unwrap_err().code(), ErrorCode::DiskFull);
    star.meta.set_disk_full(false);
    assert_eq!(star.send(&path("acme"), &Info).await.unwrap().record.property("title"), Some("Acme"));
}

#[tokio::test]
async fn nobody_reads_what_is_not_public_and_everybody_what_is() {
    let (star, _) = tree().await;
    for (kind, at) in [(Kind::Space, "acme"), (Kind::Base, "acme:open"), (Kind::Base, "acme:open:inner")] {
        star.create(kind, &path(at)).await.unwrap();
    }
    let gate = &star.tree.gate;
    let nobody = gate.authenticate(None).unwrap();
    assert_eq!(gate.authenticate(Some("wrong")).unwrap_err().code(), ErrorCode::LoginNeeded);
    for at in ["acme:open", "acme:open:inner", "acme:missing"] {
        let error = gate.allow(&nobody, Right::Read, &path(at)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::LoginNeeded, "{at}");
    }
    let public =
        Set { properties: [(PropertyKey::parse("public").unwrap(), "read".to_owned())].into(), ..Set::default() };
    star.send(&path("acme:open"), &public).await.unwrap();
    gate.allow(&nobody, Right::Read, &path("acme:open:inner")).await.unwrap();
    assert!(gate.allow(&nobody, Right::Write, &path("acme:open:inner")).await.is_err());
    assert!(gate.allow(&nobody, Right::Read, &path("acme")).await.is_err());
}

#[tokio::test]
async fn a_mechtron_does_what_its_bind_grants_within_its_own_space() {
    let (star, _) = tree().await;
    let gate = &star.tree.gate;
    let grant = CallGrant { to: Selector::parse("**").unwrap(), can: vec![Right::Read] };
    let mechtron = Arc::new(Authority::Mechtron { path: path("acme:app:m"), calls: vec![grant].into() });
    gate.allow(&mechtron, Right::Read, &path("acme:files:/a")).await.unwrap();
    let write = gate.allow(&mechtron, Right::Write, &path("acme:files:/a")).await.unwrap_err();
    assert_eq!(write.code(), ErrorCode::CallNotGranted);
    assert!(write.hint_text().unwrap().contains("can: [ write ]"), "{:?}", write.hint_text());
    let foreign = gate.allow(&mechtron, Right::Read, &path("other:files:/a")).await.unwrap_err();
    assert_eq!(foreign.code(), ErrorCode::CallNotGranted);
}

#[tokio::test]
async fn a_call_that_leads_back_or_goes_on_for_ever_is_refused() {
    let (star, _) = tree().await;
    star.create(Kind::Space, &path("acme")).await.unwrap();
    let mut back = message("acme", "echo");
    back.chain = [path("acme")].into();
    assert_eq!(star.ask(back).await.unwrap_err().code(), ErrorCode::Reentrant);
    let mut far = message("acme", "echo");
    far.hops = star_wire::limits::HOPS;
    assert_eq!(star.ask(far).await.unwrap_err().code(), ErrorCode::TooManyHops);
}
