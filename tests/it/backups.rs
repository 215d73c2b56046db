//! Copying a Star away while it works, and making one of the copy.

use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::data_folder::{flip, frame, the_file, the_pack};
use crate::support::{Http, Star, Whistle, eventually};

/// Changes that were acknowledged: paths of resources, and Files with their bytes.
#[derive(Debug, Default, Clone)]
struct Acknowledged {
    resources: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
}

impl Acknowledged {
    fn len(&self) -> usize {
        self.resources.len() + self.files.len()
    }
}

fn with_files() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star
}

fn backup_dir(star: &Star) -> String {
    star.work().join("backup").display().to_string()
}

/// A Star on a folder that was restored.
fn start_on(star: &mut Star, data: &Path) {
    star.stop();
    fs::remove_dir_all(star.data()).expect("a folder can be removed");
    fs::rename(data, star.data()).expect("a folder can be renamed");
    star.restart();
}

/// Writes until the whistle blows, noting what was acknowledged.
fn write_on(url: &str, key: &str, client: usize, over: &Whistle, acknowledged: &Mutex<Acknowledged>) {
    for turn in 0.. {
        if over.was_blown() {
            return;
        }
        let path = format!("localhost:c{client}-n{turn}");
        let body = json!({ "path": path, "kind": "Base" }).to_string();
        let create = Http::to(url, "POST", "/starlane.v1.Resources/Create").key(key);
        create.header("content-type", "application/json").body(body).send().is(200);
        let file = format!("localhost:files:/c{client}/n{turn}.bin");
        let bytes: Vec<u8> = file.bytes().cycle().take(3_000 * (turn % 40) + 1).collect();
        Http::to(url, "PUT", &format!("/r/{file}")).key(key).body(bytes.clone()).send().is(201);
        let mut acknowledged = acknowledged.lock().expect("no client panics");
        acknowledged.resources.push(path);
        acknowledged.files.push((file, bytes));
    }
}

#[test]
fn a_star_under_writes_is_backed_up_twice_and_restored_with_all_that_was_acknowledged() {
    let mut star = with_files();
    let (url, key, dir) = (star.api_url(), star.key(), backup_dir(&star));
    let (over, acknowledged) = (Whistle::default(), Mutex::new(Acknowledged::default()));
    let mut before = Acknowledged::default();
    std::thread::scope(|scope| {
        for client in 0..3 {
            let (url, key, over, acknowledged) = (&url, &key, &over, &acknowledged);
            scope.spawn(move || write_on(url, key, client, over, acknowledged));
        }
        let _over = over.at_the_end();
        for enough in [30, 90] {
            eventually("some work to be done", || (acknowledged.lock().unwrap().len() >= enough).then_some(()));
            before = acknowledged.lock().unwrap().clone();
            let told = star.run(&["backup", &dir, "-o", "json"]).ok().json();
            assert_eq!((told["findings"].as_array().unwrap().len(), &told["begun_anew"]), (0, &json!(false)));
            assert!(told["files"].as_u64().unwrap() >= 1 && told["file_bytes"].as_u64().unwrap() > 1_000, "{told}");
        }
    });
    // Nothing came since a third one, which therefore copies nothing.
    star.run(&["backup", &dir]).ok();
    let third = star.run(&["backup", &dir, "-o", "json"]).ok().json();
    assert_eq!((&third["log_bytes"], &third["files"]), (&json!(0), &json!(0)), "{third}");
    assert!(third["files_kept"].as_u64().unwrap() >= 1, "{third}");
    let second: Value = serde_json::from_str(&fs::read_to_string(format!("{dir}/backup.json")).unwrap()).unwrap();
    assert_eq!(second["logs"].as_array().unwrap().len(), 1);

    let into = star.home().join("restored");
    star.run(&["restore", &dir, "--into", into.to_str().unwrap()]).ok().printing(&["restored ", " as of position "]);
    start_on(&mut star, &into);
    for path in &before.resources {
        star.call("Resources/Info", &json!({ "path": path })).is(200);
    }
    for (path, bytes) in &before.files {
        assert_eq!(star.api("GET", &format!("/r/{path}")).send().is(200).body, *bytes, "{path}");
    }
    assert!(before.len() >= 90);
    // It goes on, and so do its backups, beside what the other course left.
    star.run(&["create", "Base", "localhost:after"]).ok();
    let on = star.run(&["backup", &dir, "-o", "json"]).ok().json();
    assert_eq!(on["begun_anew"], json!(false), "nothing came between the backup and the restore: {on}");
}

