//! The rules of the house that a compiler does not know: which crate may know which, what a file
//! looks like, and that the pages about the code are true.
//!
//! Each test is one rule. A rule is a plain function from what was read to what was found, so
//! that its own tests show it something bad; reading is left to [`tree`]. A finding says where,
//! what, and what to do instead.

mod arrows;
mod code;
mod contracts;
mod finding;
mod heavy;
mod pages;
mod rust;
mod text;
mod tree;

use finding::settle;
use tree::Tree;

#[test]
fn crates_depend_only_along_the_arrows() {
    settle(arrows::check(&arrows::dependencies(&tree::metadata())));
}

#[test]
fn heavy_crates_stay_in_their_one_place() {
    settle(heavy::confined(&arrows::dependencies(&tree::metadata())));
}

#[test]
fn the_core_builds_and_tests_without_heavy_crates() {
    settle(heavy::out_of_reach(&tree::metadata(), "star-core"));
}

#[test]
fn every_module_says_what_it_owns() {
    settle(rust::module_docs(Tree::read().rust()));
}

#[test]
fn nothing_unfinished_is_left_behind() {
    settle(rust::unfinished(Tree::read().rust()));
}

#[test]
fn an_ignored_test_says_why() {
    settle(rust::ignored(Tree::read().rust()));
}

#[test]
fn a_silenced_lint_is_expected_with_a_reason() {
    settle(rust::silenced(Tree::read().rust()));
}

#[test]
fn a_file_holds_one_idea() {
    settle(rust::length(Tree::read().rust()));
}

#[test]
fn a_layer_never_names_what_it_must_not_know() {
    settle(rust::words(Tree::read().rust()));
}

#[test]
fn no_file_names_a_machine_or_a_registry() {
    settle(text::places(Tree::read().text()));
}

#[test]
fn the_architecture_page_is_short_and_names_what_exists() {
    settle(pages::architecture(&Tree::read()));
}

#[test]
fn links_between_pages_lead_somewhere() {
    settle(pages::links(&Tree::read()));
}

#[test]
fn every_page_of_the_book_is_in_its_summary() {
    settle(pages::summary(&Tree::read()));
}

#[test]
fn decisions_are_numbered_without_a_gap() {
    settle(pages::decisions(&Tree::read()));
}

#[test]
fn every_contract_is_proved_by_a_test_that_exists() {
    settle(contracts::check(&Tree::read()));
}
