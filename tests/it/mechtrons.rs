//! Mechtrons that misbehave: each call ends within the limits of the bind, whoever called is told
//! why, and the next call works.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Answer, Bundle, Star, Whistle, checkout, copy_tree, greet, guest};

const MESSAGES: [&str; 10] =
    ["behave", "spin", "trap", "hog", "recurse", "huge_reply", "call", "call_then_spin", "flood_log", "flood_stderr"];

const LIMITS: &str = "limits: { respond_ms: 3000, exec_ms: 300, memory: 16MiB, concurrent: 4, reply: 256KiB }\n";

/// A Star with the App `localhost:app`, whose mechtron is `localhost:app:main`.
fn misbehaving(more: &str) -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let messages: Vec<String> = MESSAGES.iter().map(|name| format!("  {name}: {{}}\n")).collect();
    let bind = format!("http: |\n  * /{{*rest}} -> core;\nmessages:\n{}{LIMITS}{more}", messages.concat());
    Bundle::mechtron(&star, "bad", &guest("misbehaving"), &bind).with("routes.conf", "* /{*p} -> ${self}:app ^/{p};\n");
    star.run(&["publish", "bad", "localhost:bad:1.0.0"]).ok();
    star.run(&["create", "App", "localhost:app", "--from", "localhost:bad:1.0.0:/app.yaml"]).ok();
    star
}

fn ask(star: &Star, method: &str, input: Value) -> Answer {
    star.call("Messages/Ask", &json!({ "to": "localhost:app:main", "method": method, "json": input }))
}

/// The detail of an error of a call.
#[track_caller]
fn detail(answer: &Answer) -> Value {
    let error = answer.json();
    let detail = &error["details"][0];
    assert!(detail["debug"].is_object(), "no detail that can be read: {answer}");
    detail["debug"].clone()
}

#[track_caller]
fn behaves(star: &Star) {
    assert_eq!(ask(star, "behave", Value::Null).is(200).json()["json"], "fine");
}

#[test]
fn a_call_that_exceeds_its_limits_ends_with_an_error_that_says_so() {
    let star = misbehaving("");
    behaves(&star);
    // Limits of the bind have the exit code of limits; a trap is a fault.
    for (method, exit, code, word) in [
        ("spin", 7, "S0702", "processor time"),
        ("trap", 1, "S0701", "fault"),
        ("hog", 7, "S0703", "memory"),
        ("recurse", 1, "S0701", "recursion"),
    ] {
        let start = Instant::now();
        star.run(&["ask", "localhost:app:main", method, "null"]).fails(exit).saying(&[code, word, "hint"]);
        assert!(start.elapsed() < Duration::from_secs(30), "{method} was not stopped in time");
        behaves(&star);
    }
    star.run(&["info", "localhost:app:main"]).ok().printing(&["Ready"]);
}

#[test]
fn a_reply_that_is_too_long_is_refused() {
    let star = misbehaving("");
    assert_eq!(
        ask(&star, "huge_reply", json!({ "bytes": 1000 })).is(200).json()["json"].as_str().map(str::len),
        Some(1000)
    );
    let refused = ask(&star, "huge_reply", json!({ "bytes": 1_000_000 }));
    assert_ne!(refused.status, 200);
    assert!(matches!(detail(&refused)["code"].as_str(), Some("S0705" | "S0501")), "{refused}");
    behaves(&star);
}

#[test]
fn a_call_that_is_not_granted_names_the_line_to_add() {
    let star = misbehaving("");
    let call = json!({ "to": "localhost:app:main", "method": "behave" });
    let other = json!({ "to": "localhost:files", "method": "anything" });
    star.run(&["ask", "localhost:app:main", "call", &other.to_string()]).fails(5).saying(&[
        "S0203",
        "calls",
        "- { to: \"localhost:files\", can: [ execute ] }",
    ]);
    // A call of oneself is refused, whether or not it is granted.
    assert_ne!(ask(&star, "call", call).status, 200);
    // Another Space is out of reach whatever a bind says.
    star.run(&["create", "Space", "other"]).ok();
    star.run(&["ask", "localhost:app:main", "call", "{\"to\":\"other\",\"method\":\"anything\"}"])
        .fails(5)
        .saying(&["S0203"]);
    behaves(&star);
}

#[test]
fn a_mechtron_that_is_granted_a_call_reaches_the_other() {
    let star = misbehaving("calls:\n  - { to: \"localhost:friend:**\", can: [ execute ] }\n");
    let from = "localhost:bad:1.0.0:/app.yaml";
    star.run(&["create", "App", "localhost:friend", "--from", from]).ok();
    let call = |method: &str| ask(&star, "call", json!({ "to": "localhost:friend:main", "method": method }));
    assert_eq!(call("behave").is(200).json()["json"], "fine");
    // What befalls the other is told, and ends only the other.
    let failed = call("spin");
    assert_ne!(failed.status, 200);
    assert!(failed.text().contains("S0702") || detail(&failed).to_string().contains("S0702"), "{failed}");
    assert_eq!(call("behave").is(200).json()["json"], "fine");
    behaves(&star);
}

#[test]
fn calls_that_hang_do_not_hold_up_others() {
    let star = misbehaving("");
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| assert_ne!(ask(&star, "spin", Value::Null).status, 200));
        }
        for _ in 0..20 {
            behaves(&star);
        }
    });
}

