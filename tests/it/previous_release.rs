//! This release beside the one before it, in both roles, and on what that one has stored.
//!
//! `STAR_PREVIOUS` names the program of the previous release. What is typed here is what that release
//! knew: the quick start, and what belongs to it.

use crate::support::{Star, hello_site};

/// What the quick start reads and shows, whoever serves and whoever asks.
fn reads_it_all(star: &Star) {
    star.run(&["cat", "localhost:files:/readme.md"]).ok().printing(&["# Read me"]);
    star.run(&["get", "localhost#routes"]).ok().printing(&["localhost:hello:latest:/routes.conf"]);
    star.run(&["ls", "localhost:**"]).ok().printing(&[
        "localhost:files",
        "localhost:app:greeter",
        "localhost:hello:1.0.0",
    ]);
    let info = star.run(&["info", "localhost:hello", "-o", "json"]).ok().json();
    assert_eq!((&info["kind"], &info["tags"]["latest"]), (&"ArtifactBundleSeries".into(), &"1.0.0".into()), "{info}");
    let hello = star.run(&["ask", "localhost:app:greeter", "greet", "{\"name\":\"Ada\"}"]).ok();
    assert!(hello.stdout.contains("Hello, Ada!"), "{hello}");
    let events = star.run(&["events", "--since", "0", "-o", "jsonl"]).ok().json_lines();
    let told = |what: &str, path: &str| events.iter().any(|event| event["type"] == what && event["path"] == path);
    assert!(told("created", "localhost:app") && told("published", "localhost:hello:1.0.0"), "{events:?}");
    assert!(told("tagged", "localhost:hello") && told("written", "localhost:files:/readme.md"), "{events:?}");
    assert!(events.iter().all(|event| event["cursor"].is_string()), "each line is an event: {events:?}");
    star.page("/").is(200).showing(&["Hello from Starlane"]);
    star.page("/files/readme.md").is(200).showing(&["# Read me"]);
    star.page("/hello/Ada").is(200).showing(&["Hello, Ada!"]);
}

/// What the quick start writes after that, followed by a watch.
fn goes_on_working(star: &Star) {
    let mut watch = star.follow(&["watch", "localhost:files", "-o", "jsonl"]);
    // A watch is there when it tells of something that is done until then.
    let mut turn = 0;
    let line = loop {
        turn += 1;
        star.run(&["set", &format!("localhost:files#title=Turn {turn}")]).ok();
        if let Some(line) = watch.next_within(std::time::Duration::from_millis(200)) {
            break line;
        }
        assert!(turn < 300, "the watch tells nothing");
    };
    assert!(line.contains("localhost:files"), "{line}");
    star.write("more.md", "# More\n");
    star.run(&["cp", "more.md", "localhost:files:/more.md"]).ok();
    star.run(&["cat", "localhost:files:/more.md"]).ok().printing(&["# More"]);
    star.run(&["create", "Base", "localhost:base"]).ok();
    star.run(&["rm", "localhost:base"]).ok();
    star.run(&["rm", "localhost:files:/more.md"]).ok();
    star.run(&["cat", "localhost:files:/more.md"]).fails(3);
    star.run(&["create", "FileSytem", "localhost:x"]).fails(2).saying(&["FileSystem"]);
    star.run(&["status"]).ok();
}

#[test]
fn a_client_of_the_previous_release_works_with_this_star() {
    let mut star = Star::start();
    star.is_used_by_previous();
    hello_site(&star);
    reads_it_all(&star);
    goes_on_working(&star);
}

#[test]
fn this_client_works_with_a_star_of_the_previous_release() {
    let star = Star::start_previous();
    hello_site(&star);
    reads_it_all(&star);
    goes_on_working(&star);
}

#[test]
fn this_star_goes_on_with_what_the_previous_release_has_stored() {
    for killed in [false, true] {
        let mut star = Star::start_previous();
        hello_site(&star);
        let (key, before) = (star.key(), star.position());
        if killed {
            star.kill_nine();
        } else {
            assert!(star.stop().success(), "{}", star.log());
        }
        star.is_updated();
        star.restart();
        assert_eq!(star.key(), key);
        let number = |position: String| position.parse::<u64>().expect("a position is a number");
        assert!(number(star.position()) >= number(before), "the log goes on");
        reads_it_all(&star);
        goes_on_working(&star);
    }
}
