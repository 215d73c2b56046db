//! `cargo xtask fuzz`: the targets of `tests/fuzz` under libFuzzer, for as long as somebody wants.
//!
//! Owns how they are built and run. What they promise stands in `tests/fuzz/src`, and every check of
//! the project runs them on their corpora without a fuzzer. Needs the compiler of the project and a C++
//! compiler: coverage is counted by a pass that every `rustc` has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::places::Places;
use crate::shell;
use crate::stop::Stop;

/// What makes the compiler count coverage, of all code and not only of ours: readers of others are
/// reached through ours.
const COUNTED: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long a target runs when nobody says: what each had before it was first relied on.
const MINUTES: u64 = 10;

/// Longest time for one input. Readers are linear, so this is only ever reached by one that is not.
const INPUT_SECONDS: u64 = 5;

/// Most memory of the fuzzer, its corpus included.
const MEMORY_MIB: u64 = 2_048;

/// Most inputs of a corpus that are kept, and most bytes of one: the corpora are part of every clone.
const KEPT_INPUTS: usize = 100;
const KEPT_BYTES: u64 = 4_096;

const TAKES: &str = "fuzz takes names of targets, --minutes N and --keep";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    targets: Vec<String>,
    time: Duration,
    /// Whether what was found worth keeping becomes part of the corpora.
    keep: bool,
}

/// What one run came to.
struct Run {
    target: String,
    /// The last line of numbers that the fuzzer printed.
    numbers: String,
    executed: String,
    failed: bool,
}

/// `cargo xtask fuzz [TARGET ...] [--minutes N] [--keep]`.
pub(crate) fn task(places: &Places, arguments: &[String]) -> Result<(), Stop> {
    let known = targets(places)?;
    let asked = read(arguments, &known)?;
    let program = build(places)?;
    let runs =
        asked.targets.iter().map(|target| run(places, &program, target, &asked)).collect::<Result<Vec<_>, _>>()?;
    println!();
    for run in &runs {
        println!("{:<12} {} executed; {}", run.target, run.executed, run.numbers);
    }
    let failed: Vec<&str> = runs.iter().filter(|run| run.failed).map(|run| run.target.as_str()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    let findings = folder(places).join("findings");
    Err(Stop::new(format!("findings in {}: {}", failed.join(", "), findings.display())).remedy(
        "mend the cause, move the input into tests/fuzz/corpus/TARGET under the name of what must be true, \
         and write a test beside the code",
    ))
}

fn read(arguments: &[String], known: &[String]) -> Result<Asked, Stop> {
    let mut asked = Asked { targets: Vec::new(), time: Duration::from_secs(60 * MINUTES), keep: false };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--keep" => asked.keep = true,
            "--minutes" => {
                let minutes = words.next().and_then(|text| text.parse::<f64>().ok());
                let minutes = minutes.filter(|minutes| *minutes > 0.0 && *minutes < 1e6);
                let minutes = minutes.ok_or_else(|| Stop::new("--minutes takes a number above zero"))?;
                asked.time = Duration::from_secs_f64(60.0 * minutes);
            }
            target if known.iter().any(|name| name == target) => asked.targets.push(target.to_owned()),
            unknown => {
                let targets = format!("the targets are {}", known.join(", "));
                return Err(Stop::new(format!("there is no target `{unknown}`; {TAKES}")).remedy(targets));
            }
        }
    }
    if asked.targets.is_empty() {
        asked.targets = known.to_vec();
    }
    Ok(asked)
}

fn folder(places: &Places) -> PathBuf {
    places.root.join("tests").join("fuzz")
}

