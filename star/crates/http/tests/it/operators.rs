//! What those who run a Star look at.

use axum::body::Body;
use axum::http::Request;

use crate::door::Star;

async fn nobody(star: &Star, path: &str) -> crate::door::Answer {
    star.send(Request::get(path).body(Body::empty()).expect("a path of a test")).await
}

#[tokio::test]
async fn whoever_asks_learns_whether_the_star_lives_and_is_ready() {
    let star = Star::start().await;
    assert_eq!(nobody(&star, "/livez").await.text, "ok\n");
    assert_eq!(nobody(&star, "/version").await.json()["version"], "0.0.0");
    let ready = nobody(&star, "/readyz").await;
    assert_eq!((ready.status.as_u16(), ready.json()["store"].as_str()), (200, Some("ok")), "{}", ready.text);
    star.shutdown.cancel();
    let leaving = nobody(&star, "/readyz").await;
    assert_eq!((leaving.status.as_u16(), leaving.json()["running"].as_str()), (503, Some("shutting down")));
}

#[tokio::test]
async fn metrics_take_a_key() {
    let star = Star::start().await;
    assert_eq!(nobody(&star, "/metrics").await.status, 401);
    assert_eq!(star.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_a_problem_in_json() {
    let star = Star::start().await;
    let answer = nobody(&star, "/no/such/thing").await;
    assert_eq!((answer.status.as_u16(), answer.json()["name"].as_str()), (404, Some("NotFound")));
    let other = star.send(Request::post("/livez").body(Body::empty()).unwrap()).await;
    assert_eq!(other.status, 405);
    assert!(other.headers["allow"].to_str().unwrap().contains("GET"), "{:?}", other.headers);
}
