//! Where a content lies: its shard directory and its file name, both from its digest.

use star_path::Digest;

/// The number of a shard directory, below [`crate::loose::limits::SHARDS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard(u16);

impl Shard {
    /// The shard with this number.
    pub(crate) fn new(number: u16) -> Shard {
        debug_assert!(usize::from(number) < crate::loose::limits::SHARDS);
        Shard(number)
    }

    /// The name of its directory: three hexadecimal digits.
    pub(crate) fn name(self) -> String {
        format!("{:03x}", self.0)
    }
}

/// The SHA-256 of a content, as memory keeps it.
pub(crate) type Key = [u8; 32];

/// The place of a content below the store's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The digest's bytes.
    pub(crate) key: Key,
    /// The path of the file: `<shard>/<64 hexadecimal digits>`.
    pub(crate) path: String,
}

impl Place {
    /// The place of a digest; none for anything but a SHA-256, by which contents are named.
    pub(crate) fn of(digest: &Digest) -> Option<Place> {
        let key: Key = digest.as_bytes().try_into().ok()?;
        Some(Place::of_key(key))
    }

    /// The place of a SHA-256.
    pub(crate) fn of_key(key: Key) -> Place {
        let shard = Shard::new(u16::from(key[0]) << 4 | u16::from(key[1]) >> 4);
        let mut path = shard.name();
        path.push('/');
        for byte in key {
            for nibble in [byte >> 4, byte & 15] {
                path.push(char::from_digit(u32::from(nibble), 16).expect("a nibble is a hexadecimal digit"));
            }
        }
        Place { key, path }
    }

    /// The digest of this place.
    pub(crate) fn digest(&self) -> Digest {
        Digest::sha256(self.key)
    }
}

/// Whether a name in a shard directory is that of a content.
pub(crate) fn is_content_name(shard: Shard, name: &[u8]) -> bool {
    let hexadecimal = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    name.len() == 64 && name.iter().all(hexadecimal) && name.starts_with(shard.name().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_three_digits_name_the_directory() {
        let mut key = [0; 32];
        key[..3].copy_from_slice(&[0xab, 0xcd, 0xef]);
        let place = Place::of_key(key);
        assert_eq!(place.path, format!("abc/abcdef{}", "0".repeat(58)));
        assert_eq!(place.path[4..], place.digest().hex());
    }

    #[test]
    fn only_names_of_contents_in_their_own_directory_are_contents() {
        let shard = Shard::new(0xabc);
        let good = format!("abc{}", "0".repeat(61));
        assert!(is_content_name(shard, good.as_bytes()));
        for bad in ["abc", &good.to_uppercase(), &format!("{good}0"), &good.replace("abc", "abd")] {
            assert!(!is_content_name(shard, bad.as_bytes()), "{bad}");
        }
    }
}
