//! The page of error codes in the documentation is the table in the code.

use std::path::PathBuf;

use star_wire::{ErrorCode, Outcome};

const HEAD: &str = "# Error codes

One code per meaning, the same in JSON, on the command line and between programs. A code never
changes its meaning, and a number is never used twice. `star explain CODE` prints a row of this
page.

*It happened* says whether what was asked for may have been done in spite of the error: after
*no*, trying again is safe; after *perhaps*, look first.

| code | name | meaning | it happened | trying again later can help |
|---|---|---|---|---|
";

fn page() -> String {
    let rows = ErrorCode::ALL.iter().map(|code| {
        let happened = match code.outcome() {
            Outcome::Rejected => "no",
            Outcome::Unknown => "perhaps",
        };
        let retry = if code.is_retryable() { "yes" } else { "no" };
        format!("| `{code}` | {} | {} | {happened} | {retry} |\n", code.name(), code.meaning())
    });
    HEAD.to_owned() + &rows.collect::<String>()
}

#[test]
fn the_page_of_error_codes_is_the_table_in_the_code() {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../..");
    let file = root.join("docs/reference/errors.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, page()).unwrap();
    }
    let written = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == page(),
        "docs/reference/errors.md is out of date; UPDATE_GOLDEN=1 cargo test -p star-wire writes it"
    );
}
