//! Warnings about a table: rules that no request can reach.

use std::fmt;

use star_path::caret::Caret;

use super::method::MethodSet;
use super::table::{RouteTable, Rule};

/// What is odd about a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WarningKind {
    /// An earlier rule says the same about the same requests.
    Duplicate,
    /// An earlier rule takes every request of these methods.
    Unreachable,
    /// Earlier rules take everything that this one would.
    Shadowed,
}

/// A rule that is in force and yet never used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    kind: WarningKind,
    line: usize,
    by: Vec<usize>,
    rule_text: String,
    message: String,
}

impl Warning {
    /// What is odd.
    pub fn kind(&self) -> WarningKind {
        self.kind
    }

    /// The line of the rule, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The lines of the rules that take its requests.
    pub fn by(&self) -> &[usize] {
        &self.by
    }

    /// Several lines: the rule, carets under it, what is odd.
    pub fn excerpt(&self) -> String {
        let caret = Caret {
            source: &self.rule_text,
            line: Some(self.line),
            span: 0..self.rule_text.len(),
            message: &self.message,
            suggestion: Some("put the narrower rule first, or leave it out"),
        };
        caret.render()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl RouteTable {
    /// The rules that no request can reach, in their order. Only what is certain is reported: a
    /// regular expression shadows others only when it takes everything or is written the same.
    pub fn check(&self) -> Vec<Warning> {
        let rules = self.rules();
        (1..rules.len()).filter_map(|index| warning(&rules[index], &rules[..index])).collect()
    }
}

fn warning(rule: &Rule, earlier: &[Rule]) -> Option<Warning> {
    let overlapping = earlier
        .iter()
        .filter(|other| other.methods().overlaps(rule.methods()) && other.pattern().contains(rule.pattern()));
    let mut taken = MethodSet::default();
    let mut by = Vec::new();
    for other in overlapping {
        // A rule that takes it all alone is the whole explanation.
        if other.methods().covers(rule.methods()) {
            by = vec![other];
            taken = other.methods();
            break;
        }
        if !taken.covers(other.methods()) {
            taken = taken.and(other.methods());
            by.push(other);
        }
    }
    taken.covers(rule.methods()).then(|| describe(rule, &by))
}

fn describe(rule: &Rule, by: &[&Rule]) -> Warning {
    let lines: Vec<usize> = by.iter().map(|other| other.line()).collect();
    let (kind, message) = match by {
        [other] if other.pattern().to_string() == rule.pattern().to_string() && other.methods() == rule.methods() => {
            (WarningKind::Duplicate, format!("this rule repeats the one of line {}", other.line()))
        }
        [other] if other.pattern().is_catch_all() => {
            (WarningKind::Unreachable, format!("no request gets past line {}, which takes every path", other.line()))
        }
        _ => (WarningKind::Shadowed, format!("no request gets here: {}", taken_by(&lines))),
    };
    let rule_text = format!("{} {} -> {}", rule.methods(), rule.pattern(), rule.target().as_str());
    Warning { kind, line: rule.line(), by: lines, rule_text, message }
}

fn taken_by(lines: &[usize]) -> String {
    match lines {
        [line] => format!("line {line} takes all of them"),
        lines => {
            let all: Vec<String> = lines.iter().map(usize::to_string).collect();
            format!("lines {} take all of them together", all.join(", "))
        }
    }
}
