//! Drawing a line of source with carets below the offending part.
//!
//! Owns what makes such an excerpt safe and aligned on a terminal: wide characters count
//! twice, control characters are shown and not sent, long lines are cut around the span.
//! Knows nothing of paths: routes and documents draw their errors with it too.

use std::borrow::Cow;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use crate::limits;

/// One complaint about one line.
#[derive(Debug, Clone)]
pub struct Caret<'a> {
    /// The line, without its line break.
    pub source: &'a str,
    /// Its number, counted from one, if it has one.
    pub line: Option<usize>,
    /// The offending bytes of `source`; empty or beyond the end where something is missing.
    pub span: Range<usize>,
    /// What is wrong, a lower-case fragment.
    pub message: &'a str,
    /// What to do, printed after "help:".
    pub suggestion: Option<&'a str>,
}

/// A line of a longer text: its number, its text, and a span moved into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line<'a> {
    /// Counted from one.
    pub number: usize,
    /// Without its line break.
    pub text: &'a str,
    /// The part of the asked span that lies in this line, relative to it.
    pub span: Range<usize>,
}

/// Finds the line of `text` in which `span` begins.
pub fn locate(text: &str, span: Range<usize>) -> Line<'_> {
    let at = text.floor_char_boundary(span.start.min(text.len()));
    let begin = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |newline| at + newline);
    let line = text[begin..end].strip_suffix('\r').unwrap_or(&text[begin..end]);
    let start = (at - begin).min(line.len());
    Line {
        number: text[..begin].matches('\n').count() + 1,
        text: line,
        span: start..span.end.saturating_sub(begin).clamp(start, line.len()),
    }
}

impl<'a> Caret<'a> {
    /// A caret in a text of several lines; `span` counts from the beginning of `text`.
    pub fn in_text(text: &'a str, span: Range<usize>, message: &'a str, suggestion: Option<&'a str>) -> Caret<'a> {
        let line = locate(text, span);
        Caret { source: line.text, line: Some(line.number), span: line.span, message, suggestion }
    }

    /// The lines to print, without a line break at the end.
    pub fn render(&self) -> String {
        let window = Window::around(self.source, self.span.clone());
        let margin = self.line.map_or(String::new(), |number| format!("{number} | "));
        let below =
            self.line.map_or(String::new(), |number| format!("{:>width$} | ", "", width = number.to_string().len()));
        let mut out = format!("{margin}{}\n", window.text);
        out.push_str(&below);
        out.extend(std::iter::repeat_n(' ', window.column));
        out.extend(std::iter::repeat_n('^', window.columns));
        out.push(' ');
        out.push_str(&visible(self.message));
        if let Some(suggestion) = self.suggestion {
            out.push_str("\nhelp: ");
            out.push_str(&visible(suggestion));
        }
        out
    }
}

/// The shown piece of a line, and where the carets go.
struct Window {
    text: String,
    column: usize,
    columns: usize,
}

impl Window {
    /// Cuts `source` so that the beginning of `span` is seen with some of what precedes it.
    fn around(source: &str, span: Range<usize>) -> Window {
        let start = source.floor_char_boundary(span.start.min(source.len()));
        let end = source.ceil_char_boundary(span.end.clamp(start, source.len()));
        let room = limits::EXCERPT_COLUMNS;
        let offending = columns(&source[start..end]).clamp(1, room / 2);
        let before = room.saturating_sub(offending) / 2;
        let first = if columns(source) <= room { 0 } else { start - tail(&source[..start], before) };
        let lead = if first > 0 { "…" } else { "" };
        let shown = head(&source[first..], room);
        let cut = first + shown < source.len();
        let column = columns(lead) + columns(&source[first..start]);
        let text = format!("{lead}{}{}", visible(&source[first..first + shown]), if cut { "…" } else { "" });
        let seen = columns(&source[start..end.min(first + shown).max(start)]);
        Window { text, column, columns: seen.max(1) }
    }
}

/// How many bytes from the beginning of `text` fit into `room` columns.
fn head(text: &str, room: usize) -> usize {
    fitting(text.char_indices().map(|(at, c)| (at + c.len_utf8(), c)), room)
}

/// How many bytes from the end of `text` fit into `room` columns.
fn tail(text: &str, room: usize) -> usize {
    fitting(text.char_indices().rev().map(|(at, c)| (text.len() - at, c)), room)
}

fn fitting(chars: impl Iterator<Item = (usize, char)>, room: usize) -> usize {
    let mut used = 0;
    let mut bytes = 0;
    for (length, c) in chars {
        used += column_width(c);
        if used > room {
            break;
        }
        bytes = length;
    }
    bytes
}

/// The width of `text` on a terminal after [`visible`], in columns.
fn columns(text: &str) -> usize {
    text.chars().map(column_width).sum()
}

fn column_width(c: char) -> usize {
    match stand_in(c) {
        None => c.width().unwrap_or(0),
        Some(shown) => shown.chars().count(),
    }
}

/// `text` with everything replaced that a terminal would act on or hide.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| stand_in(c).is_some()) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match stand_in(c) {
            None => out.push(c),
            Some(shown) => out.push_str(&shown),
        }
    }
    Cow::Owned(out)
}

