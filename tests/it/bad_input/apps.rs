//! Apps whose component is missing, is none, or wants what nobody offers.

use crate::support::{Bundle, Star, guest};

const BIND: &str = "messages: { knock: {} }\n";

/// Publishes a bundle and tries to make an App from it, which must fail and leave nothing.
fn refused(star: &Star, bundle: &Bundle, code: i32, parts: &[&str]) {
    let name = bundle.name();
    star.run(&["publish", name, &format!("localhost:{name}:1.0.0")]).ok();
    let app = format!("localhost:app-{name}");
    let from = format!("localhost:{name}:1.0.0:/app.yaml");
    star.unchanged_by(|| star.run(&["create", "App", &app, "--from", &from]).fails(code).saying(parts));
    star.run(&["info", &app]).fails(3);
}

#[test]
fn an_app_is_made_from_a_component_that_can_run_or_not_at_all() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let misbehaving = guest("misbehaving");

    let missing = Bundle::mechtron(&star, "missing", &misbehaving, BIND).without("main.wasm");
    refused(&star, &missing, 2, &["S0109", "main.wasm", "does not exist", "mechtron.yaml"]);

    let text = Bundle::mechtron(&star, "text", &misbehaving, BIND).with("main.wasm", "this is no component");
    refused(&star, &text, 2, &["S0109", "main.wasm"]);

    // A core module, which is WASM and yet no component.
    let module = Bundle::mechtron(&star, "module", &misbehaving, BIND).with("main.wasm", b"\0asm\x01\0\0\0");
    refused(&star, &module, 2, &["S0109", "component"]);

    let stranger = Bundle::mechtron(&star, "stranger", &guest("stranger"), BIND);
    refused(&star, &stranger, 2, &["S0109", "acme:vault/secrets"]);

    let silent = Bundle::mechtron(&star, "silent", &guest("wasi-http"), BIND);
    refused(&star, &silent, 2, &["S0109", "messages", "export"]);
}

#[test]
fn an_app_is_made_from_documents_without_mistakes() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let misbehaving = guest("misbehaving");

    let bind = Bundle::mechtron(&star, "bind", &misbehaving, "limits: { respond: 2000 }\n");
    refused(&star, &bind, 2, &["S0104", "bind.yaml", "`respond_ms`", "^^^^^^^"]);

    let lost = Bundle::mechtron(&star, "lost", &misbehaving, BIND).without("bind.yaml");
    refused(&star, &lost, 3, &["bind.yaml"]);

    let main = Bundle::mechtron(&star, "mainless", &misbehaving, BIND).with("app.yaml", "schema: 1\n");
    refused(&star, &main, 2, &["S0104", "`main`"]);

    let schema =
        Bundle::mechtron(&star, "schema", &misbehaving, "messages: { knock: { in: \"${bundle}:/in.json\" } }\n");
    let schema = schema.with("in.json", "{ \"type\": \"nonsense\" }");
    refused(&star, &schema, 2, &["S0104", "in.json"]);

    star.unchanged_by(|| star.run(&["create", "App", "localhost:none"]).fails(2).saying(&["--from"]));
    star.unchanged_by(|| {
        star.run(&["create", "App", "localhost:none", "--from", "localhost:bind:2.0.0:/app.yaml"]).fails(3)
    });
}
