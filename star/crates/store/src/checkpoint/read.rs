//! Reading a checkpoint: its state first, then its rows one by one, checked on the way.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use star_core::ports::meta::{Committed, Key, KeyRange, Shard};

use super::blocks::{BadStream, BlockReader};
use super::format::{CONSUMER, END, ERASURE, FLOOR, HEADER_BYTES, MAGIC, OUTCOME, ROW, SHARD, VERSION};
use super::state::State;
use crate::disk::Disk;
use crate::index::{Row, ShardState};
use crate::journal::Fault;
use crate::journal::record::array;

/// An open checkpoint that stands before its next row.
pub(crate) struct Reading {
    path: PathBuf,
    blocks: BlockReader,
    scratch: Vec<u8>,
    rows: u64,
    /// The tag of the item that the reader stands behind.
    tag: u8,
}

/// Opens a checkpoint and reads everything before its rows. Only what was read is checked: the
/// file as a whole is when [`Reading::next_row`] has come to its end.
pub(crate) fn open(disk: &dyn Disk, path: &Path) -> Result<(State, Reading), Fault> {
    let file = disk.open(path).map_err(|source| Fault::Io { file: path.to_path_buf(), source })?;
    let blocks = BlockReader::new(file).map_err(|bad| fault_of(path, bad))?;
    let mut reading = Reading { path: path.to_path_buf(), blocks, scratch: Vec::new(), rows: 0, tag: END };
    let state = reading.state()?;
    Ok((state, reading))
}

impl Reading {
    /// The next row in the order of keys; none at the end of a file that is whole.
    pub(crate) fn next_row(&mut self) -> Result<Option<(Key, Row)>, Fault> {
        match self.tag {
            ROW => {
                let row = self.row()?;
                self.tag = self.u8()?;
                self.rows += 1;
                Ok(Some(row))
            }
            END => {
                if self.u64()? != self.rows {
                    return Err(self.nonsense("it does not have as many rows as it says"));
                }
                self.blocks.finish().map_err(|bad| fault_of(&self.path, bad))?;
                Ok(None)
            }
            _ => Err(self.nonsense("an item has no place among the rows")),
        }
    }

    /// All rows, ending with the first fault.
    pub(crate) fn rows(mut self) -> impl Iterator<Item = Result<(Key, Row), Fault>> {
        let mut ended = false;
        std::iter::from_fn(move || {
            if ended {
                return None;
            }
            let next = self.next_row().transpose();
            ended = !matches!(next, Some(Ok(_)));
            next
        })
    }

    fn state(&mut self) -> Result<State, Fault> {
        self.take(HEADER_BYTES)?;
        if self.scratch[..8] != MAGIC {
            return Err(self.nonsense("it is not a checkpoint"));
        }
        let version = u16::from_be_bytes(array(&self.scratch, 8));
        if version != VERSION {
            return Err(Fault::TooNew { file: self.path.clone(), version });
        }
        let mut state = State {
            installation: array(&self.scratch, 10),
            position: u64::from_be_bytes(array(&self.scratch, 26)),
            chain: array(&self.scratch, 34),
            at: u64::from_be_bytes(array(&self.scratch, 42)),
            ..State::default()
        };
        loop {
            self.tag = self.u8()?;
            match self.tag {
                ROW | END => return Ok(state),
                tag => self.item(tag, &mut state)?,
            }
        }
    }

    fn item(&mut self, tag: u8, state: &mut State) -> Result<(), Fault> {
        match tag {
            CONSUMER => {
                let name = self.bytes_of_length()?.to_vec();
                let name = String::from_utf8(name).map_err(|_| self.nonsense("a consumer's name is not text"))?;
                let position = self.u64()?;
                state.consumers.insert(name, position);
            }
            SHARD => {
                let shard = self.shard()?;
                let of = ShardState { revision: self.u64()?, erased: self.u64()? };
                state.shards.insert(shard, of);
            }
            OUTCOME => {
                self.take(16)?;
                let id = u128::from_be_bytes(array(&self.scratch, 0));
                let committed = Committed { revision: self.u64()?, position: self.u64()? };
                state.outcomes.note(id, committed);
            }
            FLOOR => {
                let shard = self.shard()?;
                let floor = self.u64()?;
                state.erasures.set_floor(shard, floor);
            }
            ERASURE => {
                let (shard, revision) = (self.shard()?, self.u64()?);
                let start = self.key()?;
                let end = if self.u8()? == 0 { None } else { Some(self.key()?) };
                state.erasures.add(shard, revision, KeyRange { start, end });
            }
            _ => return Err(self.nonsense("an item is of no known kind")),
        }
        Ok(())
    }

    fn row(&mut self) -> Result<(Key, Row), Fault> {
        let key = self.key()?;
        let (created, modified, shard) = (self.u64()?, self.u64()?, self.shard()?);
        self.take(4)?;
        let len = u32::from_be_bytes(array(&self.scratch, 0)) as usize;
        self.take(len)?;
        Ok((key, Row { value: Bytes::copy_from_slice(&self.scratch), created, modified, shard }))
    }

    fn take(&mut self, len: usize) -> Result<(), Fault> {
        self.blocks.take(len, &mut self.scratch).map_err(|bad| fault_of(&self.path, bad))
    }

    fn u8(&mut self) -> Result<u8, Fault> {
        self.take(1)?;
        Ok(self.scratch[0])
    }

    fn u64(&mut self) -> Result<u64, Fault> {
        self.take(8)?;
        Ok(u64::from_be_bytes(array(&self.scratch, 0)))
    }

    fn shard(&mut self) -> Result<Shard, Fault> {
        self.take(2)?;
        let number = u16::from_be_bytes(array(&self.scratch, 0));
        Shard::new(number).ok_or_else(|| self.nonsense("a shard has a number out of range"))
    }

    fn bytes_of_length(&mut self) -> Result<&[u8], Fault> {
        self.take(2)?;
        let len = u16::from_be_bytes(array(&self.scratch, 0));
        self.take(usize::from(len))?;
        Ok(&self.scratch)
    }

    fn key(&mut self) -> Result<Key, Fault> {
        Ok(Key::new(Bytes::copy_from_slice(self.bytes_of_length()?)))
    }

    fn nonsense(&self, what: &str) -> Fault {
        Fault::Damaged { file: self.path.clone(), offset: self.blocks.offset(), what: what.to_owned() }
    }
}

fn fault_of(path: &Path, bad: BadStream) -> Fault {
    match bad {
        BadStream::Damaged { offset, what } => {
            Fault::Damaged { file: path.to_path_buf(), offset, what: what.to_owned() }
        }
        BadStream::Io(source) => Fault::Io { file: path.to_path_buf(), source },
    }
}
