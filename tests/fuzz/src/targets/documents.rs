//! The documents that people write: those of bundles, and the amounts in them.
//!
//! The first byte of an input chooses the document. What is refused is shown with a caret inside the
//! text; what is read keeps to the limits that the page about documents promises; amounts print
//! themselves.

use star_kinds::config::quantity::parse_duration;
use star_kinds::config::{App, Bind, Bundle, ByteSize, DocumentFile, Mechtron, Scope, TextError};
use star_kinds::limits;
use star_path::{ResourcePath, Template, ordinary_name};

use crate::check;

/// A byte that chooses, and a text.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let Some(text) = check::text(data) else { return };
    let bundle = ResourcePath::parse("acme:site:1.0.0").expect("a constant that is a path");
    let scope = Scope::of_bundle(&bundle).checking();
    match choice % 8 {
        0 => of_bundle(text),
        1 => of_app(text, &scope),
        2 => of_mechtron(text, &scope),
        3 | 4 => of_bind(text, &scope),
        5 => amounts(text),
        6 => named(text, &scope),
        _ => outside(text),
    }
}

/// What was read, after a look at what was refused.
fn read<T>(result: Result<T, TextError>, text: &str) -> Option<T> {
    result.map_err(|error| check::text_complaint(&error, text)).ok()
}

fn of_bundle(text: &str) {
    let Some(bundle) = read(Bundle::parse(text), text) else { return };
    assert!(ordinary_name(&bundle.name) && bundle.name.len() <= limits::NAME_BYTES, "{:?}", bundle.name);
    for list in [&bundle.authors, &bundle.keywords] {
        assert!(list.len() <= limits::PROSE_ENTRIES && list.iter().all(|text| text.len() <= limits::PROSE_BYTES));
    }
    assert!(bundle.description.is_none_or(|text| text.len() <= limits::PROSE_BYTES));
    let root = ResourcePath::parse("acme:b:1.0.0").expect("a constant that is a path");
    if let Some(image) = bundle.image {
        let path = root.with_files(&format!("/{image}")).expect("an image is the name of a file");
        assert!(path.is_within(&root) && !path.is_directory());
    }
}

fn of_app(text: &str, scope: &Scope) {
    if let Some(app) = read(App::parse(text, scope), text) {
        file(&app.main);
    }
}

fn of_mechtron(text: &str, scope: &Scope) {
    let Some(mechtron) = read(Mechtron::parse(text, scope), text) else { return };
    file(&mechtron.wasm);
    file(&mechtron.bind);
    assert!(ordinary_name(&mechtron.name));
    assert!(mechtron.config.len() <= limits::CONFIG_ENTRIES);
    for (key, value) in &mechtron.config {
        assert!((1..=limits::NAME_BYTES).contains(&key.len()) && value.len() <= limits::CONFIG_VALUE_BYTES);
    }
}

fn of_bind(text: &str, scope: &Scope) {
    let Some(bind) = read(Bind::parse(text, scope), text) else { return };
    assert!(bind.messages.len() <= limits::BIND_MESSAGES && bind.calls.len() <= limits::BIND_CALLS);
    for (method, contract) in &bind.messages {
        assert!(!method.is_built_in());
        contract.input.iter().chain(&contract.output).for_each(file);
    }
    let of = bind.limits;
    assert!(of.exec <= of.respond && of.respond <= limits::RESPOND_MAX && of.exec <= limits::EXEC_MAX);
    assert!((limits::MEMORY_MIN..=limits::MEMORY_MAX).contains(&of.memory) && of.reply <= limits::REPLY_MAX);
    assert!((1..=limits::CONCURRENT_MAX).contains(&of.concurrent));
    if let Some(http) = bind.http {
        drop(http.check());
        drop(http.find("GET", "/a/b"));
    }
}

/// A path of a document names a file.
fn file(path: &ResourcePath) {
    check::prints_itself(path, ResourcePath::parse);
    assert!(path.files().is_some() && !path.is_directory(), "{path} is no file");
}

fn amounts(text: &str) {
    if let Ok(size) = text.parse::<ByteSize>() {
        check::prints_itself(&size, str::parse::<ByteSize>);
    }
    if let Ok(time) = parse_duration(text) {
        assert_eq!(parse_duration(&format!("{}ms", time.as_millis())), Ok(time));
    }
    for template in [Template::route(text), Template::document(text)] {
        match template {
            Err(error) => check::complaint(&error, text),
            Ok(template) => check::prints_itself(&template, |text| Template::parse(text, template.syntax())),
        }
    }
}

/// The first line is the name of the document.
fn named(text: &str, scope: &Scope) {
    let (name, text) = text.split_once('\n').unwrap_or((text, ""));
    if let Some(document) = DocumentFile::of(name)
        && let Some(warnings) = read(document.check(name, text, scope), text)
    {
        assert!(warnings.iter().all(|warning| !warning.to_string().is_empty()));
    }
}

/// A document that is of no bundle and for no resource has no variables.
fn outside(text: &str) {
    if let Some(app) = read(App::parse(text, &Scope::none()), text) {
        assert!(!text.contains("${") || text.contains("$${") || text.contains('#'), "{} was found", app.main);
    }
}
