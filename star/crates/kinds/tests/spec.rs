//! The examples that the languages of routes and documents were designed by.
//!
//! What this release acts on is accepted; what it does not is refused by name, never ignored.

use std::path::Path;

use star_kinds::config::{App, Bind, Bundle, Mechtron, Scope, TextError, TextErrorKind};
use star_kinds::routes::{Destination, RouteTable};
use star_path::ResourcePath;

const AVAILABLE: &str = "
GET       /                      -> acme:site:latest:/index.html cache=60s;
GET       /assets/{*p}           -> acme:site:latest:/assets/{p} cache=1y;
GET       /docs/{*p}             -> acme:docs:(^2):/{p} index=index.html;
GET       /files/{*p}            -> acme:files:/{p};
PUT       /files/{*p}            -> acme:files:/{p} limit=20MiB;
GET       ~ /files/(.*)          -> localhost:my-files:/$1;
*         /app/{*rest}           -> acme:my-app:main ^/{rest} timeout=2000;
POST      /hook/{name}           -> acme:hooks:{name};
GET       /@{user}/picture       -> acme:app:profiles:{user};
GET       /old/{*p}              -> redirect 308 /docs/{p};
*         /{*p}                  -> status 404;
";

const LATER: [&str; 6] = [
    "PUT       /files/{*p}            -> acme:files:/{p} auth=acme:users limit=20MiB;",
    "POST      /hook/{name}           -> acme:hooks:{name} rate=10/s;",
    "GET       /@{user}/picture       -> acme:app:profiles:{user} session;",
    "*         /admin/{*p}            -> acme:admin-app ^/{p} auth=acme:users role=acme:roles:admin;",
    "*         /blog/{*p}             -> proxy acme:wordpress ^/{p};",
    "GET       /hub/{space}/{name}    -> hub::{space}:{name}:latest:/index.html;",
];

fn scope() -> Scope {
    let bundle = ResourcePath::parse("acme:hello:1.0.0").expect("a path");
    let own = ResourcePath::parse("acme:app").expect("a path");
    Scope::of_bundle(&bundle).for_resource(&own)
}

#[test]
fn the_routes_of_the_design_lead_where_they_say() {
    let table =
        RouteTable::parse("routes.conf", AVAILABLE, &scope()).unwrap_or_else(|error| panic!("{}", error.excerpt()));
    for (method, path, expected) in [
        ("GET", "/", "acme:site:latest:/index.html"),
        ("HEAD", "/assets/css/main.css", "acme:site:latest:/assets/css/main.css"),
        ("GET", "/docs/", "acme:docs:(^2):/"),
        ("PUT", "/files/a%20b.txt", "acme:files:/a%20b.txt"),
        ("POST", "/hook/push", "acme:hooks:push"),
        ("GET", "/@ada/picture", "acme:app:profiles:ada"),
    ] {
        let matched = table.find(method, path).expect("a good path").expect("a rule");
        let destination = matched.target().expect("a destination");
        let Destination::Resource { path: found, rewrite: None } = destination else { panic!("{destination:?}") };
        assert_eq!(found.as_str(), expected, "{method} {path}");
    }
    let matched = table.find("DELETE", "/app/a/b").expect("a good path").expect("a rule");
    let rewritten = Destination::Resource {
        path: ResourcePath::parse("acme:my-app:main").expect("a path"),
        rewrite: Some((None, "/a/b".to_owned())),
    };
    assert_eq!(matched.target(), Ok(rewritten));
    let matched = table.find("GET", "/nowhere").expect("a good path").expect("a rule");
    assert_eq!(matched.target(), Ok(Destination::Status(404)));
    let shadowed: Vec<usize> = table.check().iter().map(|warning| warning.line()).collect();
    assert!(shadowed.is_empty(), "{shadowed:?}");
}

#[test]
fn routes_of_later_releases_are_refused_by_name() {
    for rule in LATER {
        let error = RouteTable::parse("routes.conf", rule, &scope()).expect_err(rule);
        assert_eq!(error.kind(), TextErrorKind::NotAvailable, "{error}");
    }
}

#[test]
fn the_documents_of_the_design_are_read() {
    let bundle = "# bundle.yaml
schema: 1
name: my-favorite-mechtron
description: Greets people
authors: [ \"Scott <scott@mightydevco.com>\" ]
image: logo.png
keywords: [ greeting, example ]
";
    assert_eq!(Bundle::parse(bundle).map(|bundle| bundle.name), Ok("my-favorite-mechtron".to_owned()));

    let mechtron = "# mechtron.yaml
schema: 1
wasm: \"${bundle}:/Mechtron.wasm\"
name: greeter                 # one module may hold several
bind: \"${bundle}:/bind.yaml\"
state: none                   # none | file | replicated
config: { greeting: Hello, times: 2, files: \"${self}:files\", price: \"5$${\" }
";
    let mechtron = Mechtron::parse(mechtron, &scope()).unwrap_or_else(|error| panic!("{}", error.excerpt()));
    assert_eq!(mechtron.wasm.as_str(), "acme:hello:1.0.0:/Mechtron.wasm");
    let config: Vec<(&str, &str)> = mechtron.config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    assert_eq!(config, [("files", "acme:app:files"), ("greeting", "Hello"), ("price", "5${"), ("times", "2")]);

    let app = App::parse("schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\n", &scope());
    assert_eq!(app.map(|app| app.main.to_string()), Ok("acme:hello:1.0.0:/mechtron.yaml".to_owned()));
}

#[test]
fn keys_of_later_releases_are_refused_by_name() {
    let app = "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\n";
    for key in ["requires: { db: Database }", "install: []"] {
        let error = App::parse(&format!("{app}{key}\n"), &scope()).expect_err(key);
        assert_eq!(error.kind(), TextErrorKind::NotAvailable, "{error}");
    }
    for key in [
        "watches: [ \"acme:files:/inbox/**\" ]",
        "artifacts: { push: [ \"acme:bundle:*\" ], fetch: [] }",
        "messages: { greet: { via: [ \"acme:auth:check\" ] } }",
        "calls: [ { to: \"acme:db\", can: [ sql.read ] } ]",
    ] {
        let error = Bind::parse(&format!("schema: 1\n{key}\n"), &scope()).expect_err(key);
        assert_eq!(error.kind(), TextErrorKind::NotAvailable, "{error}");
    }
}

/// Bundles of this repository, each with a name for its resources.
const SHIPPED: [&str; 2] = ["bundles/hello", "examples/wasi-http/bundle"];

#[test]
fn the_bundles_of_this_repository_are_read_without_a_warning() {
    for folder in SHIPPED {
        let root =
            Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../..").join(folder);
        let read = |name: &str| {
            std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{folder}/{name}: {error}"))
        };
        accepted(folder, Bundle::parse(&read("bundle.yaml")));
        accepted(folder, App::parse(&read("app.yaml"), &scope()));
        accepted(folder, Mechtron::parse(&read("mechtron.yaml"), &scope()));
        accepted(folder, Bind::parse(&read("bind.yaml"), &scope()));
        let routes = accepted(folder, RouteTable::parse("routes.conf", &read("routes.conf"), &scope()));
        assert!(routes.check().is_empty(), "{folder}: {:?}", routes.check());
    }
}

fn accepted<T>(folder: &str, read: Result<T, TextError>) -> T {
    read.unwrap_or_else(|error| panic!("{folder}: {}", error.excerpt()))
}
