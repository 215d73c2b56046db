//! What a host must survive, and what the caller is told. After each, the next call works.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde_json::{Value, json};
use star_core::ports::mechtron::MechtronLimits;
use star_wire::{Deadline, ErrorCode, Outcome, StarError};

use crate::fixture::{AMPLE, Fixture, LONG, ada, ask, body, envelope, get};

/// Limits that are quickly reached, and still out of reach of a start on a busy machine.
const TIGHT: MechtronLimits = MechtronLimits {
    respond: Duration::from_secs(20),
    exec: Duration::from_millis(200),
    memory_bytes: 16 * 1024 * 1024,
    ..AMPLE
};

async fn ends(method: &str, input: &Value, limits: MechtronLimits) -> StarError {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", limits).await;
    let error = ask(&guest, method, input).await.unwrap_err();
    assert_eq!(ask(&guest, "behave", &json!(null)).await.unwrap(), json!("fine"), "after {method}");
    error
}

#[tokio::test]
async fn an_endless_loop_is_stopped_when_its_processor_time_is_used_up() {
    let began = Instant::now();
    let error = ends("spin", &json!(null), TIGHT).await;
    assert_eq!((error.code(), error.code().outcome()), (ErrorCode::MechtronTimeout, Outcome::Unknown));
    assert!(error.message().contains("200 ms of processor time"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("limits.exec_ms")), "{error:?}");
    assert!(began.elapsed() < TIGHT.respond, "the processor time ended it and not the clock");
}

#[tokio::test]
async fn a_panic_is_a_fault_of_the_mechtron() {
    let error = ends("trap", &json!(null), TIGHT).await;
    assert_eq!(error.code(), ErrorCode::MechtronTrapped);
    assert!(error.message().contains("panicked"), "{error}");
}

#[tokio::test]
async fn a_memory_hog_is_stopped_and_the_error_names_the_limit() {
    let error = ends("hog", &json!(null), TIGHT).await;
    assert_eq!(error.code(), ErrorCode::MechtronMemory);
    assert!(error.message().contains("16777216 bytes"), "{error}");
}

#[tokio::test]
async fn an_endless_recursion_is_stopped() {
    let error = ends("recurse", &json!(null), AMPLE).await;
    assert_eq!(error.code(), ErrorCode::MechtronTrapped);
    // A guest of Rust has a stack of its own inside its memory, which may end first.
    assert!(error.message().contains("recursion") || error.message().contains("out of bounds"), "{error}");
}

#[tokio::test]
async fn a_reply_longer_than_the_bind_allows_is_refused() {
    let limits = MechtronLimits { reply_bytes: 1000, ..AMPLE };
    let error = ends("huge_reply", &json!({ "bytes": 999 }), limits).await;
    assert_eq!(error.code(), ErrorCode::MechtronReplyInvalid);
    // A string of 999 letters has two quotes around it.
    assert!(error.message().contains("1001 bytes, its bind allows 1000"), "{error}");
}

#[tokio::test]
async fn a_reply_too_long_to_be_taken_over_at_all_ends_the_call() {
    let limits = MechtronLimits { reply_bytes: 1000, memory_bytes: 256 * 1024 * 1024, ..AMPLE };
    let error = ends("huge_reply", &json!({ "bytes": 24 * 1024 * 1024 }), limits).await;
    assert!(matches!(error.code(), ErrorCode::MechtronTrapped | ErrorCode::MechtronReplyInvalid), "{error:?}");
}

#[tokio::test]
async fn a_path_that_is_not_granted_is_refused_with_the_line_to_add() {
    let error = ends("call", &json!({ "to": "acme:secret", "method": "open" }), AMPLE).await;
    assert_eq!(error.code(), ErrorCode::CallNotGranted);
    assert_eq!(error.hint_text(), Some("add to `calls`: { to: \"acme:secret\", can: [ask] }"));
}

#[tokio::test]
async fn a_call_that_waits_too_long_for_another_is_stopped_by_the_clock() {
    let limits = MechtronLimits { respond: Duration::from_millis(100), ..AMPLE };
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", limits).await;
    let error = ask(&guest, "call", &json!({ "to": "acme:slow", "method": "wait" })).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::MechtronTimeout);
    assert!(error.message().contains("within 100 ms"), "{error}");
}

#[tokio::test]
async fn a_caller_who_waits_no_longer_gets_an_error_of_its_own() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", AMPLE).await;
    let soon = Deadline::within(Duration::from_millis(100));
    let call = envelope("call", &json!({ "to": "acme:slow", "method": "wait" })).with_deadline(soon);
    assert_eq!(guest.message(ada(), &call).await.unwrap_err().code(), ErrorCode::TimedOut);
}

