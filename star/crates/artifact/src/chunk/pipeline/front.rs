//! The serial beginning of a stream: which way it takes, where it is cut, which chunks are known.
//!
//! One thread at a time does this for a stream, in the order of its bytes, which are in its cache
//! then: finding a cut, naming the chunk and asking for it cost a tenth of making its frame.

use crate::chunk::ChunkId;
use crate::chunk::cut::{ChunkerParameters, Cutter, Rest};
use crate::chunk::limits::{ONE_FRAME_BYTES, PROBE_FRAMES};
use crate::chunk::pipeline::limits::SLOT_BYTES;
use crate::chunk::rope::Rope;
use crate::chunk::whole::{MAGIC_BYTES, Opening, Way};

/// Says whether the caller has a chunk already. It is asked once for each chunk, in the order of
/// the stream and by one thread at a time, so that it may remember what it was asked before: a
/// chunk that stands twice in a stream is asked for twice. It must not wait for anything.
pub type Known = Box<dyn FnMut(&ChunkId) -> bool + Send>;

/// The beginning of one stream.
pub(super) struct Front {
    parameters: ChunkerParameters,
    known: Known,
    state: State,
}

enum State {
    /// Its way is not clear.
    Opening(Rope),
    /// It is cut into chunks. The first of them are kept while it may turn out that it should
    /// have been stored raw.
    Chunked { cutter: Cutter, probing: Option<Vec<Rope>> },
    /// It is stored as it is.
    Raw(Rope),
    /// All of it has been cut.
    Done,
}

/// What is to become of a part of the stream.
pub(super) enum Part {
    /// Nothing: the caller has it.
    Known { chunk: ChunkId, plain_len: u32 },
    /// A frame.
    Chunk { chunk: ChunkId, plain: Rope },
    /// It stays as it is.
    Raw(Rope),
}

/// What one turn found.
#[derive(Default)]
pub(super) struct Turn {
    /// Parts of the stream, in order.
    pub(super) parts: Vec<Part>,
    /// The way, if it became clear.
    pub(super) way: Option<Way>,
}

impl Front {
    pub(super) fn new(parameters: ChunkerParameters, known: Known) -> Front {
        Front { parameters, known, state: State::Opening(Rope::default()) }
    }

    /// Whether a turn with so many bytes more would find anything.
    pub(super) fn is_due(&self, arrived_bytes: usize, rest: Rest) -> bool {
        let enough = |have: usize, need: usize| rest == Rest::Ended || have + arrived_bytes >= need;
        match &self.state {
            State::Opening(opening) => enough(opening.len(), ONE_FRAME_BYTES as usize),
            State::Chunked { probing: Some(probing), .. } if probing.len() == PROBE_FRAMES => false,
            State::Chunked { cutter, .. } => enough(cutter.uncut_bytes(), self.parameters.max_bytes()),
            State::Raw(uncut) => enough(uncut.len(), SLOT_BYTES),
            State::Done => false,
        }
    }

    /// Whether all of the stream has been cut.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Cuts what can be cut now. `room` is kept between turns to save its allocation.
    pub(super) fn turn(&mut self, arrived: Rope, rest: Rest, room: &mut Vec<u8>) -> Turn {
        let mut turn = Turn::default();
        match std::mem::replace(&mut self.state, State::Done) {
            State::Opening(mut opening) => {
                opening.append(arrived);
                self.open(opening, rest, room, &mut turn);
            }
            State::Chunked { mut cutter, probing } => {
                cutter.push(arrived);
                self.chunks(cutter, probing, rest, room, &mut turn);
            }
            State::Raw(mut uncut) => {
                uncut.append(arrived);
                self.slots(uncut, rest, &mut turn);
            }
            State::Done => {}
        }
        turn
    }

    /// Takes the way that the probe found.
    pub(super) fn settle(&mut self, way: Way) {
        let State::Chunked { cutter, probing: Some(probing) } = std::mem::replace(&mut self.state, State::Done) else {
            unreachable!("only a stream that is being probed is settled from outside");
        };
        self.state = match way {
            Way::Raw => {
                let mut uncut = Rope::default();
                probing.into_iter().for_each(|chunk| uncut.append(chunk));
                uncut.append(cutter.into_uncut());
                State::Raw(uncut)
            }
            _ => State::Chunked { cutter, probing: None },
        };
    }

    fn open(&mut self, opening: Rope, rest: Rest, room: &mut Vec<u8>, turn: &mut Turn) {
        let seen_bytes = opening.len() as u64;
        match Way::of(opening.view(MAGIC_BYTES, room), seen_bytes, rest) {
            Opening::Open => self.state = State::Opening(opening),
            Opening::Probe => {
                let mut cutter = Cutter::new(self.parameters);
                cutter.push(opening);
                self.chunks(cutter, Some(Vec::new()), rest, room, turn);
            }
            Opening::Way(way) => {
                turn.way = Some(way);
                match way {
                    Way::OneFrame => {
                        let chunk = ChunkId::of(opening.view(opening.len(), room));
                        turn.parts.push(part(&mut self.known, chunk, opening));
                    }
                    _ => self.slots(opening, rest, turn),
                }
            }
        }
    }

    fn chunks(
        &mut self,
        mut cutter: Cutter,
        mut probing: Option<Vec<Rope>>,
        rest: Rest,
        room: &mut Vec<u8>,
        turn: &mut Turn,
    ) {
        let most = probing.as_ref().map_or(usize::MAX, |probing| PROBE_FRAMES - probing.len());
        let known = &mut self.known;
        cutter.cut(rest, most, room, |plain, bytes| {
            probing.iter_mut().for_each(|probing| probing.push(plain.clone()));
            turn.parts.push(part(known, ChunkId::of(bytes), plain));
        });
        let is_all = rest == Rest::Ended && cutter.uncut_bytes() == 0;
        // What the caller has as a chunk is worth being one here; and a few poor frames that are
        // all there is do no harm.
        let is_known = turn.parts.iter().any(|part| matches!(part, Part::Known { .. }));
        let is_short = is_all && probing.as_ref().is_some_and(|probing| probing.len() < PROBE_FRAMES);
        if probing.is_some() && (is_known || is_short) {
            probing = None;
            turn.way = Some(Way::Chunked);
        }
        if !is_all || probing.is_some() {
            self.state = State::Chunked { cutter, probing };
        }
    }

    fn slots(&mut self, mut uncut: Rope, rest: Rest, turn: &mut Turn) {
        while uncut.len() >= SLOT_BYTES || (rest == Rest::Ended && !uncut.is_empty()) {
            turn.parts.push(Part::Raw(uncut.take(SLOT_BYTES)));
        }
        if rest == Rest::Coming {
            self.state = State::Raw(uncut);
        }
    }
}

fn part(known: &mut Known, chunk: ChunkId, plain: Rope) -> Part {
    if known(&chunk) {
        return Part::Known { chunk, plain_len: u32::try_from(plain.len()).expect("no longer than a chunk") };
    }
    Part::Chunk { chunk, plain }
}