#[test]
fn a_star_is_restored_to_a_position_to_a_time_and_one_space_alone() {
    let mut star = with_files();
    star.run(&["set", "localhost#title=first"]).ok();
    star.api("PUT", "/r/localhost:files:/kept.txt").body("kept").send().is(201);
    let early = star.position();
    star.run(&["create", "Space", "other"]).ok();
    star.run(&["create", "FileSystem", "other:files"]).ok();
    star.api("PUT", "/r/other:files:/theirs.txt").body("theirs").send().is(201);
    star.run(&["set", "localhost#title=second"]).ok();
    let dir = backup_dir(&star);
    star.run(&["backup", &dir]).ok();
    let restore = |name: &str, more: &[&str]| {
        let into = star.home().join(name);
        let mut words = vec!["restore", &dir, "--into", into.to_str().unwrap(), "-o", "json"];
        words.extend(more);
        let told = star.run(&words).ok().json();
        (into.clone(), told)
    };
    let (at_position, told) = restore("position", &["--at", &early]);
    assert_eq!(told["position"], json!(early));
    let (_, told) = restore("time", &["--at", "2020-01-01T00:00:00Z"]);
    assert_eq!((&told["position"], &told["rows"]), (&json!("0"), &json!(0)), "there was no Star yet");
    let (space, told) = restore("space", &["--space", "localhost"]);
    assert_eq!(told["contents"], json!(1), "no bytes of others: {told}");
    let refused = |words: &[&str], code: i32| {
        let into = star.home().join("refused");
        let into = into.to_str().unwrap();
        let mut all = vec!["restore", &dir, "--into", into];
        all.extend(words);
        let ran = star.run(&all).fails(code);
        assert!(!Path::new(into).exists(), "{ran}");
        ran
    };
    refused(&["--space", "nobody"], 3).saying(&["there was no Space nobody"]);
    refused(&["--at", "999999"], 3).saying(&["ends at position", "leave --at away"]);
    refused(&["--at", "yesterday"], 2);

    start_on(&mut star, &at_position);
    star.run(&["get", "localhost#title"]).ok().printing(&["first"]);
    star.call("Resources/Info", &json!({ "path": "other" })).is(404);
    start_on(&mut star, &space);
    star.run(&["get", "localhost#title"]).ok().printing(&["second"]);
    assert_eq!(star.api("GET", "/r/localhost:files:/kept.txt").send().is(200).body, b"kept");
    star.call("Resources/Info", &json!({ "path": "other" })).is(404);
    let listed = star.run(&["ls", "localhost"]).ok();
    assert!(listed.stdout.contains("localhost:files"), "{listed}");
    let spaces = star.run(&["ls"]).ok();
    assert!(spaces.stdout.contains("localhost") && !spaces.stdout.contains("other"), "{spaces}");
    star.api("PUT", "/r/localhost:files:/more.txt").body("more").send().is(201);
}

#[test]
fn a_backup_whose_log_has_a_flipped_bit_is_refused_with_its_file_and_a_remedy() {
    let star = with_files();
    star.api("PUT", "/r/localhost:files:/a.txt").body("some bytes").send().is(201);
    let dir = backup_dir(&star);
    star.run(&["backup", &dir]).ok();
    let into = star.home().join("restored");
    let segment = the_file(&Path::new(&dir).join("log-1/journal"), ".seg");
    flip(&segment, 4_096 + 100);
    let ran = star.run(&["restore", &dir, "--into", into.to_str().unwrap()]).fails(1);
    assert!(!into.exists(), "nothing is left: {ran}");
    ran.saying(&[segment.to_str().unwrap(), "offset 4096", "hint: restore up to a position before it"]);
    flip(&segment, 4_096 + 100);
    star.run(&["restore", &dir, "--into", into.to_str().unwrap()]).ok();
    star.run(&["restore", &dir, "--into", into.to_str().unwrap()]).fails(6).saying(&["is not empty", "does not exist"]);
}

