//! Contenders in turns: A B A B, so that whatever else the machine does falls on all of them.

use std::time::Duration;

use crate::failure::Failure;
use crate::figures::{Measure, Series};
use crate::limits;
use crate::options::Plan;
use crate::report::Subject;

/// Measures every contender once per round, after each has warmed up. The first is ours.
pub(crate) async fn in_turns<T>(
    plan: Plan,
    contenders: &[(&str, T)],
    measure: impl AsyncFn(&T, Duration) -> Result<Measure, Failure>,
) -> Result<Vec<Subject>, Failure> {
    for (_, contender) in contenders {
        measure(contender, plan.time.min(limits::WARM_UP)).await?;
    }
    warm_in_turns(plan, contenders, measure).await
}

/// The same for contenders that are warm already.
pub(crate) async fn warm_in_turns<T>(
    plan: Plan,
    contenders: &[(&str, T)],
    measure: impl AsyncFn(&T, Duration) -> Result<Measure, Failure>,
) -> Result<Vec<Subject>, Failure> {
    let mut measured: Vec<Vec<Measure>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..plan.rounds {
        for ((_, contender), measures) in contenders.iter().zip(&mut measured) {
            measures.push(measure(contender, plan.time).await?);
        }
    }
    let subjects = contenders.iter().zip(measured);
    Ok(subjects.map(|((name, _), measures)| subject(name, &measures)).collect())
}

fn subject(name: &str, measures: &[Measure]) -> Subject {
    let figures = Series::of(measures.iter().map(|measure| measure.figure).collect());
    let latencies: Option<Vec<_>> = measures.iter().map(|measure| measure.latency).collect();
    let p50_us = latencies.as_ref().map(|all| Series::of(all.iter().map(|latency| latency.p50_us).collect()));
    let p99_us = latencies.as_ref().map(|all| Series::of(all.iter().map(|latency| latency.p99_us).collect()));
    let cpu_s: Option<Vec<f64>> = measures.iter().map(|measure| measure.cpu_s).collect();
    Subject { p50_us, p99_us, cpu_s: cpu_s.map(Series::of), ..Subject::of(name, figures) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[tokio::test]
    async fn everybody_warms_up_and_then_they_take_turns() {
        let order = RefCell::new(String::new());
        let plan = Plan { rounds: 3, time: Duration::from_secs(5) };
        let subjects = in_turns(plan, &[("star", 'a'), ("peer", 'b')], async |who, time| {
            order.borrow_mut().push(*who);
            Ok(Measure::from(time.as_secs_f64()))
        })
        .await
        .unwrap();
        assert_eq!(order.into_inner(), "abababab");
        assert_eq!(subjects[1].name, "peer");
        assert_eq!(subjects[1].figures, Series::of(vec![5.0; 3]));
    }
}
