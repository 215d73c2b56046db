//! The route language, and what it makes of requests.
//!
//! An input is a file of routes, a line `%%`, and requests: a method and a path per line. The rule that
//! is found is the first that fits, looked for one by one; what it captures is a part of the path; a
//! destination can be printed and read. What is refused is shown with a caret inside the file.

use star_kinds::config::Scope;
use star_kinds::limits;
use star_kinds::routes::{BadPath, Destination, Matched, RequestPath, RouteTable};
use star_path::ResourcePath;

use crate::check;

/// Requests that every table is asked about.
const ALWAYS: &[(&str, &str)] =
    &[("GET", "/"), ("GET", "/a/b/c"), ("POST", "/a%2Fb/"), ("HEAD", "/%C3%A9.txt"), ("BREW", "/a"), ("GET", "*")];

/// Between the routes and the requests.
const CUT: &str = "\n%%\n";

/// Routes and requests.
pub(crate) fn run(data: &[u8]) {
    let Some(text) = check::text(data) else { return };
    let (routes, requests) = text.split_once(CUT).unwrap_or((text, text));
    let bundle = ResourcePath::parse("acme:site:1.0.0").expect("a constant that is a path");
    let scope = Scope::of_bundle(&bundle).checking();
    let requests = requests.lines().take(32).filter_map(|line| line.split_once(' ')).chain(ALWAYS.iter().copied());
    match RouteTable::parse(RouteTable::FILE, routes, &scope) {
        Err(error) => {
            check::text_complaint(&error, routes);
            requests.for_each(|(_, path)| drop(request(path)));
        }
        Ok(table) => {
            well_formed(&table, routes);
            requests.for_each(|(method, path)| asked(&table, method, path));
        }
    }
}

fn well_formed(table: &RouteTable, text: &str) {
    assert!(table.rules().len() <= limits::ROUTES_RULES);
    let mut end = 0;
    for rule in table.rules() {
        let span = rule.span();
        assert!(end <= span.start && span.start < span.end, "rules overlap");
        assert!(text.get(span.clone()).is_some_and(|rule| rule.ends_with(';')), "a rule is not where it says");
        assert_eq!(rule.line(), text[..span.start].matches('\n').count() + 1);
        end = span.end;
    }
    for warning in table.check() {
        assert!(!warning.to_string().is_empty());
    }
}

/// A path of a request is cut at its slashes, decoded once, and leads nowhere else.
fn request(path: &str) -> Result<RequestPath<'_>, BadPath> {
    let read = RequestPath::parse(path)?;
    let segments = read.segments();
    assert!(!segments.is_empty() && segments.len() <= limits::ROUTE_SEGMENTS);
    assert_eq!(segments.len(), path.matches('/').count(), "{path:?} is cut elsewhere than at its slashes");
    for (at, segment) in segments.iter().enumerate() {
        assert!(!matches!(segment.as_ref(), "." | "..") && !segment.chars().any(char::is_control), "{path:?}");
        assert!(!segment.is_empty() || at + 1 == segments.len(), "an empty segment in {path:?}");
    }
    Ok(read)
}

fn asked(table: &RouteTable, method: &str, path: &str) {
    let read = request(path);
    let found = table.find(method, path);
    let (Ok(read), Ok(found)) = (&read, &found) else {
        assert_eq!(read.err(), found.err(), "{path:?} is refused by one and not by the other");
        return;
    };
    let fits = |rule: &star_kinds::routes::Rule| rule.methods().allows(method) && rule.pattern().matches(read);
    let first = table.rules().iter().position(fits);
    assert_eq!(found.as_ref().map(Matched::number), first, "the rule for {method} {path:?}");
    let methods = table.methods(path).expect("the path is well formed");
    if let Some(matched) = found {
        assert!(methods.allows(method), "{method} {path:?} is taken and not listed");
        captured(matched, read);
        destination(matched);
    }
}

/// Whatever is captured stands in the path.
fn captured(matched: &Matched<'_, '_>, path: &RequestPath<'_>) {
    let whole: String = path.segments().iter().map(|segment| ["/", segment.as_ref()].concat()).collect();
    for (name, value) in matched.captures() {
        assert!(whole.contains(&value), "`{name}` captured {value:?}, which is not part of {whole:?}");
    }
}

fn destination(matched: &Matched<'_, '_>) {
    match matched.target() {
        Ok(Destination::Resource { path, rewrite }) => {
            check::prints_itself(&path, ResourcePath::parse);
            if let Some((_, seen)) = rewrite {
                assert!(seen.starts_with('/'), "code would see {seen:?}");
                ascii(&seen);
            }
        }
        Ok(Destination::Redirect { code, location }) => {
            assert!((300..400).contains(&code));
            ascii(&location);
        }
        Ok(Destination::Status(code)) => assert!((100..600).contains(&code)),
        Ok(Destination::Core) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// What goes into a header or a request line cannot end it.
fn ascii(text: &str) {
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?} cannot stand in a header");
}
