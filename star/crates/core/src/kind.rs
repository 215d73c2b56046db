//! The table of kinds: what resources there are, what may hold what, and what each understands.
//!
//! This is data and the only place that says it. How a kind behaves is the affair of whoever
//! registers a [`KindBehaviour`](crate::behaviour::KindBehaviour) for it.

use std::fmt;

use serde::{Deserialize, Serialize};
use star_path::suggest;
use star_wire::{ErrorCode, StarError};

/// What a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The root of everything.
    Root,
    /// The root of a tenant's tree.
    Space,
    /// A folder of resources.
    Base,
    /// A tree of Files.
    FileSystem,
    /// A file or directory of a FileSystem.
    File,
    /// All versions of a bundle.
    ArtifactBundleSeries,
    /// One version of a bundle.
    ArtifactBundle,
    /// A file of a bundle.
    Artifact,
    /// Mechtrons that belong together.
    App,
    /// A WASM component bound to a path.
    Mechtron,
    /// Speaks to everyone who watches it.
    Broadcast,
    /// One node.
    Star,
}

/// What the last segment of a path of this kind looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Segment {
    /// The word `ROOT`.
    Root,
    /// A name, domain or e-mail address.
    Space,
    /// A lower-case name.
    Name,
    /// A version.
    Version,
    /// A file or directory.
    File,
}

/// Who answers for a resource of this kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// An actor of its own.
    Itself,
    /// The actor of the nearest ancestor that has one: such resources are small and many.
    Parent,
}

/// What the actor of a resource does when a child of it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Children {
    /// Nothing: children are made beside it, as many at a time as come.
    Unattended,
    /// It takes part, in its turn.
    Attended,
}

/// How resources of a kind come to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// By `star create`.
    ByCreate,
    /// By writing bytes to their path (`star cp`).
    ByWriting,
    /// By publishing (`star publish`).
    ByPublishing,
    /// By Starlane itself.
    ByStarlane,
}

/// What the value of a property must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyType {
    /// Any text.
    Text,
    /// A path; relative to the resource or absolute.
    Path,
    /// One of some words.
    OneOf(&'static [&'static str]),
    /// Set by Starlane, read by everyone.
    ReadOnly,
}

/// A property that resources of a kind may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertySpec {
    /// Its key.
    pub key: &'static str,
    /// What its value must look like.
    pub form: PropertyType,
    /// What it is for, in a sentence.
    pub about: &'static str,
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct KindSpec {
    /// The kind.
    pub kind: Kind,
    /// Its name, as people write it.
    pub name: &'static str,
    /// The number under which it is stored. Never changes.
    pub number: u8,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Kinds that may hold it.
    pub parents: &'static [Kind],
    /// The form of its last segment.
    pub segment: Segment,
    /// Who answers for it.
    pub answers: Answers,
    /// How it comes to be.
    pub made: Made,
    /// What its actor does when a child of it is made.
    pub children: Children,
    /// Properties of its own, besides [`COMMON_PROPERTIES`].
    pub properties: &'static [PropertySpec],
    /// The command that makes one, for hints; `PATH` stands for its path.
    pub example: &'static str,
}

const fn text(key: &'static str, about: &'static str) -> PropertySpec {
    PropertySpec { key, form: PropertyType::Text, about }
}

const fn path(key: &'static str, about: &'static str) -> PropertySpec {
    PropertySpec { key, form: PropertyType::Path, about }
}

const fn read_only(key: &'static str, about: &'static str) -> PropertySpec {
    PropertySpec { key, form: PropertyType::ReadOnly, about }
}

/// Properties that every resource may have.
pub const COMMON_PROPERTIES: &[PropertySpec] = &[
    text("title", "A name for people."),
    text("description", "What it is for."),
    PropertySpec {
        key: "public",
        form: PropertyType::OneOf(&["read", "none"]),
        about: "`read` lets everyone read this resource and what is below it.",
    },
];

