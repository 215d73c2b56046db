//! Watching: as it happens, from any point in the past, and again after a pause.

use serde_json::{Value, json};

use crate::support::{Star, Streaming, eventually};

fn with_space() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star
}

fn create(star: &Star, path: &str) {
    star.call("Resources/Create", &json!({ "path": path, "kind": "Base" })).is(200);
}

/// The paths of the Bases of `localhost` that a list of events tells of.
fn bases(lines: &[Value]) -> Vec<String> {
    let of_base = lines.iter().filter(|event| event["kind"] == "Base").filter_map(|event| event["path"].as_str());
    of_base.filter(|path| path.starts_with("localhost:")).map(str::to_owned).collect()
}

#[test]
fn the_log_is_read_from_any_cursor_on() {
    let star = with_space();
    for name in ["a", "b", "c", "d"] {
        create(&star, &format!("localhost:{name}"));
    }
    let all = star.run(&["events", "--since", "0", "-o", "jsonl"]).ok().json_lines();
    assert_eq!(bases(&all), ["localhost:a", "localhost:b", "localhost:c", "localhost:d"]);
    let cursors: Vec<&str> = all.iter().map(|event| event["cursor"].as_str().expect("a cursor")).collect();
    for (at, cursor) in cursors.iter().enumerate() {
        let rest = star.run(&["events", "--since", cursor, "-o", "jsonl"]).ok().json_lines();
        assert_eq!(rest, all[at + 1..], "behind {cursor}");
    }
    let chosen = star.run(&["events", "--since", "0", "--select", "localhost:*", "-o", "jsonl"]).ok().json_lines();
    assert_eq!(bases(&chosen), bases(&all));
    let below = star.run(&["events", "--since", "0", "--select", "localhost:b", "-o", "jsonl"]).ok().json_lines();
    assert_eq!(bases(&below), ["localhost:b"]);
}

#[test]
fn pages_of_the_log_say_where_to_go_on() {
    let star = with_space();
    for number in 0..7 {
        create(&star, &format!("localhost:b{number}"));
    }
    let (mut cursor, mut seen) = ("0".to_owned(), Vec::new());
    loop {
        let page = star.api("GET", &format!("/events?since={cursor}&limit=2")).send().is(200);
        let lines: Vec<Value> = page
            .text()
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert!(lines.len() <= 2, "{page}");
        let next = page.header("star-cursor").expect("a page says where to go on").to_owned();
        if lines.is_empty() {
            break;
        }
        assert_ne!(next, cursor, "{page}");
        cursor = next;
        seen.extend(lines);
    }
    assert_eq!(bases(&seen).len(), 7);
    for bad in ["since=x", "limit=0", "nonsense=1", "since=1&follow=true&wait=3", "select=a:["] {
        let refused = star.api("GET", &format!("/events?{bad}")).send().is(400);
        assert!(refused.json()["code"].is_string(), "{refused}");
    }
}

#[test]
fn who_waits_is_answered_when_something_happens() {
    let star = with_space();
    let position = star.position();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| star.api("GET", &format!("/events?since={position}&wait=30")).send().is(200));
        create(&star, "localhost:late");
        waiting.join().expect("it is answered").showing(&["localhost:late"]);
    });
    let nothing = star.api("GET", &format!("/events?since={}&wait=1", star.position())).send().is(200);
    assert_eq!(nothing.text().trim(), "");
}

#[test]
fn commands_that_follow_print_what_happens() {
    let star = with_space();
    let mut watch = star.follow(&["watch", "localhost:**"]);
    let mut events = star.follow(&["events", "--since", "0", "--follow", "-o", "jsonl"]);
    events.line(|line| line.contains("\"localhost\""));
    let mut turn = 0;
    let seen = eventually("the watch to see something", || {
        turn += 1;
        create(&star, &format!("localhost:turn{turn}"));
        watch.next_within(std::time::Duration::from_millis(200))
    });
    assert!(seen.contains("localhost:turn"), "{seen}");
    create(&star, "localhost:last");
    watch.line(|line| line.contains("localhost:last"));
    events.line(|line| line.contains("localhost:last"));
    let mut since = star.follow(&["watch", "localhost:**", "--since", "0", "-o", "jsonl"]);
    since.line(|line| line.contains("localhost:turn1"));
    since.line(|line| line.contains("localhost:last"));
    for follower in [watch, events, since] {
        assert_eq!(follower.interrupt(), Some(130));
    }
}

#[test]
fn a_watch_sees_only_what_it_selects() {
    let star = with_space();
    star.run(&["create", "Space", "other"]).ok();
    let mut watch = star.follow(&["watch", "localhost:**", "--since", "0"]);
    create(&star, "other:a");
    create(&star, "localhost:b");
    watch.line(|line| {
        assert!(!line.contains("other"), "{line}");
        line.contains("localhost:b")
    });
    assert_eq!(watch.interrupt(), Some(130));
}

/// The next server-sent event: its id and its data.
fn server_sent(stream: &mut Streaming) -> (String, Value) {
    let mut id = String::new();
    loop {
        let line = stream.line();
        if let Some(text) = line.strip_prefix("id: ") {
            id = text.to_owned();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return (id, serde_json::from_str(data).unwrap_or_else(|error| panic!("{data}: {error}")));
        }
    }
}

