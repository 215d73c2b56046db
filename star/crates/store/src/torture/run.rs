//! Starting children, killing them, and comparing what they left with what they had said.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use star_core::ports::meta::{MetaStore, Position, ReadError};

use super::child::{ACKNOWLEDGED, OPEN};
use super::{WRITERS, keys_of, number_in};
use crate::{IndexKind, OpenError, OpenOptions, Store};

/// Longest life of a child, from its start or from when the store is open: some hundred commits,
/// and often less than opening takes.
const LIFE_MS: u64 = 120;
/// Of so many children one is killed at a moment counted from its start, the others from when
/// the store is open.
const WHILE_OPENING_ONE_IN: u64 = 3;
/// A child that has not opened the store by then never will.
const OPENING: Duration = Duration::from_secs(60);
/// Of so many kills one is followed by another before anybody looks, so that what a killed
/// recovery leaves is recovered too.
const UNSEEN_ONE_IN: u64 = 3;

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Torture {
    /// A program that calls [`super::child()`] with the arguments that follow those of the caller.
    pub program: PathBuf,
    /// Arguments that make the program do so.
    pub arguments: Vec<OsString>,
    /// The engine of the index.
    pub index: IndexKind,
    /// An empty directory for the store.
    pub dir: PathBuf,
    /// How often a child is started and killed.
    pub cycles: u64,
    /// Where the random moments begin; the same seed gives the same ones.
    pub seed: u64,
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Children killed.
    pub kills: u64,
    /// Of these, killed before they had opened the store.
    pub while_opening: u64,
    /// Batches acknowledged, all of which were found.
    pub acknowledged: u64,
    /// Times that the store was looked into.
    pub looks: u64,
}

/// What went wrong. All but the last two are faults of the store.
#[derive(Debug, thiserror::Error)]
pub enum TortureError {
    /// The store did not open after a kill.
    #[error("after {kills} kills the store does not open")]
    DoesNotOpen {
        /// Kills until then.
        kills: u64,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// What was acknowledged is not there, or what is there was never sent.
    #[error("after {kills} kills: {what}")]
    Wrong {
        /// Kills until then.
        kills: u64,
        /// What.
        what: String,
    },
    /// The store could not be read.
    #[error("the store could not be read")]
    Unreadable(#[from] ReadError),
    /// A child could not be started or killed.
    #[error("a child could not be started or killed")]
    Child(#[from] io::Error),
}

/// Runs all cycles, and looks into the store at the end. Each kill is told of, so that a run of hours
/// that somebody stops has a count.
///
/// # Errors
/// At the first thing that is not as it should be.
pub fn run(torture: &Torture, mut killed: impl FnMut(&Summary)) -> Result<Summary, TortureError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut oracle = Oracle { dice: torture.seed | 1, ..Oracle::default() };
    for cycle in 0..torture.cycles {
        oracle.kill_one(torture)?;
        let last = cycle + 1 == torture.cycles;
        if last || oracle.roll(UNSEEN_ONE_IN) > 0 {
            runtime.block_on(oracle.look(torture))?;
        }
        killed(&oracle.summary);
    }
    Ok(oracle.summary)
}

/// What is known of one writer.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// The last number that was acknowledged.
    acknowledged: u64,
    /// The last number whose event was seen.
    told: u64,
}

#[derive(Debug, Default)]
struct Oracle {
    dice: u64,
    summary: Summary,
    writers: [Known; WRITERS as usize],
    /// Kills since the store was last looked into: each may leave one batch of a writer that was
    /// durable and not acknowledged.
    unseen: u64,
    read_to: Position,
}

impl Oracle {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice.wrapping_mul(0x2545_f491_4f6c_dd1d) % sides
    }