#[tokio::test]
async fn a_flood_in_the_log_is_thinned_and_the_call_goes_on() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", AMPLE).await;
    let flood = json!({ "lines": 20_000, "bytes": 100 });
    assert_eq!(ask(&guest, "flood_log", &flood).await.unwrap(), json!(20_000));
    assert_eq!(ask(&guest, "flood_stderr", &flood).await.unwrap(), json!(20_000));
}

#[tokio::test]
async fn more_calls_than_may_run_wait_their_turn() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", MechtronLimits { concurrent: 1, ..AMPLE }).await;
    let call = envelope("call", &json!({ "to": "acme:slow", "method": "wait" }));
    let first = guest.message(ada(), &call);
    let behave = envelope("behave", &json!(null));
    let second = guest.message(ada(), &behave);
    tokio::pin!(first, second);
    tokio::select! {
        _ = &mut first => panic!("nobody let it go"),
        permit = fixture.world.asked_slow.acquire() => permit.unwrap().forget(),
    }
    assert!(futures::poll!(second.as_mut()).is_pending());
    fixture.world.let_slow.add_permits(1);
    assert!(first.await.is_ok());
    assert!(second.await.is_ok());
}

#[tokio::test]
async fn web_requests_end_like_messages() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", TIGHT).await;
    for (target, code) in [
        ("/spin", ErrorCode::MechtronTimeout),
        ("/trap", ErrorCode::MechtronTrapped),
        ("/hog", ErrorCode::MechtronMemory),
        ("/silent", ErrorCode::MechtronReplyInvalid),
    ] {
        let error = guest.web(get(target)).await.err().unwrap_or_else(|| panic!("{target} gave an answer"));
        assert_eq!(error.code(), code, "{target}");
        let (bytes, error) = body(guest.web(get("/behave")).await.unwrap()).await;
        assert_eq!((bytes.as_slice(), error.is_none()), (&b"fine"[..], true), "after {target}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", TIGHT).await;
    for target in ["/half-then-trap", "/half-then-spin", "/too-short"] {
        match guest.web(get(target)).await {
            Ok(response) => {
                let (bytes, error) = body(response).await;
                assert!(error.is_some(), "{target} gave {bytes:?} and ended well");
            }
            Err(error) => assert_ne!(error.code(), ErrorCode::Internal, "{target}"),
        }
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_at_the_limit_of_the_bind() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", MechtronLimits { reply_bytes: 100_000, ..AMPLE }).await;
    let (bytes, error) = body(guest.web(get("/endless")).await.unwrap()).await;
    assert!(bytes.len() <= 100_000, "{}", bytes.len());
    assert!(error.is_some_and(|error| format!("{error:?}").contains("limits.reply")));
}

#[tokio::test]
async fn requests_to_other_machines_are_denied() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", AMPLE).await;
    let (bytes, _) = body(guest.web(get("/outgoing")).await.unwrap()).await;
    let said = String::from_utf8(bytes).unwrap();
    assert_eq!(said, "ErrorCode::HttpRequestDenied");
}

#[tokio::test]
async fn many_faults_leave_every_place_free() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", MechtronLimits { concurrent: 1, ..AMPLE }).await;
    for _ in 0..100 {
        assert!(ask(&guest, "trap", &json!(null)).await.is_err());
        assert!(guest.web(get("/trap")).await.is_err());
    }
    assert_eq!(ask(&guest, "behave", &json!(null)).await.unwrap(), json!("fine"));
}

#[tokio::test]
async fn a_caller_who_goes_away_ends_the_call() {
    let fixture = Fixture::new();
    let guest = fixture.mechtron("misbehaving", MechtronLimits { concurrent: 1, ..AMPLE }).await;
    let call = envelope("call", &json!({ "to": "acme:slow", "method": "wait" }));
    tokio::select! {
        _ = guest.message(ada(), &call) => panic!("nobody let it go"),
        permit = fixture.world.asked_slow.acquire() => permit.unwrap().forget(),
    }
    assert_eq!(ask(&guest, "behave", &json!(null)).await.unwrap(), json!("fine"));
}

#[tokio::test]
async fn a_visitor_who_goes_away_lets_the_guest_come_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = Fixture::with_code_in(folder.path());
    let limits = MechtronLimits { concurrent: 1, reply_bytes: u64::MAX, ..AMPLE };
    let guest = fixture.mechtron("misbehaving", limits).await;
    let mut response = guest.web(get("/endless")).await.unwrap();
    assert!(response.body.next().await.unwrap().is_ok());
    drop(response);
    tokio::time::timeout(LONG, fixture.host.drained()).await.expect("its writing failed, and it ended");
    assert_eq!(ask(&guest, "behave", &json!(null)).await.unwrap(), json!("fine"));
}
