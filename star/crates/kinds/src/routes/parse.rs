//! From words to rules.

use std::ops::Range;

use super::lexer::{self, Token, Word};
use super::method::{Method, MethodSet};
use super::options::RouteOptions;
use super::pattern::Pattern;
use super::table::{Dialect, Rule};
use super::target::{KEYWORDS, Rewrite, Target};
use crate::config::scope::Scope;
use crate::config::text::{Fault, TextErrorKind};
use crate::limits;

/// Reads all rules of a text.
pub(crate) fn rules(text: &str, scope: &Scope, dialect: Dialect) -> Result<Vec<Rule>, Fault> {
    if text.len() > limits::ROUTES_BYTES {
        let message = format!("the routes have {} bytes, at most {} are read", text.len(), limits::ROUTES_BYTES);
        return Err(Fault::new(TextErrorKind::TooLarge, 0..0, message));
    }
    let mut parser = Parser { tokens: lexer::tokens(text)?, at: 0, scope, dialect, lines: Lines::of(text) };
    let mut rules = Vec::new();
    let mut regexes = 0;
    while parser.at < parser.tokens.len() {
        let rule = parser.rule()?;
        regexes += usize::from(rule.pattern().is_regex());
        if rules.len() == limits::ROUTES_RULES {
            let message = format!("more than {} rules", limits::ROUTES_RULES);
            return Err(Fault::new(TextErrorKind::TooLarge, rule.span(), message));
        }
        if regexes > limits::ROUTE_REGEXES {
            let message = format!("more than {} rules with a regular expression", limits::ROUTE_REGEXES);
            return Err(Fault::new(TextErrorKind::TooLarge, rule.span(), message)
                .hint("templates with `{name}` have no such limit"));
        }
        rules.push(rule);
    }
    Ok(rules)
}

struct Parser<'a> {
    tokens: Vec<Token>,
    at: usize,
    scope: &'a Scope,
    dialect: Dialect,
    lines: Lines,
}

