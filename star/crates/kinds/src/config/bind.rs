//! `bind.yaml`: the contract of a mechtron. What it answers, what it may call, what it may use.
//!
//! Whoever runs the mechtron enforces it; here it is only made certain that there is something
//! definite to enforce.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use star_core::ports::mechtron::MechtronLimits;
use star_path::ResourcePath;
use star_wire::Method;

use super::calls::{self, CallGrant};
use super::document::{Document, Keys};
use super::node::Node;
use super::quantity::ByteSize;
use super::scope::Scope;
use super::text::{Fault, TextError, TextErrorKind};
use crate::limits;
use crate::routes::{Dialect, RouteTable};

const KEYS: Keys = Keys {
    what: "a bind.yaml",
    known: &["schema", "http", "messages", "calls", "limits", "on_limit"],
    later: &[
        ("watches", "leave the key out; a mechtron is called by messages and web requests only"),
        ("artifacts", "leave the key out; publishing asks no mechtron"),
    ],
};
const MESSAGE_KEYS: Keys = Keys {
    what: "a message",
    known: &["in", "out"],
    later: &[("via", "leave the key out, and check in the mechtron itself what others would check")],
};
const LIMIT_KEYS: Keys =
    Keys { what: "`limits`", known: &["respond_ms", "exec_ms", "memory", "concurrent", "reply"], later: &[] };

/// The contract of a mechtron.
#[derive(Debug, Clone)]
pub struct Bind {
    /// The web requests that it answers; none when it answers no web requests.
    pub http: Option<RouteTable>,
    /// The messages that it answers.
    pub messages: HashMap<Method, MessageContract>,
    /// What it may do to others; anything else is refused.
    pub calls: Vec<CallGrant>,
    /// What each call may use.
    pub limits: BindLimits,
    /// What happens when a call exceeds its limits.
    pub on_limit: OnLimit,
}

/// The schemas of a message, each a file with a JSON Schema. Without one, any body will do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MessageContract {
    /// What the body of the message must be.
    pub input: Option<ResourcePath>,
    /// What the body of the reply must be.
    pub output: Option<ResourcePath>,
}

/// What one call may use at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindLimits {
    /// Wall-clock time until the answer, waiting included.
    pub respond: Duration,
    /// Time on a processor; never more than `respond`.
    pub exec: Duration,
    /// Memory of the component.
    pub memory: ByteSize,
    /// Calls beside each other.
    pub concurrent: u32,
    /// Longest reply.
    pub reply: ByteSize,
}

impl Default for BindLimits {
    fn default() -> BindLimits {
        BindLimits {
            respond: limits::RESPOND_DEFAULT,
            exec: limits::EXEC_DEFAULT,
            memory: limits::MEMORY_DEFAULT,
            concurrent: limits::CONCURRENT_DEFAULT,
            reply: limits::REPLY_DEFAULT,
        }
    }
}

impl From<BindLimits> for MechtronLimits {
    fn from(limits: BindLimits) -> MechtronLimits {
        MechtronLimits {
            respond: limits.respond,
            exec: limits.exec,
            memory_bytes: limits.memory.as_bytes(),
            concurrent: limits.concurrent,
            reply_bytes: limits.reply.as_bytes(),
        }
    }
}

/// What happens when a call exceeds its limits. The call ends with an error either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLimit {
    /// The next call starts afresh.
    #[default]
    Restart,
    /// The mechtron gets the status `Panic` and answers nothing until someone looks at it.
    Panic,
}

impl Bind {
    /// The usual name of the document.
    pub const FILE: &'static str = "bind.yaml";

    /// Reads a `bind.yaml`; `${self}` is the resource that is bound.
    pub fn parse(text: &str, scope: &Scope) -> Result<Bind, TextError> {
        Document::read(Bind::FILE, text, scope, &KEYS, |document, fields| {
            let words = [("restart", OnLimit::Restart), ("panic", OnLimit::Panic)];
            Ok(Bind {
                http: fields.map("http", |node| http(document, node))?,
                messages: fields.map("messages", |node| messages(document, node))?.unwrap_or_default(),
                calls: fields.map("calls", |node| calls::read(document, node))?.unwrap_or_default(),
                limits: fields.map("limits", |node| call_limits(document, node))?.unwrap_or_default(),
                on_limit: fields.map("on_limit", |node| document.word(node, &words, &[]))?.unwrap_or_default(),
            })
        })
    }
}

