//! Rules about the pages that describe the project.

use std::collections::BTreeSet;

use crate::finding::Finding;
use crate::tree::{Source, Tree};

const ARCHITECTURE: &str = "ARCHITECTURE.md";
/// A page that a newcomer reads in one sitting.
const ARCHITECTURE_LINES_MAX: usize = 300;

const SUMMARY: &str = "docs/SUMMARY.md";
const BOOK: &str = "docs/";
const DECISIONS: &str = "docs/adr/";

/// Endings by which a name between backticks is known to be a file of the checkout.
const FILES: &[&str] = &[".conf", ".html", ".json", ".md", ".proto", ".rs", ".toml", ".wasm", ".wit", ".yaml"];

/// The code map is short, and every file that it names is there.
pub(crate) fn architecture(tree: &Tree) -> Vec<Finding> {
    let Some(page) = tree.file(ARCHITECTURE) else {
        return vec![Finding::of(ARCHITECTURE, "is missing", "write the code map, with what each part must not know")];
    };
    let mut findings = Vec::new();
    let lines = page.text.lines().count();
    if lines > ARCHITECTURE_LINES_MAX {
        findings.push(Finding::of(
            ARCHITECTURE,
            format!("{lines} lines, where {ARCHITECTURE_LINES_MAX} are the limit"),
            "move what explains to docs/explanation, keep the map",
        ));
    }
    for (line, name) in named_files(&page.text) {
        if !tree.has(name) {
            findings.push(Finding::at(
                ARCHITECTURE,
                line,
                format!("`{name}` does not exist"),
                "name the file by its path from the checkout, as it is now",
            ));
        }
    }
    findings
}

/// Names between backticks that can only be paths of the checkout, with their lines.
fn named_files(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (place, line) in text.lines().enumerate() {
        // Every second part of a line lies between backticks.
        for name in line.split('`').skip(1).step_by(2) {
            let path = name.contains('/') && !name.starts_with('/');
            let plain = !name.contains(|c: char| c.is_whitespace() || "<>{}*$:…".contains(c));
            let file = name.ends_with('/') || FILES.iter().any(|end| name.ends_with(end));
            if path && plain && file {
                found.push((place + 1, name));
            }
        }
    }
    found
}

/// Every relative link of every page leads to something.
pub(crate) fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for page in tree.pages() {
        for (line, link) in links_of(&page.text) {
            let file = link.split('#').next().unwrap_or(link);
            if file.is_empty() || file.contains("://") || file.starts_with(['/', '<']) || file.starts_with("mailto:") {
                continue;
            }
            if !resolve(&page.name, file).is_some_and(|target| tree.has(&target)) {
                findings.push(Finding::at(
                    &page.name,
                    line,
                    format!("the link to `{file}` leads nowhere"),
                    "correct the link, or write the page",
                ));
            }
        }
    }
    findings
}

/// Targets of the links `[words](target)` in a page, outside of blocks of code.
fn links_of(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_code = false;
    for (place, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let quoted = line[..at].matches('`').count() % 2 == 1;
            if let Some(end) = rest.find([')', ' ']).filter(|_| !quoted) {
                found.push((place + 1, &rest[..end]));
            }
        }
    }
    found
}

/// The path of `link`, seen from the page; nothing where it leaves the checkout.
fn resolve(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Every page below `docs/` can be reached from the summary of the book.
pub(crate) fn summary(tree: &Tree) -> Vec<Finding> {
    let Some(summary) = tree.file(SUMMARY) else {
        return vec![Finding::of(SUMMARY, "is missing", "list the pages of the book")];
    };
    let listed: BTreeSet<String> =
        links_of(&summary.text).into_iter().filter_map(|(_, link)| resolve(SUMMARY, link)).collect();
    tree.pages()
        .filter(|page| page.name.starts_with(BOOK) && page.name != SUMMARY)
        .filter(|page| !listed.contains(&page.name))
        .map(|page| {
            Finding::of(
                page.name.as_str(),
                "is not in the summary of the book",
                "add a line to docs/SUMMARY.md, under what its reader wants: learn, do, look up, understand",
            )
        })
        .collect()
}

/// Decisions are `NNNN-title.md`, count up from the template at 0000, and say where they stand.
pub(crate) fn decisions(tree: &Tree) -> Vec<Finding> {
    let pages: Vec<&Source> =
        tree.pages().filter(|page| page.name.starts_with(DECISIONS) && !page.name.ends_with("/README.md")).collect();
    numbering(&pages)
}

fn numbering(pages: &[&Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (expected, page) in pages.iter().enumerate() {
        let number = format!("{expected:04}");
        let name = page.name.strip_prefix(DECISIONS).unwrap_or(&page.name);
        if !name.starts_with(&format!("{number}-")) {
            findings.push(Finding::of(
                page.name.as_str(),
                format!("the next number is {number}"),
                "number decisions without a gap, and never use a number twice",
            ));
            break;
        }
        if !page.text.starts_with(&format!("# {number}: ")) {
            findings.push(Finding::at(
                &page.name,
                1,
                "the title does not carry the number of the file",
                "# NNNN: what was decided",
            ));
        }
        if !page.text.lines().any(|line| line.starts_with("Status: ")) {
            findings.push(Finding::of(
                page.name.as_str(),
                "does not say where it stands",
                "a line `Status: proposed`, `accepted` or `replaced by NNNN`, with the date",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_count_as_named_files() {
        let text =
            "see `star/src/main.rs` and `proto/`,\nnot `/r/a.md`, `kinds/<kind>.rs`, `a.rs` or `cargo run x/y.rs`";
        assert_eq!(named_files(text), [(1, "star/src/main.rs"), (1, "proto/")]);
    }

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "[a](b.md#c)\n```\n[x](y.md)\n```\n`[x](z.md)` [d](../e.md)";
        assert_eq!(links_of(text), [(1, "b.md#c"), (5, "../e.md")]);
    }

    #[test]
    fn links_resolve_beside_their_page_and_never_outside() {
        assert_eq!(resolve("docs/a/b.md", "../c.md").as_deref(), Some("docs/c.md"));
        assert_eq!(resolve("README.md", "docs/").as_deref(), Some("docs"));
        assert_eq!(resolve("README.md", "../other"), None);
    }

    #[test]
    fn a_gap_a_wrong_title_and_a_missing_status_are_found() {
        let good = Source::new("docs/adr/0000-a.md", "# 0000: A\n\nStatus: accepted\n");
        let untitled = Source::new("docs/adr/0001-b.md", "# B\n\nStatus: accepted\n");
        let silent = Source::new("docs/adr/0001-b.md", "# 0001: B\n");
        let gap = Source::new("docs/adr/0002-c.md", "# 0002: C\n\nStatus: accepted\n");
        assert_eq!(numbering(&[&good]), []);
        assert_eq!(numbering(&[&good, &untitled]).len(), 1);
        assert_eq!(numbering(&[&good, &silent]).len(), 1);
        assert_eq!(numbering(&[&good, &gap]).len(), 1);
    }
}