/// The table.
pub const KINDS: &[KindSpec] = &[
    KindSpec {
        kind: Kind::Root,
        name: "Root",
        number: 0,
        about: "The root of everything.",
        parents: &[],
        segment: Segment::Root,
        answers: Answers::Itself,
        made: Made::ByStarlane,
        children: Children::Unattended,
        properties: &[],
        example: "",
    },
    KindSpec {
        kind: Kind::Space,
        name: "Space",
        number: 1,
        about: "The root of a tenant's tree; a host name leads to the Space of that name.",
        parents: &[Kind::Root],
        segment: Segment::Space,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Unattended,
        properties: &[path(
            "routes",
            "The routes of the web sites of this Space: a `routes.conf` in a bundle or FileSystem.",
        )],
        example: "star create Space PATH",
    },
    KindSpec {
        kind: Kind::Base,
        name: "Base",
        number: 2,
        about: "A folder of resources.",
        parents: &[Kind::Space, Kind::Base],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Unattended,
        properties: &[],
        example: "star create Base PATH",
    },
    KindSpec {
        kind: Kind::FileSystem,
        name: "FileSystem",
        number: 3,
        about: "A tree of Files.",
        parents: &[Kind::Space, Kind::Base, Kind::App],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Attended,
        properties: &[],
        example: "star create FileSystem PATH",
    },
    KindSpec {
        kind: Kind::File,
        name: "File",
        number: 4,
        about: "A file or directory of a FileSystem.",
        parents: &[Kind::FileSystem, Kind::File],
        segment: Segment::File,
        answers: Answers::Parent,
        made: Made::ByWriting,
        children: Children::Attended,
        properties: &[text("content-type", "The media type of the bytes.")],
        example: "star cp FILE PATH",
    },
    KindSpec {
        kind: Kind::ArtifactBundleSeries,
        name: "ArtifactBundleSeries",
        number: 5,
        about: "All versions of a bundle, and the tags that name them.",
        parents: &[Kind::Space, Kind::Base],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Attended,
        properties: &[],
        example: "star create ArtifactBundleSeries PATH",
    },
    KindSpec {
        kind: Kind::ArtifactBundle,
        name: "ArtifactBundle",
        number: 6,
        about: "One version of a bundle; it never changes.",
        parents: &[Kind::ArtifactBundleSeries],
        segment: Segment::Version,
        answers: Answers::Itself,
        made: Made::ByPublishing,
        children: Children::Attended,
        properties: &[
            read_only("name", "The name that its `bundle.yaml` gives it."),
            read_only("authors", "Who made it."),
            read_only("keywords", "What to find it by."),
            read_only("files", "How many Artifacts it has."),
            read_only("bytes", "How many bytes they have together."),
        ],
        example: "star publish FOLDER PATH",
    },
    KindSpec {
        kind: Kind::Artifact,
        name: "Artifact",
        number: 7,
        about: "A file of a bundle.",
        parents: &[Kind::ArtifactBundle],
        segment: Segment::File,
        answers: Answers::Parent,
        made: Made::ByPublishing,
        children: Children::Attended,
        properties: &[],
        example: "star publish FOLDER PATH",
    },
    KindSpec {
        kind: Kind::App,
        name: "App",
        number: 8,
        about: "Mechtrons that belong together, made from an `app.yaml`.",
        parents: &[Kind::Space, Kind::Base],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Attended,
        properties: &[
            path("from", "The `app.yaml` that it is made from."),
            read_only("main", "The Mechtron that answers for it."),
        ],
        example: "star create App PATH --from BUNDLE:/app.yaml",
    },
    KindSpec {
        kind: Kind::Mechtron,
        name: "Mechtron",
        number: 9,
        about: "A WASM component bound to a path, inside the limits of its bind.",
        parents: &[Kind::App],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Attended,
        properties: &[
            path("from", "The `mechtron.yaml` that it is made from."),
            read_only("wasm", "The component."),
            read_only("bind", "The `bind.yaml` that says what it answers and may use."),
        ],
        example: "star create Mechtron PATH --from BUNDLE:/mechtron.yaml",
    },
    KindSpec {
        kind: Kind::Broadcast,
        name: "Broadcast",
        number: 10,
        about: "Speaks to everyone who watches it.",
        parents: &[Kind::Space, Kind::Base, Kind::App],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByCreate,
        children: Children::Attended,
        properties: &[],
        example: "star create Broadcast PATH",
    },
    KindSpec {
        kind: Kind::Star,
        name: "Star",
        number: 11,
        about: "One node: one running `star serve`.",
        parents: &[Kind::Base],
        segment: Segment::Name,
        answers: Answers::Itself,
        made: Made::ByStarlane,
        children: Children::Unattended,
        properties: &[
            read_only("version", "The release that it runs."),
            read_only("api", "Where its API answers."),
            read_only("web", "Where its web router answers."),
        ],
        example: "star serve",
    },
];

