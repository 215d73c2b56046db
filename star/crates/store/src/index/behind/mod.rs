//! An index that gets what is durable a little later than its readers see it.
//!
//! A B-tree costs several times more per batch than the journal does. So the writer leaves the
//! effects of a group in memory, in the *active* [`layer`], where readers find them, and goes on;
//! a thread freezes that layer now and then and gives it to the engine in one transaction. Readers
//! take a [`Moment`] under a lock: what they need of the active layer, the frozen one, and what the
//! engine holds. A frozen layer says the same before and after the engine has taken it, so whichever
//! the engine shows, it is one moment. They read it without the lock: a disk that is slow to read
//! makes no writer wait.
//!
//! Nothing of this touches what survives a crash: the journal is the truth, and the engine is only
//! further behind. An engine that fails is told of at the next [`Index::apply`] or
//! [`Index::sync`]; until then the layers answer for it.

mod layer;
mod taker;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use star_core::ports::meta::{Key, KeyRange, Position, Revision, ScanPage, Shard, Versioned};

use self::layer::{Layer, is_known, row};
use self::taker::Taker;
use super::{Index, IndexError, Record, Row, ShardState, View, is_empty, is_since};
use crate::limits::PAGE_BYTES;

/// An engine with layers before it.
pub(crate) struct Behind {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What readers, the writer and the taker share.
struct Shared {
    base: Arc<dyn Index>,
    layers: RwLock<Layers>,
    taker: Taker,
}

#[derive(Default)]
struct Layers {
    active: Layer,
    frozen: Option<Arc<Layer>>,
}

impl Layers {
    /// The batches that the engine may not have, newest first.
    fn newest_first(&self) -> impl DoubleEndedIterator<Item = &Record> {
        let frozen = self.frozen.iter().flat_map(|frozen| &frozen.records);
        frozen.chain(&self.active.records).rev()
    }
}

/// What can be read at one moment.
struct Moment {
    /// As much of the active layer as is needed.
    active: Layer,
    frozen: Option<Arc<Layer>>,
    engine: Arc<dyn View>,
}

impl Moment {
    /// The layers that say anything, newest first.
    fn layers(&self) -> Vec<&Layer> {
        let frozen = self.frozen.as_deref();
        [Some(&self.active), frozen].into_iter().flatten().filter(|layer| !layer.is_silent()).collect()
    }
}

impl Behind {
    /// Puts layers before an engine.
    pub(crate) fn before(base: Arc<dyn Index>) -> io::Result<Behind> {
        let shared = Arc::new(Shared { base, layers: RwLock::default(), taker: Taker::default() });
        let thread = {
            let shared = Arc::clone(&shared);
            thread::Builder::new().name("star-index".to_owned()).spawn(move || taker::run(&shared))?
        };
        Ok(Behind { shared, thread: Some(thread) })
    }

    fn layers(&self) -> std::sync::RwLockReadGuard<'_, Layers> {
        self.shared.layers.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// This moment, with what the caller takes out of the active layer.
    fn moment(&self, part: impl FnOnce(&Layer) -> Layer) -> Result<Moment, IndexError> {
        let layers = self.layers();
        let engine = self.shared.base.moment().ok_or_else(|| IndexError {
            engine: self.name(),
            full: false,
            source: "it cannot show a moment, and was put behind layers".into(),
        })?;
        Ok(Moment { active: part(&layers.active), frozen: layers.frozen.clone(), engine })
    }
}

impl Shared {
    fn change(&self) -> std::sync::RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Behind {
    /// Lets go of the engine, with what it has not taken: the journal has it.
    fn drop(&mut self) {
        self.shared.taker.stop();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that brings the index on panicked");
        }
    }
}

impl View for Behind {
    fn read(&self, keys: &[Key]) -> Result<Vec<Option<Row>>, IndexError> {
        let moment = self.moment(|active| active.about(keys))?;
        let layers = moment.layers();
        if !keys.iter().any(|key| is_known(&layers, key)) {
            return moment.engine.read(keys);
        }
        keys.iter().map(|key| row(&layers, moment.engine.as_ref(), key)).collect()
    }