impl Parser<'_> {
    /// `methods pattern -> target options ;`
    fn rule(&mut self) -> Result<Rule, Fault> {
        let first = self.word("methods, like `GET` or `*`")?;
        let start = first.span.start;
        let methods = methods(&first)?;
        let pattern = self.pattern()?;
        self.arrow()?;
        let target = self.target(&pattern)?;
        let mut options = RouteOptions::default();
        let end = loop {
            let previous = self.span_before();
            match self.next() {
                Some(Token::End(span)) => break span.end,
                Some(Token::Word(word)) if begins_rule(&word) => return Err(no_end(previous)),
                Some(Token::Word(word)) => options.take(&word, &target)?,
                None => return Err(no_end(previous)),
            }
        };
        Ok(Rule::new(self.lines.number(start), start..end, methods, pattern, target, options))
    }

    fn pattern(&mut self) -> Result<Pattern, Fault> {
        let word = self.word("a pattern, like `/docs/{*path}`")?;
        let Some(glued) = word.text.strip_prefix('~') else {
            return Pattern::template(&word.text).map_err(|fault| glued_arrow(word.inside(fault), &word));
        };
        let regex = match glued.is_empty() {
            true => self.word("a regular expression")?,
            false => word.from(1),
        };
        Pattern::regex(&regex.text).map_err(|fault| regex.inside(fault))
    }

    fn arrow(&mut self) -> Result<(), Fault> {
        let word = self.word("`->`")?;
        match word.text == "->" {
            true => Ok(()),
            false => {
                let fault = Fault::new(TextErrorKind::Syntax, word.span, "`->` is expected here");
                Err(fault.hint("a rule is `METHODS PATTERN -> TARGET OPTIONS ;`"))
            }
        }
    }

    fn target(&mut self, pattern: &Pattern) -> Result<Target, Fault> {
        let word = self.word("a target")?;
        let span = word.span.clone();
        let target = match word.text.as_str() {
            "core" => Target::core(),
            "proxy" => return Err(Fault::not_available(span, "`proxy`").hint("leave the rule out")),
            "status" => Target::status(&self.word("a status, like `404`")?)?,
            "redirect" => self.redirect(pattern)?,
            _ => {
                let rewrite = self.rewrite(pattern)?;
                Target::resource(&word, rewrite, pattern, self.scope)?
            }
        };
        let is_core = word.text == "core";
        match self.dialect {
            Dialect::Bind if !is_core => {
                Err(Fault::new(TextErrorKind::Invalid, span, "a bind answers with its own code: the target is `core`"))
            }
            Dialect::Space if is_core => {
                let fault = Fault::new(
                    TextErrorKind::Invalid,
                    span,
                    "`core` is the code of a bind, and these are the routes of a Space",
                );
                Err(fault.hint("name the mechtron, like `acme:app:greeter`"))
            }
            _ => Ok(target),
        }
    }

    fn redirect(&mut self, pattern: &Pattern) -> Result<Target, Fault> {
        let first = self.word("a location, like `/docs/{p}`")?;
        let is_code = first.text.bytes().all(|byte| byte.is_ascii_digit());
        match is_code {
            true => Target::redirect(Some(&first), &self.word("a location, like `/docs/{p}`")?, pattern),
            false => Target::redirect(None, &first, pattern),
        }
    }

    /// `^ [METHOD] path`, with or without blanks behind the `^`.
    fn rewrite(&mut self, pattern: &Pattern) -> Result<Option<Rewrite>, Fault> {
        let Some(Token::Word(word)) = self.tokens.get(self.at) else { return Ok(None) };
        if !word.text.starts_with('^') {
            return Ok(None);
        }
        let word = word.clone();
        self.at += 1;
        let mut path = match word.text.len() {
            1 => self.word("a path behind `^`")?,
            _ => word.from(1),
        };
        let mut method = None;
        if !path.text.starts_with('/') {
            method = Some(one_method(&path)?);
            path = self.word("a path behind `^`")?;
        }
        Rewrite::new(method, &path, pattern).map(Some)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    /// The next word, or the complaint that it is missing.
    fn word(&mut self, what: &str) -> Result<Word, Fault> {
        let previous = self.span_before();
        match self.next() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::End(span)) => {
                Err(Fault::new(TextErrorKind::Syntax, span, format!("{what} is expected before the end of the rule")))
            }
            None => Err(Fault::new(
                TextErrorKind::Syntax,
                previous.end..previous.end,
                format!("{what} is expected behind this"),
            )),
        }
    }

    /// Where the token before the next one stands.
    fn span_before(&self) -> Range<usize> {
        match self.at.checked_sub(1).and_then(|before| self.tokens.get(before)) {
            Some(Token::Word(word)) => word.span.clone(),
            Some(Token::End(span)) => span.clone(),
            None => 0..0,
        }
    }
}

/// `GET|PUT` or `*`.
fn methods(word: &Word) -> Result<MethodSet, Fault> {
    if word.text == "*" {
        return Ok(MethodSet::ANY);
    }
    let mut set = MethodSet::default();
    let mut start = 0;
    for name in word.text.split('|') {
        let span = word.part(start..start + name.len());
        set = set.with(Method::parse(name).ok_or_else(|| no_method(name, span))?);
        start += name.len() + 1;
    }
    Ok(set)
}

fn one_method(word: &Word) -> Result<Method, Fault> {
    Method::parse(&word.text).ok_or_else(|| no_method(&word.text, word.span.clone()))
}

fn no_method(name: &str, span: Range<usize>) -> Fault {
    let fault = Fault::new(TextErrorKind::Unknown, span, format!("`{name}` is no method"));
    if KEYWORDS.contains(&name) || name.starts_with('/') {
        return fault.hint("a rule is `METHODS PATTERN -> TARGET OPTIONS ;`");
    }
    fault.nearest(name, Method::names())
}

/// Whether an option looks like the methods of the next rule.
fn begins_rule(word: &Word) -> bool {
    word.text == "*" || word.text.split('|').all(|name| Method::parse(name).is_some())
}

fn no_end(previous: Range<usize>) -> Fault {
    Fault::new(TextErrorKind::Syntax, previous.end..previous.end, "`;` is missing at the end of this rule")
}

