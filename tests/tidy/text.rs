//! Rules about every file that people write.

use crate::finding::Finding;
use crate::tree::Source;

/// Folders that only a particular machine has. Put together here, so that this file is not the
/// first finding.
const FOLDERS: &[&str] = &[concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/fa", "rm/")];

/// Hosts of package registries: a user's configuration chooses those, never the project.
const HOSTS: &[&str] = &[
    concat!("crates", ".io"),
    concat!("static.", "rust-lang"),
    concat!("registry.", "npmjs"),
    concat!("py", "pi.org"),
    concat!("files.", "pythonhosted"),
    concat!("proxy.", "golang"),
    concat!("repo.maven", ".apache"),
];

/// Files that a package manager writes: it names its registry in them.
fn is_written_by_tools(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    last == "Cargo.lock" || last == "package-lock.json"
}

/// Every line that names a folder of a machine or the host of a registry.
pub(crate) fn places(files: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !is_written_by_tools(&file.name)) {
        for (place, line) in file.text.lines().enumerate() {
            if let Some(folder) = FOLDERS.iter().find(|folder| starts_a_path(line, folder)) {
                findings.push(Finding::at(
                    &file.name,
                    place + 1,
                    format!("`{folder}` is a folder of one machine"),
                    "say it relative to the checkout, or by an environment variable",
                ));
            }
            if let Some(host) = HOSTS.iter().find(|host| line.contains(**host)) {
                findings.push(Finding::at(
                    &file.name,
                    place + 1,
                    format!("`{host}` is the host of a registry"),
                    "leave the choice of registries to the tool's own configuration",
                ));
            }
        }
    }
    findings
}

/// Whether the folder is named from the root, and not as a part of a longer path.
fn starts_a_path(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-}>)*".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_registries_are_found() {
        let file =
            Source::new("docs/a.md", concat!("cd /wo", "rk/main\nhttps://crates", ".io/x\nsrc/wo", "rk/x is fine\n"));
        let found: Vec<String> = places(&[file]).iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("docs/a.md:1: "));
        assert!(found[1].starts_with("docs/a.md:2: "));
    }

    #[test]
    fn lock_files_name_their_registry() {
        let text = concat!("source = \"registry+https://crates", ".io\"");
        assert_eq!(places(&[Source::new("examples/a/Cargo.lock", text)]), []);
    }
}