    fn scan(&self, range: &KeyRange, limit: usize) -> Result<ScanPage, IndexError> {
        if is_empty(range) {
            return Ok(ScanPage::default());
        }
        // One more than is wanted, to know whether there is more.
        let moment = self.moment(|active| active.beginning(range, limit + 1))?;
        let (engine, layers) = (moment.engine.as_ref(), moment.layers());
        if layers.is_empty() {
            return engine.scan(range, limit);
        }
        let mut page = ScanPage::default();
        let (mut bytes, mut part) = (0, range.clone());
        loop {
            let below = engine.scan(&part, limit + 1 - page.rows.len())?;
            let window = KeyRange { start: part.start, end: below.next.clone().or_else(|| range.end.clone()) };
            for (key, row) in over(&layers, engine, &window, below.rows)? {
                if page.rows.len() == limit || bytes >= PAGE_BYTES {
                    page.next = Some(key);
                    return Ok(page);
                }
                bytes += key.as_bytes().len() + row.value.len();
                page.rows.push((key, row));
            }
            match below.next {
                Some(next) => part = KeyRange { start: next, end: range.end.clone() },
                None => return Ok(page),
            }
        }
    }

    fn written_since(
        &self,
        range: &KeyRange,
        shard: Shard,
        since: Revision,
        except: &dyn Fn(&[u8]) -> bool,
    ) -> Result<Option<Row>, IndexError> {
        if is_empty(range) {
            return Ok(None);
        }
        let moment = self.moment(|active| active.beginning(range, usize::MAX))?;
        let (engine, layers) = (moment.engine.as_ref(), moment.layers());
        for key in layers.iter().flat_map(|layer| layer.keys_in(range)).filter(|key| !except(key.as_bytes())) {
            let found = row(&layers, engine, key)?;
            if let Some(row) = found.filter(|row| is_since(row.shard, row.modified, shard, since)) {
                return Ok(Some(row));
            }
        }
        if layers.is_empty() {
            return engine.written_since(range, shard, since, except);
        }
        let known = |key: &[u8]| except(key) || is_known(&layers, &Key::new(key.to_vec()));
        engine.written_since(range, shard, since, &known)
    }
}

impl Index for Behind {
    fn name(&self) -> &'static str {
        self.shared.base.name()
    }

    fn apply(&self, records: &[Record]) -> Result<(), IndexError> {
        self.shared.taker.room(self.name())?;
        let mut layers = self.shared.change();
        records.iter().for_each(|record| layers.active.apply(record));
        let (batches, bytes) = (layers.active.records.len(), layers.active.bytes);
        drop(layers);
        self.shared.taker.told(batches, bytes);
        Ok(())
    }

    fn fill(&self, rows: &[(Key, Row)]) -> Result<(), IndexError> {
        self.shared.base.fill(rows)
    }

    fn filled(&self, shards: &BTreeMap<Shard, ShardState>, applied: Position) -> Result<(), IndexError> {
        self.shared.base.filled(shards, applied)
    }

    fn sync(&self) -> Result<(), IndexError> {
        self.shared.taker.finish(self.name())
    }

    fn sync_soon(&self) -> Result<(), IndexError> {
        self.shared.taker.sync_soon(self.name())
    }

    fn waiting(&self) -> usize {
        let layers = self.layers();
        layers.active.records.len() + layers.frozen.as_ref().map_or(0, |frozen| frozen.records.len())
    }

    fn applied(&self) -> Result<Position, IndexError> {
        let layers = self.layers();
        let newest = layers.newest_first().next().map(|record| record.position);
        newest.map_or_else(|| self.shared.base.applied(), Ok)
    }

    fn shards(&self) -> Result<Vec<(Shard, ShardState)>, IndexError> {
        let layers = self.layers();
        let mut shards: BTreeMap<Shard, ShardState> = self.shared.base.shards()?.into_iter().collect();
        for record in layers.newest_first().rev() {
            let state = shards.entry(record.shard).or_default();
            *state = state.after(record);
        }
        Ok(shards.into_iter().collect())
    }

    fn bytes(&self) -> u64 {
        self.shared.base.bytes()
    }
}

/// Lays what the layers say of a range over the rows that an engine has in it.
fn over(
    layers: &[&Layer],
    base: &dyn View,
    range: &KeyRange,
    below: Vec<(Key, Versioned)>,
) -> Result<Vec<(Key, Versioned)>, IndexError> {
    let mut rows: BTreeMap<Key, Versioned> = below.into_iter().filter(|(key, _)| !is_known(layers, key)).collect();
    let known: BTreeSet<&Key> = layers.iter().flat_map(|layer| layer.keys_in(range)).collect();
    for key in known {
        if let Some(found) = row(layers, base, key)? {
            rows.insert(key.clone(), found.into());
        }
    }
    Ok(rows.into_iter().collect())
}
