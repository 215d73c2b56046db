//! Which package of ours may depend on which, and why.

use serde_json::Value;

use crate::finding::Finding;

const REMEDY: &str = "move what is shared down to a crate that both may know, or speak through a port of star-core";

/// A package, the packages of ours that it may depend on, and what that means.
pub(crate) struct Arrow {
    from: &'static str,
    to: &'static [&'static str],
    /// The sentence that a reader of a finding needs.
    meaning: &'static str,
}

/// Packages that join everything, and therefore may depend on anything.
const JOINTS: &[&str] = &["star", "star-tests", "star-fuzz", "star-benches"];

/// What any package may use in its own tests.
const TESTKIT: &str = "star-testkit";

pub(crate) const ARROWS: &[Arrow] = &[
    Arrow { from: "star-path", to: &[], meaning: "addresses stand on their own and compile to wasm32" },
    Arrow {
        from: "star-wire",
        to: &["star-path"],
        meaning: "messages know addresses, and nothing that carries or handles them",
    },
    Arrow {
        from: "star-core",
        to: &["star-path", "star-wire"],
        meaning: "the core knows no engine and no protocol; it names ports",
    },
    Arrow {
        from: "star-store",
        to: &["star-path", "star-wire", "star-core"],
        meaning: "a leaf fills a port of the core and knows no other leaf",
    },
    Arrow {
        from: "star-artifact",
        to: &["star-path", "star-wire", "star-core"],
        meaning: "a leaf fills a port of the core and knows no other leaf",
    },
    Arrow {
        from: "star-mechtron",
        to: &["star-path", "star-wire", "star-core"],
        meaning: "a leaf fills a port of the core and knows no other leaf",
    },
    Arrow {
        from: "star-mesh",
        to: &["star-path", "star-wire", "star-core"],
        meaning: "a leaf fills a port of the core and knows no other leaf",
    },
    Arrow { from: "star-nix", to: &["star-path"], meaning: "formats are values: no actors, no I/O" },
    Arrow {
        from: "star-kinds",
        to: &["star-path", "star-wire", "star-core", "star-artifact", "star-nix"],
        meaning: "kinds know no HTTP and no wasmtime",
    },
    Arrow {
        from: "star-api",
        to: &[],
        meaning: "what is generated from the schema stands on its own, because clients link it",
    },
    Arrow {
        from: "star-console",
        to: &["star-path"],
        meaning: "pages are templates over view models, with no knowledge of the core",
    },
    Arrow {
        from: "star-http",
        to: &[
            "star-path",
            "star-wire",
            "star-core",
            "star-artifact",
            "star-kinds",
            "star-nix",
            "star-api",
            "star-console",
        ],
        meaning: "HTTP translates; it knows no engine and no WASM host",
    },
    Arrow {
        from: "star-client",
        to: &["star-path", "star-api"],
        meaning: "a client speaks the schema; user code links it",
    },
    Arrow {
        from: "star-operator",
        to: &["star-path", "star-client"],
        meaning: "the operator is a client like any other",
    },
    Arrow {
        from: TESTKIT,
        to: &["star-path", "star-wire", "star-core"],
        meaning: "fixtures are used by the core's own tests, so they must not bring a leaf along",
    },
    Arrow {
        from: "mechtron-guest",
        to: &["mechtron-guest-macros"],
        meaning: "authors of mechtrons link nothing of the program",
    },
    Arrow { from: "mechtron-guest-macros", to: &[], meaning: "authors of mechtrons link nothing of the program" },
    Arrow { from: "xtask", to: &[], meaning: "tasks start programs; they must build when the program does not" },
];

/// When a dependency is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// In the built package, or to build it.
    Always,
    /// In its tests only.
    Tests,
}

/// That one package of the workspace names another package, of ours or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) need: Need,
    /// Whether the other is of ours.
    pub(crate) ours: bool,
}

/// What the manifests of the workspace say.
pub(crate) fn dependencies(metadata: &Value) -> Vec<Dependency> {
    let mut found = Vec::new();
    for package in array(&metadata["packages"]) {
        if !package["source"].is_null() {
            continue;
        }
        for dependency in array(&package["dependencies"]) {
            found.push(Dependency {
                from: text(&package["name"]),
                to: text(&dependency["name"]),
                need: if dependency["kind"] == "dev" { Need::Tests } else { Need::Always },
                ours: dependency["source"].is_null(),
            });
        }
    }
    found
}

/// Every dependency between packages of ours that no arrow allows.
pub(crate) fn check(dependencies: &[Dependency]) -> Vec<Finding> {
    dependencies
        .iter()
        .filter(|dependency| dependency.ours && !JOINTS.contains(&dependency.from.as_str()))
        .filter_map(refused)
        .collect()
}

fn refused(dependency: &Dependency) -> Option<Finding> {
    let Dependency { from, to, need, .. } = dependency;
    let place = format!("package {from}");
    let Some(arrow) = ARROWS.iter().find(|arrow| arrow.from == from) else {
        return Some(Finding::of(
            place,
            format!("depends on {to}, but no arrow starts here"),
            "add the package to the table in tests/tidy/arrows.rs, with what its arrows mean",
        ));
    };
    let for_tests = *need == Need::Tests && to == TESTKIT;
    if for_tests || arrow.to.contains(&to.as_str()) {
        return None;
    }
    Some(Finding::of(place, format!("depends on {to}; {}", arrow.meaning), REMEDY))
}

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(from: &str, to: &str, need: Need) -> Dependency {
        Dependency { from: from.into(), to: to.into(), need, ours: true }
    }

    #[test]
    fn an_arrow_up_or_across_is_found() {
        let wrong = [
            ours("star-wire", "star-core", Need::Always),
            ours("star-store", "star-artifact", Need::Always),
            ours("star-http", "star-store", Need::Tests),
            ours("star-core", "star-testkit", Need::Always),
            ours("star-unheard-of", "star-path", Need::Always),
        ];
        assert_eq!(check(&wrong).len(), wrong.len());
    }

    #[test]
    fn arrows_down_and_fixtures_in_tests_are_fine() {
        let right = [
            ours("star-store", "star-core", Need::Always),
            ours("star-core", "star-testkit", Need::Tests),
            ours("star", "star-mechtron", Need::Always),
            ours("star-tests", "star-client", Need::Always),
        ];
        assert_eq!(check(&right), []);
    }

    #[test]
    fn the_table_itself_has_no_circle() {
        fn reaches(from: &str, wanted: &str, steps: usize) -> bool {
            let next = ARROWS.iter().find(|arrow| arrow.from == from);
            steps > 0
                && next.is_some_and(|arrow| arrow.to.iter().any(|to| *to == wanted || reaches(to, wanted, steps - 1)))
        }
        for arrow in ARROWS {
            assert!(!reaches(arrow.from, arrow.from, ARROWS.len()), "{} reaches itself", arrow.from);
        }
    }
}
