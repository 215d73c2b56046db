//! Two Spaces on one Star know nothing of each other, however busy the other is.

use serde_json::json;

use crate::support::{Bundle, Star};

const SPACES: [&str; 2] = ["one.example", "two.example"];

/// Turns of each of the clients.
const TURNS: usize = 25;

#[test]
fn two_spaces_do_not_disturb_each_other() {
    let star = Star::start();
    for space in SPACES {
        let bundle = space.replace('.', "-");
        Bundle::new(&star, &bundle)
            .with("page.txt", format!("the page of {space}"))
            .with("routes.conf", "GET / -> ${bundle}:/page.txt;\nGET /f/{*p} -> ${self}:files:/{p};\n");
        star.run(&["create", "Space", space]).ok();
        star.run(&["create", "FileSystem", &format!("{space}:files")]).ok();
        star.run(&["publish", &bundle, &format!("{space}:site:1.0.0"), "--tag", "latest"]).ok();
        star.run(&["set", &format!("{space}#routes={space}:site:latest:/routes.conf")]).ok();
    }
    std::thread::scope(|scope| {
        for space in SPACES {
            for client in 0..2 {
                let star = &star;
                scope.spawn(move || {
                    for turn in 0..TURNS {
                        busy(star, space, client, turn);
                    }
                });
            }
        }
    });
    for (space, other) in [(SPACES[0], SPACES[1]), (SPACES[1], SPACES[0])] {
        let files = star.run(&["ls", &format!("{space}:files:/**"), "-o", "jsonl"]).ok().stdout;
        assert_eq!(files.matches(".txt\"").count(), 2 * TURNS, "{files}");
        assert!(!files.contains(other));
        let events = star.run(&["events", "--since", "0", "--select", &format!("{space}:**"), "-o", "jsonl"]).ok();
        assert!(!events.stdout.contains(other), "{space} hears of {other}");
        // The revisions of a Space have no gaps, whatever the other one does.
        let mut revisions: Vec<u64> = events.json_lines().iter().map(|event| number(&event["revision"])).collect();
        revisions.dedup();
        assert!(revisions.windows(2).all(|pair| pair[1] == pair[0] + 1), "{space}: {revisions:?}");
    }
    star.run(&["rm", "-r", SPACES[0]]).ok();
    star.web("GET", "/").host(SPACES[0]).send().is(404);
    star.web("GET", "/").host(SPACES[1]).send().is(200).showing(&["the page of two.example"]);
}

/// Revisions are numbers of 64 bits, which JSON carries as text.
fn number(value: &serde_json::Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or_else(|| panic!("{value} is no number"))
}

/// Writes, reads and visits one Space.
fn busy(star: &Star, space: &str, client: usize, turn: usize) {
    let name = format!("c{client}-t{turn}.txt");
    let text = format!("{space} {client} {turn}");
    star.api("PUT", &format!("/r/{space}:files:/{name}")).body(text.clone()).send().is(201);
    star.call("Resources/Set", &json!({ "path": space, "properties": { "title": text } })).is(200);
    assert_eq!(star.web("GET", &format!("/f/{name}")).host(space).send().is(200).text(), text);
    let page = star.web("GET", "/").host(space).send().is(200);
    assert_eq!(page.text(), format!("the page of {space}"));
}

#[test]
fn a_page_of_one_space_cannot_lead_into_another() {
    let star = Star::start();
    for space in SPACES {
        star.run(&["create", "Space", space]).ok();
        star.run(&["create", "FileSystem", &format!("{space}:files")]).ok();
        star.api("PUT", &format!("/r/{space}:files:/a.txt")).body("a secret").send().is(201);
    }
    let routes = "GET /{*p} -> two.example:files:/{p};\n";
    star.api("PUT", "/r/one.example:files:/routes.conf").body(routes).send().is(201);
    star.run(&["set", "one.example#routes=one.example:files:/routes.conf"]).ok();
    let page = star.web("GET", "/a.txt").host(SPACES[0]).send().is(404);
    assert!(!page.text().contains("a secret"));
    star.run(&["set", "two.example:files#public=read"]).ok();
    star.web("GET", "/a.txt").host(SPACES[0]).send().is(200).showing(&["a secret"]);
}
