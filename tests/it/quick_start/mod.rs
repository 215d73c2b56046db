//! The quick start of README.md: it works as written, and survives kill -9 anywhere in it.

mod answered;
mod readme;

use std::fs;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use answered::{Answered, Effect, SECOND_EDITION};

use star_tests::chance::Dice;

use crate::support::{Follower, Ran, Star, checkout, copy_tree};

/// Seeds of the games that kill in the middle of commands. A seed that once failed stays here.
const SEEDS: [u64; 2] = [1, 20_26];

/// Longest time after which a command is killed; most of them take less.
const KILL_WITHIN_MS: u64 = 120;

/// A Star with a copy of what the quick start needs, and its commands.
fn at_the_start() -> (Star, Vec<String>) {
    let star = Star::start();
    let checkout = checkout();
    let readme = fs::read_to_string(checkout.join("README.md")).expect("the checkout has a README.md");
    assert!(readme.contains("cargo run --release -- serve"), "README.md says how to start");
    star.write("README.md", &readme);
    for folder in ["docs", "bundles/hello"] {
        copy_tree(&checkout.join(folder), &star.work().join(folder));
    }
    (star, readme::commands(&readme))
}

/// A command as it is typed where the Star has other ports.
fn typed(star: &Star, command: &str) -> String {
    let port = star.web_url().rsplit(':').next().expect("a URL ends with its port").to_owned();
    command.replace("localhost:8080", &format!("localhost:{port}"))
}

/// What has to be done before a command: the second version gets a page of its own.
fn prepare(star: &Star, command: &str) {
    if Effect::of(command) == Some(Effect::SecondVersion) {
        let page = star.work().join("bundles/hello/index.html");
        let text = fs::read_to_string(&page).expect("the bundle has a page");
        if !text.contains(SECOND_EDITION) {
            let mut file = fs::File::options().append(true).open(&page).expect("the page can be changed");
            file.write_all(SECOND_EDITION.as_bytes()).expect("the page can be changed");
        }
    }
}

/// Types a command and looks at what it shows.
fn play(star: &Star, command: &str) {
    prepare(star, command);
    if command.starts_with("star watch") {
        watch(star, command);
    } else {
        shows_what_it_should(star, command, star.type_in(&typed(star, command)).finish().ok());
    }
}

/// What a command that has no end shows, until Ctrl-C.
fn watch(star: &Star, command: &str) {
    let mut bash = Command::new("bash");
    star.surround(&mut bash);
    bash.args(["-c", &format!("exec {command}")]);
    let mut follower = Follower::start(bash);
    // It says nothing when it begins to watch, so something happens until it is seen.
    let mut turn = 0;
    let seen = loop {
        turn += 1;
        assert!(turn < 200, "nothing is seen by {command}");
        star.run(&["set", &format!("localhost:files#description=turn {turn}")]).ok();
        if let Some(line) = follower.next_within(Duration::from_millis(300)) {
            break line;
        }
    };
    assert!(seen.contains("localhost:files"), "{seen}");
    assert_eq!(follower.interrupt(), Some(130), "Ctrl-C ends {command}");
}

fn shows_what_it_should(star: &Star, command: &str, ran: Ran) {
    let readme = fs::read_to_string(star.work().join("README.md")).expect("it was copied");
    if command.starts_with("star cat localhost:files:/readme.md") || command.ends_with("/files/readme.md") {
        assert_eq!(ran.stdout, readme);
    } else if command.starts_with("curl") && command.ends_with("/hello/Ada") {
        ran.printing(&["Hello, Ada!"]);
    } else if command.starts_with("curl") && command.ends_with(":8080/") {
        ran.printing(&["Hello from Starlane"]);
    } else if command.starts_with("star ask localhost:app:greeter greet") {
        ran.printing(&["Hello, Ada!"]);
    } else if command.starts_with("star get localhost:files#title") {
        assert_eq!(ran.stdout, "Shared files\n");
    } else if command.starts_with("star ls -l 'localhost:**'") {
        ran.printing(&["localhost:files", "localhost:app:greeter", "localhost:hello:1.0.0", "Mechtron"]);
    } else if command.starts_with("star info localhost:app:greeter") {
        ran.printing(&["Mechtron", "Ready", "greet"]);
    } else if command.starts_with("star events --since 0 -o jsonl") {
        let events = ran.json_lines();
        let created = |event: &serde_json::Value| event["type"] == "created" && event["path"] == "localhost";
        assert!(events.iter().any(created), "{ran}");
        assert!(events.iter().all(|event| event["cursor"].is_string()), "{ran}");
    } else if command.starts_with("star status") {
        ran.printing(&[env!("CARGO_PKG_VERSION")]);
    }
}

#[test]
fn the_quick_start_of_the_readme_works_as_written() {
    let (star, commands) = at_the_start();
    let mut answered = Answered::default();
    for command in &commands {
        play(&star, command);
        answered.by(command);
        answered.holds(&star);
    }
    for effect in Effect::ALL {
        assert!(answered.has(effect), "{effect:?} is not in the quick start");
    }
    for verb in ["cat", "ask", "get", "ls", "info", "watch", "events", "status"] {
        let start = format!("star {verb} ");
        assert!(commands.iter().any(|command| format!("{command} ").starts_with(&start)), "{verb} is not in it");
    }
}

#[test]
fn a_kill_between_any_two_commands_loses_nothing() {
    let (mut star, commands) = at_the_start();
    let mut answered = Answered::default();
    for command in &commands {
        play(&star, command);
        answered.by(command);
        star.kill_nine();
        star.restart();
        answered.holds(&star);
    }
}

#[test]
fn a_kill_in_the_middle_of_commands_loses_nothing_that_was_answered() {
    for seed in SEEDS {
        let (mut star, commands) = at_the_start();
        let mut dice = Dice::of(seed);
        let mut answered = Answered::default();
        for command in commands.iter().filter(|command| Effect::of(command).is_some()) {
            let effect = Effect::of(command).expect("only those are left");
            prepare(&star, command);
            // Whoever lost an answer asks again for a while; here nobody comes back for it in that time.
            let running = star.type_in(&format!("{} --timeout 1s", typed(&star, command)));
            // The one wait for a time: when exactly the power fails is what the dice decide.
            std::thread::sleep(Duration::from_millis(dice.below(KILL_WITHIN_MS)));
            star.kill_nine();
            let ran = running.finish();
            star.restart();
            if ran.code == Some(0) {
                answered.by(command);
                answered.holds(&star);
                continue;
            }
            answered.holds_but(&star, Some(effect));
            let again = star.type_in(&typed(&star, command)).finish();
            // It may have happened before the kill: then it is there already, or gone already.
            let done = match effect {
                Effect::DocsRemoved => matches!(again.code, Some(0 | 3)),
                _ => matches!(again.code, Some(0 | 6)),
            };
            assert!(done, "seed {seed}: {again}");
            answered.by(command);
            answered.holds(&star);
        }
    }
}
