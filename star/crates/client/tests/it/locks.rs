//! Locks: waiting over several requests, and tokens that go with changes.

use std::time::Duration;

use star_client::{Below, Class, v1};

use crate::fake::{FakeStar, TOKEN};

fn request(path: &str, wait: Duration) -> v1::LockRequest {
    let wait_ms = u64::try_from(wait.as_millis()).expect("waits of tests are short");
    v1::LockRequest { path: path.into(), holder: "me".into(), wait_ms, ..Default::default() }
}

#[tokio::test]
async fn a_long_wait_is_several_requests_of_one_holder() {
    let star = FakeStar::start().await;
    let lock = star.client().lock(request("localhost:files", Duration::from_secs(600))).await.unwrap();
    assert_eq!(lock.token, TOKEN);
    let longest = star_client::limits::LOCK_WAIT.as_millis();
    assert_eq!(star.kept().requests, vec![format!("lock as me for {longest} ms"); 3]);
}

#[tokio::test]
async fn a_wait_that_was_in_vain_ends_with_what_the_star_said() {
    let star = FakeStar::start().await;
    let error = star.client().lock(request("localhost:held", Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(error.detail().unwrap().code, "S0504");
    assert_eq!(star.kept().requests.len(), 1);
}

#[tokio::test]
async fn every_change_names_the_tokens_of_its_client() {
    let star = FakeStar::start().await;
    let client = star.client().with_fence("17@localhost:files");
    client.delete(&"localhost:files".parse().unwrap(), Below::Refuse).await.unwrap();
    assert_eq!(star.kept().requests, ["delete localhost:files under 17@localhost:files"]);
    let renewed =
        client.renew_lock(&"a:b".parse().unwrap(), "16", Duration::from_secs(9), Duration::from_secs(9)).await;
    assert_eq!(renewed.unwrap_err().class(), Class::Conflict);
}