/// Every target has a corpus, and the tests see to it that every corpus has a target.
fn targets(places: &Places) -> Result<Vec<String>, Stop> {
    let corpora = folder(places).join("corpus");
    let entries = fs::read_dir(&corpora).map_err(|error| Stop::io("list", &corpora, &error))?;
    let mut names: Vec<String> =
        entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// Builds the fuzzer in a folder of its own: all of it is compiled in another way.
fn build(places: &Places) -> Result<PathBuf, Stop> {
    let package = folder(places).join("libfuzzer");
    // The same versions as everywhere else; cargo adds the fuzzer's own.
    let (from, to) = (places.root.join("Cargo.lock"), package.join("Cargo.lock"));
    fs::copy(&from, &to).map_err(|error| Stop::io("copy", &from, &error))?;
    let host = host(places)?;
    let target = places.target.join("fuzz");
    println!("building the fuzzer; this takes minutes, once");
    shell::run(
        shell::cargo(places)
            .args(["build", "--quiet", "--release", "--target", &host, "--manifest-path"])
            .arg(package.join("Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", COUNTED),
    )
    .map_err(|stop| stop.remedy("a C++ compiler is needed: on Debian, `apt-get install g++`"))?;
    Ok(target.join(host).join("release").join("star-libfuzzer"))
}

/// The machine's own name for itself. Named to cargo, so that what runs while building is built plainly.
fn host(places: &Places) -> Result<String, Stop> {
    let words = shell::output(Command::new("rustc").arg("-vV").current_dir(&places.root))?;
    let host = words.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| Stop::new("rustc does not name its host"))
}

/// Runs one target for its time and notes what came of it.
fn run(places: &Places, program: &Path, target: &str, asked: &Asked) -> Result<Run, Stop> {
    let corpus = folder(places).join("corpus").join(target);
    let grown = places.target.join("fuzz").join("grown").join(target);
    let findings = folder(places).join("findings").join(target);
    for dir in [&grown, &findings] {
        fs::create_dir_all(dir).map_err(|error| Stop::io("make", dir, &error))?;
    }
    let words = folder(places).join("dictionaries").join(format!("{target}.dict"));
    println!("{target}: {} s", asked.time.as_secs());
    let mut command = Command::new(program);
    command.args([&grown, &corpus]).env("STAR_FUZZ_TARGET", target).arg("-print_final_stats=1").args([
        format!("-max_total_time={}", asked.time.as_secs()),
        format!("-timeout={INPUT_SECONDS}"),
        format!("-rss_limit_mb={MEMORY_MIB}"),
        format!("-artifact_prefix={}/", findings.display()),
    ]);
    if words.is_file() {
        command.arg(format!("-dict={}", words.display()));
    }
    let output = command.stdin(Stdio::null()).output().map_err(|error| shell::cannot_start(&command, &error))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let failed = !output.status.success();
    if failed {
        // What the fuzzer says last is what it found; what it says before fills screens.
        let lines: Vec<&str> = told.lines().collect();
        println!("{}", lines[lines.len().saturating_sub(60)..].join("\n"));
    } else if asked.keep {
        keep(program, target, &corpus, &grown)?;
    }
    let last = |wanted: &str| told.lines().rev().find_map(|line| Some(line.split_once(wanted)?.1.trim().to_owned()));
    let numbers = last("cov:").map(|numbers| format!("cov: {numbers}")).unwrap_or_default();
    let executed = last("stat::number_of_executed_units:").unwrap_or_else(|| "?".to_owned());
    Ok(Run { target: target.to_owned(), numbers, executed, failed })
}

/// Makes what covers something of its own part of the corpus, as far as it is small.
fn keep(program: &Path, target: &str, corpus: &Path, grown: &Path) -> Result<(), Stop> {
    let least = grown.with_extension("least");
    fs::create_dir_all(&least).map_err(|error| Stop::io("make", &least, &error))?;
    let mut merge = Command::new(program);
    merge.arg("-set_cover_merge=1").arg(format!("-max_len={KEPT_BYTES}")).arg(&least).args([corpus, grown]);
    merge.env("STAR_FUZZ_TARGET", target);
    merge.stderr(Stdio::null());
    shell::run(&mut merge)?;
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(&least).map_err(|error| Stop::io("list", &least, &error))? {
        let path = entry.map_err(|error| Stop::io("list", &least, &error))?.path();
        let bytes = fs::metadata(&path).map_err(|error| Stop::io("look at", &path, &error))?.len();
        found.push((bytes, path));
    }
    found.sort();
    let there = fs::read_dir(corpus).map_err(|error| Stop::io("list", corpus, &error))?.count();
    let room = KEPT_INPUTS.saturating_sub(there);
    // From the shortest to the longest: the short ones alone say next to nothing.
    let step = found.len().div_ceil(room.max(1)).max(1);
    for (_, path) in found.iter().step_by(step).take(room) {
        let to = corpus.join(path.file_name().unwrap_or_default());
        fs::copy(path, &to).map_err(|error| Stop::io("copy", path, &error))?;
    }
    fs::remove_dir_all(&least).map_err(|error| Stop::io("remove", &least, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, Stop> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        read(&words, &["path".to_owned(), "codec".to_owned()])
    }

    #[test]
    fn all_targets_run_for_ten_minutes_unless_somebody_says_otherwise() {
        let all = asked("").unwrap();
        assert_eq!((all.targets.len(), all.time, all.keep), (2, Duration::from_secs(600), false));
        let one = asked("codec --minutes 0.5 --keep").unwrap();
        assert_eq!(one, Asked { targets: vec!["codec".into()], time: Duration::from_secs(30), keep: true });
        for bad in ["paths", "--minutes", "--minutes 0", "--minutes -1", "--minutes x", "--hours 1"] {
            assert!(asked(bad).is_err(), "{bad}");
        }
    }
}
