//! The texts that people get to see for mistakes in routes and documents, word for word.
//!
//! Each file under `golden/` holds inputs with what is said about them. `UPDATE_GOLDEN=1` writes
//! the files anew; read the difference before it is kept.

use std::fmt::Write as _;
use std::path::Path;

use star_kinds::config::{App, Bind, Bundle, Mechtron, Scope, TextError};
use star_kinds::routes::{RouteTable, Warning};
use star_path::ResourcePath;

/// Compares what was said about all cases of a file with what the file holds.
fn check(name: &str, cases: &[(&str, &str)], say: impl Fn(&str) -> String) {
    let mut said = String::new();
    for (title, input) in cases {
        let answer = say(input);
        let shown = input.trim_end().replace('\u{1b}', "\\u{1b}");
        write!(said, "=== {title}\n{shown}\n--- says\n{answer}\n\n").expect("a string takes all");
    }
    let file =
        Path::new(&std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, &said).expect("the golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&file).expect("the golden file is there; UPDATE_GOLDEN=1 makes it");
    assert_eq!(said, golden, "{name} differs; UPDATE_GOLDEN=1 writes it anew");
}

fn scope() -> Scope {
    let bundle = ResourcePath::parse("acme:hello:1.0.0").expect("a path");
    let own = ResourcePath::parse("acme:app:greeter").expect("a path");
    Scope::of_bundle(&bundle).for_resource(&own)
}

fn refused<T>(read: Result<T, TextError>) -> String {
    match read {
        Ok(_) => "nothing: it is accepted".to_owned(),
        Err(error) => format!("{error}\n\n{}", error.excerpt()),
    }
}

#[test]
fn mistakes_in_routes_are_shown() {
    check("routes.txt", ROUTES, |text| refused(RouteTable::parse("routes.conf", text, &scope())));
}

#[test]
fn rules_that_no_request_reaches_are_shown() {
    check("routes-warnings.txt", WARNINGS, |text| {
        let table = RouteTable::parse("routes.conf", text, &scope()).expect("the routes are in order");
        let warnings: Vec<String> = table.check().iter().map(Warning::excerpt).collect();
        if warnings.is_empty() { "nothing".to_owned() } else { warnings.join("\n") }
    });
}

#[test]
fn mistakes_in_a_bundle_document_are_shown() {
    check("bundle.txt", BUNDLE, |text| refused(Bundle::parse(text)));
}

#[test]
fn mistakes_in_an_app_document_are_shown() {
    check("app.txt", APP, |text| refused(App::parse(text, &scope())));
}

#[test]
fn mistakes_in_a_mechtron_document_are_shown() {
    check("mechtron.txt", MECHTRON, |text| refused(Mechtron::parse(text, &scope())));
}

#[test]
fn mistakes_in_a_bind_document_are_shown() {
    check("bind.txt", BIND, |text| refused(Bind::parse(text, &scope())));
}

const ROUTES: &[(&str, &str)] = &[
    ("a missing semicolon", "GET / -> acme:site:latest:/index.html\nGET /a -> acme:site:latest:/a;"),
    ("a missing semicolon at the end", "GET / -> acme:site:latest:/index.html cache=60s\n"),
    ("a missing arrow", "GET / acme:site:latest:/index.html;"),
    ("an arrow without blanks", "GET /a->acme:site:latest:/a;"),
    ("a rule that ends early", "GET /a ->;"),
    ("a file that ends early", "GET /a ->\n"),
    ("a misspelled method", "GTE / -> status 404;"),
    ("a method in small letters", "get|PUT / -> status 404;"),
    ("no method", "/a -> status 404;"),
    ("a pattern without a slash", "GET docs/{p} -> acme:docs:/{p};"),
    ("a regular expression without a tilde", "GET ^/files/(.*)$ -> acme:files:/$1;"),
    ("a broken regular expression", "GET ~ /files/(.* -> acme:files:/$1;"),
    ("a regular expression that closes what it did not open", "GET ~ /a)|(/b -> acme:files:/x;"),
    ("a regular expression that is too large", "GET ~ /((a{100}){100}){100} -> acme:files:/x;"),
    ("a query in a pattern", "GET /search?q={q} -> acme:search;"),
    ("dots in a pattern", "GET /a/../b -> acme:site:/b;"),
    ("two captures in a segment", "GET /{a}-{b} -> acme:site:/{a};"),
    ("a capture of the rest that is not the last", "GET /{*p}/x -> acme:site:/{p};"),
    ("a capture of the rest inside of a segment", "GET /v{*p} -> acme:site:/{p};"),
    ("a capture twice", "GET /{a}/{a} -> acme:site:/{a};"),
    ("a bad name of a capture", "GET /{User-Id} -> acme:site:/x;"),
    ("an open brace", "GET /{a -> acme:site:/x;"),
    ("an unknown capture in the target", "GET /{path} -> acme:site:latest:/{pth};"),
    ("an unknown group in the target", "GET ~ /files/(.*) -> acme:files:/$2;"),
    ("a malformed path", "GET /{p} -> acme:we_b/{p};"),
    ("capital letters in a path", "GET /{p} -> Acme:web:/{p};"),
    ("dots in the target", "GET /{p} -> acme:web:/../{p};"),
    ("a target with a property", "GET / -> acme:web#bind;"),
    ("a target on another Star", "GET /hub/{space}/{name} -> hub::{space}:{name}:latest:/index.html;"),
    ("a Space as target", "GET / -> redirct 308 /docs/;"),
    ("an unknown variable", "GET / -> ${bundel}:/index.html;"),
    ("core outside of a bind", "GET / -> core;"),
    ("a proxy", "* /blog/{*p} -> proxy acme:wordpress ^/{p};"),
    ("a rewrite of a file", "GET /{*p} -> acme:site:/{p} ^/{p};"),
    ("a rewrite without a slash", "GET /{*p} -> acme:app ^ GET {p};"),
    ("an odd redirect", "GET /a -> redirect 300 /b;"),
    ("a redirect to a host that visitors choose", "GET /{h} -> redirect https://{h}/;"),
    ("a redirect to a host that visitors complete", "GET /{h} -> redirect https://example.com{h};"),
    ("a redirect to another scheme", "GET /a -> redirect javascript:alert(1);"),
    ("a redirect to nowhere", "GET /a -> redirect //example.com/;"),
    ("an odd status", "GET /a -> status 99;"),
    ("an unknown option", "GET / -> acme:site:/ indx=index.html;"),
    ("an option without a value", "GET / -> acme:site:/ index;"),
    ("an option twice", "GET / -> acme:site:/x cache=1s cache=2s;"),
    ("an option that does nothing", "GET / -> acme:app index=index.html;"),
    ("an option of a redirect", "GET / -> redirect /a cache=1y;"),
    ("a span of time without a unit", "GET / -> acme:site:/x cache=60;"),
    ("too long a span of time", "GET / -> acme:site:/x cache=10y;"),
    ("a size with an unknown unit", "PUT /x -> acme:files:/x limit=20megs;"),
    ("a timeout with a unit", "GET / -> acme:app timeout=2s;"),
    ("an index with directories", "GET / -> acme:site:/ index=a/b.html;"),
    ("a header that belongs to the connection", "GET / -> acme:site:/x header.Transfer-Encoding=chunked;"),
    ("an open quote", "GET / -> acme:site:/x header.X-A=\"b;\n"),
    ("authentication", "PUT /files/{*p} -> acme:files:/{p} auth=acme:users limit=20MiB;"),
    ("a session", "GET /@{user}/picture -> acme:app:profiles:{user} session;"),
    ("a role", "* /admin/{*p} -> acme:admin-app ^/{p} role=acme:roles:admin;"),
    ("a rate", "POST /hook/{name} -> acme:hooks:{name} rate=10/s;"),
    ("an option of the next line, behind others", "# first\n\n  GET / -> acme:site:/x\n     cache=1s\n     spaa=x;"),
    ("control characters and wide ones", "GET /\u{1b}[31m漢字 -> status 404;"),
];

const WARNINGS: &[(&str, &str)] = &[
    ("nothing to say", "GET / -> acme:site:/a;\nGET /{a} -> acme:site:/{a};\nPOST /{a} -> acme:app;\n"),
    ("a duplicate", "GET /a -> acme:site:/a;\n\nGET /a -> acme:site:/b;\n"),
    ("behind a catch-all", "* /{*p} -> status 404;\nGET /a -> acme:site:/a;\nGET ~ /x.* -> acme:site:/x;\n"),
    ("behind a wider rule", "GET /docs/{*p} -> acme:docs:/{p};\nHEAD /docs/{a}/b -> acme:docs:/b;\n"),
    ("behind two rules together", "GET /{a} -> acme:a;\nPUT /{b} -> acme:a;\nGET|PUT /x -> acme:b;\n"),
    ("an affix inside of a wider one", "GET /@{u} -> acme:a;\nGET /@x{u}y -> acme:b;\nGET /{u} -> acme:c;\n"),
    ("the same regular expression", "GET ~ /a/.* -> acme:a;\nGET ~ /a/.* -> acme:b;\n"),
];

const BUNDLE: &[(&str, &str)] = &[
    ("nothing", ""),
    ("a list", "- schema: 1\n"),
    ("no schema", "name: hello\n"),
    ("another schema", "schema: 2\nname: hello\n"),
    ("a schema that is text", "schema: one\nname: hello\n"),
    ("no name", "schema: 1\n"),
    ("a name of no resource", "schema: 1\nname: My Bundle\n"),
    ("a misspelled key", "schema: 1\nname: hello\nautors: [ Ada ]\n"),
    ("an unknown key", "schema: 1\nname: hello\nprice: 5\n"),
    ("a key twice", "schema: 1\nname: hello\nname: world\n"),
    ("text where a list is expected", "schema: 1\nname: hello\nauthors: Ada\n"),
    ("a mapping where text is expected", "schema: 1\nname: hello\ndescription: { a: 1 }\n"),
    ("a picture outside", "schema: 1\nname: hello\nimage: ../logo.png\n"),
    ("a broken document", "schema: 1\nname: [ hello\n"),
    ("a tab", "schema: 1\nname:\n\thello: 1\n"),
    ("an anchor", "schema: 1\nname: &n hello\ndescription: *n\n"),
    ("a merge key", "schema: 1\nname: hello\n<<: { description: x }\n"),
    ("two documents", "schema: 1\nname: hello\n---\nschema: 1\n"),
    ("a tag", "schema: 1\nname: !secret hello\n"),
];

const APP: &[(&str, &str)] = &[
    ("no main", "schema: 1\n"),
    ("main is a directory", "schema: 1\nmain: \"${bundle}:/mechtrons/\"\n"),
    ("main is no file", "schema: 1\nmain: acme:app\n"),
    ("main has an unknown variable", "schema: 1\nmain: \"${bunde}:/mechtron.yaml\"\n"),
    ("main is malformed", "schema: 1\nmain: \"acme:hello:latest:/a b.yaml\"\n"),
    ("main is on another Star", "schema: 1\nmain: \"hub::acme:hello:latest:/mechtron.yaml\"\n"),
    ("requirements", "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\nrequires: { db: Database }\n"),
    (
        "an installation",
        "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\ninstall:\n  - ensure: { path: \"${self}:files\", kind: FileSystem }\n",
    ),
];

const MECHTRON: &[(&str, &str)] = &[
    ("no wasm", "schema: 1\nname: greeter\nbind: \"${bundle}:/bind.yaml\"\n"),
    ("no bind", "schema: 1\nname: greeter\nwasm: \"${bundle}:/a.wasm\"\n"),
    (
        "state in files",
        "schema: 1\nname: greeter\nwasm: \"${bundle}:/a.wasm\"\nbind: \"${bundle}:/bind.yaml\"\nstate: file\n",
    ),
    (
        "state of an unknown kind",
        "schema: 1\nname: greeter\nwasm: \"${bundle}:/a.wasm\"\nbind: \"${bundle}:/bind.yaml\"\nstate: non\n",
    ),
    (
        "config with a list",
        "schema: 1\nname: greeter\nwasm: \"${bundle}:/a.wasm\"\nbind: \"${bundle}:/bind.yaml\"\nconfig: { a: [ 1 ] }\n",
    ),
    (
        "config with an open variable",
        "schema: 1\nname: greeter\nwasm: \"${bundle}:/a.wasm\"\nbind: \"${bundle}:/bind.yaml\"\nconfig: { a: \"${self\" }\n",
    ),
];

const BIND: &[(&str, &str)] = &[
    ("routes to elsewhere", "schema: 1\nhttp: |\n  GET /hello/{name} -> core;\n  GET /x -> acme:site:/x;\n"),
    ("a mistake in routes", "schema: 1\nhttp: |\n  GET /hello/{name} -> core;\n  POST /upload -> core limt=20MiB;\n"),
    ("authentication in routes", "schema: 1\nhttp: |\n  POST /upload -> core limit=20MiB auth=acme:users;\n"),
    ("a mistake in routes on one line", "schema: 1\nhttp: GET /hello -> cor;\n"),
    ("a name of no message", "schema: 1\nmessages:\n  Greet: {}\n"),
    ("a message of Starlane's own", "schema: 1\nmessages:\n  star.info: {}\n"),
    ("a schema that is no file", "schema: 1\nmessages:\n  greet: { in: acme:hello }\n"),
    ("a message by way of others", "schema: 1\nmessages:\n  greet: { via: [ \"acme:auth:check\" ] }\n"),
    ("watches", "schema: 1\nwatches: [ \"acme:files:/inbox/**\" ]\n"),
    ("hooks", "schema: 1\nartifacts: { push: [ \"acme:bundle:*\" ] }\n"),
    ("a call without verbs", "schema: 1\ncalls:\n  - { to: \"acme:files:**\" }\n"),
    ("a call with no verb", "schema: 1\ncalls:\n  - { to: \"acme:files:**\", can: [] }\n"),
    ("a call with a misspelled verb", "schema: 1\ncalls:\n  - { to: \"acme:files:**\", can: [ raed ] }\n"),
    ("a call that asks", "schema: 1\ncalls:\n  - { to: \"acme:files:**\", can: [ ask ] }\n"),
    ("a call with a verb of later", "schema: 1\ncalls:\n  - { to: \"acme:db\", can: [ sql.read ] }\n"),
    ("a call with a broken selector", "schema: 1\ncalls:\n  - { to: \"acme:fi les:**\", can: [ read ] }\n"),
    ("a call to another Star", "schema: 1\ncalls:\n  - { to: \"hub::acme:files:**\", can: [ read ] }\n"),
    ("a misspelled limit", "schema: 1\nlimits: { respond: 2000 }\n"),
    ("too long", "schema: 1\nlimits: { respond_ms: 120000 }\n"),
    ("computing longer than responding", "schema: 1\nlimits: { respond_ms: 100, exec_ms: 200 }\n"),
    ("memory without a unit that exists", "schema: 1\nlimits: { memory: 64MIB }\n"),
    ("too much memory", "schema: 1\nlimits: { memory: 4GiB }\n"),
    ("no calls at all", "schema: 1\nlimits: { concurrent: 0 }\n"),
    ("an unknown reaction", "schema: 1\non_limit: restrat\n"),
];
