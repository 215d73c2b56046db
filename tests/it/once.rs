//! Requests that are sent again: what users get when an answer was lost, a Star was killed, or a
//! script is run for the second time.

use serde_json::{Value, json};

use crate::support::{Answer, Bundle, Cutter, Running, Star, capture, eventually};

/// A Star with a FileSystem, and a Broadcast.
fn star() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.run(&["create", "Broadcast", "localhost:news"]).ok();
    star
}

/// `star` with these arguments, on the way on which answers are lost.
fn through(star: &Star, cutter: &Cutter, arguments: &[&str]) -> Running {
    let mut command = star.command(arguments);
    command.args(["--url", &cutter.url()]).env("STAR_TOKEN", star.key());
    capture(command)
}

/// How often an event of this type is told of a path.
fn told(star: &Star, what: &str, path: &str) -> usize {
    let events = star.run(&["events", "--since", "0", "-o", "jsonl"]).ok().json_lines();
    events.iter().filter(|event| event["type"] == what && event["path"] == path).count()
}

/// A call under a key.
fn call(star: &Star, method: &str, key: &str, input: &Value) -> Answer {
    let request = star.api("POST", &format!("/starlane.v1.{method}")).header("idempotency-key", key);
    request.header("content-type", "application/json").body(input.to_string()).send()
}

#[test]
fn a_command_whose_answer_was_lost_ends_well_and_is_done_once() {
    let star = star();
    star.write("a.txt", "a");
    let hello = Bundle::new(&star, "hello");
    let cutter = Cutter::before(&star.api_url());
    let commands: [(&[&str], &str, &str, &str); 8] = [
        (&["create", "Base", "localhost:base"], "Resources/Create", "created", "localhost:base"),
        (&["set", "localhost:base#title=x"], "Resources/Set", "changed", "localhost:base"),
        (&["cp", "a.txt", "localhost:files:/a.txt"], "PUT /r/", "written", "localhost:files:/a.txt"),
        (&["rm", "localhost:files:/a.txt"], "Resources/Delete", "deleted", "localhost:files:/a.txt"),
        (&["publish", hello.name(), "localhost:hello:1.0.0"], "POST /bundles/", "published", "localhost:hello:1.0.0"),
        (&["tag", "localhost:hello:1.0.0", "latest"], "Resources/Tag", "tagged", "localhost:hello"),
        (&["lock", "localhost:base"], "Locks/Lock", "locked", "localhost:base"),
        (&["rm", "localhost:hello:1.0.0"], "Resources/Delete", "deleted", "localhost:hello:1.0.0"),
    ];
    for (command, marked, what, path) in commands {
        cutter.lose(2, marked);
        through(&star, &cutter, command).finish().ok();
        assert_eq!(cutter.left(), 0, "{command:?}");
        assert_eq!(told(&star, what, path), 1, "{command:?}");
    }
}

#[test]
fn a_command_outlives_the_star_that_was_killed_before_it_answered() {
    let mut star = star();
    let cutter = Cutter::before(&star.api_url());
    cutter.lose(1, "Resources/Create");
    let creating = through(&star, &cutter, &["create", "Base", "localhost:base", "-o", "json"]);
    eventually("the answer to be lost", || (cutter.left() == 0).then_some(()));
    star.kill_nine();
    star.restart();
    cutter.lead_to(&star.api_url());
    let made = creating.finish().ok().json();
    assert_eq!(made["path"], "localhost:base", "{made}");
    assert_eq!(told(&star, "created", "localhost:base"), 1);
}

#[test]
fn a_command_that_is_not_repeated_says_that_it_may_have_been_done() {
    let star = star();
    let cutter = Cutter::before(&star.api_url());
    cutter.lose(1, "Messages/Ask");
    through(&star, &cutter, &["ask", "localhost:news", "broadcast", "once"]).finish().fails(8).saying(&["was lost"]);
    assert_eq!(told(&star, "broadcast", "localhost:news"), 1);
    // With a key it is safe to send again, and is sent again.
    cutter.lose(1, "Messages/Ask");
    let ask = ["ask", "localhost:news", "broadcast", "twice", "--idempotency-key", "k1"];
    through(&star, &cutter, &ask).finish().ok().printing(&["position"]);
    assert_eq!((cutter.left(), told(&star, "broadcast", "localhost:news")), (0, 2));
}

