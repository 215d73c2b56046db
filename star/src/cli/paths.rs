//! Addresses on the command line: references as users write them, made into what a command needs.

use star_path::caret::Caret;
use star_path::{PathError, PropertyKey, Reference, ResourcePath, Selector, Target};
use star_wire::{ErrorCode, StarError};

use super::error::CliError;

/// Reads the path of a resource. What may stand around a path elsewhere (a route, a kind, a
/// property) is refused with a caret.
pub(crate) fn resource(text: &str) -> Result<ResourcePath, CliError> {
    let reference = Reference::parse(text)?;
    refuse_route(&reference)?;
    if reference.kind.is_some() || reference.property.is_some() {
        // Only a plain path can be used here, which this reading complains about at the place.
        ResourcePath::parse(text)?;
    }
    absolute(reference.target, text)
}

/// Reads a path with or without a property behind it.
pub(crate) fn property(text: &str) -> Result<(ResourcePath, Option<PropertyKey>), CliError> {
    let reference = Reference::parse(text)?;
    refuse_route(&reference)?;
    if reference.kind.is_some() {
        ResourcePath::parse(text.split_once('#').map_or(text, |(path, _)| path))?;
    }
    Ok((absolute(reference.target, text)?, reference.property))
}

/// Reads a selector.
pub(crate) fn selector(text: &str) -> Result<Selector, CliError> {
    let selector = Selector::parse(text)?;
    match selector.route() {
        None => Ok(selector),
        Some(route) => {
            // A selector that is a plain path gets the better proposals of a plain path.
            Reference::parse(text).ok().as_ref().map_or(Ok(()), refuse_route)?;
            let message = format!("there is no remote `{route}`");
            let plain = text.split_once("::").map_or(text, |(_, behind)| behind);
            Err(StarError::new(ErrorCode::UnknownRemote, message).hint(format!("without it: `{plain}`")).into())
        }
    }
}

/// The error for a text that is no path, with a caret under the place.
pub(crate) fn malformed(error: &PathError) -> StarError {
    let told = StarError::new(ErrorCode::MalformedPath, format!("not a path: {}", error.kind)).excerpt(excerpt(error));
    match error.question() {
        Some(question) => told.hint(question),
        None => told,
    }
}

fn refuse_route(reference: &Reference) -> Result<(), CliError> {
    let Some(error) = reference.unknown_remote() else { return Ok(()) };
    let route = reference.route.as_ref().map(ToString::to_string).unwrap_or_default();
    let told =
        StarError::new(ErrorCode::UnknownRemote, format!("there is no remote `{route}`")).excerpt(excerpt(&error));
    Err(match error.question() {
        Some(question) => told.hint(question).into(),
        None => told.into(),
    })
}

fn absolute(target: Target, text: &str) -> Result<ResourcePath, CliError> {
    match target {
        Target::Root => Ok(ResourcePath::root()),
        Target::Absolute(path) => Ok(path),
        Target::Relative(_) => {
            ResourcePath::parse(text)?;
            Err(CliError::usage("a path on the command line begins with a Space"))
        }
    }
}

/// The text with a caret; the suggestion is left to the hint.
fn excerpt(error: &PathError) -> String {
    let message = error.kind.to_string();
    Caret { source: &error.input, line: None, span: error.span.clone(), message: &message, suggestion: None }.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::paint::Paint;
    use crate::output::report::{Report, exit_of};

    fn told<T: std::fmt::Debug>(result: Result<T, CliError>) -> (u8, String) {
        let error = result.unwrap_err();
        (exit_of(&error).number(), Report::of(&error).lines(Paint::Plain))
    }

    #[test]
    fn a_plain_path_is_read() {
        for text in ["localhost", "localhost:files:/a", "ROOT", "localhost:hello:1.0.0"] {
            assert_eq!(resource(text).ok().unwrap().as_str(), text);
        }
    }

    #[test]
    fn what_does_not_belong_to_a_plain_path_is_underlined() {
        for text in
            ["localhost:files#title", "localhost:files<FileSystem>", "..:x", "localhost:/a b", "", "localhost::"]
        {
            let (exit, lines) = told(resource(text));
            assert_eq!(exit, 2, "{text}: {lines}");
            assert!(lines.starts_with("error[S0101]: ") && lines.contains('^'), "{text}: {lines}");
        }
    }

    #[test]
    fn an_unknown_remote_proposes_what_was_meant() {
        let (exit, lines) = told(resource("localhost::files"));
        assert_eq!(exit, 2);
        assert!(lines.starts_with("error[S0113]: there is no remote `localhost`"), "{lines}");
        assert!(lines.contains("`localhost#files` or `localhost:files`"), "{lines}");
        assert_eq!(told(selector("localhost::files")), told(resource("localhost::files")));
        assert_eq!(told(selector("hub::acme:**")).0, 2);
    }

    #[test]
    fn a_property_stands_behind_its_path() {
        let (path, key) = property("localhost:files#labels.team").ok().unwrap();
        assert_eq!((path.as_str(), key.unwrap().as_str()), ("localhost:files", "labels.team"));
        assert!(property("localhost:files").ok().unwrap().1.is_none());
        assert_eq!(told(property("localhost:files<File>#title")).0, 2);
        assert_eq!(told(property("localhost:files#Title")).0, 2);
    }
}
