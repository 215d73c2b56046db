//! Locks as their users meet them: processes that race, stop, die, steal, and write too late.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{Bundle, Running, Star, capture, eventually};

/// A Star with a FileSystem, which is what is locked.
fn star() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star
}

/// Takes the lock of `localhost:files`; answers its token.
#[track_caller]
fn lock(star: &Star, flags: &[&str]) -> String {
    let ran = star.run(&[&["lock", "localhost:files"], flags].concat()).ok();
    ran.stdout.trim().to_owned()
}

/// The process of a user who runs `star` with these arguments under a lock.
fn with_lock(star: &Star, flags: &[&str], command: &[&str]) -> Running {
    let command: Command = star.command(&[&["with-lock", "localhost:files"], flags, &["--"], command].concat());
    capture(command)
}

/// How often an event of this type is told.
fn told(star: &Star, what: &str) -> usize {
    let events = star.run(&["events", "--since", "0", "-o", "jsonl"]).ok().json_lines();
    events.iter().filter(|event| event["type"] == what).count()
}

#[test]
fn of_two_that_race_for_a_lock_one_gets_it_every_time() {
    const ROUNDS: usize = 50;
    let star = star();
    let mut last = 0;
    for round in 0..ROUNDS {
        let taken = AtomicUsize::new(0);
        let tokens: Vec<Option<u64>> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let answer = star.call("Locks/Lock", &json!({ "path": "localhost:files" }));
                        if answer.status != 200 {
                            answer.is(409).showing(&["S0408"]);
                            return None;
                        }
                        taken.fetch_add(1, Ordering::SeqCst);
                        answer.json()["lock"]["token"].as_str().and_then(|token| token.parse().ok())
                    })
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().expect("no racer panics")).collect()
        });
        assert_eq!(taken.load(Ordering::SeqCst), 1, "round {round}: {tokens:?}");
        let token = tokens.into_iter().flatten().next().expect("one of them got a token");
        assert!(token > last, "round {round}: {token} after {last}");
        last = token;
        let unlock = json!({ "path": "localhost:files", "fence": token.to_string() });
        star.call("Locks/Unlock", &unlock).is(200);
    }
}

#[test]
fn who_holds_no_token_is_kept_out_of_everything_that_the_lock_guards() {
    let star = star();
    star.write("a.txt", "a");
    star.run(&["cp", "a.txt", "localhost:files:/a.txt"]).ok();
    let token = lock(&star, &["--ttl", "5m", "--note", "moving pictures"]);
    let hello = Bundle::new(&star, "hello");
    star.run(&["publish", hello.name(), "localhost:hello:1.0.0"]).ok();
    let series = star.run(&["lock", "localhost:hello", "--ttl", "5m"]).ok().stdout.trim().to_owned();
    let stale = (series.parse::<u64>().unwrap() + 1_000).to_string();

    let changes: [(&[&str], &str); 6] = [
        (&["set", "localhost:files#title=x"], &token),
        (&["cp", "a.txt", "localhost:files:/b.txt"], &token),
        (&["set", "localhost:files:/a.txt#title=x"], &token),
        (&["rm", "localhost:files:/a.txt"], &token),
        (&["tag", "localhost:hello:1.0.0", "latest"], &series),
        (&["publish", hello.name(), "localhost:hello:1.1.0"], &series),
    ];
    for (change, token) in changes {
        star.unchanged_by(|| star.run(change).fails(6).saying(&["S0408", "is locked by star:users:admin"]));
        let late = [change, &["--fence", &stale]].concat();
        star.unchanged_by(|| star.run(&late).fails(6).saying(&["S0409", "take the lock again"]));
        star.run(&[change, &["--fence", token]].concat()).ok();
    }
    star.run(&["lock", "localhost:files"]).fails(6).saying(&["S0408", "(moving pictures)"]);
    star.run(&["info", "localhost:files"]).ok().printing(&["star:users:admin until", "moving pictures"]);
    // Others are not concerned, and a token that names its resource does not concern others.
    star.run(&["set", "localhost#title=free"]).ok();
    star.run(&["set", "localhost#title=named", "--fence", &format!("{token}@localhost:files")]).ok();
    star.run(&["unlock", "localhost:files", "--fence", &token]).ok();
    star.run(&["set", "localhost:files#title=free"]).ok();
    star.run(&["set", "localhost:files#title=late", "--fence", &token]).fails(6).saying(&["S0409"]);
}

