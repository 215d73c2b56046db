//! The numbers of the benchmarks that are not part of a shape, each with its reason.

use std::time::Duration;

/// Rounds when the command line does not say: a median of five shrugs off two bad ones.
pub(crate) const ROUNDS: u64 = 5;

/// Most rounds; more than this is a typing mistake.
pub(crate) const ROUNDS_MAX: u64 = 100;

/// Seconds of one measurement when the command line does not say: some ten thousand requests,
/// and all scenarios together stay near ten minutes.
pub(crate) const SECONDS: u64 = 2;

/// Most seconds of one measurement.
pub(crate) const SECONDS_MAX: u64 = 600;

/// What every contender does before the first round, so that nobody measures its first steps.
pub(crate) const WARM_UP: Duration = Duration::from_secs(1);

/// How long a server may take until it answers; a machine that compiles beside us is slow.
pub(crate) const START: Duration = Duration::from_secs(60);

/// How long a server may take to end when it is told to, before it is killed.
pub(crate) const STOP: Duration = Duration::from_secs(15);

/// How often a condition is looked at. Bounds the error of the time to ready as well.
pub(crate) const LOOK: Duration = Duration::from_millis(1);

/// What a tool may take longer than it was told to run.
pub(crate) const TOOL_GRACE: Duration = Duration::from_secs(60);

/// How long one command of the command line, or one transfer of a gigabyte, may take.
pub(crate) const COMMAND: Duration = Duration::from_secs(180);

/// Lines of a server's log that are shown when it failed.
pub(crate) const LOG_LINES: usize = 12;

/// How long it is looked at what else the machine does.
pub(crate) const LOOK_AROUND: Duration = Duration::from_secs(1);

/// Share of the processors that has to be idle at the start; below it the machine counts as busy.
/// What a quiet machine does by itself, and the program that looks, take less than a tenth.
pub(crate) const IDLE: f64 = 0.9;

/// Operations of which the allocations are counted: enough that what happens now and then (a
/// larger buffer, a block of the queue) counts with its share.
pub(crate) const COUNTED: u64 = 50_000;

/// Resources below one parent where many are written at once: a well filled folder.
pub(crate) const SIBLINGS: usize = 1_000;

/// Resources written in one batch: three operations for each, and two more for a label, have to keep
/// within a batch of the store.
pub(crate) const FILL_BATCH: usize = 150;

/// How long a Star is asked for one resource after the other until all of them are awake: the
/// first run has to reach the last of them, or the next begins from the first again.
pub(crate) const WAKE: Duration = Duration::from_secs(15);
