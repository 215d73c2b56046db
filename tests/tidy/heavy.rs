//! Heavy dependencies live in one crate each, so that most of the code builds in seconds and a
//! change of engine touches one folder.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::arrows::{Dependency, Need, array, text};
use crate::finding::Finding;

const CONFINED_REMEDY: &str = "put the code that needs it into its crate, behind a port of star-core";
const REACH_REMEDY: &str = "`cargo tree -e normal,dev -i CRATE -p star-core` shows which dependency brings it";

/// A family of crates and the packages of ours that may name it.
struct Heavy {
    family: &'static str,
    home: &'static [&'static str],
}

const HEAVY: &[Heavy] = &[
    Heavy { family: "wasmtime", home: &["star-mechtron"] },
    Heavy { family: "axum", home: &["star-http"] },
    Heavy { family: "redb", home: &["star-store"] },
    Heavy { family: "sled", home: &["star-store"] },
    Heavy { family: "quinn", home: &["star-mesh"] },
    Heavy { family: "kube", home: &["star-operator"] },
    Heavy { family: "reqwest", home: &["star-client"] },
];

/// Packages that measure and test the whole, with whatever that takes.
const FREE: &[&str] = &["star-tests", "star-benches"];

/// Crates at the bottom: not even their tests bring in something heavy.
const LIGHT: &[&str] = &["star-path", "star-wire", "star-core", "star-testkit"];

/// Every heavy crate that is named outside of its home.
///
/// A test may stand a small server up, so dependencies of tests are left alone, but at the bottom.
pub(crate) fn confined(dependencies: &[Dependency]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for dependency in dependencies {
        let from = dependency.from.as_str();
        let Some(heavy) = HEAVY.iter().find(|heavy| is_of(&dependency.to, heavy.family)) else {
            continue;
        };
        let spared = dependency.need == Need::Tests && !LIGHT.contains(&from);
        if spared || FREE.contains(&from) || heavy.home.contains(&from) {
            continue;
        }
        findings.push(Finding::of(
            format!("package {from}"),
            format!("depends on {}, which belongs to {} alone", dependency.to, heavy.home.join(", ")),
            CONFINED_REMEDY,
        ));
    }
    findings
}

/// Every heavy crate that a build of the tests of `package` would compile.
pub(crate) fn out_of_reach(metadata: &Value, package: &str) -> Vec<Finding> {
    let names: HashMap<&str, String> = array(&metadata["packages"])
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, text(&package["name"]))))
        .collect();
    let nodes: HashMap<&str, &Value> =
        array(&metadata["resolve"]["nodes"]).iter().filter_map(|node| Some((node["id"].as_str()?, node))).collect();
    let Some(start) = names.iter().find(|(_, name)| *name == package) else {
        return vec![Finding::of(
            format!("package {package}"),
            "is not in the workspace",
            "name the package that took its place in tests/tidy/main.rs",
        )];
    };
    let mut seen: HashSet<&str> = HashSet::from([*start.0]);
    let mut waiting = vec![(*start.0, Need::Tests)];
    while let Some((id, need)) = waiting.pop() {
        for next in nodes.get(id).map_or(&[][..], |node| array(&node["deps"])) {
            let Some(to) = next["pkg"].as_str() else {
                continue;
            };
            if is_needed(next, need) && seen.insert(to) {
                waiting.push((to, Need::Always));
            }
        }
    }
    seen.iter()
        .filter_map(|id| names.get(id))
        .filter(|name| HEAVY.iter().any(|heavy| is_of(name, heavy.family)))
        .map(|name| Finding::of(format!("package {package}"), format!("its tests build {name}"), REACH_REMEDY))
        .collect()
}

/// The crate itself and those that carry its name in front: `wasmtime-wasi`.
fn is_of(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn is_needed(dependency: &Value, need: Need) -> bool {
    need == Need::Tests || array(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"] != "dev")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn foreign(from: &str, to: &str, need: Need) -> Dependency {
        Dependency { from: from.into(), to: to.into(), need, ours: false }
    }

    #[test]
    fn a_heavy_crate_outside_its_home_is_found() {
        let wrong = [
            foreign("star-core", "wasmtime-wasi", Need::Always),
            foreign("star-kinds", "axum", Need::Always),
            foreign("star-core", "axum", Need::Tests),
        ];
        assert_eq!(confined(&wrong).len(), wrong.len());
    }

    #[test]
    fn a_heavy_crate_at_home_and_in_tests_of_a_leaf_is_fine() {
        let right = [
            foreign("star-mechtron", "wasmtime-wasi", Need::Always),
            foreign("star-client", "axum", Need::Tests),
            foreign("star-benches", "redb", Need::Always),
            foreign("star-core", "sledge", Need::Always),
        ];
        assert_eq!(confined(&right), []);
    }

    #[test]
    fn a_heavy_crate_two_steps_away_is_found() {
        let metadata = json!({
            "packages": [
                { "id": "1", "name": "star-core" },
                { "id": "2", "name": "fixtures" },
                { "id": "3", "name": "redb" },
                { "id": "4", "name": "quinn" },
            ],
            "resolve": { "nodes": [
                { "id": "1", "deps": [{ "pkg": "2", "dep_kinds": [{ "kind": "dev" }] }] },
                { "id": "2", "deps": [
                    { "pkg": "3", "dep_kinds": [{ "kind": null }] },
                    { "pkg": "4", "dep_kinds": [{ "kind": "dev" }] },
                ] },
                { "id": "3", "deps": [] },
                { "id": "4", "deps": [] },
            ] },
        });
        let findings = out_of_reach(&metadata, "star-core");
        assert_eq!(findings, [Finding::of("package star-core", "its tests build redb", REACH_REMEDY)]);
    }
}
