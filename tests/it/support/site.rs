//! A Star with something on it: the site of the quick start.

use serde_json::json;

use super::http::Answer;
use super::places::checkout;
use super::star::Star;

/// Puts the site of the quick start on a Star.
pub(crate) fn hello_site(star: &Star) {
    let hello = checkout().join("bundles/hello");
    let hello = hello.to_str().expect("the checkout has a plain name");
    star.write("readme.md", "# Read me\n");
    for command in [
        &["create", "Space", "localhost"][..],
        &["create", "FileSystem", "localhost:files"],
        &["cp", "readme.md", "localhost:files:/readme.md"],
        &["publish", hello, "localhost:hello:1.0.0", "--tag", "latest"],
        &["create", "App", "localhost:app", "--from", "localhost:hello:1.0.0:/app.yaml"],
        &["set", "localhost#routes=localhost:hello:latest:/routes.conf"],
    ] {
        star.run(command).ok();
    }
}

/// Asks the greeter of that site.
pub(crate) fn greet(star: &Star, name: &str) -> Answer {
    let message = json!({ "to": "localhost:app:greeter", "method": "greet", "json": { "name": name } });
    star.call("Messages/Ask", &message)
}
