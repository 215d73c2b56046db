//! Checking and converting what lies on the disk, and what is kept there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::support::Star;

fn with_files() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star
}

/// The only file of a folder with an ending.
pub(crate) fn the_file(dir: &Path, ending: &str) -> PathBuf {
    let files =
        fs::read_dir(dir).expect("a folder can be listed").map(|entry| entry.expect("a folder can be listed").path());
    let found: Vec<PathBuf> = files.filter(|file| file.to_string_lossy().ends_with(ending)).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// Flips a bit of a file, which may be one that nobody may write.
pub(crate) fn flip(file: &Path, at: usize) {
    let mut bytes = fs::read(file).expect("a file can be read");
    bytes[at] ^= 4;
    fs::remove_file(file).expect("a file can be removed");
    fs::write(file, bytes).expect("a file can be written");
}

/// The only pack below a folder, sealed or open.
pub(crate) fn the_pack(root: &Path) -> PathBuf {
    fn packs(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(dir).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                packs(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "pack") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    packs(&root.join("content"), &mut found);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Bytes that do not stand in a row, and are one frame of a pack.
pub(crate) fn frame() -> String {
    "some bytes ".repeat(1_000)
}

#[test]
fn a_data_folder_is_checked_and_damage_is_told_with_its_place() {
    let mut star = with_files();
    star.api("PUT", "/r/localhost:files:/a.txt").body(frame()).send().is(201);
    star.api("PUT", "/r/localhost:files:/b.txt").body("in its row").send().is(201);
    let data = star.data().display().to_string();
    star.run(&["store", "check", &data]).fails(6).saying(&["is in use by process", "end the Star"]);
    star.stop();
    star.run(&["store", "check", &data]).ok().printing(&["frames with", "rows of the index"]).saying(&["nothing is"]);
    let told = star.run(&["store", "check", &data, "-o", "json"]).ok().json();
    assert!(
        told["rows"].as_u64().unwrap() > 3
            && told["contents"] == 2
            && told["packs"] == 1
            && told["findings"] == json!([]),
        "{told}"
    );
    let segment = the_file(&star.data().join("meta/journal"), ".seg");
    let pack = the_pack(&star.data());
    flip(&pack, 4_096 + 10);
    let ran = star.run(&["store", "check", &data]);
    assert_eq!(ran.code, Some(1), "{ran}");
    let ran = ran.saying(&[pack.to_str().unwrap(), "1 of 1 frames", "localhost:files:/a.txt", "cannot be had"]);
    assert!(!ran.stderr.contains("b.txt"), "{ran}");
    flip(&segment, 4_096 + 100);
    let ran = star.run(&["store", "check", &data]);
    assert_eq!(ran.code, Some(1), "{ran}");
    ran.saying(&[segment.to_str().unwrap(), "offset 4096", "from a backup", pack.to_str().unwrap()]);
    let told = star.run(&["store", "check", &data, "-o", "json"]);
    assert_eq!((told.code, told.json()["findings"].as_array().unwrap().len()), (Some(1), 2), "{told}");
    star.run(&["store", "check", "nowhere"]).fails(3).saying(&["holds no data of a Star"]);
}

#[test]
fn an_index_is_converted_and_a_start_with_another_engine_names_the_command() {
    let mut star = with_files();
    star.run(&["set", "localhost#title=kept"]).ok();
    let data = star.data().display().to_string();
    star.run(&["store", "convert", &data, "--to", "sled"]).fails(6).saying(&["is in use by process"]);
    star.stop();
    star.run(&["store", "convert", &data, "--to", "sled"]).ok().printing(&["rows at position", "held by sled"]);
    assert!(!star.data().join("meta/index/redb.db").exists());
    let refused = |command: &mut Command| {
        let output = command.args(["--index", "redb"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains("--to redb") && said.contains("star store convert"), "{said}");
    };
    refused(&mut star.serve_command(&[]));
    star.restart();
    star.run(&["get", "localhost#title"]).ok().printing(&["kept"]);
    star.run(&["status"]).ok().printing(&["index sled"]);
    star.stop();
    star.run(&["store", "convert", &data, "--to", "redb", "-o", "json"]).ok();
    star.restart();
    star.run(&["status"]).ok().printing(&["index redb"]);
}

#[test]
fn what_is_kept_of_the_log_is_said_at_the_start() {
    let star = Star::start_with(&["--keep-events-for", "30d", "--keep-events-size", "10GiB"]);
    star.run(&["create", "Space", "localhost"]).ok();
    for wrong in [["--keep-events-for", "30"], ["--keep-events-for", "0s"], ["--keep-events-size", "much"]] {
        let output = star.serve_command(&[]).args(wrong).output().unwrap();
        let known = wrong == ["--keep-events-for", "30"];
        // A bare number counts seconds, as everywhere; the folder is in use then.
        assert_eq!(output.status.code(), Some(if known { 6 } else { 2 }), "{wrong:?}");
    }
}