impl Kind {
    /// The row of the table.
    pub fn spec(self) -> &'static KindSpec {
        KINDS.iter().find(|spec| spec.kind == self).expect("every kind has a row, which a test checks")
    }

    /// The kind with this name, however its letters are cased.
    pub fn parse(name: &str) -> Result<Kind, StarError> {
        match KINDS.iter().find(|spec| spec.name.eq_ignore_ascii_case(name)) {
            Some(spec) => Ok(spec.kind),
            None => Err(unknown(name)),
        }
    }

    /// The kind stored under this number.
    pub fn from_number(number: u8) -> Option<Kind> {
        KINDS.iter().find(|spec| spec.number == number).map(|spec| spec.kind)
    }
}

fn unknown(name: &str) -> StarError {
    let name: String = name.chars().take(64).collect();
    let error = StarError::new(ErrorCode::UnknownKind, format!("there is no kind `{name}`"));
    match suggest::nearest(&name, KINDS.iter().map(|spec| spec.name)) {
        Some(near) => error.hint(format!("did you mean `{near}`? `star kinds` lists them all")),
        None => error.hint("`star kinds` lists them all"),
    }
}

impl KindSpec {
    /// The property of this key, if resources of this kind may have it.
    pub fn property(&self, key: &str) -> Option<&PropertySpec> {
        self.properties.iter().chain(COMMON_PROPERTIES).find(|property| property.key == key)
    }

    /// Whether resources of this kind can be moved to another path.
    pub fn moves(&self) -> bool {
        matches!(self.segment, Segment::Name | Segment::File) && matches!(self.made, Made::ByCreate | Made::ByWriting)
    }

    /// The keys of all properties that resources of this kind may have.
    pub fn property_keys(&self) -> impl Iterator<Item = &'static str> {
        self.properties.iter().chain(COMMON_PROPERTIES).map(|property| property.key)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.spec().name)
    }
}

impl Serialize for Kind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.spec().number)
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
        let number = u8::deserialize(deserializer)?;
        Kind::from_number(number)
            .ok_or_else(|| serde::de::Error::custom(format!("there is no kind with number {number}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_one_row_and_a_number_of_its_own() {
        for (place, spec) in KINDS.iter().enumerate() {
            assert_eq!(usize::from(spec.number), place, "{}", spec.name);
            assert_eq!(Kind::from_number(spec.number), Some(spec.kind));
            assert_eq!(Kind::parse(spec.name).ok(), Some(spec.kind));
        }
    }

    #[test]
    fn an_unknown_kind_is_answered_with_the_nearest() {
        let error = Kind::parse("FileSytem").unwrap_err();
        assert_eq!(error.code(), ErrorCode::UnknownKind);
        assert!(error.hint_text().unwrap_or_default().contains("`FileSystem`"), "{error:?}");
    }
}
