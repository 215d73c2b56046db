//! The quick start as it stands in README.md, cut into commands.

/// Between these two lines of README.md stands the quick start, in a fenced block.
const MARKS: (&str, &str) = ("<!-- quick-start -->", "<!-- /quick-start -->");

/// The commands, in their order. The one that starts the Star is left out: the tests have one.
pub(super) fn commands(readme: &str) -> Vec<String> {
    let inside = readme.split_once(MARKS.0).and_then(|(_, rest)| rest.split_once(MARKS.1));
    let (inside, _) = inside.expect("README.md holds the marks of the quick start");
    let lines = inside.lines().map(str::trim).filter(|line| !line.starts_with("```"));
    let commands = lines.flat_map(split).filter(|command| !command.starts_with("cargo run"));
    commands.collect()
}

/// Cuts a line at its `;`, as a shell would, and leaves comments out.
fn split(line: &str) -> Vec<String> {
    let mut commands = vec![String::new()];
    let mut quote = None;
    let mut at_word = true;
    for character in line.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if matches!(character, '\'' | '"') => quote = Some(character),
            None if character == '#' && at_word => break,
            None if character == ';' => {
                commands.push(String::new());
                at_word = true;
                continue;
            }
            None => {}
        }
        at_word = quote.is_none() && character.is_whitespace();
        commands.last_mut().expect("it is never empty").push(character);
    }
    commands.iter().map(|command| command.trim().to_owned()).filter(|command| !command.is_empty()).collect()
}

#[test]
fn a_line_is_cut_as_a_shell_cuts_it() {
    let line = "star set a:b#title=\"x ; # y\" ; star ask a g '{\"n\";}' # a comment ; more";
    assert_eq!(split(line), ["star set a:b#title=\"x ; # y\"", "star ask a g '{\"n\";}'"]);
    assert!(split("# only a comment").is_empty());
}

#[test]
fn only_what_stands_between_the_marks_is_typed() {
    let readme = "ls\n<!-- quick-start -->\n```sh\ncargo run --release -- serve   # runs\nstar a ; star b\n```\n<!-- /quick-start -->\nrm";
    assert_eq!(commands(readme), ["star a", "star b"]);
}
