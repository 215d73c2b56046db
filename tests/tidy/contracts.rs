//! The rule about the page of contracts: what it promises, a test that exists proves.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree::{Source, Tree};

const PAGE: &str = "docs/explanation/contracts.md";

/// How far above the name of a test its attributes begin.
const ATTRIBUTE_LINES: usize = 4;

/// Every promise names tests, and every test that is named is there.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    match tree.file(PAGE) {
        Some(page) => promises(page, &tests(tree.rust())),
        None => vec![Finding::of(PAGE, "is missing", "write down what users may rely on, and the tests that prove it")],
    }
}

fn promises(page: &Source, tests: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut rows = 0;
    for (place, line) in page.text.lines().enumerate() {
        let Some((promise, proof)) = row(line) else { continue };
        rows += 1;
        let named: Vec<&str> = proof.split('`').skip(1).step_by(2).collect();
        if named.is_empty() {
            let what = format!("nothing proves that {promise}");
            findings.push(Finding::at(PAGE, place + 1, what, "name the test that fails when it is no longer true"));
        }
        for name in named.into_iter().filter(|name| !tests.contains(*name)) {
            let what = format!("there is no test `{name}`");
            findings.push(Finding::at(
                PAGE,
                place + 1,
                what,
                "name a test as it is called now, or take the promise back",
            ));
        }
    }
    if rows == 0 {
        findings.push(Finding::of(PAGE, "promises nothing", "a table with a promise and its tests in each row"));
    }
    findings
}

/// The promise and the proof of a row of a table; none for its head.
fn row(line: &str) -> Option<(&str, &str)> {
    let mut cells = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim);
    let (promise, proof) = (cells.next()?, cells.next()?);
    let is_head = promise == "what holds" || promise.starts_with("---");
    (!is_head && cells.next().is_none()).then_some((promise, proof))
}

/// The names of all tests.
fn tests<'t>(sources: impl Iterator<Item = &'t Source>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        let lines: Vec<&str> = source.text.lines().map(str::trim).collect();
        for (place, line) in lines.iter().enumerate() {
            let line = line.strip_prefix("async ").unwrap_or(line);
            let Some((name, _)) = line.strip_prefix("fn ").and_then(|rest| rest.split_once('(')) else { continue };
            let above = &lines[place.saturating_sub(ATTRIBUTE_LINES)..place];
            let attributes = above.iter().rev().take_while(|line| line.starts_with(['#', '/']));
            if attributes.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod rules {
    use super::*;

    #[test]
    fn a_promise_without_a_test_and_a_test_that_is_not_there_are_found() {
        let code = Source::new(
            "a.rs",
            "#[test]\nfn it_holds() {}\n\n#[tokio::test]\nasync fn so_does_it() {}\n\nfn helper() {}\n",
        );
        let known = tests([&code].into_iter());
        assert_eq!(known.iter().map(String::as_str).collect::<Vec<_>>(), ["it_holds", "so_does_it"]);
        let page =
            |rows: &str| Source::new(PAGE, &format!("# Contracts\n\n| what holds | proved by |\n|---|---|\n{rows}"));
        assert!(promises(&page("| It holds. | `it_holds`, `so_does_it` |\n"), &known).is_empty());
        for bad in ["| It holds. | |\n", "| It holds. | `it_held` |\n", "| It holds. | `helper` |\n", ""] {
            assert_eq!(promises(&page(bad), &known).len(), 1, "{bad}");
        }
    }
}
