//! `start`: how long it takes from the start of the process until everything answers, and how
//! much memory a Star holds that has nothing to do. No peer: the targets are absolute.

use std::path::Path;
use std::time::{Duration, Instant};

use super::{Found, folder, hello, scratch};
use crate::failure::Failure;
use crate::figures::Series;
use crate::fill::Forest;
use crate::limits;
use crate::load;
use crate::options::Plan;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::Star;

pub(super) const ABOUT: &str = "from the start of the process until everything answers, and memory when idle";

/// Until everything answers, in milliseconds.
const READY: Target = Target::AtMost(1_000.0);

/// Memory without work, in bytes.
const IDLE: Target = Target::AtMost(60.0 * 1024.0 * 1024.0);

/// How many resources the used folder holds, beside a site and a mechtron: a small team's.
const RESOURCES: u64 = 2_000;

/// What a large installation holds.
const LARGE: Forest = Forest { spaces: 10, resources: 1_000_000 };

/// What one start showed.
#[derive(Debug, Default)]
struct Seen {
    fresh_ms: Vec<f64>,
    fresh_bytes: Vec<f64>,
    used_ms: Vec<f64>,
    first_ms: Vec<f64>,
    used_bytes: Vec<f64>,
    killed_ms: Vec<f64>,
    large_ms: Vec<f64>,
    large_bytes: Vec<f64>,
    large_killed_ms: Vec<f64>,
}

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let used = folder(&scratch, "used")?;
    fill(&used, &folder(&scratch, "site")?).await?;
    let large = folder(&scratch, "large")?;
    drop(Star::start(&large).await?);
    LARGE.plant_in(&large.join("data")).await?;
    let mut seen = Seen::default();
    for round in 0..plan.rounds {
        let fresh = folder(&scratch, &format!("fresh-{round}"))?;
        let (star, took) = Star::start(&fresh).await?;
        seen.fresh_ms.push(millis(took));
        seen.fresh_bytes.push(idle_bytes(&star, plan.time).await?);
        drop(star);

        let (star, took) = Star::start(&used).await?;
        seen.used_ms.push(millis(took));
        seen.first_ms.push(first_answer_ms(&star).await?);
        seen.used_bytes.push(idle_bytes(&star, plan.time).await?);
        star.kill()?;

        let (star, took) = Star::start(&used).await?;
        seen.killed_ms.push(millis(took));
        drop(star);

        let (star, took) = Star::start(&large).await?;
        seen.large_ms.push(millis(took));
        seen.large_bytes.push(idle_bytes(&star, plan.time).await?);
        star.kill()?;

        let (star, took) = Star::start(&large).await?;
        seen.large_killed_ms.push(millis(took));
        drop(star);
    }
    Ok((rows(seen), vec![format!("The used folder holds {RESOURCES} resources, a site and a mechtron.")]))
}

fn rows(seen: Seen) -> Vec<Row> {
    let row = |shape: &str, unit: Unit, figures: Vec<f64>, target: Option<Target>| Row {
        shape: shape.to_owned(),
        unit,
        subjects: vec![Subject::of("star", Series::of(figures))],
        target,
    };
    vec![
        row("ready, empty folder", Unit::Milliseconds, seen.fresh_ms, Some(READY)),
        row("ready, used folder", Unit::Milliseconds, seen.used_ms, Some(READY)),
        row("first answer of a mechtron after that", Unit::Milliseconds, seen.first_ms, None),
        row("ready, used folder after kill -9", Unit::Milliseconds, seen.killed_ms, Some(READY)),
        row("ready, 1,000,000 resources", Unit::Milliseconds, seen.large_ms, Some(READY)),
        row("ready, 1,000,000 resources after kill -9", Unit::Milliseconds, seen.large_killed_ms, Some(READY)),
        row("idle memory, empty folder", Unit::Bytes, seen.fresh_bytes, Some(IDLE)),
        row("idle memory, after a mechtron answered", Unit::Bytes, seen.used_bytes, None),
        row("idle memory, 1,000,000 resources", Unit::Bytes, seen.large_bytes, Some(IDLE)),
    ]
}

/// A folder that somebody has worked with.
async fn fill(home: &Path, site: &Path) -> Result<(), Failure> {
    hello::site_in(site)?;
    let (star, _) = Star::start(home).await?;
    hello::set_up(&star, site).await?;
    super::commit::create_resources(&star, home, RESOURCES).await?;
    first_answer_ms(&star).await.map(drop)
}

async fn first_answer_ms(star: &Star) -> Result<f64, Failure> {
    let begun = Instant::now();
    match load::answers(&star.page("/")).await? {
        true => Ok(millis(begun.elapsed())),
        false => Err(Failure::wrong("star", "its mechtron does not answer")),
    }
}

/// The memory after a time without work.
async fn idle_bytes(star: &Star, time: Duration) -> Result<f64, Failure> {
    tokio::time::sleep(time.max(limits::WARM_UP)).await;
    star.resident_bytes()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
