//! The services, through the protocol that the real server speaks.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::json;
use star_client::{Below, Class, ClientError, Message, WatchItem, cursor_of, v1};

use crate::fake::FakeStar;

#[tokio::test]
async fn a_call_comes_back_with_its_answer() {
    let star = FakeStar::start().await;
    let client = star.client();
    let resource = client.info(&"localhost:files".parse().unwrap()).await.unwrap();
    assert_eq!((resource.path.as_str(), resource.revision), ("localhost:files", 7));
    let request = v1::CreateRequest { path: "localhost:new".into(), kind: "Space".into(), ..Default::default() };
    let made = client.create(request).await.unwrap();
    assert!(made.created);
    assert_eq!(made.resource.kind, "Space");
    let got = client.get(&"a".parse().unwrap(), &"title".parse().unwrap()).await.unwrap();
    assert_eq!(got.value, "a#title");
    assert_eq!(client.delete(&"a:b".parse().unwrap(), Below::Refuse).await.unwrap(), 1);
    assert_eq!(client.delete(&"a:b".parse().unwrap(), Below::Remove).await.unwrap(), 3);
    let moved = client.move_to(&"a:b".parse().unwrap(), &"a:c".parse().unwrap()).await.unwrap();
    assert_eq!((moved.resource.path.as_str(), moved.moved), ("a:c", 2));
    assert_eq!(client.kinds().await.unwrap()[0].name, "Space");
    assert_eq!(client.status().await.unwrap().spaces, 2);
    assert_eq!(client.who_am_i().await.unwrap().agent, "star:users:admin");
}

#[tokio::test]
async fn a_property_of_zero_bytes_and_a_removal_both_arrive() {
    let star = FakeStar::start().await;
    let request = v1::SetRequest {
        path: "a".into(),
        properties: [("title".into(), String::new())].into(),
        removals: vec!["old".into()],
        ..Default::default()
    };
    let set = star.client().set(request).await.unwrap();
    assert_eq!(set.resource.properties.get("title").map(String::as_str), Some(""));
    assert_eq!(set.warnings, ["old"]);
}

#[tokio::test]
async fn a_tag_that_must_not_exist_is_told_from_one_that_may() {
    let star = FakeStar::start().await;
    let request = v1::TagRequest { series: "a:b".into(), tag: "latest".into(), ..Default::default() };
    assert_eq!(star.client().tag(request.clone()).await.unwrap().previous, "none");
    let request = v1::TagRequest { if_version: Some(String::new()), ..request };
    assert_eq!(star.client().tag(request).await.unwrap().previous, "");
}

#[tokio::test]
async fn a_list_goes_on_over_its_pages() {
    let star = FakeStar::start().await;
    let listed: Vec<v1::Resource> = star.client().list(&"localhost:*".parse().unwrap()).try_collect().await.unwrap();
    let paths: Vec<&str> = listed.iter().map(|resource| resource.path.as_str()).collect();
    assert_eq!(paths, ["localhost:r0", "localhost:r1", "localhost:r2", "localhost:r3", "localhost:r4"]);
}

#[tokio::test]
async fn a_list_that_leads_to_itself_ends_in_an_error() {
    let star = FakeStar::start().await;
    let selector = "localhost:loop:*".parse().unwrap();
    let result: Result<Vec<v1::Resource>, _> = star.client().list(&selector).try_collect().await;
    assert!(matches!(result, Err(ClientError::Protocol { .. })), "{result:?}");
}

#[tokio::test]
async fn a_refusal_arrives_with_all_that_the_star_said() {
    let star = FakeStar::start().await;
    let error = star.client().info(&"localhost:missing".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.class(), Class::NotFound);
    assert!(!error.may_have_happened());
    let detail = error.detail().unwrap();
    assert_eq!((detail.code.as_str(), detail.path.as_str()), ("S0301", "localhost:missing"));
    assert_eq!(detail.causes, ["because"]);
    let request = v1::CreateRequest { path: "localhost:taken".into(), ..Default::default() };
    assert_eq!(star.client().create(request).await.unwrap_err().class(), Class::Conflict);
}

#[tokio::test]
async fn a_body_of_any_bytes_comes_back_as_it_went() {
    let star = FakeStar::start().await;
    let mut message = Message::new("a:b".parse().unwrap(), "echo").with_body("image/png", vec![0, 255, 13]);
    message.headers.insert("x-trace".into(), "1".into());
    let reply = star.client().ask(message).await.unwrap();
    assert_eq!((reply.code, reply.content_type.as_str(), &reply.body[..]), (200, "image/png", &[0, 255, 13][..]));
    assert_eq!(reply.headers["x-trace"], "1");
}

#[tokio::test]
async fn a_large_integer_in_json_is_not_rounded() {
    let star = FakeStar::start().await;
    let value = json!({ "id": u64::MAX });
    let message = Message::new("a:b".parse().unwrap(), "echo").with_json(&value);
    let reply = star.client().ask(message).await.unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&reply.body).unwrap(), value);
}

#[tokio::test]
async fn the_answer_of_the_star_about_time_comes_before_the_client_gives_up() {
    let star = FakeStar::start().await;
    let mut message = Message::new("a:b".parse().unwrap(), "sleep");
    message.timeout = Some(Duration::from_millis(100));
    let error = star.client().ask(message).await.unwrap_err();
    assert_eq!(error.class(), Class::Unavailable);
    assert!(matches!(error, ClientError::Api(_)), "{error:?}");
}

#[tokio::test]
async fn a_tell_returns_the_id_of_the_message() {
    let star = FakeStar::start().await;
    let id = star.client().tell(Message::new("a:b".parse().unwrap(), "wake")).await.unwrap();
    assert_eq!(id, "id of wake");
}

fn watch(selector: &str) -> v1::WatchRequest {
    v1::WatchRequest { selector: selector.into(), ..Default::default() }
}

#[tokio::test]
async fn a_watch_gives_every_item_and_ends() {
    let star = FakeStar::start().await;
    let items: Vec<WatchItem> = star.client().watch(watch("**")).await.unwrap().try_collect().await.unwrap();
    let cursors: Vec<&str> = items.iter().filter_map(cursor_of).collect();
    assert_eq!(cursors, ["1", "2", "5"]);
    assert!(matches!(&items[1], WatchItem::Event(event) if event.path.len() == 100_000));
}

#[tokio::test]
async fn items_of_a_watch_come_while_it_is_open() {
    let star = FakeStar::start().await;
    let mut items = star.client().watch(watch("open")).await.unwrap();
    let first = tokio::time::timeout(Duration::from_secs(20), items.next()).await.unwrap();
    assert!(matches!(first, Some(Ok(WatchItem::Event(_)))));
}

#[tokio::test]
async fn a_watch_that_fails_in_the_middle_says_why() {
    let star = FakeStar::start().await;
    let items: Vec<_> = star.client().watch(watch("broken")).await.unwrap().collect().await;
    assert_eq!(items.len(), 4);
    let error = items.into_iter().last().unwrap().unwrap_err();
    assert_eq!(error.detail().unwrap().code, "S0602");
    assert_eq!(error.class(), Class::Unavailable);
}

#[tokio::test]
async fn a_watch_that_is_refused_says_why() {
    let star = FakeStar::start().await;
    let error = match star.client().watch(watch("refused")).await {
        Err(error) => error,
        Ok(mut items) => items.next().await.unwrap().unwrap_err(),
    };
    assert_eq!(error.class(), Class::Invalid);
}
