//! The table of targets.

use crate::targets;

/// A reader of the program, and what must hold for any bytes that it is given.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: that of its file, its corpus and its dictionary.
    pub name: &'static str,
    /// Panics when something is untrue that must hold for any bytes.
    pub run: fn(&[u8]),
}

impl Target {
    /// The target of a name.
    pub fn named(name: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.name == name)
    }
}

macro_rules! targets {
    ($($name:ident),+ $(,)?) => {
        &[$(Target { name: stringify!($name), run: targets::$name::run }),+]
    };
}

/// Every target, those that strangers reach first.
pub const TARGETS: &[Target] = targets![
    path, selector, routes, codec, envelope, documents, reference, headers, cursors, archive, records, journal,
    checkpoint, pack,
];

/// Most bytes that one input of a few kilobytes may make a target allocate, one after the other: the
/// codec's limit a few times over, for the value, what it is written to, and what is compared.
pub const ALLOCATED_BYTES: usize = 64 * 1024 * 1024;