#[test]
fn what_lies_in_a_damaged_frame_is_told_and_the_rest_is_restored() {
    let mut star = with_files();
    star.api("PUT", "/r/localhost:files:/damaged.txt").body(frame()).send().is(201);
    star.api("PUT", "/r/localhost:files:/kept.txt").body(frame().replace("some", "more")).send().is(201);
    let dir = backup_dir(&star);
    star.run(&["backup", &dir]).ok();
    let pack = the_pack(Path::new(&dir));
    flip(&pack, 4_096 + 10);
    let into = star.home().join("restored");
    let ran = star.run(&["restore", &dir, "--into", into.to_str().unwrap()]);
    assert_eq!(ran.code, Some(9), "{ran}");
    let ran = ran.saying(&["1 of 2 frames", "localhost:files:/damaged.txt", "cannot be had", "write it again"]);
    assert!(!ran.stderr.contains("kept.txt"), "{ran}");
    start_on(&mut star, &into);
    assert_eq!(star.api("GET", "/r/localhost:files:/kept.txt").send().is(200).text(), frame().replace("some", "more"));
    star.api("GET", "/r/localhost:files:/damaged.txt").send().is(500);
    star.api("PUT", "/r/localhost:files:/damaged.txt").body("written again").send().is(204);
    assert_eq!(star.api("GET", "/r/localhost:files:/damaged.txt").send().is(200).text(), "written again");
}

#[test]
fn a_content_that_is_lost_is_told_and_the_rest_is_saved() {
    let mut star = with_files();
    star.api("PUT", "/r/localhost:files:/lost.txt").body(frame()).send().is(201);
    star.api("PUT", "/r/localhost:files:/kept.txt").body("kept").send().is(201);
    fs::remove_file(the_pack(&star.data())).unwrap();
    let dir = backup_dir(&star);
    let ran = star.run(&["backup", &dir]);
    assert_eq!(ran.code, Some(9), "{ran}");
    let ran = ran.saying(&["localhost:files:/lost.txt", "is missing", "write it again"]);
    assert!(!ran.stderr.contains("kept.txt"), "{ran}");
    let into = star.home().join("restored");
    let ran = star.run(&["restore", &dir, "--into", into.to_str().unwrap()]);
    assert_eq!(ran.code, Some(9), "{ran}");
    start_on(&mut star, &into);
    assert_eq!(star.api("GET", "/r/localhost:files:/kept.txt").send().is(200).body, b"kept");
}

#[test]
fn folders_that_cannot_hold_a_backup_are_refused() {
    let star = with_files();
    star.write("full/notes.txt", "mine");
    star.run(&["backup", "full"]).fails(6).saying(&["is not empty and holds no backup"]);
    let inside = star.data().join("backup");
    star.run(&["backup", inside.to_str().unwrap()]).fails(2).saying(&["must not lie in each other"]);
    let data = star.data();
    let data = data.to_str().unwrap();
    star.run(&["backup", "new", "--data", data]).fails(6).saying(&["is in use by process", "star backup DIR"]);
    star.run(&["restore", "nowhere", "--into", "x"]).fails(3).saying(&["holds no finished backup"]);
}

#[test]
fn a_star_that_does_not_run_is_backed_up_from_its_folder() {
    let mut star = with_files();
    star.api("PUT", "/r/localhost:files:/a.txt").body("some bytes").send().is(201);
    star.kill_nine();
    let (dir, data, into) = (backup_dir(&star), star.data(), star.home().join("restored"));
    star.run(&["backup", &dir]).fails(8).saying(&["star serve"]);
    star.run(&["backup", &dir, "--data", data.to_str().unwrap()]).ok().printing(&["copied "]);
    star.run(&["restore", &dir, "--into", into.to_str().unwrap()]).ok();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(into, &data).unwrap();
    star.restart();
    assert_eq!(star.api("GET", "/r/localhost:files:/a.txt").send().is(200).body, b"some bytes");
}

#[test]
fn a_restore_that_was_cut_off_is_not_started_on() {
    let mut star = with_files();
    star.stop();
    fs::write(star.data().join("restore.unfinished"), "").unwrap();
    let mut command = star.serve_command(&[]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(said.contains("was not finished") && said.contains("restore again"), "{said}");
}
