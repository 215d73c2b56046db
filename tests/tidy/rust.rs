//! Rules about single Rust files.

use crate::code;
use crate::finding::Finding;
use crate::tree::Source;

/// A file longer than this holds more than one idea. Tests beside the code do not count.
const LINES_MAX: usize = 600;

/// Marks in comments that say that something is left to do. Put together here, so that this
/// file is not the first finding.
const MARKS: &[&str] = &[concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO")];

/// Macros that stand where code should.
const PLACEHOLDERS: &[&str] = &["todo!", "unimplemented!"];

/// What a layer must not name in its code. In prose it may: a module may well say that it knows
/// no wasmtime.
struct Unspoken {
    folder: &'static str,
    words: &'static [&'static str],
    remedy: &'static str,
}

const UNSPOKEN: &[Unspoken] = &[
    Unspoken {
        folder: "star/crates/core/",
        words: &["axum", "connectrpc", "hyper", "quinn", "redb", "reqwest", "sled", "sqlx", "StatusCode", "wasmtime"],
        remedy: "the core names a port; the engine or protocol stays in the leaf that fills it",
    },
    Unspoken {
        folder: "star/crates/kinds/",
        words: &["axum", "connectrpc", "hyper", "redb", "StatusCode", "wasmtime"],
        remedy: "kinds speak through the ports of star-core and answer with codes, not HTTP statuses",
    },
    Unspoken {
        folder: "star/crates/http/",
        words: &["redb", "sled", "wasmtime"],
        remedy: "HTTP translates; engines are reached through ports",
    },
];

/// Every file without a `//!` before its first item.
pub(crate) fn module_docs<'a>(files: impl Iterator<Item = &'a Source>) -> Vec<Finding> {
    files
        .filter(|file| {
            let first = file.text.lines().find(|line| !is_preamble(line));
            !first.is_some_and(|line| line.starts_with("//!"))
        })
        .map(|file| {
            Finding::at(
                &file.name,
                1,
                "the module does not say what it is",
                "start it with `//!`: what it owns, what it leaves to others, where to start",
            )
        })
        .collect()
}

/// What may stand before the first words of a module.
fn is_preamble(line: &str) -> bool {
    line.trim().is_empty() || line.starts_with("#!")
}

/// Every placeholder in code, and every mark in a comment.
pub(crate) fn unfinished<'a>(files: impl Iterator<Item = &'a Source>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let code = code::only(&file.text);
        for (place, (line, raw)) in code.lines().zip(file.text.lines()).enumerate() {
            let placeholder = PLACEHOLDERS.iter().find(|word| names(line, word));
            let mark = MARKS.iter().find(|word| names(raw, word));
            if let Some(word) = placeholder.or(mark) {
                findings.push(Finding::at(
                    &file.name,
                    place + 1,
                    format!("`{word}` is left behind"),
                    "do it, or write it down in roadmap.md",
                ));
            }
        }
    }
    findings
}

/// Every ignored test that does not say why.
pub(crate) fn ignored<'a>(files: impl Iterator<Item = &'a Source>) -> Vec<Finding> {
    attributes(files, "#[ignore", |attribute| !attribute.contains('='))
        .map(|(file, line)| {
            Finding::at(file, line, "the test is ignored without a reason", "#[ignore = \"why, and when it runs\"]")
        })
        .collect()
}

/// Every lint that is allowed, and every expected one without a reason.
pub(crate) fn silenced<'a>(files: impl Iterator<Item = &'a Source> + Clone) -> Vec<Finding> {
    let allowed = ["#[allow(", "#![allow("]
        .into_iter()
        .flat_map(|start| attributes(files.clone(), start, |_| true))
        .map(|(file, line)| {
            Finding::at(
                file,
                line,
                "a lint is allowed",
                "mend the cause, or #[expect(lint, reason = \"…\")], which fails when it is no longer needed",
            )
        });
    let unexplained = ["#[expect(", "#![expect("]
        .into_iter()
        .flat_map(|start| attributes(files.clone(), start, |attribute| !attribute.contains("reason")))
        .map(|(file, line)| Finding::at(file, line, "a lint is expected without a reason", "add reason = \"…\""));
    allowed.chain(unexplained).collect()
}

