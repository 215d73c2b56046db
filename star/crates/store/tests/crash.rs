//! Real processes, killed in the middle of their work: one hundred per engine, or as many as
//! `STAR_CRASH_CYCLES` says. The processes are this program itself, called with `child`.
#![expect(clippy::print_stdout, reason = "a test without a harness reports by itself")]
#![expect(clippy::unwrap_used, reason = "a test without a harness fails by panicking")]

use std::ffi::OsString;
use std::io::Read;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use star_store::IndexKind;
use star_store::torture::{self, Summary, Torture};

const CYCLES: u64 = 100;
/// After so many kills the count is told.
const TOLD_EVERY: u64 = 100;
const CHILD: &str = "child";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|first| first == CHILD).is_some() {
        return torture::child(arguments);
    }
    // What a test runner asks of every test: a list, or those with a name.
    let arguments: Vec<String> = arguments.filter_map(|argument| argument.into_string().ok()).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("crash: test");
        return ExitCode::SUCCESS;
    }
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    if filter.is_some_and(|filter| !"crash".contains(filter.as_str())) {
        return ExitCode::SUCCESS;
    }
    nothing_acknowledged_is_lost_by_a_kill(IndexKind::Redb);
    nothing_acknowledged_is_lost_by_a_kill(IndexKind::Sled);
    a_failed_sync_ends_the_process_with_a_message();
    ExitCode::SUCCESS
}

fn nothing_acknowledged_is_lost_by_a_kill(index: IndexKind) {
    let begun = Instant::now();
    let dir = tempfile::tempdir().unwrap();
    let cycles = std::env::var("STAR_CRASH_CYCLES").ok().map_or(CYCLES, |cycles| cycles.parse().unwrap());
    let torture = Torture {
        program: std::env::current_exe().unwrap(),
        arguments: vec![OsString::from(CHILD)],
        index,
        dir: dir.path().to_path_buf(),
        cycles,
        seed: 0x5eed,
    };
    let tell = |summary: &Summary| {
        if summary.kills.is_multiple_of(TOLD_EVERY) || summary.kills == cycles {
            println!("{index:?}: {summary:?} in {:.1?}", begun.elapsed());
        }
    };
    let summary = torture::run(&torture, tell).unwrap_or_else(|error| panic!("{index:?}: {error}: {error:?}"));
    assert_eq!(summary.kills, cycles);
    assert!(summary.acknowledged > 0 && summary.while_opening > 0, "the kills come too early or too late");
}

fn a_failed_sync_ends_the_process_with_a_message() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([CHILD, "memory"])
        .arg(dir.path())
        .arg("20")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    let status = child.wait().unwrap();
    assert!(!status.success() && said.contains("the journal could not be synced"), "{status}: {said}");
    println!("a failed sync: {status}");
}