#[test]
fn a_tree_with_a_lock_in_it_is_not_removed_over_the_head_of_its_holder() {
    let star = star();
    let token = lock(&star, &["--ttl", "5m"]);
    star.run(&["rm", "-r", "localhost"]).fails(6).saying(&["S0408", "localhost:files is locked by"]);
    star.run(&["unlock", "localhost:files", "--fence", &token]).ok();
    star.run(&["rm", "-r", "localhost"]).ok();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.run(&["unlock", "localhost:files", "--fence", &token]).fails(6).saying(&["S0409"]);
}

#[test]
fn the_bytes_of_a_file_are_refused_before_they_are_sent() {
    let star = star();
    let token = lock(&star, &["--ttl", "5m"]);
    let put = |fence: Option<&str>| {
        let request = star.api("PUT", "/r/localhost:files:/x.txt").body("x");
        fence.map_or(request.clone(), |fence| request.header("star-fence", fence)).send()
    };
    put(None).is(423).showing(&["S0408"]);
    put(Some("1")).is(412).showing(&["S0409"]);
    put(Some("one")).is(400).showing(&["S0110"]);
    put(Some(&token)).is(201);
}

#[test]
fn a_lock_that_ran_out_is_for_others_and_its_token_for_nobody() {
    let star = star();
    let first = lock(&star, &["--ttl", "300ms"]);
    let second = lock(&star, &["--ttl", "300ms", "--wait", "30s"]);
    assert!(second.parse::<u64>().unwrap() > first.parse::<u64>().unwrap());
    star.run(&["set", "localhost:files#title=late", "--fence", &first]).fails(6).saying(&["S0409"]);
    // Without taking it, somebody writes over the lock as soon as it has run out.
    eventually("the lock to run out", || {
        (star.run(&["set", "localhost:files#title=over"]).code == Some(0)).then_some(())
    });
    star.run(&["set", "localhost:files#title=late", "--fence", &second]).fails(6).saying(&["S0409"]);
    star.run(&["lock", "localhost:files", "--renew", "--fence", &second]).fails(6).saying(&["S0409"]);
    star.run(&["get", "localhost:files#title"]).ok().printing(&["over"]);
}

#[test]
fn waiting_ends_with_the_lock_or_with_its_time() {
    let star = star();
    let token = lock(&star, &["--ttl", "5m"]);
    star.run(&["lock", "localhost:files", "--wait", "200ms"]).fails(8).saying(&["S0504", "star:users:admin"]);
    let waiting = star.type_in("star lock localhost:files --wait 50s -o json");
    star.run(&["set", "localhost:files#title=meanwhile", "--fence", &token]).ok();
    star.run(&["unlock", "localhost:files", "--fence", &token]).ok();
    let lock = waiting.finish().ok().json();
    assert_eq!(lock["holder"], "star:users:admin", "{lock}");
    assert_eq!(lock["fence"], format!("{}@localhost:files", lock["token"].as_str().unwrap()), "{lock}");
    assert!(lock["until"].is_string(), "{lock}");
}

#[test]
fn the_owner_steals_a_lock_and_the_command_under_it_is_told_to_end() {
    let star = star();
    let under = with_lock(&star, &["--ttl", "900ms"], &["sh", "-c", "echo begun > begun; sleep 600; echo over > over"]);
    eventually("the command to begin", || star.work().join("begun").exists().then_some(()));
    let stolen = lock(&star, &["--steal", "--ttl", "5m"]);
    under.finish().fails(6).saying(&["lost the lock of localhost:files", "S0409"]);
    assert!(!star.work().join("over").exists());
    // What was stolen is not given back by whom it was stolen from.
    star.run(&["set", "localhost:files#title=mine", "--fence", &stolen]).ok();
    assert_eq!((told(&star, "lock-stolen"), told(&star, "unlocked")), (1, 0));
}

