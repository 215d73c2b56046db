//! Who is told: a Broadcast reaches everybody who may read it, and nobody else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use star_client::{Class, Client, EventsQuery, Message};
use star_core::kind::Kind;
use tokio::task::JoinSet;

use crate::doors::{Door, Star, Want, short, told_until};

async fn say(star: &Star, at: &str, text: &str) {
    star.admin()
        .ask(Message::new(at.parse().unwrap(), "broadcast").with_body("text/plain", text.to_owned()))
        .await
        .unwrap();
}

/// Watchers of a selector at every door, from now on.
async fn watch(star: &Star, client: &Client, selector: &'static str, end: &Arc<AtomicU64>) -> JoinSet<Vec<Value>> {
    let mut reading = JoinSet::new();
    for door in Door::ALL {
        let want = Want { selector, since: star.head().to_string(), ..Want::default() };
        reading.spawn(told_until(door.open(client, &want).await, Arc::clone(end)));
    }
    reading
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broadcast_reaches_everybody_who_may_read_it_at_every_door() {
    let star = Star::start().await;
    for at in ["acme:open", "acme:closed"] {
        star.create(Kind::Base, at).await;
    }
    star.public("acme:open", "read").await;
    for at in ["acme:open:news", "acme:closed:news"] {
        star.create(Kind::Broadcast, at).await;
    }
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let admin = watch(&star, &star.admin(), "acme:**", &end).await;
    let nobody = watch(&star, &star.nobody(), "acme:open:**", &end).await;
    say(&star, "acme:open:news", "hello").await;
    say(&star, "acme:closed:news", "secret").await;
    end.store(star.head(), Ordering::SeqCst);
    let (admin, nobody) = (admin.join_all().await, nobody.join_all().await);
    assert_eq!((admin.len(), nobody.len()), (4, 4));
    for told in admin {
        assert_eq!(short(&told), ["broadcast acme:open:news", "broadcast acme:closed:news"]);
        assert_eq!(told[0]["event"]["detail"]["body"], "hello");
    }
    for told in nobody {
        assert_eq!(short(&told), ["broadcast acme:open:news"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read_is_looked_at_event_by_event() {
    let star = Star::start().await;
    star.create(Kind::Broadcast, "acme:news").await;
    star.public("acme:news", "read").await;
    let end = Arc::new(AtomicU64::new(u64::MAX));
    let nobody = watch(&star, &star.nobody(), "acme:news", &end).await;
    star.public("acme:news", "none").await;
    say(&star, "acme:news", "gone").await;
    end.store(star.head(), Ordering::SeqCst);
    for told in nobody.join_all().await {
        assert_eq!(short(&told), [""; 0], "what is closed is told to nobody");
    }
    let closed = EventsQuery { selector: Some("acme:**".parse().unwrap()), ..EventsQuery::default() };
    let refused = star.nobody().events(&closed).await.err().unwrap();
    assert_eq!(refused.class(), Class::LoginNeeded, "{refused:?}");
}