    fn kill_one(&mut self, torture: &Torture) -> Result<(), TortureError> {
        let engine = match torture.index {
            IndexKind::Redb => "redb",
            IndexKind::Sled => "sled",
            IndexKind::Memory => "memory",
        };
        let mut child = Command::new(&torture.program)
            .args(&torture.arguments)
            .arg(engine)
            .arg(&torture.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let lines = listen(child.stdout.take());
        let mut said = Vec::new();
        if self.roll(WHILE_OPENING_ONE_IN) > 0 {
            // One that ends by itself closes its output, and is found out below.
            said.extend(lines.recv_timeout(OPENING));
        }
        thread::sleep(Duration::from_millis(self.roll(LIFE_MS)));
        self.check_alive(&mut child)?;
        child.kill()?;
        child.wait()?;
        self.summary.kills += 1;
        self.unseen += 1;
        said.extend(lines);
        if !said.iter().any(|line| line == OPEN) {
            self.summary.while_opening += 1;
        }
        for line in said {
            self.hear(&line);
        }
        Ok(())
    }

    /// A child that ended by itself found something wrong.
    fn check_alive(&self, child: &mut Child) -> Result<(), TortureError> {
        let Some(status) = child.try_wait()? else { return Ok(()) };
        let said = child.stderr.take().map(io::read_to_string).transpose()?.unwrap_or_default();
        Err(self.wrong(format!("a child ended by itself ({status}): {said}")))
    }

    fn hear(&mut self, line: &str) {
        // A line that the kill cut off acknowledges nothing.
        let mut words = line.split(' ');
        if words.next() != Some(ACKNOWLEDGED) {
            return;
        }
        let mut number = || words.next()?.parse::<u64>().ok();
        if let (Some(writer), Some(number)) = (number(), number())
            && let Some(known) = usize::try_from(writer).ok().and_then(|writer| self.writers.get_mut(writer))
        {
            known.acknowledged = known.acknowledged.max(number);
            self.summary.acknowledged += 1;
        }
    }

    async fn look(&mut self, torture: &Torture) -> Result<(), TortureError> {
        let kills = self.summary.kills;
        let opened = Store::open(OpenOptions::new(&torture.dir).with_index(torture.index));
        let store = opened.map_err(|source| TortureError::DoesNotOpen { kills, source })?;
        self.follow_events(&store).await?;
        for writer in 0..WRITERS {
            self.look_at(&store, writer).await?;
        }
        self.summary.looks += 1;
        self.unseen = 0;
        store.close().await;
        Ok(())
    }

    /// Every number of every writer is told of once, in order.
    async fn follow_events(&mut self, store: &Store) -> Result<(), TortureError> {
        loop {
            let page = store.events(self.read_to, 1_000).await?;
            if page.read_to == self.read_to {
                return Ok(());
            }
            self.read_to = page.read_to;
            for event in page.events {
                let (writer, number) = (number_in(&event.body), event.body.get(8..).and_then(number_in));
                let known = writer.and_then(|writer| self.writers.get_mut(usize::try_from(writer).ok()?));
                match (known, number) {
                    (Some(known), Some(number)) if number == known.told + 1 => known.told = number,
                    _ => return Err(self.wrong(format!("position {} tells {:?}", event.position, event.body))),
                }
            }
        }
    }

    async fn look_at(&mut self, store: &Store, writer: u64) -> Result<(), TortureError> {
        let rows = store.read(&keys_of(writer)).await?;
        let numbers: Vec<u64> =
            rows.into_iter().map(|row| row.and_then(|row| number_in(&row.value)).unwrap_or(0)).collect();
        let known = self.writers[writer as usize];
        let found = numbers[0];
        if numbers[1] != found {
            return Err(self.wrong(format!("half a batch of writer {writer}: {numbers:?}")));
        }
        if found < known.acknowledged {
            let lost = known.acknowledged;
            return Err(self.wrong(format!("writer {writer} was acknowledged {lost}, and {found} is found")));
        }
        if found > known.acknowledged + self.unseen || found != known.told {
            return Err(self.wrong(format!("writer {writer} stands at {found}, which does not fit {known:?}")));
        }
        self.writers[writer as usize].acknowledged = found;
        Ok(())
    }

    fn wrong(&self, what: String) -> TortureError {
        TortureError::Wrong { kills: self.summary.kills, what }
    }
}

/// The lines that a child says, until it ends.
fn listen(out: Option<ChildStdout>) -> Receiver<String> {
    let (said, lines) = channel();
    thread::spawn(move || {
        let lines = out.map(BufReader::new).into_iter().flat_map(BufRead::lines).map_while(Result::ok);
        // Nobody listens any more when the child was given up.
        lines.map(|line| said.send(line)).take_while(Result::is_ok).for_each(drop);
    });
    lines
}
