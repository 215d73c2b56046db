//! Uploads that end before they are whole, or are not what was announced.

use crate::support::{Star, eventually};

const FILE: &str = "/r/localhost:files:/page.txt";

/// The digest of something else.
const OTHER: &str = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";

fn with_file() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.api("PUT", FILE).body("the old page").send().is(201);
    star
}

#[test]
fn an_upload_that_is_cut_in_the_middle_changes_nothing() {
    let star = with_file();
    for sent in [0, 1, 100, 70_000, 300_000] {
        star.unchanged_by(|| {
            let answer = star.api("PUT", FILE).body(vec![b'x'; sent]).cut_in_the_middle(1_000_000);
            assert!(answer.is_none_or(|status| (400..500).contains(&status)), "{answer:?}");
        });
        star.unchanged_by(|| {
            let fresh = star.api("PUT", "/r/localhost:files:/fresh.txt");
            fresh.body(vec![b'x'; sent]).cut_in_the_middle(1_000_000);
        });
    }
    star.api("GET", FILE).send().is(200).showing(&["the old page"]);
    star.api("GET", "/r/localhost:files:/fresh.txt").send().is(404);
    // What was sent of it is not kept either.
    eventually("the pieces to be gone", || {
        let status = star.call("Stars/Status", &serde_json::json!({})).is(200).json();
        (status["content"]["count"] == "1").then_some(())
    });
}

#[test]
fn an_upload_of_other_bytes_than_announced_is_refused() {
    let star = with_file();
    star.unchanged_by(|| {
        star.api("PUT", FILE).header("repr-digest", OTHER).body("the new page").send().is(400).problem("S0112")
    });
    star.api("GET", FILE).send().is(200).showing(&["the old page"]);
}

#[test]
fn a_file_goes_where_files_can_be() {
    let star = with_file();
    let put = |path: &str| star.api("PUT", &format!("/r/{path}")).body("x").send();
    star.unchanged_by(|| {
        put("localhost:nothing:/a").is(404);
        put("nowhere:files:/a").is(404);
        put("localhost:files").is(400);
        put("localhost:files:/a/../b").is(400).problem("S0101");
        put("localhost:files:/folder/").is(400);
    });
    put("localhost:files:/page.txt/inside").is(409);
    star.write("a.txt", "x");
    star.unchanged_by(|| star.run(&["cp", "a.txt", "nowhere:files:/a.txt"]).fails(3).saying(&["nowhere"]));
    star.unchanged_by(|| star.run(&["cp", "nothing.txt", "localhost:files:/a.txt"]).fails(3).saying(&["nothing.txt"]));
    star.unchanged_by(|| star.run(&["cp", "localhost:files:/none.txt", "here.txt"]).fails(3).saying(&["S0301"]));
    assert!(!star.work().join("here.txt").exists(), "a download that failed leaves no file");
}