fn http(document: &Document<'_>, node: &Node) -> Result<RouteTable, Fault> {
    RouteTable::read(document.text(node)?, document.scope(), Dialect::Bind)
        .map_err(|fault| document.inside(node, fault))
}

fn messages(document: &Document<'_>, node: &Node) -> Result<HashMap<Method, MessageContract>, Fault> {
    let entries = document.map(node, "`messages`")?;
    if let Some((extra, _)) = entries.get(limits::BIND_MESSAGES) {
        let message = format!("more than {} messages", limits::BIND_MESSAGES);
        return Err(Fault::new(TextErrorKind::TooLarge, extra.span.clone(), message));
    }
    entries.iter().map(|(key, value)| Ok((method(document, key)?, contract(document, value)?))).collect()
}

fn method(document: &Document<'_>, key: &Node) -> Result<Method, Fault> {
    let text = document.text(key)?;
    let method = Method::parse(text).map_err(|_| {
        document.wrong(
            key,
            "the name of a message has lower-case letters, digits, `.`, `_` and `-`, and begins with a letter",
        )
    })?;
    if method.is_built_in() {
        return Err(document.wrong(key, "messages that begin with `star.` are answered by Starlane itself"));
    }
    Ok(method)
}

fn contract(document: &Document<'_>, node: &Node) -> Result<MessageContract, Fault> {
    if matches!(node.value, super::node::Value::Null) {
        return Ok(MessageContract::default());
    }
    let fields = document.fields(node, &MESSAGE_KEYS)?;
    let example = "${bundle}:/schema/greet.json";
    Ok(MessageContract {
        input: fields.map("in", |node| document.file(node, example))?,
        output: fields.map("out", |node| document.file(node, example))?,
    })
}

fn call_limits(document: &Document<'_>, node: &Node) -> Result<BindLimits, Fault> {
    let fields = document.fields(node, &LIMIT_KEYS)?;
    let defaults = BindLimits::default();
    let respond =
        fields.map("respond_ms", |node| millis(document, node, limits::RESPOND_MAX))?.unwrap_or(defaults.respond);
    let exec = fields.map("exec_ms", |node| {
        let exec = millis(document, node, limits::EXEC_MAX)?;
        match exec > respond {
            true => Err(document
                .wrong(node, "`exec_ms` cannot be longer than `respond_ms`")
                .hint("computing is part of responding")),
            false => Ok(exec),
        }
    })?;
    let memory = limits::MEMORY_MIN..=limits::MEMORY_MAX;
    let reply = ByteSize::bytes(1)..=limits::REPLY_MAX;
    let concurrent = fields.map("concurrent", |node| document.integer(node, 1..=u64::from(limits::CONCURRENT_MAX)))?;
    Ok(BindLimits {
        respond,
        exec: exec.unwrap_or(defaults.exec.min(respond)),
        memory: fields.map("memory", |node| size(document, node, memory))?.unwrap_or(defaults.memory),
        concurrent: concurrent.map_or(defaults.concurrent, |count| count as u32),
        reply: fields.map("reply", |node| size(document, node, reply))?.unwrap_or(defaults.reply),
    })
}

fn millis(document: &Document<'_>, node: &Node, most: Duration) -> Result<Duration, Fault> {
    document.integer(node, 1..=most.as_millis() as u64).map(Duration::from_millis)
}

