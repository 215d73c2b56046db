//! What the Star has acknowledged so far, and how one sees that it still holds.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Star, greet};

/// A line that the test adds to the page of version 1.1.0, to tell it from 1.0.0.
pub(super) const SECOND_EDITION: &str = "<!-- the second edition -->";

/// What a command of the quick start brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    Space,
    FileSystem,
    Readme,
    Docs,
    FirstVersion,
    App,
    Routes,
    Title,
    SecondVersion,
    TagMoved,
    DocsRemoved,
}

impl Effect {
    /// Every effect; the quick start has to bring about all of them.
    pub(super) const ALL: [Effect; 11] = [
        Effect::Space,
        Effect::FileSystem,
        Effect::Readme,
        Effect::Docs,
        Effect::FirstVersion,
        Effect::App,
        Effect::Routes,
        Effect::Title,
        Effect::SecondVersion,
        Effect::TagMoved,
        Effect::DocsRemoved,
    ];

    /// What a command brings about, if anything lasting.
    pub(super) fn of(command: &str) -> Option<Effect> {
        let starts = [
            ("star create Space ", Effect::Space),
            ("star create FileSystem ", Effect::FileSystem),
            ("star cp README.md ", Effect::Readme),
            ("star cp -r docs ", Effect::Docs),
            ("star publish bundles/hello localhost:hello:1.0.0", Effect::FirstVersion),
            ("star create App ", Effect::App),
            ("star set localhost#routes=", Effect::Routes),
            ("star set localhost:files#title=", Effect::Title),
            ("star publish bundles/hello localhost:hello:1.1.0", Effect::SecondVersion),
            ("star tag localhost:hello:1.1.0 ", Effect::TagMoved),
            ("star rm -r localhost:files:/docs/", Effect::DocsRemoved),
        ];
        starts.into_iter().find(|(start, _)| command.starts_with(start)).map(|(_, effect)| effect)
    }

    /// Fails unless what was answered is there.
    fn check(self, star: &Star, answered: &Answered) {
        let stored = |path: &str| star.api("GET", &format!("/r/{path}")).send();
        match self {
            Effect::Space => drop(star.call("Resources/Info", &json!({ "path": "localhost" })).is(200)),
            Effect::FileSystem => drop(star.call("Resources/Info", &json!({ "path": "localhost:files" })).is(200)),
            Effect::Readme => {
                let readme = fs::read(star.work().join("README.md")).expect("it was copied");
                assert_eq!(stored("localhost:files:/readme.md").is(200).body, readme);
            }
            Effect::Docs if answered.has(Effect::DocsRemoved) => {}
            Effect::Docs => {
                for (name, content) in files(&star.work().join("docs")) {
                    assert_eq!(stored(&format!("localhost:files:/docs/{name}")).is(200).body, content, "{name}");
                }
            }
            Effect::FirstVersion => {
                stored("localhost:hello:1.0.0:/index.html").is(200).showing(&["Hello from Starlane"]);
                stored("localhost:hello:latest:/routes.conf").is(200);
            }
            Effect::App => drop(greet(star, "Ada").is(200).showing(&["Hello, Ada!"])),
            Effect::Routes => check_site(star, answered),
            Effect::Title => {
                let title = star.call("Resources/Get", &json!({ "path": "localhost:files", "key": "title" }));
                assert_eq!(title.is(200).json()["value"], "Shared files");
            }
            Effect::SecondVersion => {
                stored("localhost:hello:1.1.0:/index.html").is(200).showing(&[SECOND_EDITION]);
            }
            Effect::TagMoved => drop(star.page("/").is(200).showing(&[SECOND_EDITION])),
            Effect::DocsRemoved => {
                for (name, _) in files(&star.work().join("docs")) {
                    stored(&format!("localhost:files:/docs/{name}")).is(404);
                }
            }
        }
    }
}

/// The routes of the bundle, as far as what they lead to is there.
fn check_site(star: &Star, answered: &Answered) {
    star.page("/").is(200).showing(&["Hello from Starlane"]);
    if answered.has(Effect::Readme) {
        star.page("/files/readme.md").is(200).showing(&["# Starlane"]);
    }
    if answered.has(Effect::App) {
        star.page("/hello/Ada").is(200).showing(&["Hello, Ada!"]);
    }
}

/// All files of a folder: their names below it, and their bytes.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder can be listed") {
            let path = entry.expect("a folder can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("it lies below").to_str().expect("a plain name");
                found.push((name.to_owned(), fs::read(&path).expect("a file can be read")));
            }
        }
    }
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

/// Everything that was answered.
#[derive(Debug, Default)]
pub(super) struct Answered(BTreeSet<Effect>);

impl Answered {
    /// A command came back and said that all is well.
    pub(super) fn by(&mut self, command: &str) {
        self.0.extend(Effect::of(command));
    }

    pub(super) fn has(&self, effect: Effect) -> bool {
        self.0.contains(&effect)
    }

    /// Fails unless all of it is there.
    pub(super) fn holds(&self, star: &Star) {
        self.holds_but(star, None);
    }

    /// The same while a command was cut off of which nobody knows whether it happened.
    pub(super) fn holds_but(&self, star: &Star, in_doubt: Option<Effect>) {
        for effect in &self.0 {
            let doubtful = in_doubt == Some(Effect::DocsRemoved) && *effect == Effect::Docs;
            if !doubtful {
                effect.check(star, self);
            }
        }
    }
}
