//! Kill -9 while many work at once: whatever was acknowledged is there afterwards, whole.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use star_tests::chance::Dice;

use crate::support::{Http, Star, Whistle, eventually};

const CLIENTS: usize = 6;
const ROUNDS: usize = 4;

/// Acknowledged changes after which a round may be cut off.
const ENOUGH: usize = 12;

/// What clients were told is done: the path and, for Files, the bytes.
#[derive(Default)]
struct Acknowledged {
    resources: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
}

#[test]
fn what_was_acknowledged_before_a_kill_is_there_after_it() {
    let mut star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    let acknowledged = Mutex::new(Acknowledged::default());
    let mut dice = Dice::of(7);
    for round in 0..ROUNDS {
        let pause = dice.below(150);
        work_and_kill(&mut star, round, pause, &acknowledged);
        star.restart();
        let acknowledged = acknowledged.lock().unwrap();
        for path in &acknowledged.resources {
            star.call("Resources/Info", &json!({ "path": path })).is(200);
        }
        for (path, bytes) in &acknowledged.files {
            assert_eq!(star.api("GET", &format!("/r/{path}")).send().is(200).body, *bytes, "{path}");
        }
        assert!(acknowledged.resources.len() + acknowledged.files.len() >= ENOUGH * (round + 1));
    }
    // The log of all that tells of each of them, once, in order.
    let events = star.run(&["events", "--since", "0", "-o", "jsonl"]).ok().json_lines();
    let created: Vec<&str> =
        events.iter().filter(|event| event["type"] == "created").filter_map(|event| event["path"].as_str()).collect();
    for path in &acknowledged.lock().unwrap().resources {
        assert_eq!(created.iter().filter(|created| **created == path.as_str()).count(), 1, "{path}");
    }
}

/// Clients create and upload until the Star is killed under their hands.
fn work_and_kill(star: &mut Star, round: usize, pause_ms: u64, acknowledged: &Mutex<Acknowledged>) {
    let (url, key) = (star.api_url(), star.key());
    let (over, done) = (Whistle::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (url, key, over, done) = (&url, &key, &over, &done);
            scope.spawn(move || {
                for turn in 0.. {
                    if over.was_blown() || !one_turn(url, key, (round, client, turn), acknowledged) {
                        break;
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let _over = over.at_the_end();
        eventually("some work to be done", || (done.load(Ordering::SeqCst) >= ENOUGH).then_some(()));
        // When exactly the power fails is what the dice decide.
        std::thread::sleep(std::time::Duration::from_millis(pause_ms));
        star.kill_nine();
    });
}

/// One change; answers whether it was acknowledged.
fn one_turn(url: &str, key: &str, turn: (usize, usize, usize), acknowledged: &Mutex<Acknowledged>) -> bool {
    let (round, client, number) = turn;
    if number % 2 == 0 {
        let path = format!("localhost:r{round}-c{client}-n{number}");
        let create = Http::to(url, "POST", "/starlane.v1.Resources/Create").key(key);
        let body = json!({ "path": path, "kind": "Base" }).to_string();
        let answer = create.header("content-type", "application/json").body(body).try_send();
        let is_done = answer.is_ok_and(|answer| answer.status == 200);
        if is_done {
            acknowledged.lock().expect("no client panics").resources.push(path);
        }
        is_done
    } else {
        let path = format!("localhost:files:/c{client}/n{number}-{round}.bin");
        let bytes: Vec<u8> = path.bytes().cycle().take(1000 * (number % 40) + 1).collect();
        let answer = Http::to(url, "PUT", &format!("/r/{path}")).key(key).body(bytes.clone()).try_send();
        let is_done = answer.is_ok_and(|answer| answer.status == 201);
        if is_done {
            acknowledged.lock().expect("no client panics").files.push((path, bytes));
        }
        is_done
    }
}

/// Resources of the tree that is removed under a kill: more than a batch has operations.
const TREE: usize = 600;

#[test]
fn a_tree_that_is_removed_under_a_kill_is_there_whole_or_not_at_all() {
    let mut star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let mut dice = Dice::of(11);
    for round in 0..ROUNDS {
        let top = format!("localhost:t{round}");
        grow(&star, &top);
        let (url, key, pause) = (star.api_url(), star.key(), dice.below(20));
        std::thread::scope(|scope| {
            let body = json!({ "path": top, "recursive": true }).to_string();
            let removal = Http::to(&url, "POST", "/starlane.v1.Resources/Delete").key(&key);
            scope.spawn(move || removal.header("content-type", "application/json").body(body).try_send().ok());
            // When exactly the power fails is what the dice decide.
            std::thread::sleep(std::time::Duration::from_millis(pause));
            star.kill_nine();
        });
        star.restart();
        let listed = star.run(&["ls", "-r", &top, "-o", "jsonl"]);
        let left = if listed.code == Some(0) { listed.stdout.lines().count() } else { 0 };
        assert!(left == 0 || left == TREE, "{left} of {TREE} are left: {listed:?}");
        let info = star.call("Resources/Info", &json!({ "path": top }));
        assert_eq!(info.status, if left == 0 { 404 } else { 200 });
    }
}

/// A resource with [`TREE`] below it.
fn grow(star: &Star, top: &str) {
    star.run(&["create", "Base", top]).ok();
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                for number in (client..TREE).step_by(CLIENTS) {
                    let create = json!({ "path": format!("{top}:n{number}"), "kind": "Base" });
                    star.call("Resources/Create", &create).is(200);
                }
            });
        }
    });
}

#[test]
fn an_index_that_is_lost_is_made_anew_from_the_log() {
    let mut star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["set", "localhost#title=kept"]).ok();
    let position = star.position();
    star.kill_nine();
    std::fs::remove_dir_all(star.data().join("meta/index")).unwrap();
    star.restart();
    star.run(&["get", "localhost#title"]).ok().printing(&["kept"]);
    assert!(star.position().parse::<u64>().unwrap() >= position.parse::<u64>().unwrap());
}
