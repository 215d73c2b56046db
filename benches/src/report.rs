//! What a scenario found: rows of subjects with figures, a target, and a verdict; as JSON.

use serde_json::{Value, json};

use crate::figures::Series;
use crate::options::Plan;

/// What a scenario found.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    /// Its name on the command line.
    pub(crate) scenario: &'static str,
    /// What was compared, in a sentence without an end.
    pub(crate) about: &'static str,
    /// How it was measured.
    pub(crate) plan: Plan,
    /// What was measured.
    pub(crate) rows: Vec<Row>,
    /// What a reader of the figures has to know: versions of peers, sizes.
    pub(crate) notes: Vec<String>,
}

/// One shape of load, and what everybody made of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    /// The shape, in words.
    pub(crate) shape: String,
    /// What the figures are.
    pub(crate) unit: Unit,
    /// Ours first; the second, where there is one, is the peer that we are compared with.
    pub(crate) subjects: Vec<Subject>,
    /// What we want to reach.
    pub(crate) target: Option<Target>,
}

/// Somebody who was measured.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    /// Its name.
    pub(crate) name: String,
    /// A figure for each round.
    pub(crate) figures: Series,
    /// The median time of one operation in microseconds, for each round.
    pub(crate) p50_us: Option<Series>,
    /// What one operation in a hundred exceeds, in microseconds, for each round.
    pub(crate) p99_us: Option<Series>,
    /// Seconds of the processors for a million operations, for each round.
    pub(crate) cpu_s: Option<Series>,
    /// Allocations of one operation.
    pub(crate) allocations: Option<f64>,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Operations per second; more is better.
    PerSecond,
    /// Bytes per second; more is better.
    BytesPerSecond,
    /// Milliseconds; less is better.
    Milliseconds,
    /// Bytes of memory; less is better.
    Bytes,
}

/// What we want to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// At least this many times the figure of the peer.
    Ratio(f64),
    /// At most this figure.
    AtMost(f64),
    /// At least this figure.
    AtLeast(f64),
    /// At most this much more than the figure of the peer.
    Above(f64),
}

/// Whether a target was reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Verdict {
    /// It was.
    Met,
    /// It was missed by this share of it.
    Missed(f64),
}

impl Row {
    /// Round by round, our figure in units of the peer's; none where there is no peer.
    pub(crate) fn ratio(&self) -> Option<Series> {
        match self.subjects.as_slice() {
            [ours, peer, ..] => Some(ours.figures.over(&peer.figures)),
            _ => None,
        }
    }

    /// Whether the target was reached; none where there is none.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let missed = match self.target? {
            Target::Ratio(least) => 1.0 - self.ratio()?.median() / least,
            Target::AtMost(most) => self.ours()? / most - 1.0,
            Target::AtLeast(least) => 1.0 - self.ours()? / least,
            Target::Above(more) => self.ours()? / (self.subjects.get(1)?.figures.median() + more) - 1.0,
        };
        Some(if missed <= 0.0 { Verdict::Met } else { Verdict::Missed(missed) })
    }

    fn ours(&self) -> Option<f64> {
        Some(self.subjects.first()?.figures.median())
    }

    fn json(&self) -> Value {
        json!({
            "shape": self.shape,
            "unit": self.unit.name(),
            "subjects": self.subjects.iter().map(Subject::json).collect::<Vec<_>>(),
            "ratio": self.ratio().as_ref().map(series),
            "target": match self.target {
                Some(Target::Ratio(least)) => json!({ "ratio_at_least": least }),
                Some(Target::AtMost(most)) => json!({ "at_most": most }),
                Some(Target::AtLeast(least)) => json!({ "at_least": least }),
                Some(Target::Above(more)) => json!({ "at_most_above_peer": more }),
                None => Value::Null,
            },
            "met": self.verdict().map(|verdict| verdict == Verdict::Met),
        })
    }
}

impl Subject {
    /// Somebody of whom nothing but the figures was looked at.
    pub(crate) fn of(name: &str, figures: Series) -> Subject {
        Subject { name: name.to_owned(), figures, p50_us: None, p99_us: None, cpu_s: None, allocations: None }
    }

    fn json(&self) -> Value {
        let mut value = series(&self.figures);
        value["name"] = json!(self.name);
        let more = [("p50_us", &self.p50_us), ("p99_us", &self.p99_us), ("cpu_s_per_million", &self.cpu_s)];
        for (key, more) in more {
            if let Some(more) = more {
                value[key] = series(more);
            }
        }
        if let Some(allocations) = self.allocations {
            value["allocations_per_million"] = json!(allocations * 1e6);
        }
        value
    }
}

impl Report {
    /// The report for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "scenario": self.scenario,
            "about": self.about,
            "rounds": self.plan.rounds,
            "seconds": self.plan.time.as_secs(),
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }
}

impl Unit {
    /// The name in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Unit::PerSecond => "per_second",
            Unit::BytesPerSecond => "bytes_per_second",
            Unit::Milliseconds => "ms",
            Unit::Bytes => "bytes",
        }
    }
}

fn series(series: &Series) -> Value {
    json!({
        "median": series.median(),
        "min": series.min(),
        "max": series.max(),
        "rounds": series.figures(),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;

    fn subject(name: &str, figures: &[f64]) -> Subject {
        Subject::of(name, Series::of(figures.to_vec()))
    }

    /// A report with one row that misses its target by a quarter, and one that meets it.
    pub(crate) fn report() -> Report {
        let against = Row {
            shape: "64 connections".to_owned(),
            unit: Unit::PerSecond,
            subjects: vec![
                subject("star", &[6_000.0, 12_000.0, 18_000.0]),
                subject("peer", &[10_000.0, 20_000.0, 30_000.0]),
            ],
            target: Some(Target::Ratio(0.8)),
        };
        let alone = Row {
            shape: "idle".to_owned(),
            unit: Unit::Bytes,
            subjects: vec![subject("star", &[f64::from(32 << 20)])],
            target: Some(Target::AtMost(f64::from(60 << 20))),
        };
        let plan = Plan { rounds: 3, time: Duration::from_secs(2) };
        Report { scenario: "hello", about: "a test", plan, rows: vec![against, alone], notes: vec!["peer 1.0".into()] }
    }

    #[test]
    fn a_verdict_says_by_which_share_of_the_target_it_was_missed() {
        let report = report();
        let Some(Verdict::Missed(share)) = report.rows[0].verdict() else { panic!("0.6 is less than 0.8") };
        assert!((share - 0.25).abs() < 1e-9, "{share}");
        assert_eq!(report.rows[1].verdict(), Some(Verdict::Met));
    }

    #[test]
    fn a_target_can_be_a_figure_or_a_distance_to_the_peer() {
        let mut row = report().rows.remove(0);
        for (target, met) in [
            (Target::AtLeast(12_000.0), true),
            (Target::AtLeast(12_001.0), false),
            (Target::AtMost(11_999.0), false),
            (Target::Above(-8_000.0), true),
            (Target::Above(-8_001.0), false),
        ] {
            row.target = Some(target);
            assert_eq!(row.verdict() == Some(Verdict::Met), met, "{target:?}");
        }
    }

    #[test]
    fn json_holds_every_round() {
        let json = report().json();
        assert_eq!(json["rows"][0]["subjects"][1]["rounds"], json!([10_000.0, 20_000.0, 30_000.0]));
        assert_eq!(json["rows"][0]["ratio"]["median"], json!(0.6));
        assert_eq!(json["rows"][0]["met"], json!(false));
        assert_eq!(json["rows"][1]["ratio"], Value::Null);
    }
}
