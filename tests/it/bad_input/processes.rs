//! Stars that get into each other's way, and keys that are not those of the Star.

use std::fs;
use std::net::TcpListener;

use crate::support::{Star, capture};

#[test]
fn a_second_process_on_the_same_data_is_sent_away() {
    let star = Star::start();
    let said_before = fs::read_to_string(star.data().join("ready.json")).unwrap();
    star.unchanged_by(|| {
        capture(star.serve_command(&[])).finish().fails(6).saying(&["in use", &star.pid().to_string()]);
    });
    // The first one goes on, and commands still find it.
    assert_eq!(fs::read_to_string(star.data().join("ready.json")).unwrap(), said_before);
    star.run(&["status"]).ok();
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let star = Star::start();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--web"] {
        let data = star.home().join("other");
        let mut command = star.command(&["serve", flag, &address, "--data"]);
        let other = if flag == "--listen" { "--web" } else { "--listen" };
        command.arg(&data).args([other, "127.0.0.1:0"]);
        capture(command).finish().fails(6).saying(&[&address, "taken", flag]);
        assert!(!data.join("ready.json").exists(), "nobody must look for a Star that did not start");
    }
}

#[test]
fn a_wrong_key_is_refused_and_not_taken_for_none() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.write("wrong.token", "star_0000\n");
    star.unchanged_by(|| {
        star.run(&["create", "Space", "other", "--token-file", "wrong.token"]).fails(4).saying(&["S0201", "key"]);
        star.run(&["ls", "--token-file", "wrong.token"]).fails(4).saying(&["S0201"]);
        star.run(&["cat", "localhost:files:/a", "--token-file", "wrong.token"]).fails(4).saying(&["S0201"]);
        for target in ["/r/localhost:files:/a", "/events", "/metrics"] {
            let answer = star.stranger("GET", target).key("star_0000").send().is(401).problem("S0201");
            let challenge = answer.header("www-authenticate").unwrap_or_default().to_owned();
            assert!(challenge.contains("Bearer") && challenge.contains("Basic"), "{answer}");
        }
        let call = star.stranger("POST", "/starlane.v1.Resources/Info").key("star_0000");
        call.header("content-type", "application/json").body("{\"path\":\"localhost\"}").send().is(401);
    });
    assert!(!star.log().contains("star_0000"), "a key stands in the log");
}

#[test]
fn without_a_star_commands_say_how_to_start_one() {
    let mut star = Star::start();
    let url = star.api_url();
    star.kill_nine();
    star.run(&["ls"]).fails(8).saying(&["no Star is running here", "star serve", "star login URL"]);
    star.run(&["ls", "--url", &url]).fails(8).saying(&[&url]);
}
