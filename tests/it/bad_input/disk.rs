//! A disk that is full: nothing is half done, nothing that was there is lost, and when there is
//! room again, work goes on.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use star_tests::chance::Dice;

use crate::support::{Http, Star, eventually};

/// What gives a process mounts of its own. They need no privilege and leave nothing behind.
const APART: [&str; 3] = ["unshare", "--map-root-user", "--mount"];

/// Starts a program on a small disk of its own: `sh -c SCRIPT PROGRAM ARGUMENTS`.
const SMALL_DISK: &str = "mount -t tmpfs -o size=160m tmpfs \"$STAR_DATA\" && exec \"$0\" \"$@\"";

/// What somebody else has on that disk, until there is no room.
const OTHERS_BYTES: usize = 100 << 20;

/// Starts a program whose files may have 8 MiB; the shell counts in units of 512 bytes or of
/// 1 KiB. The signal that goes with it would end the program, and a full disk sends none.
const SMALL_FILES: &str = "trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\"";

/// A write of so many bytes that no other file has and that cannot be compressed: equal ones are kept once.
fn put(star: &Star, name: &str, bytes: usize) -> Http {
    let mut dice = Dice::of(name.bytes().fold(7, |seed, byte| seed * 31 + u64::from(byte)));
    let body: Vec<u8> = (0..bytes.div_ceil(4)).flat_map(|_| (dice.below(1 << 32) as u32).to_le_bytes()).collect();
    star.api("PUT", &format!("/r/localhost:files:/{name}")).body(body)
}

fn started(wrapper: &[&str]) -> Star {
    let star = Star::start_through(wrapper, &[]);
    for (kind, path) in [("Space", "localhost"), ("FileSystem", "localhost:files")] {
        star.call("Resources/Create", &serde_json::json!({ "kind": kind, "path": path })).is(200);
    }
    put(&star, "small.txt", 1000).send().is(201);
    // The log tells of every pack that is begun; the one for such bytes is there from now on.
    put(&star, "large.bin", 2 << 20).send().is(201);
    star
}

/// One that can never fit changes nothing.
fn refuses_what_never_fits(star: &Star) {
    star.unchanged_by(|| put(star, "huge.bin", 64 << 20).send().is(507).problem("S0503"));
    star.api("GET", "/r/localhost:files:/huge.bin").send().is(404);
    star.api("GET", "/r/localhost:files:/small.txt").send().is(200);
}

#[test]
fn a_file_for_which_there_is_no_room_is_refused() {
    let star = started(&["sh", "-c", SMALL_FILES]);
    refuses_what_never_fits(&star);
    put(&star, "after.txt", 1000).send().is(201);
}

#[test]
fn a_full_disk_refuses_and_loses_nothing() {
    if !may_mount() {
        return;
    }
    let wrapper: Vec<&str> = APART.into_iter().chain(["sh", "-c", SMALL_DISK]).collect();
    // The disk goes away with its process: this Star is not restarted.
    let star = started(&wrapper);
    // Only the process sees its disk, and others see it through the process.
    let others = format!("/proc/{}/root{}/others", star.pid(), star.data().display());
    fs::write(&others, vec![0; OTHERS_BYTES]).expect("there is room");
    refuses_what_never_fits(&star);

    // Pieces that fit, until none does.
    let full = (0..200).find_map(|number| {
        let answer = put(&star, &format!("piece{number}.bin"), 1 << 20).send();
        if answer.status == 201 { None } else { Some((number, answer)) }
    });
    let (number, answer) = full.expect("what is left of 160 MiB is less than 200 MiB");
    answer.is(507).problem("S0503");
    star.api("GET", &format!("/r/localhost:files:/piece{number}.bin")).send().is(404);
    for kept in 0..number {
        assert_eq!(star.api("GET", &format!("/r/localhost:files:/piece{kept}.bin")).send().is(200).body.len(), 1 << 20);
    }
    star.api("GET", "/r/localhost:files:/small.txt").send().is(200);
    star.stranger("GET", "/livez").send().is(200);
    star.stranger("GET", "/readyz").send().is(503).showing(&["bytes free"]);

    fs::remove_file(&others).expect("it is there");
    eventually("work to go on", || (put(&star, "later.bin", 1 << 20).send().status == 201).then_some(()));
    star.stranger("GET", "/readyz").send().is(200);
}

/// Whether processes may have mounts of their own here; containers often forbid it. Whoever runs
/// the tests is told then, past the harness, which would hide it: the other test remains.
fn may_mount() -> bool {
    let tried = Command::new(APART[0]).args(&APART[1..]).args(["mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    let tried = tried.unwrap_or_else(|error| panic!("unshare (of util-linux) cannot be run: {error}"));
    if !tried.status.success() {
        let why = String::from_utf8_lossy(&tried.stderr).into_owned();
        let note = format!("NOT TESTED: a full disk. Mounts in namespaces are not allowed here: {why}\n");
        std::io::stderr().write_all(note.as_bytes()).expect("the tests have a standard error");
    }
    tried.status.success()
}
