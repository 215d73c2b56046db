//! The rule by its words, and what it does to a content that changes again and again.

use super::*;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

fn run(pack: u32, stored_len: u64) -> Run {
    Run { pack: Ordinal(pack), stored_len, continues: false }
}

/// A content of which the last extents were short.
fn scattered() -> Sharing {
    let mut sharing = Sharing::begin(1 << 30, u64::MAX);
    while !sharing.scattered {
        sharing.decide(run(1, 100 * KIB));
    }
    sharing
}

#[test]
fn what_is_in_one_piece_shares_everything() {
    let mut sharing = Sharing::begin(0, u64::MAX);
    sharing.wrote(8 * MIB);
    assert_eq!(sharing.decide(run(1, KIB)), Verdict::Share);
}

#[test]
fn what_is_scattered_shares_what_is_long_or_goes_on() {
    let mut sharing = scattered();
    assert_eq!(sharing.decide(run(1, 100 * KIB)), Verdict::Copy);
    assert_eq!(sharing.decide(Run { continues: true, ..run(1, KIB) }), Verdict::Share);
    assert_eq!(sharing.decide(run(1, 2 * MIB)), Verdict::Share);
    assert_eq!(sharing.copied_bytes(), 100 * KIB);
}

#[test]
fn what_was_scattered_shares_again_when_it_is_in_one_piece() {
    let mut sharing = scattered();
    sharing.wrote(600 * MIB);
    assert_eq!(sharing.decide(run(1, KIB)), Verdict::Share);
}

#[test]
fn the_budget_of_the_content_and_that_of_the_store_are_kept() {
    let mut poor = Sharing { affordable_bytes: 150 * KIB, ..scattered() };
    assert_eq!((poor.decide(run(1, 100 * KIB)), poor.decide(run(1, 100 * KIB))), (Verdict::Copy, Verdict::Share));
    let mut small = Sharing { expected_bytes: 0, ..scattered() };
    for _ in 0..1_000 {
        small.decide(run(1, 100 * KIB));
        assert!(small.copied_bytes * 100 <= small.stored_bytes * limits::COPIED_PERCENT);
    }
    assert!(small.copied_bytes > 0);
}

#[test]
fn a_content_does_not_lie_in_more_packs_than_can_be_open() {
    let mut sharing = Sharing::begin(1 << 30, u64::MAX);
    let verdicts: Vec<Verdict> = (0..30).map(|pack| sharing.decide(run(pack, 2 * MIB - 1))).collect();
    assert_eq!(verdicts.iter().position(|verdict| *verdict == Verdict::Copy), Some(limits::PACKS));
}

/// A store that only remembers where chunks lie.
#[derive(Default)]
struct Store {
    /// Stored bytes of all packs, one behind the other.
    end: u64,
}

#[derive(Clone, Copy, PartialEq)]
struct Stored {
    chunk: u64,
    at: u64,
    len: u64,
}

const PACK: u64 = 64 * MIB;

impl Store {
    fn write(&mut self, chunk: u64, len: u64) -> Stored {
        if self.end % PACK + len > PACK {
            self.end = self.end.next_multiple_of(PACK);
        }
        self.end += len;
        Stored { chunk, at: self.end - len, len }
    }

    /// Stores a content whose chunks are at these places or nowhere yet.
    fn store(&mut self, chunks: &[(u64, u64, Option<Stored>)], sharing: &mut Sharing) -> Vec<Stored> {
        let follows = |last: Option<&Stored>, next: &Stored| {
            last.is_some_and(|last| last.at + last.len == next.at && last.at / PACK == next.at / PACK)
        };
        let mut content: Vec<Stored> = Vec::new();
        let mut at = 0;
        while at < chunks.len() {
            let (chunk, len, there) = chunks[at];
            let Some(first) = there else {
                sharing.wrote(len);
                content.push(self.write(chunk, len));
                at += 1;
                continue;
            };
            let mut known = vec![first];
            while let Some((_, _, Some(next))) = chunks.get(at + known.len())
                && follows(known.last(), next)
            {
                known.push(*next);
            }
            at += known.len();
            let stored_len = known.iter().map(|stored| stored.len).sum();
            let pack = Ordinal((first.at / PACK) as u32);
            match sharing.decide(Run { pack, stored_len, continues: follows(content.last(), &first) }) {
                Verdict::Share => content.extend(known),
                Verdict::Copy => {
                    content.extend(known.iter().map(|old| self.write(old.chunk, old.len)).collect::<Vec<_>>())
                }
            }
        }
        content
    }
}

fn extents(content: &[Stored]) -> usize {
    let breaks =
        content.windows(2).filter(|two| two[0].at + two[0].len != two[1].at || two[0].at / PACK != two[1].at / PACK);
    1 + breaks.count()
}

/// What fifty generations come to: extents per stored MiB of the last, and percent of all generations'
/// bytes that were stored although they were there.
fn fifty_generations(places_per_generation: u64) -> (f64, f64) {
    const CHUNKS: u64 = 4_096;
    let mut random = 7u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        random >> 33
    };
    let mut store = Store::default();
    let mut names = CHUNKS;
    let mut content: Vec<(u64, u64, Option<Stored>)> =
        (0..CHUNKS).map(|chunk| (chunk, 40 * KIB + next() % (120 * KIB), None)).collect();
    let (mut last, mut copied, mut all) = (Vec::new(), 0, 0);
    for _ in 0..50 {
        let whole: u64 = content.iter().map(|(_, len, _)| len).sum();
        let mut sharing = Sharing::begin(whole, u64::MAX);
        last = store.store(&content, &mut sharing);
        copied += sharing.copied_bytes();
        all += whole;
        content = last.iter().map(|stored| (stored.chunk, stored.len, Some(*stored))).collect();
        // One percent of the chunks changes, in so many places.
        let changed = CHUNKS / 100;
        for _ in 0..places_per_generation {
            let begin = next() % CHUNKS;
            for at in begin..(begin + changed / places_per_generation).min(CHUNKS) {
                content[at as usize] = (names, 40 * KIB + next() % (120 * KIB), None);
                names += 1;
            }
        }
    }
    let stored: u64 = last.iter().map(|stored| stored.len).sum();
    (extents(&last) as f64 * MIB as f64 / stored as f64, copied as f64 * 100.0 / all as f64)
}

#[test]
fn fifty_generations_leave_a_content_in_few_pieces_and_cost_few_bytes() {
    for places in [1, 4, 10] {
        let (extents_per_mib, copied_percent) = fifty_generations(places);
        assert!(extents_per_mib <= 1.0, "{places} places: {extents_per_mib} extents per MiB");
        assert!(copied_percent <= 5.0, "{places} places: {copied_percent} % stored again");
    }
}

/// With five percent a generation a twentieth of the content can be put together, while every chunk that
/// changes by itself tears it in two places: what is read of it must be put together when it is read.
#[test]
fn what_changes_in_every_place_is_put_together_as_far_as_the_budget_goes() {
    let (extents_per_mib, copied_percent) = fifty_generations(40);
    assert!((4.0..=5.0).contains(&copied_percent), "{copied_percent} % stored again");
    assert!(extents_per_mib <= 5.0, "{extents_per_mib} extents per MiB");
}
