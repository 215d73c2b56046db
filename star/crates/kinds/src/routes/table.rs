//! A table of rules, and the rule that takes a request.

use std::ops::Range;

use super::method::MethodSet;
use super::options::RouteOptions;
use super::parse;
use super::pattern::{Pattern, Shape};
use super::render::{Captured, Destination, Groups, TargetError};
use super::request::{BadPath, RequestPath};
use super::target::Target;
use super::trie::Trie;
use crate::config::scope::Scope;
use crate::config::text::{Fault, TextError};

/// Whose rules they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Those of a Space: targets are resources, redirects and statuses.
    Space,
    /// Those of a bind: the target is its own code.
    Bind,
}

/// Rules in their order. The first that takes a request wins.
#[derive(Debug, Clone)]
pub struct RouteTable {
    rules: Vec<Rule>,
    templates: Trie,
    /// Rules with a regular expression, in their order.
    regexes: Vec<usize>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct Rule {
    line: usize,
    span: Range<usize>,
    methods: MethodSet,
    pattern: Pattern,
    target: Target,
    options: RouteOptions,
}

/// A rule and what a request filled its captures with.
#[derive(Debug)]
pub struct Matched<'t, 'p> {
    /// Its number in the table.
    number: usize,
    rule: &'t Rule,
    captured: Captured<'p>,
}

impl RouteTable {
    /// The usual name of a file of routes.
    pub const FILE: &'static str = "routes.conf";

    /// Reads the routes of a Space. `${self}` is the Space, `${bundle}` the bundle that the file
    /// comes from; `document` is the name of the file, for errors.
    pub fn parse(document: &str, text: &str, scope: &Scope) -> Result<RouteTable, TextError> {
        RouteTable::read(text, scope, Dialect::Space).map_err(|fault| TextError::locate(document, text, fault))
    }

    /// Reads rules that stand in another document, which knows where.
    pub(crate) fn read(text: &str, scope: &Scope, dialect: Dialect) -> Result<RouteTable, Fault> {
        let rules = parse::rules(text, scope, dialect)?;
        let mut templates = Trie::new();
        let mut regexes = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match rule.pattern.shape() {
                Shape::Template(template) => templates.insert(index, template),
                Shape::Regex(_) => regexes.push(index),
            }
        }
        Ok(RouteTable { rules, templates, regexes })
    }

    /// The rules in their order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The first rule that takes a request with this method and this path, which stands as in the
    /// request, without query. A path that is refused is refused whatever the rules say.
    pub fn find<'t, 'p>(&'t self, method: &str, path: &'p str) -> Result<Option<Matched<'t, 'p>>, BadPath> {
        let path = RequestPath::parse(path)?;
        let takes = |rule: usize| self.rules[rule].methods.allows(method);
        let template = self.templates.first(path.segments(), &takes);
        let before = template.unwrap_or(self.rules.len());
        let (number, groups) = match self.first_regex(&path, before, &takes) {
            Some((number, groups)) => (number, Some(groups)),
            None => match template {
                Some(number) => (number, None),
                None => return Ok(None),
            },
        };
        Ok(Some(Matched { number, rule: &self.rules[number], captured: Captured { path, groups } }))
    }

    /// The methods that some rule takes for a path; empty where no rule fits it at all. For the
    /// answer that a method is not allowed.
    pub fn methods(&self, path: &str) -> Result<MethodSet, BadPath> {
        let path = RequestPath::parse(path)?;
        let fitting = self.rules.iter().filter(|rule| rule.pattern.matches(&path));
        Ok(fitting.fold(MethodSet::default(), |all, rule| all.and(rule.methods)))
    }

    fn first_regex(
        &self,
        path: &RequestPath<'_>,
        before: usize,
        takes: &dyn Fn(usize) -> bool,
    ) -> Option<(usize, Groups)> {
        if self.regexes.first().is_none_or(|first| *first >= before) {
            return None;
        }
        let text = path.joined()?;
        let candidates = self.regexes.iter().take_while(|rule| **rule < before).filter(|rule| takes(**rule));
        for number in candidates {
            let Shape::Regex(regex) = self.rules[*number].pattern.shape() else { continue };
            if let Some(captures) = regex.captures(&text) {
                let spans = captures.iter().map(|group| group.map(|group| (group.start(), group.end()))).collect();
                return Some((*number, Groups { text, spans }));
            }
        }
        None
    }
}

