//! Paths and kinds that are none, and resources that cannot be where they are wanted.

use crate::support::{Ran, Star};

/// Runs a command that must fail and change nothing.
#[track_caller]
fn refused(star: &Star, arguments: &[&str], code: i32) -> Ran {
    star.unchanged_by(|| star.run(arguments).fails(code))
}

#[test]
fn a_malformed_path_is_shown_with_a_caret_and_what_would_do() {
    let star = Star::start();
    for arguments in [
        &["create", "FileSystem", "localhost:my files"][..],
        &["info", "localhost:my files"],
        &["set", "localhost:my files#title=x"],
        &["ask", "localhost:my files", "greet", "{}"],
        &["rm", "localhost:my files"],
        &["cat", "localhost:my files:/a"],
    ] {
        let ran = refused(&star, arguments, 2).saying(&["S0101", "localhost:my files", "blank", "localhost:my-files"]);
        let caret = ran.stderr.lines().find(|line| line.trim_matches(['|', ' ']).starts_with('^'));
        assert!(caret.is_some(), "no caret in {ran}");
    }
    refused(&star, &["info", "hub::localhost"], 2).saying(&["hub"]);
    star.api("GET", "/r/localhost:my%20files:/a").send().is(400).problem("S0101");
}

#[test]
fn an_unknown_kind_is_answered_with_the_nearest() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    refused(&star, &["create", "FileSytem", "localhost:files"], 2).saying(&["S0102", "FileSytem", "`FileSystem`"]);
    refused(&star, &["create", "File", "localhost:x"], 2).saying(&["star cp"]);
    refused(&star, &["create", "Star", "localhost:x"], 2).saying(&["made by Starlane itself"]);
}

#[test]
fn what_exists_is_not_made_twice() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    refused(&star, &["create", "Space", "localhost"], 6).saying(&["S0401", "localhost exists already", "star info"]);
    refused(&star, &["create", "Base", "localhost:files"], 6).saying(&["S0401", "as a FileSystem"]);
    refused(&star, &["create", "Base", "localhost:files", "--ensure"], 6).saying(&["S0401"]);
    star.unchanged_by(|| star.run(&["create", "FileSystem", "localhost:files", "--ensure"]).ok());
    refused(&star, &["create", "Base", "localhost:files", "--apply"], 6).saying(&["S0401", "keeps its kind"]);
    let apply = ["create", "FileSystem", "localhost:files", "-p", "title=Files", "--label", "env=prod", "--apply"];
    star.run(&apply).ok();
    star.unchanged_by(|| star.run(&apply).ok());
    refused(&star, &["create", "Base", "localhost:job-%", "--apply"], 2).saying(&["localhost:job-%", "--apply"]);
}

#[test]
fn a_parent_must_exist_and_must_be_able_to_hold_the_child() {
    let star = Star::start();
    refused(&star, &["create", "FileSystem", "nowhere:files"], 3).saying(&["S0302", "star create Space nowhere"]);
    star.run(&["create", "Space", "localhost"]).ok();
    refused(&star, &["create", "FileSystem", "localhost:a:files"], 3).saying(&["S0302", "localhost:a"]);
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    refused(&star, &["create", "Base", "localhost:files:b"], 6).saying(&["S0405", "FileSystem", "Space, Base"]);
    refused(&star, &["create", "Space", "localhost:inner"], 2).saying(&["no path of a Space"]);
}

#[test]
fn what_is_not_there_is_not_found_and_what_is_not_empty_stays() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "Base", "localhost:a"]).ok();
    star.run(&["create", "Base", "localhost:a:b"]).ok();
    refused(&star, &["info", "localhost:nothing"], 3).saying(&["S0301", "localhost:nothing"]);
    refused(&star, &["rm", "localhost:nothing"], 3).saying(&["S0301"]);
    refused(&star, &["rm", "localhost:a"], 6).saying(&["S0404", "star rm -r localhost:a"]);
    refused(&star, &["rm", "-r", "star"], 6).saying(&["S0406"]);
    refused(&star, &["get", "localhost:a#title"], 3).saying(&["S0304"]);
    refused(&star, &["set", "localhost:a#titel=x"], 2).saying(&["S0103", "`title`"]);
    refused(&star, &["set", "localhost:a#public=everyone"], 2).saying(&["S0103", "read"]);
    refused(&star, &["create"], 2);
    refused(&star, &["nonsense"], 2);
}

#[test]
fn errors_are_json_for_those_who_ask_for_it() {
    let star = Star::start();
    let ran = refused(&star, &["info", "localhost:nothing", "-o", "json"], 3);
    let error: serde_json::Value = serde_json::from_str(ran.stderr.trim()).unwrap_or_else(|_| panic!("no JSON: {ran}"));
    let error = if error["error"].is_object() { error["error"].clone() } else { error };
    assert_eq!(error["code"], "S0301", "{ran}");
    assert!(error["message"].is_string(), "{ran}");
}
