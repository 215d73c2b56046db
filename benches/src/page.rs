//! The page with the results: the part between two marks belongs to this program, the rest to
//! its authors.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, io};
use crate::machine::Machine;
use crate::report::Report;
use crate::table;

/// Where the page lies, seen from the checkout.
pub(crate) const PAGE: &str = "docs/reference/benchmarks.md";

/// Writes the results of some scenarios into the page; those of others stay.
pub(crate) fn update(page: &Path, machine: &Machine, reports: &[Report]) -> Result<(), Failure> {
    let mut text = fs::read_to_string(page).map_err(io(format!("read {}", page.display())))?;
    for report in reports {
        let results = results(machine, report);
        text = with_results(&text, report.scenario, &results).ok_or_else(|| Failure::Page {
            path: page.to_owned(),
            what: format!(
                "it has no line `{}` with a line `{}` behind it",
                begin(report.scenario),
                end(report.scenario)
            ),
        })?;
    }
    fs::write(page, text).map_err(io(format!("write {}", page.display())))
}

fn results(machine: &Machine, report: &Report) -> String {
    format!(
        "Measured on {date}: {machine}; {rounds} rounds of {seconds} s.{busy}\n\n{table}",
        date = machine.date,
        machine = machine.sentence(),
        rounds = report.plan.rounds,
        seconds = report.plan.time.as_secs(),
        busy =
            if machine.is_busy() { " The machine had other work to do, so only the ratios say something." } else { "" },
        table = table::markdown(report),
    )
}

fn begin(scenario: &str) -> String {
    format!("<!-- results of {scenario} -->")
}

fn end(scenario: &str) -> String {
    format!("<!-- end of {scenario} -->")
}

/// The page with other results between the marks of a scenario; none where the marks are missing.
fn with_results(page: &str, scenario: &str, results: &str) -> Option<String> {
    let (before, rest) = page.split_once(&begin(scenario))?;
    let (_, after) = rest.split_once(&end(scenario))?;
    Some(format!("{before}{}\n{}\n{}{after}", begin(scenario), results.trim_end(), end(scenario)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let page = "a\n<!-- results of ask -->\nold\n<!-- end of ask -->\nb\n";
        let once = with_results(page, "ask", "fresh\n").unwrap();
        assert_eq!(once, "a\n<!-- results of ask -->\nfresh\n<!-- end of ask -->\nb\n");
        assert_eq!(with_results(&once, "ask", "fresh").unwrap(), once);
        assert_eq!(with_results(page, "hello", "fresh"), None);
    }

    #[test]
    fn the_page_of_this_checkout_has_a_place_for_every_scenario() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(PAGE);
        let text = fs::read_to_string(page).unwrap();
        for scenario in crate::scenario::Scenario::ALL {
            assert!(with_results(&text, scenario.name(), "").is_some(), "{}", scenario.name());
        }
    }
}
