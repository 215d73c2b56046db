//! The inputs that are kept: what examples and fuzzers found worth keeping, and the dictionaries.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Target;

/// An input of a target.
#[derive(Debug, Clone)]
pub struct Input {
    /// The name of its file.
    pub name: String,
    /// What the target is given.
    pub bytes: Vec<u8>,
}

/// The folder of a target's inputs. Asked at run time, because a target folder of cargo can be shared
/// by several checkouts.
pub fn folder(target: &Target) -> PathBuf {
    package().join("corpus").join(target.name)
}

/// The inputs of a target, by name.
///
/// # Errors
/// If the folder or a file of it cannot be read.
pub fn inputs(target: &Target) -> io::Result<Vec<Input>> {
    let mut inputs = Vec::new();
    for entry in fs::read_dir(folder(target))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push(Input { bytes: fs::read(&path)?, name });
    }
    inputs.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(inputs)
}

/// The words of a target's language, out of its dictionary; none where it has none.
///
/// # Errors
/// If there is a dictionary and it cannot be read.
pub fn words(target: &Target) -> io::Result<Vec<Vec<u8>>> {
    let path = package().join("dictionaries").join(format!("{}.dict", target.name));
    match fs::read_to_string(&path) {
        Ok(text) => Ok(text.lines().filter_map(word).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// A line such as `"\x00\x01"`; none for a comment or an empty line.
fn word(line: &str) -> Option<Vec<u8>> {
    let quoted = line.trim().strip_prefix('"')?.strip_suffix('"')?;
    let mut bytes = Vec::new();
    let mut rest = quoted.as_bytes();
    loop {
        match rest {
            [] => return Some(bytes),
            [b'\\', b'x', high, low, behind @ ..] => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                rest = behind;
            }
            [b'\\', plain, behind @ ..] | [plain, behind @ ..] => {
                bytes.push(*plain);
                rest = behind;
            }
        }
    }
}

fn package() -> PathBuf {
    let told = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    told.filter(|dir| dir.join("corpus").is_dir()).unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_dictionary_is_read_as_libfuzzer_reads_it() {
        assert_eq!(word(r#""a\x00\"b\\""#), Some(b"a\0\"b\\".to_vec()));
        assert_eq!(word("# \"a\""), None);
        assert_eq!(word(""), None);
    }
}