#[test]
fn a_browser_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let mut star = with_space();
    let browser = |star: &Star, last: Option<&str>| {
        let request = star.api("GET", "/events?since=0&select=localhost:**").header("accept", "text/event-stream");
        last.into_iter().fold(request, |request, id| request.header("last-event-id", id)).stream()
    };
    let mut stream = browser(&star, None);
    create(&star, "localhost:a");
    let mut seen = Vec::new();
    let last = loop {
        let (id, event) = server_sent(&mut stream);
        seen.push(event.clone());
        if event["path"] == "localhost:a" {
            break id;
        }
    };
    drop(stream);
    create(&star, "localhost:b");
    star.kill_nine();
    star.restart();
    let mut stream = browser(&star, Some(&last));
    create(&star, "localhost:c");
    while seen.last().is_none_or(|event| event["path"] != "localhost:c") {
        seen.push(server_sent(&mut stream).1);
    }
    assert_eq!(bases(&seen), ["localhost:a", "localhost:b", "localhost:c"]);
}

#[test]
fn a_broadcast_reaches_those_who_watch() {
    let star = with_space();
    star.run(&["create", "Broadcast", "localhost:news"]).ok();
    let mut events = star.follow(&["events", "--since", "0", "--follow", "-o", "jsonl"]);
    star.run(&["tell", "localhost:news", "broadcast", "{\"text\":\"a new edition\"}"]).ok();
    let line = events.line(|line| line.contains("\"broadcast\""));
    assert!(line.contains("a new edition"), "{line}");
}

#[test]
fn commands_choose_children_and_types() {
    let star = with_space();
    let mut children = star.follow(&["watch", "--children", "localhost", "--since", "0", "-o", "jsonl"]);
    create(&star, "localhost:a");
    create(&star, "localhost:a:inner");
    star.run(&["rm", "-r", "localhost:a"]).ok();
    for (word, parent) in [("child-added", "localhost"), ("child-removed", "localhost")] {
        let event: Value = serde_json::from_str(&children.line(|_| true)).expect("a line is an event");
        let told = (&event["type"], &event["path"], &event["detail"]["parent"]);
        assert_eq!(told, (&json!(word), &json!("localhost:a"), &json!(parent)));
    }
    let types = ["events", "--select", "localhost:**", "--type", "deleted,changed", "-o", "jsonl"];
    let lines = star.run(&types).ok().json_lines();
    let told: Vec<&str> = lines.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(told, ["deleted"]);
    star.run(&["events", "--type", "exploded"]).fails(2).saying(&["child-removed"]);
    star.run(&["watch"]).fails(2);
    star.run(&["watch", "localhost", "--children", "localhost"]).fails(2);
}

#[test]
fn a_limit_is_kept_however_large_the_events_are() {
    let star = with_space();
    star.run(&["create", "Broadcast", "localhost:news"]).ok();
    let body = json!({ "text": "x".repeat(15_000) });
    for _ in 0..150 {
        star.call("Messages/Ask", &json!({ "to": "localhost:news", "method": "broadcast", "json": body })).is(200);
    }
    let read = star.run(&["events", "--type", "broadcast", "--limit", "140", "-o", "jsonl"]).ok().json_lines();
    assert_eq!(read.len(), 140);
    let page = star.api("GET", "/events?type=broadcast&limit=140").send().is(200);
    let lines = page.text().lines().count();
    assert!((60..100).contains(&lines), "one answer holds about a mebibyte: {lines} lines");
}

#[test]
fn a_durable_consumer_goes_on_where_it_was() {
    let mut star = with_space();
    let read = |star: &Star| bases(&star.run(&["events", "--consumer", "mirror", "-o", "jsonl"]).ok().json_lines());
    create(&star, "localhost:a");
    assert_eq!(read(&star), ["localhost:a"]);
    assert_eq!(read(&star), [""; 0]);
    create(&star, "localhost:b");
    assert_eq!(read(&star), ["localhost:b"]);
    star.kill_nine();
    star.restart();
    create(&star, "localhost:c");
    assert_eq!(read(&star), ["localhost:c"]);
    let known = star.run(&["consumer", "ls", "-o", "json"]).ok().json();
    assert_eq!((&known[0]["name"], &known[0]["cursor"]), (&json!("mirror"), &json!(star.position())));
    let mut following = star.follow(&["events", "--consumer", "mirror", "--follow", "-o", "jsonl"]);
    create(&star, "localhost:d");
    following.line(|line| line.contains("localhost:d"));
    eventually("the consumer to be advanced", || {
        let known = star.run(&["consumer", "ls", "-o", "json"]).ok().json();
        (known[0]["cursor"] == json!(star.position())).then_some(())
    });
    following.interrupt();
    star.run(&["consumer", "rm", "mirror"]).ok();
    star.run(&["consumer", "rm", "mirror"]).fails(3);
    star.run(&["events", "--consumer", "no name"]).fails(2);
    assert_eq!(read(&star), ["localhost:a", "localhost:b", "localhost:c", "localhost:d"]);
    star.stranger("POST", "/starlane.v1.Consumers/List")
        .header("content-type", "application/json")
        .body("{}")
        .send()
        .is(401);
}