fn size(document: &Document<'_>, node: &Node, bounds: RangeInclusive<ByteSize>) -> Result<ByteSize, Fault> {
    let text = document.text(node)?;
    let size: ByteSize =
        text.parse().map_err(|error| document.wrong(node, &format!("not a size: {error}")).hint("like `64MiB`"))?;
    if bounds.contains(&size) {
        return Ok(size);
    }
    let message = format!("{size} is not between {} and {}", bounds.start(), bounds.end());
    Err(Fault::new(TextErrorKind::TooLarge, node.span.clone(), message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::calls::Verb;

    fn scope() -> Scope {
        let bundle = ResourcePath::parse("acme:hello:1.0.0").expect("a path");
        let own = ResourcePath::parse("acme:app:greeter").expect("a path");
        Scope::of_bundle(&bundle).for_resource(&own)
    }

    fn bind(text: &str) -> Bind {
        Bind::parse(text, &scope()).unwrap_or_else(|error| panic!("{}", error.excerpt()))
    }

    const WHOLE: &str = r#"schema: 1
http: |
  GET /hello/{name} -> core;
  POST /upload      -> core limit=20MiB;
messages:
  greet: { in: "${bundle}:/schema/greet.json", out: "${bundle}:/schema/text.json" }
  ping:
calls:                                                   # outgoing whitelist, deny by default
  - { to: "acme:files:**", can: [ read, write ] }
  - to: "${self}:**"
    can: [ execute ]
limits: { respond_ms: 3000, exec_ms: 300, memory: 32MiB, concurrent: 4, reply: 1MiB }
on_limit: panic
"#;

    #[test]
    fn the_whole_document_is_read() {
        let bind = bind(WHOLE);
        let http = bind.http.expect("it answers web requests");
        assert!(http.find("GET", "/hello/Ada").expect("a good path").is_some());
        assert!(http.find("GET", "/upload").expect("a good path").is_none());
        let greet = &bind.messages[&Method::parse("greet").expect("a method")];
        assert_eq!(greet.input.as_ref().map(ResourcePath::as_str), Some("acme:hello:1.0.0:/schema/greet.json"));
        assert_eq!(bind.messages[&Method::parse("ping").expect("a method")], MessageContract::default());
        assert_eq!(bind.calls[1].to.to_string(), "acme:app:greeter:**");
        assert!(bind.calls[0].can.iter().eq([Verb::Read, Verb::Write]));
        assert!(!bind.calls[0].can.contains(Verb::Execute));
        assert_eq!((bind.limits.memory, bind.limits.concurrent), (ByteSize::mebibytes(32), 4));
        assert_eq!(bind.on_limit, OnLimit::Panic);
    }

    #[test]
    fn what_is_not_said_is_the_default_and_grants_nothing() {
        let bind = bind("schema: 1\n");
        assert!(bind.http.is_none() && bind.messages.is_empty() && bind.calls.is_empty());
        assert_eq!((bind.limits, bind.on_limit), (BindLimits::default(), OnLimit::Restart));
    }

    #[test]
    fn a_short_time_to_respond_shortens_the_default_of_computing() {
        let limits = bind("schema: 1\nlimits: { respond_ms: 100 }\n").limits;
        assert_eq!((limits.respond, limits.exec), (Duration::from_millis(100), Duration::from_millis(100)));
    }

    #[test]
    fn a_selector_may_not_be_made_of_a_resource_that_is_not_there() {
        let error = Bind::parse("schema: 1\ncalls: [ { to: \"${self}:**\", can: [ read ] } ]\n", &Scope::none());
        assert_eq!(error.expect_err("no resource").kind(), TextErrorKind::Invalid);
        assert!(Bind::parse(WHOLE, &scope().checking()).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            if let Err(error) = Bind::parse(&text, &scope()) {
                prop_assert!(error.excerpt().contains('^'));
            }
        }

        #[test]
        fn a_broken_document_is_an_error_with_a_place(at in 0..WHOLE.len(), put in prop::sample::select(vec!["", " ", "\n", "{", "\"", "é", ":", "- ", "\t", "&a ", "*a"])) {
            let text = format!("{}{put}{}", &WHOLE[..at], &WHOLE[at..][1..]);
            if let Err(error) = Bind::parse(&text, &scope()) {
                prop_assert!(error.line() >= 1 && error.line() <= text.split('\n').count());
                prop_assert!(error.excerpt().contains('^'));
            }
        }
    }
}
