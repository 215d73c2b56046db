//! What a Star says of itself: status in words, metrics, and lines of the log that can be found by the
//! request that they belong to.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Bundle, Star, checkout, eventually, guest, hello_site};

/// The page on which everything that a Star says of itself has to stand.
fn page() -> String {
    fs::read_to_string(checkout().join("docs/reference/metrics-and-logs.md")).expect("the page is there")
}

#[test]
fn everything_that_a_star_says_of_itself_is_in_its_words_in_its_metrics_and_in_the_docs() {
    let star = Star::start();
    hello_site(&star);
    star.page("/hello/Ada").is(200);
    let info = star.run(&["star", "info", "-o", "json"]).ok().json();
    let words = star.run(&["star", "info"]).ok();
    let metrics = star.api("GET", "/metrics").send().is(200).text();
    let page = page();
    let documented = |name: &str| assert!(page.contains(&format!("`{name}`")), "{name} is not in the docs");
    let names = |part: &str| -> Vec<String> {
        let parts = info[part].as_array().unwrap_or_else(|| panic!("no {part} in {info}"));
        parts.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    };
    for (part, label) in [("queues", "queue"), ("caches", "cache")] {
        for name in names(part) {
            assert!(metrics.contains(&format!("{label}=\"{name}\"")), "{name} is not in the metrics");
            assert!(words.stdout.contains(&name), "{name} is not in the words");
            documented(&name);
        }
    }
    for name in names("times") {
        assert!(words.stdout.contains(&name), "{name} is not in the words");
        documented(&name);
    }
    for line in metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        documented(line.split(' ').next().expect("a name"));
    }
}

#[test]
fn what_is_under_way_and_what_was_found_is_counted() {
    let star = Star::start();
    hello_site(&star);
    let part = |part: &str, name: &str| -> Value {
        let info = star.run(&["star", "info", "-o", "json"]).ok().json();
        let parts = info[part].as_array().expect("a list").clone();
        parts.into_iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}"))
    };
    let number = |value: &Value| value.as_str().map_or(0, |text| text.parse().expect("a number"));
    let found = || number(&part("caches", "sites")["hits"]);
    let before: u64 = found();
    star.page("/hello/Ada").is(200);
    star.page("/hello/Ada").is(200);
    assert!(found() > before, "a site that was visited before is known");
    let watching = star.api("GET", "/events?select=localhost:**").header("accept", "text/event-stream").stream();
    eventually("a watcher is counted", || (number(&part("queues", "watchers")["taken"]) >= 2).then_some(()));
    drop(watching);
    let commits = part("times", "commit");
    assert!(number(&commits["count"]) > 0, "{commits}");
    let status = star.run(&["status"]).ok();
    assert!(status.stdout.contains("commit") && status.stdout.contains("nothing was refused"), "{}", status.stdout);
}

#[test]
fn a_line_of_a_mechtron_names_its_path_and_the_request_that_it_serves() {
    let star = Star::start_with(&["--log-format", "json"]);
    star.run(&["create", "Space", "localhost"]).ok();
    Bundle::mechtron(&star, "bad", &guest("misbehaving"), "http: |\n  * /{*rest} -> core;\nmessages:\n  trap: {}\n")
        .with("routes.conf", "* /{*p} -> ${self}:app ^/{p};\n");
    star.run(&["publish", "bad", "localhost:bad:1.0.0"]).ok();
    star.run(&["create", "App", "localhost:app", "--from", "localhost:bad:1.0.0:/app.yaml"]).ok();
    star.run(&["set", "localhost#routes=localhost:bad:1.0.0:/routes.conf"]).ok();

    let trap = json!({ "to": "localhost:app:main", "method": "trap", "json": null }).to_string();
    let asked = star.api("POST", "/starlane.v1.Messages/Ask").header("content-type", "application/json");
    let asked = asked.header("x-request-id", "of-a-message").body(trap).send();
    assert_ne!(asked.status, 200);
    star.web("GET", "/trap").header("x-request-id", "of-a-visitor").send();
    for request in ["of-a-message", "of-a-visitor"] {
        eventually("the fault is told", || {
            let log = star.log();
            let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            let mut of_mechtron = lines.filter(|line| line["target"] == "mechtron" && line["request_id"] == request);
            of_mechtron.next().filter(|line| line["path"] == "localhost:app:main")
        });
    }
}
