//! What a pack holds. Classes are never mixed, because they are read in different ways.

use std::fmt;

use crate::chunk::Encoding;

/// The class of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Frames of zstd, one for each chunk of larger contents: a run of them is a valid stream of
    /// zstd and is sent as it lies.
    Zstd,
    /// Opaque bytes that were compressed before they came, cut only so that each piece has a
    /// checksum.
    Raw,
    /// Whole small contents, in the order in which they came, so that what is published together
    /// lies together.
    Small,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 3] = [Class::Zstd, Class::Raw, Class::Small];

    /// The letter of the class, as it stands in the header of a pack.
    pub const fn letter(self) -> u8 {
        match self {
            Class::Zstd => b'Z',
            Class::Raw => b'R',
            Class::Small => b'M',
        }
    }

    /// The class of a letter.
    pub fn of_letter(letter: u8) -> Option<Class> {
        Class::ALL.into_iter().find(|class| class.letter() == letter)
    }

    /// Whether frames of an encoding may lie in such a pack.
    pub fn holds(self, encoding: Encoding) -> bool {
        match self {
            Class::Zstd => encoding == Encoding::Zstd,
            Class::Raw => encoding == Encoding::Raw,
            Class::Small => true,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Class::Zstd => "Z",
            Class::Raw => "R",
            Class::Small => "M",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_letter_of_its_own() {
        for class in Class::ALL {
            assert_eq!(Class::of_letter(class.letter()), Some(class));
            assert_eq!(class.to_string().as_bytes(), [class.letter()]);
        }
        assert_eq!(Class::of_letter(b'z'), None);
    }
}
