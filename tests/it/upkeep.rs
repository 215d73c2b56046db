//! What becomes of bytes that nobody needs any more, and of those that are damaged.

use std::fs;

use crate::data_folder::{flip, frame, the_pack};
use crate::support::Star;

fn with_files() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star
}

fn put(star: &Star, name: &str, body: &str) {
    star.api("PUT", &format!("/r/localhost:files:/{name}")).body(body.to_owned()).send().is(201);
}

#[test]
fn what_nobody_refers_to_is_planned_told_and_taken_away() {
    let mut star = with_files();
    put(&star, "kept.txt", &frame());
    put(&star, "gone.txt", &frame().replace("some", "more"));
    star.run(&["gc", "plan"]).ok().printing(&["looked at 2 contents"]).saying(&["nothing to take away"]);
    star.run(&["gc", "why", "localhost:files:/gone.txt"]).ok().printing(&["is what localhost:files:/gone.txt has"]);
    let digest = star.run(&["gc", "why", "localhost:files:/gone.txt", "-o", "json"]).ok().json()["digest"].clone();
    let digest = digest.as_str().unwrap().to_owned();
    star.run(&["rm", "localhost:files:/gone.txt"]).ok();
    star.run(&["gc", "plan"]).ok().printing(&["1 content", "is referred to by nobody"]);
    let refused = star.run(&["gc", "run", "--grace", "0s"]);
    assert_ne!(refused.code, Some(0), "{refused}");
    refused.saying(&["more than seems right", "star gc plan", "--force"]);
    star.run(&["gc", "run", "--force"]).ok().printing(&["is referred to by nobody"]);
    star.run(&["gc", "why", &digest]).ok().printing(&["goes when the time of grace is over"]);
    star.run(&["gc", "run"]).ok().printing(&["for which it is not over"]);
    // It comes back as long as it is there.
    put(&star, "again.txt", &frame().replace("some", "more"));
    star.run(&["gc", "why", &digest]).ok().printing(&["localhost:files:/again.txt"]);
    star.run(&["rm", "localhost:files:/again.txt"]).ok();
    for _ in 0..2 {
        star.run(&["gc", "run", "--force", "--grace", "0s"]).ok();
    }
    star.run(&["gc", "why", &digest]).fails(3).saying(&["there is no content"]);
    // What is left of the pack is copied once it is sealed, and the pack goes.
    let before = fs::metadata(the_pack(&star.data())).unwrap().len();
    star.stop();
    star.restart();
    let copied = star.run(&["gc", "run", "--grace", "0s", "-o", "json"]).ok().json();
    assert_eq!(copied["packsCopied"], "1", "{copied}");
    for _ in 0..2 {
        star.run(&["gc", "run", "--grace", "0s"]).ok();
    }
    star.stop();
    star.restart();
    assert!(fs::metadata(the_pack(&star.data())).unwrap().len() < before);
    assert_eq!(star.api("GET", "/r/localhost:files:/kept.txt").send().is(200).text(), frame());
    star.run(&["gc", "why", "localhost:files:/kept.txt"]).ok();
    star.run(&["gc", "why", "localhost:files"]).fails(2).saying(&["has no bytes"]);
}

#[test]
fn only_who_may_write_to_the_space_of_the_star_looks_after_its_bytes() {
    let star = with_files();
    for method in ["Collect", "Why", "Check"] {
        let call = star.stranger("POST", &format!("/starlane.v1.Contents/{method}"));
        let answer = call.header("content-type", "application/json").body("{}").send();
        assert!([401, 403, 404].contains(&answer.status), "{method}: {answer}");
    }
}

#[test]
fn a_check_of_a_running_star_names_what_cannot_be_read() {
    let mut star = with_files();
    put(&star, "damaged.txt", &frame());
    put(&star, "whole.txt", &frame().replace("some", "more"));
    star.stop();
    star.restart();
    star.run(&["fsck"]).ok().printing(&["read 1 pack with 2 frames"]).saying(&["nothing is damaged"]);
    let pack = the_pack(&star.data());
    flip(&pack, 4_096 + 10);
    let ran = star.run(&["fsck"]);
    assert_eq!(ran.code, Some(1), "{ran}");
    let ran = ran.saying(&[pack.to_str().unwrap(), "1 of 2 frames", "localhost:files:/damaged.txt"]);
    assert!(!ran.stderr.contains("whole.txt"), "{ran}");
    star.stop();
    star.restart();
    star.api("GET", "/r/localhost:files:/damaged.txt").send().is(500).problem("S0801");
    assert_eq!(star.api("GET", "/r/localhost:files:/whole.txt").send().is(200).text(), frame().replace("some", "more"));
}

#[test]
fn what_is_derived_can_be_thrown_away_and_is_the_same_again() {
    let mut star = with_files();
    put(&star, "a.txt", &frame());
    let data = star.data().display().to_string();
    star.run(&["store", "rebuild", &data]).fails(6).saying(&["is in use by process"]);
    star.stop();
    let chunks = star.data().join("content/chunks");
    let before = fs::read(&chunks).unwrap();
    star.run(&["store", "rebuild", &data]).ok().printing(&["made anew from the log"]);
    assert!(!chunks.exists());
    star.restart();
    assert_eq!(star.api("GET", "/r/localhost:files:/a.txt").send().is(200).text(), frame());
    star.stop();
    assert_eq!(fs::read(&chunks).unwrap(), before);
}