/// Attributes that start like this and whose text is `wrong`, with the line where they start.
fn attributes<'a>(
    files: impl Iterator<Item = &'a Source>,
    start: &'static str,
    wrong: impl Fn(&str) -> bool,
) -> impl Iterator<Item = (&'a str, usize)> {
    let mut found = Vec::new();
    for file in files {
        let code = code::only(&file.text);
        for (at, _) in code.match_indices(start) {
            let attribute = code[at..].split(']').next().unwrap_or_default();
            if wrong(attribute) {
                found.push((file.name.as_str(), line_of(&code, at)));
            }
        }
    }
    found.into_iter()
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Every file that is too long without its tests.
pub(crate) fn length<'a>(files: impl Iterator<Item = &'a Source>) -> Vec<Finding> {
    files
        .filter_map(|file| {
            let lines = lines_before_tests(&file.text);
            (lines > LINES_MAX).then(|| {
                Finding::of(
                    file.name.as_str(),
                    format!("{lines} lines without its tests, where {LINES_MAX} are the limit"),
                    "find the second idea in it and give it a file",
                )
            })
        })
        .collect()
}

/// The module of tests stands last in a file, by the order that the house keeps.
fn lines_before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .windows(2)
        .position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'))
        .unwrap_or(lines.len())
}

/// Every word in code that its layer must not know.
pub(crate) fn words<'a>(files: impl Iterator<Item = &'a Source>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let Some(rule) = UNSPOKEN.iter().find(|rule| file.name.starts_with(rule.folder)) else {
            continue;
        };
        for (place, line) in code::only(&file.text).lines().enumerate() {
            if let Some(word) = rule.words.iter().find(|word| names(line, word)) {
                findings.push(Finding::at(
                    &file.name,
                    place + 1,
                    format!("`{word}` is named below {}", rule.folder),
                    rule.remedy,
                ));
            }
        }
    }
    findings
}

/// Whether the word stands in the line by itself, and not as a part of another.
fn names(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_core(text: &str) -> Source {
        Source::new("star/crates/core/src/x.rs", text)
    }

    #[test]
    fn each_rule_finds_what_it_is_for() {
        type Rule = fn(std::slice::Iter<'_, Source>) -> Vec<Finding>;
        let cases: &[(Rule, &str)] = &[
            (|files| module_docs(files), "use std::fmt;\n//! late\n"),
            (|files| module_docs(files), ""),
            (|files| unfinished(files), "fn a() { todo!() }"),
            (|files| unfinished(files), concat!("// FIX", "ME: later")),
            (|files| ignored(files), "#[test]\n#[ignore]\nfn a() {}"),
            (|files| silenced(files), "#[allow(dead_code)]\nfn a() {}"),
            (|files| silenced(files), "#![allow(dead_code)]"),
            (|files| silenced(files), "#[expect(dead_code)]\nfn a() {}"),
            (|files| words(files), "use wasmtime::Engine;"),
            (|files| words(files), "type Db = redb::Database;"),
        ];
        for (rule, text) in cases {
            let files = [in_core(text)];
            assert_eq!(rule(files.iter()).len(), 1, "{text}");
        }
    }

    #[test]
    fn prose_and_text_break_no_rule_about_code() {
        let files = [in_core(
            "//! Knows no wasmtime, and `#[allow(x)]` is not for it.\n\
             const HINT: &str = \"todo! and #[ignore] and axum\";\n\
             #[expect(dead_code, reason = \"read by a macro\")]\n\
             fn expected_hyperlink() {}\n",
        )];
        assert_eq!(module_docs(files.iter()), []);
        assert_eq!(unfinished(files.iter()), []);
        assert_eq!(ignored(files.iter()), []);
        assert_eq!(silenced(files.iter()), []);
        assert_eq!(words(files.iter()), []);
    }

    #[test]
    fn a_finding_names_the_line() {
        let files = [in_core("//! X.\n\n#[ignore]\nfn a() {}\n")];
        assert!(ignored(files.iter())[0].to_string().starts_with("star/crates/core/src/x.rs:3: "));
    }

    #[test]
    fn tests_beside_the_code_do_not_make_a_file_long() {
        let tests = "#[cfg(test)]\nmod tests {\n".to_owned() + &"    // t\n".repeat(700) + "}\n";
        let short = Source::new("a.rs", &("fn a() {}\n".repeat(600) + &tests));
        let long = Source::new("b.rs", &("fn a() {}\n".repeat(601) + &tests));
        assert_eq!(length([short].iter()), []);
        assert_eq!(length([long].iter()).len(), 1);
    }
}
