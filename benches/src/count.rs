//! Allocations of single operations, counted in a pass and a program of their own.
//!
//! A scenario that can be counted says how in its `count`; [`of`] starts the sister program, which
//! does that and prints what [`Counted`] holds. The figures of the clock come from elsewhere.

use std::env;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::failure::{Failure, io};
use crate::report::Row;
use crate::scenario::Scenario;
use crate::{limits, process};

/// The program that counts.
const PROGRAM: &str = "star-benches-counting";

/// What one operation of a subject allocates.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Counted {
    /// The shape, as in the row.
    pub(crate) shape: String,
    /// Who, as in the row.
    pub(crate) subject: String,
    /// Allocations and reallocations of one operation.
    pub(crate) per_operation: f64,
}

/// Tells how many allocations there were in this process until now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counter {
    until_now: fn() -> u64,
    operations: u64,
}

impl Counter {
    /// The same for fewer operations, where one takes long.
    pub(crate) fn of(self, operations: u64) -> Counter {
        Counter { operations, ..self }
    }

    /// Counts what so many operations allocate; the first ones, which fill what is kept, are done
    /// beforehand.
    pub(crate) async fn count(
        self,
        shape: &str,
        subject: &str,
        mut operations: impl AsyncFnMut(u64) -> Result<(), Failure>,
    ) -> Result<Counted, Failure> {
        operations(self.operations / 10).await?;
        let before = (self.until_now)();
        operations(self.operations).await?;
        let per_operation = ((self.until_now)() - before) as f64 / self.operations as f64;
        Ok(Counted { shape: shape.to_owned(), subject: subject.to_owned(), per_operation })
    }
}

/// Counts a scenario in this process and prints what was found; the other end of [`of`].
pub(crate) async fn print(arguments: &[String], counter: fn() -> u64) -> Result<(), Failure> {
    let [name] = arguments else { return Err(Failure::Usage(format!("{PROGRAM} takes one scenario"))) };
    let scenario = Scenario::named(name).ok_or_else(|| Failure::Usage(format!("there is no scenario `{name}`")))?;
    let counted = scenario.count(Counter { until_now: counter, operations: limits::COUNTED }).await?;
    let rows: Vec<Value> =
        counted.iter().map(|counted| json!([counted.shape, counted.subject, counted.per_operation])).collect();
    std::io::Write::write_all(&mut std::io::stdout(), Value::from(rows).to_string().as_bytes())
        .map_err(io("write what was counted"))
}

/// What operations of a scenario allocate.
pub(crate) async fn of(scenario: Scenario) -> Result<Vec<Counted>, Failure> {
    let program = env::current_exe().map_err(io("find this program"))?.with_file_name(PROGRAM);
    let said = process::output(PROGRAM, Command::new(program).arg(scenario.name()), limits::COMMAND).await?;
    read(&said).ok_or_else(|| Failure::wrong(PROGRAM, said))
}

fn read(said: &str) -> Option<Vec<Counted>> {
    let rows: Vec<(String, String, f64)> = serde_json::from_str(said).ok()?;
    let rows = rows.into_iter();
    Some(rows.map(|(shape, subject, per_operation)| Counted { shape, subject, per_operation }).collect())
}

/// Puts what was counted beside what was measured.
pub(crate) fn beside(rows: &mut [Row], counted: &[Counted]) {
    for counted in counted {
        let row = rows.iter_mut().find(|row| row.shape == counted.shape);
        let subject = row.and_then(|row| row.subjects.iter_mut().find(|subject| subject.name == counted.subject));
        if let Some(subject) = subject {
            subject.allocations = Some(counted.per_operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_stands_beside_what_was_measured() {
        let mut rows = crate::report::tests::report().rows;
        let counted = read(r#"[["64 connections","peer",7.5],["64 connections","nobody",1.0]]"#).unwrap();
        beside(&mut rows, &counted);
        assert_eq!(rows[0].subjects[1].allocations, Some(7.5));
        assert_eq!(rows[0].subjects[0].allocations, None);
        assert_eq!(read("oops"), None);
    }
}