#[test]
fn eight_processes_that_count_under_a_lock_lose_no_count() {
    const PROCESSES: usize = 8;
    let star = star();
    star.run(&["set", "localhost:files#title=0"]).ok();
    let count = "n=$(star get localhost:files#title) && star set localhost:files#title=$((n + 1))";
    let counting: Vec<Running> =
        (0..PROCESSES).map(|_| with_lock(&star, &["--wait", "50s"], &["sh", "-c", count])).collect();
    for process in counting {
        process.finish().ok();
    }
    assert_eq!(star.run(&["get", "localhost:files#title"]).ok().stdout.trim(), PROCESSES.to_string());
    assert_eq!((told(&star, "locked"), told(&star, "unlocked")), (PROCESSES, PROCESSES));
}

#[test]
fn a_star_that_is_killed_remembers_its_locks() {
    let mut star = star();
    let token = lock(&star, &["--ttl", "5m"]);
    star.kill_nine();
    star.restart();
    star.run(&["set", "localhost:files#title=x"]).fails(6).saying(&["S0408"]);
    star.run(&["set", "localhost:files#title=x", "--fence", &token]).ok();
    star.run(&["lock", "localhost:files", "--renew", "--fence", &token]).ok().printing(&[&token]);
    star.run(&["unlock", "localhost:files", "--fence", &token]).ok();
    let next = lock(&star, &[]);
    assert!(next.parse::<u64>().unwrap() > token.parse::<u64>().unwrap());
}

#[test]
fn a_command_under_a_lock_passes_its_exit_code_on_and_the_lock_is_given_back() {
    let star = star();
    for (command, code) in [("exit 0", 0), ("exit 3", 3), ("kill -9 $$", 137)] {
        let ran = with_lock(&star, &[], &["sh", "-c", command]).finish();
        assert_eq!(ran.code, Some(code), "{command}: {ran}");
        star.run(&["set", &format!("localhost:files#title='{code}'")]).ok();
    }
    with_lock(&star, &[], &["no-such-command"]).finish().saying(&["could not run no-such-command"]);
    // The command removes what it has locked.
    with_lock(&star, &[], &["star", "rm", "localhost:files"]).finish().ok();
    assert_eq!((told(&star, "locked"), told(&star, "unlocked")), (5, 4));
}

#[test]
fn a_signal_reaches_the_command_under_a_lock_and_the_lock_is_given_back() {
    let star = star();
    let script = "trap 'echo told > told; exit 7' TERM; echo $PPID > begun; while :; do sleep 0.05; done";
    let under = with_lock(&star, &[], &["sh", "-c", script]);
    let parent = eventually("the command to begin", || {
        let text = std::fs::read_to_string(star.work().join("begun")).ok()?;
        text.trim().parse::<u32>().ok()
    });
    star.type_in(&format!("kill -TERM {parent}")).finish().ok();
    let ran = under.finish();
    assert_eq!(ran.code, Some(7), "{ran}");
    assert!(star.work().join("told").exists());
    lock(&star, &[]);
}

#[test]
fn a_lock_is_held_for_longer_than_its_time_by_a_command_that_takes_longer() {
    let star = star();
    let script = "echo > begun; until [ -e enough ]; do sleep 0.05; done; star set localhost:files#title=held";
    let under = with_lock(&star, &["--ttl", "600ms"], &["sh", "-c", script]);
    eventually("the command to begin", || star.work().join("begun").exists().then_some(()));
    star.run(&["lock", "localhost:files", "--wait", "2s"]).fails(8).saying(&["S0504"]);
    star.write("enough", "");
    under.finish().ok();
    star.run(&["get", "localhost:files#title"]).ok().printing(&["held"]);
    assert_eq!((told(&star, "locked"), told(&star, "unlocked")), (1, 1));
}

#[test]
fn locks_within_locks_are_all_named_by_what_runs_under_them() {
    let star = star();
    let inner = "star set localhost:files#title=both && star set localhost#title=both";
    with_lock(&star, &[], &["star", "with-lock", "localhost", "--", "sh", "-c", inner]).finish().ok();
    star.run(&["get", "localhost:files#title"]).ok().printing(&["both"]);
    star.run(&["get", "localhost#title"]).ok().printing(&["both"]);
}
