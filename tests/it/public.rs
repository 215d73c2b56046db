//! What strangers may see: nothing, but what says `#public=read` and what routes lead to.

use crate::support::{Star, hello_site};

#[test]
fn without_a_key_everything_is_closed() {
    let star = Star::start();
    hello_site(&star);
    star.unchanged_by(|| {
        for (method, target) in [
            ("GET", "/r/localhost:files:/readme.md"),
            ("HEAD", "/r/localhost:files:/readme.md"),
            ("PUT", "/r/localhost:files:/readme.md"),
            ("DELETE", "/r/localhost:files:/readme.md"),
            ("GET", "/r/localhost:files:/nothing.md"),
            ("GET", "/r/localhost:hello:1.0.0:/index.html"),
            ("POST", "/bundles/localhost:evil:1.0.0"),
            ("GET", "/metrics"),
        ] {
            let refused = star.stranger(method, target).body("x").send();
            assert_eq!(refused.status, 401, "{method} {target}: {refused}");
            assert!(refused.header("www-authenticate").is_some(), "{refused}");
        }
        for (method, input) in [
            ("Resources/Create", "{\"path\":\"evil\",\"kind\":\"Space\"}"),
            ("Resources/Info", "{\"path\":\"localhost\"}"),
            ("Resources/Set", "{\"path\":\"localhost\",\"properties\":{\"title\":\"evil\"}}"),
            ("Resources/Delete", "{\"path\":\"localhost\",\"recursive\":true}"),
            ("Resources/Tag", "{\"series\":\"localhost:hello\",\"tag\":\"latest\",\"version\":\"1.0.0\"}"),
            ("Messages/Ask", "{\"to\":\"localhost:app:greeter\",\"method\":\"greet\",\"json\":{\"name\":\"Eve\"}}"),
            ("Messages/Tell", "{\"to\":\"localhost:app:greeter\",\"method\":\"greet\",\"json\":{\"name\":\"Eve\"}}"),
            ("Stars/Status", "{}"),
        ] {
            let call = star.stranger("POST", &format!("/starlane.v1.{method}"));
            call.header("content-type", "application/json").body(input).send().is(401);
        }
    });
    // What cannot be seen is not told of either: an empty list, an empty log.
    let list = star.stranger("POST", "/starlane.v1.Resources/List").header("content-type", "application/json");
    let list = list.body("{\"selector\":\"localhost:**\"}").send();
    assert!(!list.text().contains("localhost:files"), "{list}");
    let events = star.stranger("GET", "/events?since=0").send();
    assert!(!events.text().contains("localhost"), "{events}");
    for open in ["/livez", "/readyz", "/version", "/"] {
        star.stranger("GET", open).send().is(200);
    }
    // Routes let visitors in, to what they lead to and no further.
    star.page("/files/readme.md").is(200);
    star.page("/hello/Ada").is(200);
}

#[test]
fn what_is_public_can_be_read_and_nothing_else() {
    let star = Star::start();
    hello_site(&star);
    let file = "/r/localhost:files:/readme.md";
    star.run(&["set", "localhost:files#public=read"]).ok();
    star.stranger("GET", file).send().is(200).showing(&["Read me"]);
    star.stranger("HEAD", file).send().is(200);
    star.unchanged_by(|| {
        star.stranger("PUT", file).body("evil").send().is(401);
        star.stranger("DELETE", file).send().is(401);
    });
    star.stranger("GET", "/r/localhost:hello:1.0.0:/index.html").send().is(401);
    // The nearest word counts: a file of a public FileSystem can be closed.
    star.run(&["set", "localhost:files:/readme.md#public=none"]).ok();
    star.stranger("GET", file).send().is(401);
    star.run(&["set", "--remove", "public", "localhost:files:/readme.md"]).ok();
    star.stranger("GET", file).send().is(200);
    star.run(&["set", "--remove", "public", "localhost:files"]).ok();
    star.stranger("GET", file).send().is(401);
    star.run(&["set", "localhost#public=read"]).ok();
    star.stranger("GET", file).send().is(200);
    star.stranger("GET", "/r/localhost:hello:latest:/index.html").send().is(200);
}

#[test]
fn a_key_comes_as_bearer_or_as_the_password_of_basic() {
    let star = Star::start();
    hello_site(&star);
    let file = format!("{}/r/localhost:files:/readme.md", star.api_url());
    let key = star.key();
    let basic = star.type_in(&format!("curl -s -u anybody:{key} {file}")).finish().ok();
    basic.printing(&["Read me"]);
    let wrong =
        star.type_in(&format!("curl -s -o /dev/null -w '%{{http_code}}' -u anybody:wrong {file}")).finish().ok();
    assert_eq!(wrong.stdout, "401");
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(star.data().join("admin.token")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner can read the key");
    assert!(!star.log().contains(&key), "the key stands in the log");
}

#[test]
fn who_logs_in_is_remembered_without_the_key_on_the_command_line() {
    let star = Star::start();
    star.write("key", star.key());
    let url = star.api_url();
    // As on another machine: no data directory to find the Star by.
    let away = "unset STAR_DATA; ";
    star.type_in(&format!("{away} star ls")).finish().fails(8).saying(&["star login URL"]);
    star.type_in(&format!("{away} echo wrong | star login {url} --token-stdin")).finish().fails(4).saying(&["S0201"]);
    star.type_in(&format!("{away} star login {url} --token-stdin < key")).finish().ok();
    star.type_in(&format!("{away} star create Space localhost && star whoami")).finish().ok();
    star.type_in(&format!("{away} star logout")).finish().ok();
    star.type_in(&format!("{away} star ls")).finish().fails(8);
}
