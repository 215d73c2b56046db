//! The options of a rule.

use std::ops::Range;
use std::time::Duration;

use star_path::ResourcePath;

use super::lexer::Word;
use super::target::Target;
use crate::config::quantity::{ByteSize, parse_duration};
use crate::config::text::{Fault, TextErrorKind};
use crate::limits;

const KNOWN: [&str; 6] = ["index", "spa", "cache", "timeout", "limit", "header.NAME"];
const LATER: [&str; 4] = ["auth", "session", "role", "rate"];

/// Options without which a rule says something else: leaving them out would open what they close.
const CLOSING: [&str; 3] = ["auth", "session", "role"];

/// Headers that belong to the connection, or that whoever writes the body must compute.
const HEADERS_REFUSED: [&str; 12] = [
    "connection",
    "content-length",
    "content-range",
    "date",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// How a rule treats the requests that it takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RouteOptions {
    /// The name of the file, decoded, that stands for a directory.
    pub index: Option<String>,
    /// The file, decoded and from its leading `/` on, that is served where there is none: a page
    /// that finds its way by itself.
    pub spa: Option<String>,
    /// How long browsers may keep the answer; zero means that they must ask every time.
    pub cache: Option<Duration>,
    /// Headers of the answer: names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// How long a mechtron may take.
    pub timeout: Option<Duration>,
    /// The longest body of a request.
    pub limit: Option<ByteSize>,
}

impl RouteOptions {
    /// Reads one more option of a rule with this target.
    pub(crate) fn take(&mut self, word: &Word, target: &Target) -> Result<(), Fault> {
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.text.as_str(), None),
        };
        let name_span = word.part(0..name.len());
        if LATER.contains(&name) {
            let hint = match CLOSING.contains(&name) {
                true => "routes are open to everyone in this release; leave the whole rule out if that will not do",
                false => "leave the option out",
            };
            return Err(Fault::not_available(name_span, &format!("the option `{name}`")).hint(hint));
        }
        if let Some(header) = name.strip_prefix("header.") {
            return self.header(header, value, word);
        }
        if !KNOWN.contains(&name) {
            let fault = Fault::new(TextErrorKind::Unknown, name_span, format!("there is no option `{name}`"));
            return Err(fault.nearest(name, KNOWN.into_iter().chain(LATER)));
        }
        let Some(value) = value.filter(|value| !value.is_empty()) else {
            return Err(Fault::new(TextErrorKind::Missing, name_span, format!("`{name}` needs a value: `{name}=…`")));
        };
        let place = word.part(name.len() + 1..word.text.len());
        applies(name, name_span.clone(), target)?;
        let twice = || Fault::new(TextErrorKind::Syntax, name_span.clone(), format!("`{name}` stands twice"));
        match name {
            "index" => once(&mut self.index, index(value, place)?, twice),
            "spa" => once(&mut self.spa, file(value, place)?, twice),
            "cache" => once(&mut self.cache, cache(value, place)?, twice),
            "timeout" => once(&mut self.timeout, timeout(value, place)?, twice),
            _ => once(&mut self.limit, limit(value, place)?, twice),
        }
    }

    fn header(&mut self, name: &str, value: Option<&str>, word: &Word) -> Result<(), Fault> {
        let name_span = word.part(0.."header.".len() + name.len());
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > limits::NAME_BYTES || !name.bytes().all(is_token) {
            return Err(Fault::new(TextErrorKind::Syntax, name_span, "not the name of a header")
                .hint("like `header.X-Frame-Options=DENY`"));
        }
        let name = name.to_ascii_lowercase();
        if HEADERS_REFUSED.contains(&name.as_str()) {
            return Err(Fault::new(
                TextErrorKind::Invalid,
                name_span,
                format!("the header `{name}` cannot be set by a rule"),
            ));
        }
        let Some(value) = value else {
            return Err(Fault::new(TextErrorKind::Missing, name_span, format!("`header.{name}` needs a value")));
        };
        let place = word.part(word.text.len() - value.len()..word.text.len());
        if value.len() > limits::ROUTE_HEADER_BYTES || self.headers.len() == limits::ROUTE_HEADERS {
            let message =
                format!("more than {} headers, or {} bytes in one", limits::ROUTE_HEADERS, limits::ROUTE_HEADER_BYTES);
            return Err(Fault::new(TextErrorKind::TooLarge, place, message));
        }
        if !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            return Err(Fault::new(TextErrorKind::Invalid, place, "the value of a header is printable ASCII"));
        }
        self.headers.push((name, value.to_owned()));
        Ok(())
    }
}

/// Refuses options where they would do nothing.
fn applies(name: &str, span: Range<usize>, target: &Target) -> Result<(), Fault> {
    let (does, what) = match name {
        "index" | "spa" => (target.serves_files(), "a target with files, like `acme:site:latest:/{p}`"),
        _ => (target.reaches_resource(), "a target that is a resource"),
    };
    match does {
        true => Ok(()),
        false => Err(Fault::new(TextErrorKind::Invalid, span, format!("`{name}` needs {what}"))),
    }
}

fn once<T>(place: &mut Option<T>, value: T, twice: impl FnOnce() -> Fault) -> Result<(), Fault> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(twice()),
    }
}

/// A file below the root, decoded; written as in a path, with or without its leading `/`.
fn file(value: &str, place: Range<usize>) -> Result<String, Fault> {
    let name = value.strip_prefix('/').unwrap_or(value);
    let path =
        ResourcePath::parse(&format!("any:/{name}")).ok().filter(|path| !path.is_directory() && !name.is_empty());
    path.and_then(|path| path.files_decoded())
        .ok_or_else(|| Fault::new(TextErrorKind::Invalid, place, "the name of a file is expected, like `index.html`"))
}

fn index(value: &str, place: Range<usize>) -> Result<String, Fault> {
    let file = file(value, place.clone())?;
    match file[1..].contains('/') {
        true => Err(Fault::new(TextErrorKind::Invalid, place, "`index` is the name of a file, without directories")),
        false => Ok(file[1..].to_owned()),
    }
}

fn cache(value: &str, place: Range<usize>) -> Result<Duration, Fault> {
    let time = parse_duration(value).map_err(|error| {
        Fault::new(TextErrorKind::Invalid, place.clone(), format!("not a span of time: {error}"))
            .hint("like `cache=60s`, `cache=1y` or `cache=0`")
    })?;
    match time > limits::ROUTE_CACHE_MAX {
        true => Err(Fault::new(TextErrorKind::TooLarge, place, "an answer is kept for a year at most (`1y`)")),
        false => Ok(time),
    }
}

fn timeout(value: &str, place: Range<usize>) -> Result<Duration, Fault> {
    let most = limits::ROUTE_TIMEOUT_MAX.as_millis() as u64;
    match value.parse::<u64>() {
        Ok(millis) if (1..=most).contains(&millis) => Ok(Duration::from_millis(millis)),
        _ => {
            let message = format!("a timeout is a count of milliseconds from 1 to {most}");
            Err(Fault::new(TextErrorKind::Invalid, place, message).hint("like `timeout=2000`"))
        }
    }
}

fn limit(value: &str, place: Range<usize>) -> Result<ByteSize, Fault> {
    let size: ByteSize = value.parse().map_err(|error| {
        Fault::new(TextErrorKind::Invalid, place.clone(), format!("not a size: {error}")).hint("like `limit=20MiB`")
    })?;
    match size > limits::ROUTE_BODY_MAX {
        true => Err(Fault::new(TextErrorKind::TooLarge, place, format!("more than {}", limits::ROUTE_BODY_MAX))),
        false => Ok(size),
    }
}
