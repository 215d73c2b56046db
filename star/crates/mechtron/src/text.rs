//! Text that a guest made, on its way to people: bounded, and harmless on a terminal.

/// At most `max_bytes` of `text`, with control characters made visible.
pub(crate) fn tame(text: &str, max_bytes: usize) -> String {
    let end = text.floor_char_boundary(max_bytes);
    let cut = end < text.len();
    let mut tamed = String::with_capacity(end + 8);
    for character in text[..end].trim_end_matches(['\n', '\r']).chars() {
        match character {
            '\t' => tamed.push('\t'),
            control if control.is_control() => tamed.extend(control.escape_default()),
            other => tamed.push(other),
        }
    }
    if cut {
        tamed.push('…');
    }
    tamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_become_visible_and_long_text_is_cut_between_characters() {
        assert_eq!(tame("red \u{1b}[31m\n", 100), "red \\u{1b}[31m");
        assert_eq!(tame("a\nb\t c", 100), "a\\nb\t c");
        assert_eq!(tame("äöü", 3), "ä…");
        assert_eq!(tame("", 3), "");
    }
}