#[test]
fn no_message_fails_while_a_mechtron_is_brought_to_life_or_made_anew() {
    let mut star = misbehaving("");
    star.run(&["publish", "bad", "localhost:bad:1.1.0"]).ok();
    for _ in 0..3 {
        // Everybody comes at once to a Star that has just begun.
        star.kill_nine();
        star.restart();
        std::thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| behaves(&star));
            }
        });
    }
    let over = Whistle::default();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !over.was_blown() {
                    behaves(&star);
                }
            });
        }
        let _over = over.at_the_end();
        for turn in 0..20 {
            let from = format!("localhost:bad:1.{}.0:/app.yaml", turn % 2);
            let set = json!({ "path": "localhost:app", "properties": { "from": from } });
            star.call("Resources/Set", &set).is(200);
        }
    });
}

#[test]
fn floods_of_log_lines_are_cut() {
    let star = misbehaving("");
    for method in ["flood_log", "flood_stderr"] {
        let answer = ask(&star, method, json!({ "lines": 5000, "bytes": 500 }));
        assert!(matches!(answer.status, 200 | 504), "{answer}");
    }
    behaves(&star);
    assert!(star.log().len() < 1_000_000, "the log took {} bytes", star.log().len());
}

#[test]
fn faults_of_a_mechtron_are_pages_that_say_what_happened() {
    let star = misbehaving("");
    star.run(&["set", "localhost#routes=localhost:bad:1.0.0:/routes.conf"]).ok();
    star.page("/behave").is(200).showing(&["fine"]);
    for (target, status, code) in
        [("/spin", 504, "S0702"), ("/trap", 502, "S0701"), ("/hog", 502, "S0703"), ("/silent", 502, "S07")]
    {
        let page = star.page(target).is(status).showing(&[code]);
        assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")), "{page}");
        let id = page.header("x-request-id").expect("requests have an identity").to_owned();
        let page = page.showing(&[&id]);
        assert!(
            !page.text().contains("wasm backtrace") && !page.text().contains("/src/"),
            "internals are shown: {page}"
        );
        let json = star.web("GET", target).header("accept", "application/json").send().is(status).json();
        assert!(json["code"].as_str().is_some_and(|said| said.starts_with(code)), "{json}");
        star.page("/behave").is(200);
    }
    // An answer that has begun can only be cut; nobody may take a part for the whole.
    for cut in ["/half-then-trap", "/half-then-spin", "/too-short"] {
        let answer = star.web("GET", cut).try_send();
        assert!(
            answer.as_ref().is_err() || answer.as_ref().is_ok_and(|answer| answer.status >= 500),
            "{cut}: {answer:?}"
        );
        star.page("/behave").is(200);
    }
    let outgoing = star.page("/outgoing");
    assert!(!outgoing.text().contains("an answer came"), "{outgoing}");
    star.page("/behave").is(200);
}

#[test]
fn an_answer_without_an_end_is_ended() {
    let star = misbehaving("");
    star.run(&["set", "localhost#routes=localhost:bad:1.0.0:/routes.conf"]).ok();
    let endless = star.web("GET", "/endless").try_send();
    assert!(endless.is_err(), "{:?}", endless.map(|answer| answer.body.len()));
    star.page("/behave").is(200);
}

#[test]
fn a_mechtron_that_shall_panic_at_its_limits_rests_until_somebody_looks() {
    let star = misbehaving("on_limit: panic\n");
    assert_ne!(ask(&star, "trap", Value::Null).status, 200);
    star.run(&["info", "localhost:app:main"]).ok().printing(&["Panic"]);
    let rests = ask(&star, "behave", Value::Null);
    assert_eq!(detail(&rests)["code"], "S0603", "{rests}");
    star.run(&["set", "localhost:app:main#title=looked at"]).ok();
    behaves(&star);
    star.run(&["info", "localhost:app:main"]).ok().printing(&["Ready"]);
}

#[test]
fn compiled_code_outlives_a_restart_and_a_damaged_cache_is_made_anew() {
    let mut star = misbehaving("");
    behaves(&star);
    let compiled = |star: &Star| {
        let status = star.call("Stars/Status", &json!({})).is(200).json();
        status["mechtrons"]["compiled"].as_str().unwrap_or("0").to_owned()
    };
    assert!(star.stop().success());
    star.restart();
    behaves(&star);
    assert_eq!(compiled(&star), "0", "the cache spares compiling");
    assert!(star.stop().success());
    let mut damaged = 0;
    for entry in fs::read_dir(star.data().join("compiled")).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if bytes.len() > 100_000 {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert!(damaged > 0, "the cache holds compiled code");
    star.restart();
    behaves(&star);
    assert_eq!(compiled(&star), "1", "code that is not what was written is never run");
}

#[test]
fn a_fresh_build_of_the_greeter_answers_like_the_one_that_is_shipped() {
    let star = Star::start();
    let bundle = star.work().join("hello");
    copy_tree(&checkout().join("bundles/hello"), &bundle);
    fs::copy(guest("hello-greeter"), bundle.join("greeter.wasm")).unwrap();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["publish", "hello", "localhost:hello:1.0.0", "--tag", "latest"]).ok();
    star.run(&["create", "App", "localhost:app", "--from", "localhost:hello:latest:/app.yaml"]).ok();
    star.run(&["set", "localhost#routes=localhost:hello:latest:/routes.conf"]).ok();
    greet(&star, "Ada").is(200).showing(&["Hello, Ada!"]);
    star.page("/hello/Ada").is(200).showing(&["Hello, Ada!"]);
    star.page("/hello/%3Cb%3E").is(200).showing(&["Hello, &lt;b&gt;!"]);
}