/// A complaint about `/a->b` is about its blanks.
fn glued_arrow(fault: Fault, word: &Word) -> Fault {
    match word.text.contains("->") {
        true => fault.hint("blanks stand around `->`"),
        false => fault,
    }
}

/// Finds the line of an offset.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Lines {
        Lines(text.match_indices('\n').map(|(at, _)| at).collect())
    }

    fn number(&self, offset: usize) -> usize {
        self.0.partition_point(|newline| *newline < offset) + 1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope() -> Scope {
        Scope::none().for_resource(&star_path::ResourcePath::parse("acme").expect("a path"))
    }

    #[test]
    fn every_option_is_read() {
        let text = "GET|PUT /a/{*p} # a comment; with an end\n -> acme:site:latest:/{p} index=index.html spa=/app.html\n\
            cache=60s timeout=2000 limit=20MiB header.X-A=\"a; b\" header.X-B= ;";
        let rules = rules(text, &scope(), Dialect::Space).expect("good rules");
        let options = rules[0].options();
        assert_eq!((options.index.as_deref(), options.spa.as_deref()), (Some("index.html"), Some("/app.html")));
        assert_eq!(options.cache, Some(std::time::Duration::from_secs(60)));
        assert_eq!(options.timeout, Some(std::time::Duration::from_secs(2)));
        assert_eq!(options.limit.map(|limit| limit.as_bytes()), Some(20 << 20));
        let headers = [("x-a".to_owned(), "a; b".to_owned()), ("x-b".to_owned(), String::new())];
        assert_eq!(options.headers, headers);
    }

    #[test]
    fn blanks_and_lines_mean_nothing() {
        let text = "\u{feff}\r\n  GET\t/a\r\n->\r\nacme:x;GET ~/b -> acme:y;* ~ \"/c d\" -> status 404 ;";
        let rules = rules(text, &scope(), Dialect::Space).expect("good rules");
        let lines: Vec<(usize, String)> = rules.iter().map(|rule| (rule.line(), rule.pattern().to_string())).collect();
        let expected = [(2, "/a"), (4, "~ /b"), (4, "~ /c d")].map(|(line, pattern)| (line, pattern.to_owned()));
        assert_eq!(lines, expected);
    }

    #[test]
    fn the_limits_of_a_table_hold() {
        let count =
            |rule: &str, count: usize| rules(&rule.repeat(count), &scope(), Dialect::Space).map(|rules| rules.len());
        assert_eq!(count("GET /a -> acme:x;\n", limits::ROUTES_RULES), Ok(limits::ROUTES_RULES));
        for (rule, times) in [
            ("GET /a -> acme:x;\n", limits::ROUTES_RULES + 1),
            ("GET ~ /a -> acme:x;\n", limits::ROUTE_REGEXES + 1),
            ("# a comment to fill the file\n", limits::ROUTES_BYTES / 29 + 1),
        ] {
            assert_eq!(count(rule, times).map_err(|fault| fault.kind), Err(TextErrorKind::TooLarge), "{rule}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            check_spans(&text)?;
        }

        #[test]
        fn no_odd_rule_makes_it_panic(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..24)) {
            check_spans(&words.concat())?;
        }
    }

    /// Words that lead deep into the grammar, whole and broken.
    const WORDS: [&str; 40] = [
        "GET", "*", "|", " ", " ", " ", "/", "/{a}", "/{*p}", "{", "}", "~", "(.*)", "->", " -> ", "acme:x", ":/",
        "$1", "${self}", "${", "core", "proxy", "redirect", "308", "status", "404", "^", "^/", ";", "\n", "index=a",
        "cache=", "1y", "header.", "X=", "\"", "\\", "é", "%4", "#",
    ];

    fn check_spans(text: &str) -> Result<(), TestCaseError> {
        for dialect in [Dialect::Space, Dialect::Bind] {
            if let Err(fault) = rules(text, &scope(), dialect) {
                prop_assert!(fault.span.start <= fault.span.end && fault.span.end <= text.len(), "{:?}", fault);
                let error = crate::config::TextError::locate("routes.conf", text, fault);
                prop_assert!(error.excerpt().contains('^'));
            }
        }
        Ok(())
    }
}
