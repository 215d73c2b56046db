//! Reports as tables for people: aligned text for a terminal, Markdown for the page.

use crate::figures::Series;
use crate::report::{Report, Row, Subject, Target, Unit, Verdict};

/// Titles of the columns that every table has beside one for each subject.
const SHAPE: &str = "shape";
const RATIO: &str = "ratio";
const TARGET: &str = "target";

/// The table for a terminal.
pub(crate) fn text(report: &Report) -> String {
    let mut text = format!(
        "\n{}: {}\n{} rounds of {} s in turns; median (least to most)\n\n",
        report.scenario,
        report.about,
        report.plan.rounds,
        report.plan.time.as_secs()
    );
    let lines = cells(report);
    let columns = lines[0].len();
    let widths: Vec<usize> =
        (0..columns).map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0)).collect();
    for line in &lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    text
}

/// The table for the page.
pub(crate) fn markdown(report: &Report) -> String {
    let lines = cells(report);
    let mut text = String::new();
    for (place, line) in lines.iter().enumerate() {
        text.push_str(&format!("| {} |\n", line.join(" | ")));
        if place == 0 {
            text.push_str(&format!("|{}\n", "---|".repeat(line.len())));
        }
    }
    if !report.notes.is_empty() {
        text.push('\n');
    }
    for note in &report.notes {
        text.push_str(&format!("- {note}\n"));
    }
    text
}

/// The titles, then a line of cells for each row.
fn cells(report: &Report) -> Vec<Vec<String>> {
    let mut names: Vec<&str> = Vec::new();
    for subject in report.rows.iter().flat_map(|row| &row.subjects) {
        if !names.contains(&subject.name.as_str()) {
            names.push(&subject.name);
        }
    }
    let has_ratio = report.rows.iter().any(|row| row.ratio().is_some());
    let has_target = report.rows.iter().any(|row| row.target.is_some());
    let mut titles = vec![SHAPE.to_owned()];
    titles.extend(names.iter().map(|name| (*name).to_owned()));
    titles.extend(has_ratio.then(|| RATIO.to_owned()));
    titles.extend(has_target.then(|| TARGET.to_owned()));
    let lines = report.rows.iter().map(|row| {
        let mut line = vec![row.shape.clone()];
        line.extend(names.iter().map(|name| {
            let subject = row.subjects.iter().find(|subject| subject.name == *name);
            subject.map(|subject| of_subject(subject, row.unit)).unwrap_or_default()
        }));
        line.extend(has_ratio.then(|| row.ratio().map(|ratio| of_ratio(&ratio)).unwrap_or_default()));
        line.extend(has_target.then(|| of_target(row)));
        line
    });
    std::iter::once(titles).chain(lines).collect()
}

fn of_subject(subject: &Subject, unit: Unit) -> String {
    let figures = &subject.figures;
    let mut cell = figure(figures.median(), unit);
    if figures.figures().len() > 1 {
        cell.push_str(&format!(" ({} to {})", bare(figures.min(), unit), bare(figures.max(), unit)));
    }
    if let Some(p50) = &subject.p50_us {
        cell.push_str(&format!(", p50 {}", time(p50.median())));
    }
    if let Some(cpu_s) = &subject.cpu_s {
        cell.push_str(&format!(", {:.2} CPU s", cpu_s.median()));
    }
    if let Some(allocations) = subject.allocations {
        cell.push_str(&format!(", {allocations:.1} M allocations"));
    }
    cell
}

fn of_ratio(ratio: &Series) -> String {
    // A ratio far below one needs another digit to say anything.
    let digits = if ratio.median() < 0.1 { 3 } else { 2 };
    format!("{:.digits$} ({:.digits$} to {:.digits$})", ratio.median(), ratio.min(), ratio.max())
}

fn of_target(row: &Row) -> String {
    let wanted = match row.target {
        Some(Target::Ratio(least)) => least.to_string(),
        Some(Target::AtMost(wanted) | Target::AtLeast(wanted)) => figure(wanted, row.unit),
        Some(Target::Above(more)) => format!("peer + {}", figure(more, row.unit)),
        None => return String::new(),
    };
    match row.verdict() {
        Some(Verdict::Met) => format!("{wanted}: met"),
        Some(Verdict::Missed(share)) => format!("{wanted}: missed by {:.0} %", share * 100.0),
        None => wanted,
    }
}

/// A figure with its unit.
fn figure(value: f64, unit: Unit) -> String {
    let unit_name = match unit {
        Unit::PerSecond => "/s",
        Unit::BytesPerSecond => " GB/s",
        Unit::Milliseconds => " ms",
        Unit::Bytes => " MiB",
    };
    format!("{}{unit_name}", bare(value, unit))
}

/// A figure without its unit, with as many digits as mean something.
fn bare(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => grouped(value),
        Unit::BytesPerSecond => format!("{:.2}", value / 1e9),
        Unit::Milliseconds if value < 1.0 => format!("{value:.3}"),
        Unit::Milliseconds if value < 10.0 => format!("{value:.2}"),
        Unit::Milliseconds => format!("{value:.0}"),
        Unit::Bytes => format!("{:.1}", value / f64::from(1 << 20)),
    }
}

/// A number of operations: three digits that mean something, in groups of three.
fn grouped(value: f64) -> String {
    let magnitude = if value < 1_000.0 { 1.0 } else { 10f64.powf(value.log10().floor() - 2.0) };
    let digits = format!("{:.0}", (value / magnitude).round() * magnitude);
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn time(us: f64) -> String {
    if us < 1_000.0 { format!("{us:.0} us") } else { format!("{:.1} ms", us / 1_000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn numbers_show_three_digits_that_mean_something() {
        let shown = [7.4, 999.0, 1_234.0, 61_789.0, 1_987_654.0].map(grouped);
        assert_eq!(shown, ["7", "999", "1,230", "61,800", "1,990,000"]);
        assert_eq!([95.4, 2_940.0].map(time), ["95 us", "2.9 ms"]);
    }

    #[test]
    fn what_a_million_operations_take_stands_behind_the_figure() {
        let mut subject = report().rows[0].subjects[0].clone();
        (subject.cpu_s, subject.allocations) = (Some(Series::of(vec![2.345])), Some(9.0));
        let cell = of_subject(&subject, Unit::PerSecond);
        assert_eq!(cell, "12,000/s (6,000 to 18,000), 2.35 CPU s, 9.0 M allocations");
        assert_eq!([0.1234, 2.345, 35.4].map(|ms| figure(ms, Unit::Milliseconds)), ["0.123 ms", "2.35 ms", "35 ms"]);
    }

    #[test]
    fn the_page_gets_a_table_with_verdicts() {
        assert_eq!(
            markdown(&report()),
            "| shape | star | peer | ratio | target |\n\
             |---|---|---|---|---|\n\
             | 64 connections | 12,000/s (6,000 to 18,000) | 20,000/s (10,000 to 30,000) | 0.60 (0.60 to 0.60) | 0.8: missed by 25 % |\n\
             | idle | 32.0 MiB |  |  | 60.0 MiB: met |\n\
             \n\
             - peer 1.0\n"
        );
    }

    #[test]
    fn the_terminal_gets_aligned_columns() {
        let text = text(&report());
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("0.")).collect();
        let column = |line: &str| line.find("0.60").or_else(|| line.find("60.0"));
        assert!(lines.iter().all(|line| column(line).is_some()), "{text}");
        assert!(text.contains("missed by 25 %"), "{text}");
    }
}