/// One character as it is named in a message.
pub(crate) fn quoted(c: char) -> String {
    match c {
        ' ' => "a blank".to_owned(),
        '\t' => "a tab".to_owned(),
        '`' => "a backquote".to_owned(),
        _ => format!("`{}`", visible(c.encode_utf8(&mut [0; 4]))),
    }
}

/// At most a line of `text`, safe to print, with the beginning of `span` in it.
pub(crate) fn shortened(text: &str, span: Range<usize>) -> String {
    Window::around(text, span).text
}

/// What is printed for a character that would move the cursor, change the direction of
/// writing, or not be seen at all.
fn stand_in(c: char) -> Option<String> {
    let hidden = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    match c {
        // The control pictures stand in the same order as the characters they show.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + c as u32).map(String::from),
        '\u{7f}' => Some("\u{2421}".to_owned()),
        '\u{80}'..='\u{9f}' => Some(c.escape_unicode().to_string()),
        _ if hidden => Some(c.escape_unicode().to_string()),
        _ => None,
    }
}

/// Whether a character is one that a terminal would act on or hide.
pub(crate) fn is_hidden(c: char) -> bool {
    stand_in(c).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str, span: Range<usize>) -> String {
        Caret { source, line: None, span, message: "here", suggestion: None }.render()
    }

    /// The column of the first caret and how many there are.
    fn carets(rendered: &str) -> (usize, usize) {
        let line = rendered.lines().nth(1).unwrap();
        let at = line.find('^').unwrap();
        (at, line.matches('^').count())
    }

    #[test]
    fn carets_stand_below_the_span() {
        assert_eq!(render("acme:we b", 7..8), "acme:we b\n       ^ here");
        assert_eq!(render("acme:", 5..5), "acme:\n     ^ here");
    }

    #[test]
    fn wide_characters_take_two_columns_and_combining_ones_none() {
        assert_eq!(carets(&render("漢字:x", 7..8)), (5, 1));
        assert_eq!(carets(&render("e\u{301}:x", 4..5)), (2, 1));
        assert_eq!(carets(&render("a漢b", 1..4)), (1, 2));
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        let rendered = render("a\u{1b}[31m\tb\u{202e}c", 1..2);
        assert!(rendered.starts_with("a␛[31m␉b\\u{202e}c\n"), "{rendered}");
        assert_eq!(carets(&rendered), (1, 1));
        assert_eq!(carets(&render("\u{202e}x", 3..4)), (8, 1));
    }

    #[test]
    fn a_long_line_is_cut_around_the_span() {
        let source = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        let rendered = render(&source, 500..501);
        let shown = rendered.lines().next().unwrap();
        assert!(shown.chars().count() <= limits::EXCERPT_COLUMNS + 2, "{shown}");
        assert!(shown.starts_with('…') && shown.ends_with('…'));
        let (at, count) = carets(&rendered);
        assert_eq!((shown.chars().nth(at), count), (Some('!'), 1));
    }

    #[test]
    fn a_span_longer_than_the_window_or_beyond_the_end_is_drawn_all_the_same() {
        let source = "x".repeat(1000);
        assert!(carets(&render(&source, 10..990)).1 <= limits::EXCERPT_COLUMNS);
        assert_eq!(render("ab", 7..9), "ab\n  ^ here");
    }

    #[test]
    fn a_line_number_moves_the_carets_with_the_text() {
        let text = "schema: 1\r\nnames: x\n";
        let drawn = Caret::in_text(text, 11..16, "unknown key", Some("did you mean `name`?")).render();
        assert_eq!(drawn, "2 | names: x\n  | ^^^^^ unknown key\nhelp: did you mean `name`?");
    }

    #[test]
    fn a_span_over_several_lines_ends_with_the_first() {
        assert_eq!(locate("ab\ncd\nef", 4..8), Line { number: 2, text: "cd", span: 1..2 });
        assert_eq!(locate("", 0..0), Line { number: 1, text: "", span: 0..0 });
    }
}
