//! Reads the checkout: its text files, and what cargo knows about its packages.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Folders that hold what is built or fetched.
const SKIPPED: &[&str] = &["target", "node_modules"];

/// Folders whose name starts with a dot and that are part of the project all the same.
const DOTTED: &[&str] = &[".cargo", ".ci", ".github"];

/// A file, not a folder, where the checkout is one of several of the same repository.
const GIT: &str = ".git";

/// Endings of the files that people write.
const TEXT: &[&str] =
    &["conf", "css", "html", "js", "json", "lock", "md", "proto", "rs", "toml", "txt", "wit", "yaml", "yml"];

/// A text file, named relative to the checkout with `/` between the parts.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    #[cfg(test)]
    pub(crate) fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// The checkout, as far as people write it.
#[derive(Debug)]
pub(crate) struct Tree {
    root: PathBuf,
    files: Vec<Source>,
}

impl Tree {
    /// Reads every text file of the checkout.
    pub(crate) fn read() -> Self {
        let root = root();
        let mut files = Vec::new();
        collect(&root, &root, &mut files);
        files.sort_by(|a, b| a.name.cmp(&b.name));
        assert!(files.iter().any(|file| file.name == "Cargo.toml"), "{} is not the checkout", root.display());
        Self { root, files }
    }

    /// All text files.
    pub(crate) fn text(&self) -> &[Source] {
        &self.files
    }

    /// The Rust files among them.
    pub(crate) fn rust(&self) -> impl Iterator<Item = &Source> + Clone {
        self.ending(".rs")
    }

    /// The pages among them.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &Source> + Clone {
        self.ending(".md")
    }

    fn ending(&self, end: &'static str) -> impl Iterator<Item = &Source> + Clone {
        self.files.iter().filter(move |file| file.name.ends_with(end))
    }

    /// The file of that name.
    pub(crate) fn file(&self, name: &str) -> Option<&Source> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Whether a file or folder is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.root.join(name).exists()
    }
}

/// The folder of the workspace. Asked at run time, because a target folder can be shared by
/// several checkouts, and the one known at compile time may be another.
fn root() -> PathBuf {
    let package =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package.parent().expect("the package lies in the workspace").to_path_buf()
}

fn collect(root: &Path, dir: &Path, files: &mut Vec<Source>) {
    for entry in fs::read_dir(dir).expect("the checkout can be listed") {
        let path = entry.expect("the checkout can be listed").path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_dir() {
            let wanted = if name.starts_with('.') { DOTTED.contains(&name) } else { !SKIPPED.contains(&name) };
            if wanted {
                collect(root, &path, files);
            }
        } else if name != GIT && is_text(&path) {
            // A file may vanish between the listing and the reading while others work here.
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let name = path.strip_prefix(root).unwrap_or(&path);
            files.push(Source { name: name.to_string_lossy().replace('\\', "/"), text });
        }
    }
}

fn is_text(path: &Path) -> bool {
    match path.extension().and_then(|end| end.to_str()) {
        Some(end) => TEXT.contains(&end),
        // Licences, scripts, dotfiles: nothing built lies outside of the skipped folders.
        None => true,
    }
}

/// What `cargo metadata` says, for this platform only: packages of others are not downloaded.
pub(crate) fn metadata() -> Value {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let host = host();
    let output = Command::new(cargo)
        .current_dir(root())
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg(host)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo prints JSON")
}

fn host() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).current_dir(root()).arg("-vV").output().expect("rustc runs");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host")
        .to_owned()
}
