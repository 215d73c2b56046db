//! Arguments that set something: `name=value` and `PATH#key=value`.

use std::collections::BTreeMap;

use star_path::{PropertyKey, ResourcePath};

use super::error::CliError;
use super::paths;

/// A property and the value that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    /// The resource.
    pub(crate) path: ResourcePath,
    /// Key and value; none for an argument that only names the resource.
    pub(crate) pair: Option<(PropertyKey, String)>,
}

/// Reads `PATH#key=value`, or `PATH` alone.
pub(crate) fn assignment(text: &str) -> Result<Assignment, CliError> {
    let shape = || format!("write it as PATH#key=value, e.g. `{text}#title=Hello`");
    let Some(hash) = text.find('#') else {
        if text.contains('=') {
            return Err(CliError::usage(format!("`{text}` names no property")).hint("write it as PATH#key=value"));
        }
        return Ok(Assignment { path: paths::resource(text)?, pair: None });
    };
    let Some(equals) = text[hash..].find('=').map(|at| hash + at) else {
        // Mistakes in the path are worth more than the missing value.
        paths::property(text)?;
        return Err(CliError::usage(format!("`{text}` has no value")).hint(match text.split_once('#') {
            Some((path, key)) => format!("star set {path}#{key}=VALUE, or: star set {path} --remove {key}"),
            None => shape(),
        }));
    };
    let (path, key) = paths::property(&text[..equals])?;
    let key = key.ok_or_else(|| CliError::usage(format!("`{text}` names no property")).hint(shape()))?;
    Ok(Assignment { path, pair: Some((key, text[equals + 1..].to_owned())) })
}

/// Reads `name=value` arguments of one flag into a map.
pub(crate) fn map(flag: &str, given: &[String]) -> Result<BTreeMap<String, String>, CliError> {
    let mut map = BTreeMap::new();
    for text in given {
        let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            CliError::usage(format!("`{text}` is no name with a value")).hint(format!("{flag} NAME=VALUE"))
        })?;
        if map.insert(name.to_owned(), value.to_owned()).is_some() {
            return Err(CliError::usage(format!("{flag} gives `{name}` twice")));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_hold_anything() {
        for (text, path, key, value) in [
            (
                "localhost#routes=localhost:hello:latest:/routes.conf",
                "localhost",
                "routes",
                "localhost:hello:latest:/routes.conf",
            ),
            ("localhost:files#title=Shared files", "localhost:files", "title", "Shared files"),
            ("localhost:files#title=a#b=c", "localhost:files", "title", "a#b=c"),
            ("localhost:files#title=", "localhost:files", "title", ""),
            ("localhost:files#labels.team=red", "localhost:files", "labels.team", "red"),
            ("localhost:files:/a=b#title=x", "localhost:files:/a=b", "title", "x"),
        ] {
            let read = assignment(text).ok().unwrap();
            assert_eq!(read.path.as_str(), path, "{text}");
            assert_eq!(read.pair, Some((PropertyKey::parse(key).unwrap(), value.to_owned())), "{text}");
        }
        assert_eq!(assignment("localhost:files").ok().unwrap().pair, None);
    }

    #[test]
    fn what_sets_nothing_is_refused() {
        for text in ["localhost:files#title", "title=x", "localhost:files#=x", "localhost:files#Title=x", "#a=b"] {
            assert!(assignment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_given_once() {
        let given = |texts: &[&str]| map("--label", &texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(
            given(&["a=1", "b=x=y"]).ok().unwrap(),
            [("a".into(), "1".into()), ("b".into(), "x=y".into())].into()
        );
        for bad in [&["a"][..], &["=1"], &["a=1", "a=2"]] {
            assert!(given(bad).is_err(), "{bad:?}");
        }
    }
}
