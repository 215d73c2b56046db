//! Resources as scripts keep them in order: applied, counted, labelled, listed, moved.

use crate::support::Star;

fn listed(star: &Star, arguments: &[&str]) -> Vec<String> {
    star.run(arguments).ok().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn a_script_that_applies_runs_again_and_again() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let apply = |title: &str| {
        let title = format!("title={title}");
        star.run(&["create", "FileSystem", "localhost:files", "-p", &title, "--label", "env=prod", "--apply"]).ok()
    };
    apply("One").saying(&["created localhost:files"]);
    star.unchanged_by(|| apply("One").saying(&["there already"]));
    apply("Two").saying(&["changed localhost:files"]);
    star.run(&["get", "localhost:files#title"]).ok().printing(&["Two"]);
    star.run(&["create", "FileSystem", "localhost:files", "-p", "title=Three", "--ensure"]).ok();
    star.run(&["get", "localhost:files#title"]).ok().printing(&["Two"]);
}

#[test]
fn counted_names_go_on_after_a_restart() {
    let mut star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let count = |star: &Star| {
        let made = star.run(&["create", "Base", "localhost:job-%", "-o", "json"]).ok().json();
        made["path"].as_str().expect("the answer says the path").to_owned()
    };
    let mut given = vec![count(&star), count(&star)];
    star.run(&["rm", &given[1]]).ok();
    star.kill_nine();
    star.restart();
    given.push(count(&star));
    let unique: std::collections::BTreeSet<_> = given.iter().collect();
    assert_eq!(unique.len(), 3, "{given:?}");
}

#[test]
fn what_has_a_label_is_listed_after_it_was_set_moved_and_removed() {
    let mut star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    for (name, env) in [("a", "prod"), ("b", "test"), ("c", "prod")] {
        let label = format!("env={env}");
        star.run(&["create", "Base", &format!("localhost:{name}"), "--label", &label]).ok();
    }
    let by_label = |star: &Star| listed(star, &["ls", "-r", "localhost", "--label", "env=prod"]);
    assert_eq!(by_label(&star), ["localhost:a", "localhost:c"]);
    star.run(&["set", "localhost:b", "--label", "env=prod"]).ok();
    star.run(&["mv", "localhost:a", "localhost:c:a"]).ok().saying(&["moved localhost:a to localhost:c:a"]);
    assert_eq!(by_label(&star), ["localhost:b", "localhost:c", "localhost:c:a"]);
    star.kill_nine();
    star.restart();
    assert_eq!(by_label(&star), ["localhost:b", "localhost:c", "localhost:c:a"]);
    star.run(&["rm", "-r", "localhost:c"]).ok();
    star.run(&["set", "localhost:b", "--remove", "labels.env"]).ok();
    assert!(by_label(&star).is_empty());
}

#[test]
fn a_move_keeps_the_bytes_and_says_what_names_the_former_path() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:site"]).ok();
    star.write("page.txt", "the page");
    star.write("routes.conf", "GET / -> localhost:site:/page.txt;\n");
    star.run(&["cp", "page.txt", "localhost:site:/docs/page.txt"]).ok();
    star.run(&["cp", "routes.conf", "localhost:site:/routes.conf"]).ok();
    star.run(&["set", "localhost#routes=localhost:site:/routes.conf"]).ok();
    star.run(&["mv", "localhost:site:/docs/page.txt", "localhost:site:/page.txt"]).ok();
    assert_eq!(star.page("/").is(200).text(), "the page");
    let moved = star.run(&["mv", "localhost:site", "localhost:pages"]).ok();
    moved.saying(&["localhost#routes still names localhost:site:/routes.conf", "(5 resources)"]);
    star.run(&["cat", "localhost:pages:/page.txt"]).ok().printing(&["the page"]);
    star.run(&["cat", "localhost:site:/page.txt"]).fails(3);
    let told = star.run(&["events", "--since", "0", "--type", "moved", "-o", "jsonl"]).ok().json_lines();
    let at: Vec<_> = told.iter().filter_map(|event| event["path"].as_str()).collect();
    let file = ["localhost:site:/docs/page.txt", "localhost:site:/page.txt"];
    assert_eq!(at, [file[0], file[1], "localhost:site", "localhost:pages"]);
}

#[test]
fn a_move_that_cannot_be_is_refused_with_what_would_do() {
    let star = Star::start();
    for space in ["localhost", "other"] {
        star.run(&["create", "Space", space]).ok();
    }
    star.run(&["create", "Base", "localhost:a"]).ok();
    star.run(&["mv", "localhost:a", "other:a"]).fails(2).saying(&["cannot leave its Space", "star cp -r"]);
    star.run(&["mv", "localhost:a", "localhost:a:b"]).fails(2).saying(&["into itself"]);
    star.run(&["mv", "localhost:none", "localhost:b"]).fails(3);
    star.unchanged_by(|| star.run(&["mv", "localhost:a", "localhost:b", "--dry-run"]).ok());
}