#[test]
fn what_is_asked_again_after_a_kill_is_answered_as_before_and_not_done_again() {
    let mut star = star();
    let requests = [
        ("Resources/Create", json!({ "kind": "Base", "path": "localhost:base" })),
        ("Resources/Create", json!({ "kind": "Space", "path": "other" })),
        (
            "Resources/Create",
            json!({ "kind": "Space", "path": "localhost", "strategy": "STRATEGY_ENSURE", "properties": { "title": "T" } }),
        ),
        ("Resources/Set", json!({ "path": "localhost:base", "properties": { "title": "x" } })),
        ("Locks/Lock", json!({ "path": "localhost:base" })),
        ("Messages/Ask", json!({ "to": "localhost:news", "method": "broadcast", "json": "hello" })),
        ("Resources/Delete", json!({ "path": "other" })),
    ];
    let ask = |star: &Star| -> Vec<Value> {
        let keyed = requests.iter().enumerate();
        keyed.map(|(number, (method, input))| call(star, method, &format!("k{number}"), input).is(200).json()).collect()
    };
    let first = ask(&star);
    assert_eq!(star.unchanged_by(|| ask(&star)), first);
    star.kill_nine();
    star.restart();
    assert_eq!(star.unchanged_by(|| ask(&star)), first);
}

#[test]
fn applying_to_what_was_there_is_not_done_again_when_it_is_gone() {
    let star = star();
    let apply = json!({
        "kind": "Base", "path": "localhost:base", "strategy": "STRATEGY_APPLY", "properties": { "title": "T" },
    });
    star.run(&["create", "Base", "localhost:base"]).ok();
    let first = call(&star, "Resources/Create", "k1", &apply).is(200).json();
    star.run(&["rm", "localhost:base"]).ok();
    let again = star.unchanged_by(|| call(&star, "Resources/Create", "k1", &apply).is(200).json());
    assert_eq!(again, first);
}

#[test]
fn bytes_that_are_sent_again_do_not_write_over_what_came_after_them() {
    let mut star = star();
    let put = |star: &Star, key: &str, bytes: &str| {
        star.api("PUT", "/r/localhost:files:/a.txt").header("idempotency-key", key).body(bytes).send()
    };
    let delete =
        |star: &Star| star.api("DELETE", "/r/localhost:files:/a.txt").header("idempotency-key", "\"d\"").send();
    put(&star, "\"k1\"", "mine").is(201);
    put(&star, "k2", "yours").is(204);
    let tag = star.unchanged_by(|| put(&star, "k1", "mine")).is(201).header("etag").map(str::to_owned);
    assert!(tag.is_some());
    put(&star, "k1", "other").is(422).problem("S0410");
    star.kill_nine();
    star.restart();
    star.unchanged_by(|| put(&star, "k1", "mine")).is(201);
    assert_eq!(star.api("GET", "/r/localhost:files:/a.txt").send().text(), "yours");
    delete(&star).is(204);
    put(&star, "k3", "again").is(201);
    star.unchanged_by(|| delete(&star)).is(204);
    put(&star, "a b", "x").is(400).problem("S0110");
}

#[test]
fn a_key_is_that_of_one_request_and_of_one_space() {
    let star = star();
    star.run(&["create", "Space", "other"]).ok();
    let key = ["--idempotency-key", "job-1"];
    let set = |assignment: &str| star.run(&[&["set", assignment][..], &key].concat());
    set("localhost#title=x").ok();
    set("other#title=x").ok();
    star.unchanged_by(|| set("localhost#title=y")).fails(6).saying(&["S0410", "another request"]);
    star.unchanged_by(|| set("localhost#title=x")).ok();
    let twice = |arguments: &[&str], key: &str| {
        for _ in 0..2 {
            star.run(&[arguments, &["--idempotency-key", key]].concat()).ok();
        }
    };
    twice(&["create", "Base", "localhost:base"], "job-2");
    twice(&["rm", "localhost:base"], "job-3");
    let hello = Bundle::new(&star, "hello");
    twice(&["publish", hello.name(), "localhost:hello:1.0.0"], "job-4");
    twice(&["tag", "localhost:hello:1.0.0", "latest"], "job-5");
    star.run(&["rm", "localhost:hello", "other", "--idempotency-key", "job-6"]).fails(2).saying(&["one removal"]);
    for (what, path) in [("created", "localhost:base"), ("deleted", "localhost:base"), ("tagged", "localhost:hello")] {
        assert_eq!(told(&star, what, path), 1, "{what} {path}");
    }
}
