//! The life of a Star: an empty folder, an orderly end, another start.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{Http, Star, eventually, greet, hello_site};

/// Every command.
const VERBS: &str = "serve login logout whoami create ls info get set rm cp cat ask tell watch events publish tag kinds \
                     status doctor check explain completions";

#[test]
fn an_empty_folder_becomes_a_star_that_says_what_to_do_next() {
    let star = Star::start();
    let log = star.log();
    for part in
        [&star.api_url(), "admin.token", "star create Space localhost", "star create FileSystem localhost:files"]
    {
        assert!(log.contains(part), "`{part}` is not said:\n{log}");
    }
    assert!(log.contains(&star.web_url().replace("127.0.0.1", "localhost")), "{log}");
    let mode = |name: &str| fs::metadata(star.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("admin.token"), 0o600);
    let version = star.stranger("GET", "/version").send().is(200).json();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    star.stranger("GET", "/livez").send().is(200);
    star.stranger("GET", "/readyz").send().is(200);
    let metrics = star.api("GET", "/metrics").send().is(200).text();
    assert!(metrics.contains("star_store_position"), "{metrics}");
    star.run(&["status"]).ok();
    star.run(&["doctor"]).ok();
    star.run(&["whoami"]).ok().printing(&["star:users:admin"]);
    star.run(&["ls"]).ok();
    star.run(&["kinds"]).ok().printing(&["FileSystem", "Mechtron", "ArtifactBundleSeries"]);
}

#[test]
fn a_star_that_is_told_to_end_ends_well_and_starts_again() {
    let mut star = Star::start();
    hello_site(&star);
    let key = star.key();
    assert!(star.stop().success(), "{}", star.log());
    assert!(!star.data().join("ready.json").exists(), "nobody must look for it any more");
    star.restart();
    assert_eq!(star.key(), key);
    star.page("/").is(200).showing(&["Hello from Starlane"]);
    greet(&star, "Ada").is(200).showing(&["Hello, Ada!"]);
}

#[test]
fn what_is_under_way_is_finished_before_the_end() {
    let mut star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    let body = vec![b'x'; 500_000];
    let upload = star.api("PUT", "/r/localhost:files:/late.bin").begin(body.len());
    star.tell_to_end();
    eventually("the Star to take no more", || star.stranger("GET", "/livez").try_send().is_err().then_some(()));
    assert_eq!(Http::go_on(upload, &body).expect("it is answered"), 201);
    assert!(star.end().success());
    star.restart();
    assert_eq!(star.api("GET", "/r/localhost:files:/late.bin").send().is(200).body, body);
}

#[test]
fn the_index_may_change_from_one_start_to_the_next() {
    let mut star = Star::start_with(&["--index", "memory"]);
    hello_site(&star);
    star.kill_nine();
    star.restart();
    star.page("/hello/Ada").is(200).showing(&["Hello, Ada!"]);
}

#[test]
fn every_command_explains_itself() {
    let star = Star::start();
    let help = star.run(&[]);
    assert!(help.stdout.lines().count() + help.stderr.lines().count() <= 26, "{help}");
    for verb in VERBS.split(' ') {
        let help = star.run(&[verb, "--help"]).ok();
        assert!(help.stdout.contains("star "), "{verb} has no example: {help}");
    }
    star.run(&["explain", "S0301"]).ok().printing(&["S0301"]);
    star.run(&["completions", "bash"]).ok().printing(&["star"]);
}