impl Rule {
    pub(crate) fn new(
        line: usize,
        span: Range<usize>,
        methods: MethodSet,
        pattern: Pattern,
        target: Target,
        options: RouteOptions,
    ) -> Rule {
        Rule { line, span, methods, pattern, target, options }
    }

    /// The line it begins on, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The bytes of the text that it takes.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The methods it takes.
    pub fn methods(&self) -> MethodSet {
        self.methods
    }

    /// The paths it takes.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Where requests go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// How it treats them.
    pub fn options(&self) -> &RouteOptions {
        &self.options
    }
}

impl<'t> Matched<'t, '_> {
    /// The number of the rule among [`RouteTable::rules`].
    pub fn number(&self) -> usize {
        self.number
    }

    /// The rule.
    pub fn rule(&self) -> &'t Rule {
        self.rule
    }

    /// The options of the rule.
    pub fn options(&self) -> &'t RouteOptions {
        &self.rule.options
    }

    /// The named captures and their decoded values.
    pub fn captures(&self) -> Vec<(&'t str, String)> {
        let named = self.rule.pattern.names().into_iter();
        named
            .filter_map(|name| Some((name, self.captured.segments(self.rule.pattern.capture(name)?).join("/"))))
            .collect()
    }

    /// Where the request goes.
    pub fn target(&self) -> Result<Destination, TargetError> {
        self.rule.target.render(&self.captured)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use star_path::ResourcePath;

    use super::*;

    fn table(text: &str) -> RouteTable {
        let scope = Scope::none().for_resource(&ResourcePath::parse("acme").expect("a path"));
        RouteTable::parse("routes.conf", text, &scope).unwrap_or_else(|error| panic!("{}", error.excerpt()))
    }

    /// The line of the rule that takes a request.
    fn line(table: &RouteTable, method: &str, path: &str) -> Option<usize> {
        table.find(method, path).expect("a good path").map(|matched| matched.rule().line())
    }

    #[test]
    fn the_first_rule_wins_however_narrow_later_ones_are() {
        let table = table("GET /a/{x} -> acme:x;\nGET /a/b -> acme:b;\n* /{*p} -> status 404;\nGET / -> acme:y;");
        assert_eq!(line(&table, "GET", "/a/b"), Some(1));
        assert_eq!(line(&table, "PUT", "/a/b"), Some(3));
        assert_eq!(line(&table, "GET", "/"), Some(3));
    }

    #[test]
    fn a_trailing_slash_is_part_of_the_path() {
        let table = table("GET /a -> acme:x;\nGET /b/ -> acme:x;\nGET /c/{*p} -> acme:x;\nGET /d/{p} -> acme:x;");
        for (path, found) in [
            ("/a", Some(1)),
            ("/a/", None),
            ("/b/", Some(2)),
            ("/b", None),
            ("/c/", Some(3)),
            ("/c", None),
            ("/c/x/y/", Some(3)),
            ("/d/", None),
            ("/d/x", Some(4)),
            ("/d/x/y", None),
        ] {
            assert_eq!(line(&table, "GET", path), found, "{path}");
        }
    }

    #[test]
    fn literals_are_compared_decoded() {
        let table = table("GET /with%20blank/é -> acme:x;\nGET /@{user} -> acme:x;");
        assert_eq!(line(&table, "GET", "/with%20blank/%C3%A9"), Some(1));
        assert_eq!(line(&table, "GET", "/%40ada"), Some(2));
        assert_eq!(line(&table, "GET", "/@"), None);
    }

    #[test]
    fn regular_expressions_keep_their_place_among_templates() {
        let table = table("GET /a -> acme:x;\nGET ~ /[ab] -> acme:y;\nGET /b -> acme:z;\nGET ~ /c|/d -> acme:y;");
        assert_eq!(line(&table, "GET", "/a"), Some(1));
        assert_eq!(line(&table, "GET", "/b"), Some(2));
        assert_eq!(line(&table, "GET", "/d"), Some(4));
        assert_eq!(line(&table, "GET", "/xx/d"), None);
        assert_eq!(line(&table, "POST", "/d"), None);
    }

    #[test]
    fn the_methods_of_a_path_are_those_of_all_its_rules() {
        let table = table("GET /a -> acme:x;\nPUT /{x} -> acme:y;\nPOST /b -> acme:z;");
        assert_eq!(table.methods("/a").map(|methods| methods.to_string()), Ok("GET|PUT".to_owned()));
        assert_eq!(table.methods("/a/b").map(|methods| methods.iter().count()), Ok(0));
    }

    fn segment() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["a", "b", "ab", "{x}", "a{x}", "{x}b", "a{x}b"]).prop_map(str::to_owned)
    }

    /// Patterns of few words, so that they overlap in every way.
    fn pattern() -> impl Strategy<Value = String> {
        let ending = prop::sample::select(vec!["", "/", "/{*rest}"]);
        let template = (prop::collection::vec(segment(), 0..4), ending).prop_map(|(segments, ending)| {
            let named = segments
                .iter()
                .enumerate()
                .map(|(index, text)| format!("/{}", text.replace("{x}", &format!("{{x{index}}}"))));
            let text: String = named.collect::<String>() + ending;
            if text.is_empty() { "/".to_owned() } else { text }
        });
        let regex = prop::sample::select(vec!["~ /a.*", "~ /(a|b)/b?", "~ .*/", "~ /[^/]+"]).prop_map(str::to_owned);
        prop_oneof![4 => template, 1 => regex]
    }

    fn rules() -> impl Strategy<Value = String> {
        let methods = prop::sample::select(vec!["GET", "PUT", "GET|PUT", "HEAD", "*"]);
        let rule = (methods, pattern()).prop_map(|(methods, pattern)| format!("{methods} {pattern} -> acme:x;\n"));
        prop::collection::vec(rule, 1..24).prop_map(|rules| rules.concat())
    }

    fn path() -> impl Strategy<Value = String> {
        let segment = prop::sample::select(vec!["a", "b", "ab", "axb", "%61", "c", "a%2Fb"]);
        let path = (prop::collection::vec(segment, 0..5), any::<bool>());
        path.prop_map(|(segments, slash)| {
            let text: String = segments.iter().map(|segment| format!("/{segment}")).collect();
            if slash || text.is_empty() { text + "/" } else { text }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_rule_is_found_as_by_trying_them_one_by_one(text in rules(), paths in prop::collection::vec(path(), 8)) {
            let table = table(&text);
            for path in &paths {
                let request = RequestPath::parse(path).expect("a good path");
                for method in ["GET", "HEAD", "PUT", "BREW"] {
                    let fits = |rule: &&Rule| rule.methods().allows(method) && rule.pattern().matches(&request);
                    let expected = table.rules().iter().find(fits).map(Rule::line);
                    prop_assert_eq!(line(&table, method, path), expected, "{} {}", method, path);
                }
            }
        }

        #[test]
        fn a_rule_that_is_said_to_be_shadowed_is_never_found(text in rules(), paths in prop::collection::vec(path(), 16)) {
            let table = table(&text);
            let shadowed: Vec<usize> = table.check().iter().map(|warning| warning.line()).collect();
            for path in &paths {
                for method in ["GET", "HEAD", "PUT", "BREW"] {
                    let found = line(&table, method, path);
                    prop_assert!(found.is_none_or(|found| !shadowed.contains(&found)), "{} {} {:?}", method, path, found);
                }
            }
        }

        #[test]
        fn no_path_makes_it_panic(path in any::<String>()) {
            let table = table("GET /{a}/x{b}y/{*c} -> acme:{a}:/{b}/{c};\n* ~ (.*) -> acme:x:/$1;");
            for path in [path.clone(), format!("/{path}"), format!("/a/xzy/{path}")] {
                if let Ok(Some(matched)) = table.find("GET", &path) {
                    prop_assert!(matched.captures().len() < 4);
                    if let Ok(destination) = matched.target() {
                        let shown = format!("{destination:?}");
                        prop_assert!(!shown.contains("/../"));
                    }
                }
            }
        }
    }
}
