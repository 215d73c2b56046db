//! Takes comments and the text of literals out of Rust source, so that a rule about code is not
//! broken by a sentence about it.

/// The source with every byte of comments and literals made blank; lines stay where they are.
pub(crate) fn only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut kept = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let after_word = at > 0 && is_word(bytes[at - 1]);
        match literal_or_comment(&bytes[at..], after_word) {
            Some(length) => {
                let end = (at + length).min(bytes.len());
                kept.extend(bytes[at..end].iter().map(|&byte| blank(byte)));
                at = end;
            }
            None => {
                kept.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8(kept).expect("whole characters are kept or made blank")
}

fn blank(byte: u8) -> u8 {
    if byte == b'\n' { b'\n' } else { b' ' }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// The length of what starts here, if it is to be made blank.
fn literal_or_comment(rest: &[u8], after_word: bool) -> Option<usize> {
    match rest {
        [b'/', b'/', ..] => Some(find(rest, b"\n", 2).unwrap_or(rest.len())),
        [b'/', b'*', ..] => Some(block_comment(rest)),
        [b'"', ..] => Some(quoted(rest, b'"')),
        [b'r' | b'b' | b'c', ..] if !after_word => prefixed(rest),
        [b'\'', ..] => character(rest),
        _ => None,
    }
}

/// Raw and byte strings: `r"…"`, `r#"…"#`, `b"…"`, `br#"…"#`, `c"…"`.
fn prefixed(rest: &[u8]) -> Option<usize> {
    let letters = rest.iter().take(2).take_while(|byte| matches!(byte, b'r' | b'b' | b'c')).count();
    let raw = rest[..letters].contains(&b'r');
    let hashes = rest[letters..].iter().take_while(|&&byte| byte == b'#').count();
    let open = letters + hashes;
    if rest.get(open) != Some(&b'"') || (hashes > 0 && !raw) {
        return None;
    }
    if !raw {
        return Some(open + quoted(&rest[open..], b'"'));
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    Some(find(rest, &close, open + 1).map_or(rest.len(), |at| at + close.len()))
}

/// A character literal, or nothing where the quote starts a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return Some(quoted(rest, b'\''));
    }
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)])
        .or_else(|error| std::str::from_utf8(&rest[1..1 + error.valid_up_to()]))
        .ok()?;
    let length = text.chars().next()?.len_utf8();
    (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}

fn find(bytes: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let found = bytes.get(from..)?.windows(wanted.len()).position(|window| window == wanted)?;
    Some(from + found)
}

#[test]
fn comments_and_literals_become_blank_and_lines_stay() {
    let cases = [
        ("a // b\nc", "a     \nc"),
        ("a /* b /* c */\nd */ e", "a             \n     e"),
        (r#"f("x \" y") g"#, "f(        ) g"),
        ("r#\"a \" b\"# c", "           c"),
        ("b\"a\" br\"c\" d", "           d"),
        ("'x' '\\'' 'é' c", "             c"),
        ("fn f<'a>(x: &'a str)", "fn f<'a>(x: &'a str)"),
        ("for r in b", "for r in b"),
        ("\"never closed\n", "             \n"),
    ];
    for (text, expected) in cases {
        // Blanks stand for bytes, so a character of two bytes leaves two.
        assert_eq!(
            only(text).split_whitespace().collect::<Vec<_>>(),
            expected.split_whitespace().collect::<Vec<_>>(),
            "{text}"
        );
        assert_eq!(only(text).len(), text.len(), "{text}");
        assert_eq!(only(text).lines().count(), text.lines().count(), "{text}");
    }
}
