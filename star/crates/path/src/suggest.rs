//! The word that was probably meant.
//!
//! Owns the distance between words. Used for kinds, keys, options and commands; knows
//! none of them.

use crate::limits;

/// The candidate nearest to `word`, if one is near enough to be what was meant.
///
/// Near enough is a third of the word's length, at most
/// [`SUGGEST_EDITS`](limits::SUGGEST_EDITS) edits (an exchange of neighbours is one edit);
/// case does not count. Of equally near candidates the first wins.
pub fn nearest<'a, I>(word: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    if word.is_empty() || word.len() > limits::SUGGEST_BYTES {
        return None;
    }
    let wanted = folded(word);
    let most = (wanted.len() / 3).clamp(1, limits::SUGGEST_EDITS);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        if candidate.len() > limits::SUGGEST_BYTES {
            continue;
        }
        let distance = edits(&wanted, &folded(candidate));
        let nearer = best.is_none_or(|(found, _)| distance < found);
        if distance <= most && distance < wanted.len() && nearer {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn folded(word: &str) -> Vec<char> {
    word.chars().flat_map(char::to_lowercase).collect()
}

/// The number of insertions, deletions, replacements and exchanges of neighbours.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = last.clone();
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            let exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if exchanged {
                least = least.min(before_last[j - 2] + 1);
            }
            row[j] = least;
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [&str; 5] = ["Space", "FileSystem", "File", "Mechtron", "App"];

    #[test]
    fn the_nearest_word_is_found() {
        for (word, meant) in [
            ("Filesytem", Some("FileSystem")),
            ("filesystem", Some("FileSystem")),
            ("Fiel", Some("File")),
            ("Mechatron", Some("Mechtron")),
            ("Ap", Some("App")),
            ("Database", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word, KINDS), meant, "{word}");
        }
    }

    #[test]
    fn a_very_long_word_is_not_compared() {
        assert_eq!(nearest(&"x".repeat(10_000), KINDS), None);
    }
}
