//! What must hold of all commands together: help, examples, names.

use std::ffi::OsString;

use clap::{Command, CommandFactory, Parser};

use super::{Cli, flag, welcome};

fn commands() -> Vec<Command> {
    let mut cli = Cli::command();
    cli.build();
    cli.get_subcommands().cloned().collect()
}

/// The commands of a line of shell: pipes, comments and redirections are not for us.
fn calls(line: &str) -> Vec<Vec<String>> {
    let mut calls = vec![Vec::new()];
    for word in words(line) {
        match word.as_str() {
            "|" | ";" => calls.push(Vec::new()),
            _ => calls.last_mut().unwrap().push(word),
        }
    }
    for call in &mut calls {
        let end = call.iter().position(|word| matches!(word.as_str(), ">" | "<" | "#")).unwrap_or(call.len());
        call.truncate(end);
    }
    calls.retain(|call| call.first().is_some_and(|first| first == "star"));
    calls
}

/// The words of a line of shell. A quote may stand inside of a word; a `#` that begins a word
/// begins a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            (None, _) if c.is_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    assert_eq!(quote, None, "{line}");
    words.extend(word);
    words
}

#[test]
fn the_commands_are_put_together_without_contradiction() {
    Cli::command().debug_assert();
}

#[test]
fn every_help_begins_with_a_sentence_and_ends_with_examples_that_can_be_typed() {
    let all = commands();
    assert!(all.len() >= 24, "{}", all.len());
    for command in all {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(about.starts_with(|c: char| c.is_ascii_uppercase()) && !about.ends_with('.'), "{name}: {about}");
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples = help.strip_prefix("Examples:\n").unwrap_or_else(|| panic!("{name} has no examples"));
        let mut own = 0;
        for line in examples.lines() {
            for call in calls(line) {
                if let Err(error) = Cli::try_parse_from(&call) {
                    panic!("{line}\n{error}");
                }
                own += usize::from(call.get(1).is_some_and(|word| word == name));
            }
        }
        assert!(own > 0, "no example of {name} calls it");
    }
}

#[test]
fn every_flag_and_argument_is_explained() {
    for command in commands() {
        for argument in command.get_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(!help.is_empty(), "{} {}", command.get_name(), argument.get_id());
            assert!(!help.ends_with('.'), "{} {}: {help}", command.get_name(), argument.get_id());
        }
    }
}

#[test]
fn the_welcome_names_every_command_and_its_examples_can_be_typed() {
    for command in commands() {
        assert!(welcome::TEXT.contains(command.get_name()), "{}", command.get_name());
    }
    for line in welcome::TEXT.lines().filter(|line| line.starts_with("  star ")) {
        let call = line.trim().split("  ").next().unwrap();
        if let Err(error) = Cli::try_parse_from(words(call)) {
            panic!("{line}\n{error}");
        }
    }
}

#[test]
fn every_command_of_the_quick_start_can_be_typed() {
    let readme = include_str!("../../../README.md");
    let begin = readme.find("<!-- quick-start -->").expect("the README has a quick start");
    let end = readme.find("<!-- /quick-start -->").expect("it has an end");
    let mut count = 0;
    for line in readme[begin..end].lines() {
        for call in calls(line) {
            if let Err(error) = Cli::try_parse_from(&call) {
                panic!("{line}\n{error}");
            }
            count += 1;
        }
    }
    assert!(count >= 15, "{count}");
}

#[test]
fn a_change_can_be_rehearsed() {
    for command in commands() {
        let changes = ["create", "set", "mv", "rm", "cp", "publish", "tag"].contains(&command.get_name());
        let has = command.get_arguments().any(|argument| argument.get_id() == "dry_run");
        assert_eq!(changes, has, "{}", command.get_name());
    }
}

#[test]
fn a_flag_is_found_in_arguments_that_make_no_sense() {
    let found = |line: &str| {
        let arguments: Vec<OsString> = words(line).into_iter().map(OsString::from).collect();
        flag(&arguments, &["--output", "-o"])
    };
    assert_eq!(found("star nonsense -o json").as_deref(), Some("json"));
    assert_eq!(found("star --output=jsonl nonsense").as_deref(), Some("jsonl"));
    assert_eq!(found("star -ojson nonsense").as_deref(), Some("json"));
    assert_eq!(found("star ask a b -- -o json"), None);
    assert_eq!(found("star --outputs json"), None);
}

#[test]
fn no_flag_takes_a_key_on_the_command_line() {
    for command in commands().iter().chain([&Cli::command()]) {
        for argument in command.get_arguments() {
            let name = argument.get_long().unwrap_or_default();
            assert!(!["token", "key", "password"].contains(&name), "{}: --{name}", command.get_name());
        }
    }
}
