//! Tables for people: columns side by side, nothing drawn around them.

use star_path::caret::visible;

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// At the left, for words.
    Left,
    /// At the right, for numbers.
    Right,
}

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Table {
        Table { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row, which has a cell for each column.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        let cells = cells.into_iter().map(|cell| visible(&cell).into_owned()).collect();
        self.rows.push(cells);
    }

    /// The lines, without a line break at the end.
    pub(crate) fn render(&self) -> String {
        let headings: Vec<String> = self.columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|column| self.rows.iter().chain([&headings]).map(|row| width(&row[column])).max().unwrap_or(0))
            .collect();
        let lines: Vec<String> = [&headings].into_iter().chain(&self.rows).map(|row| self.line(row, &widths)).collect();
        lines.join("\n")
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for ((cell, (_, align)), to) in row.iter().zip(&self.columns).zip(widths) {
            let blanks = " ".repeat(to - width(cell));
            match align {
                Align::Left => line.extend([cell.as_str(), &blanks]),
                Align::Right => line.extend([&blanks, cell.as_str()]),
            }
            line.push_str("  ");
        }
        line.trim_end().to_owned()
    }
}

/// Facts under each other, their names aligned.
pub(crate) fn facts(rows: &[(String, String)]) -> String {
    let longest = rows.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(name, value)| {
            let blanks = " ".repeat(longest - width(name));
            format!("{}{blanks}  {}", visible(name), visible(value)).trim_end().to_owned()
        })
        .collect();
    lines.join("\n")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&[("KIND", Align::Left), ("SIZE", Align::Right), ("PATH", Align::Left)]);
        table.row(vec!["FileSystem".into(), String::new(), "localhost:files".into()]);
        table.row(vec!["File".into(), "12.0 KiB".into(), "localhost:files:/ä".into()]);
        let expected = "KIND            SIZE  PATH\n\
                        FileSystem            localhost:files\n\
                        File        12.0 KiB  localhost:files:/ä";
        assert_eq!(table.render(), expected);
    }

    #[test]
    fn facts_are_aligned_and_nothing_trails() {
        let rows = [("path", "a:b"), ("description", ""), ("x", "1")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(facts(&rows), "path         a:b\ndescription\nx            1");
    }

    #[test]
    fn a_cell_cannot_act_on_the_terminal() {
        let mut table = Table::new(&[("TITLE", Align::Left)]);
        table.row(vec!["\u{1b}[2J\nx".into()]);
        assert_eq!(table.render().lines().count(), 2);
        assert!(!table.render().contains('\u{1b}'));
    }
}
