//! Events as they are told, made once for all who are told of them.
//!
//! A thousand readers of the same thing get the same bytes. [`Recent`] keeps the last events that
//! anybody was told of, in a bounded amount of memory; whoever reads further back makes its own.
//! Start at [`Recent::event`].

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use star_api::v1;
use star_core::event::Happened;
use star_core::ports::meta::Position;
use star_core::watch::Word;

use super::{Cursor, Form};
use crate::{limits, schema};

/// An event in the words of the schema, and as it is written.
#[derive(Debug)]
pub(crate) struct Told {
    event: v1::Event,
    cursor: Cursor,
    line: OnceLock<Bytes>,
    server_sent: OnceLock<Bytes>,
}

impl Told {
    pub(super) fn new(event: v1::Event, cursor: Cursor) -> Told {
        Told { event, cursor, line: OnceLock::new(), server_sent: OnceLock::new() }
    }

    fn of(word: Word, happened: &Happened) -> Told {
        Told::new(schema::event(word, happened), Cursor::after(happened))
    }

    /// The event in the words of the schema.
    pub(crate) fn event(&self) -> &v1::Event {
        &self.event
    }

    /// The place behind it.
    pub(super) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The event in a form, written by whoever asks first.
    pub(super) fn written(&self, form: Form) -> &Bytes {
        let written = match form {
            Form::Lines | Form::FirstLines => &self.line,
            Form::ServerSent => &self.server_sent,
        };
        written.get_or_init(|| form.event(&self.event, self.cursor).into())
    }
}

/// The events that were told last.
#[derive(Debug, Default)]
pub(crate) struct Recent(RwLock<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    /// With what they take, by their place in the log.
    told: BTreeMap<(Position, u16), (Arc<Told>, usize)>,
    bytes: usize,
}

impl Recent {
    /// An event as it is told to those who call it `word`.
    pub(super) fn event(&self, word: Word, happened: &Happened) -> Arc<Told> {
        // What it means to a parent is another event, and few are told of it.
        if matches!(word, Word::Child(_)) {
            return Arc::new(Told::of(word, happened));
        }
        let place = (happened.position, happened.index);
        let is_kept = {
            let shelf = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some((told, _)) = shelf.told.get(&place) {
                return Arc::clone(told);
            }
            shelf.keeps(place)
        };
        let told = Arc::new(Told::of(word, happened));
        if !is_kept {
            return told;
        }
        self.0.write().unwrap_or_else(PoisonError::into_inner).keep(place, told, weight(happened))
    }
}

impl Shelf {
    /// Whether there is room for it, or something older that makes room.
    fn keeps(&self, place: (Position, u16)) -> bool {
        self.bytes < limits::EVENTS_RECENT_BYTES
            || self.told.first_key_value().is_some_and(|(oldest, _)| *oldest < place)
    }

    /// Keeps an event, and gives the one that is kept: somebody may have been faster.
    fn keep(&mut self, place: (Position, u16), told: Arc<Told>, bytes: usize) -> Arc<Told> {
        if let Some((kept, _)) = self.told.get(&place) {
            return Arc::clone(kept);
        }
        self.told.insert(place, (Arc::clone(&told), bytes));
        self.bytes += bytes;
        while self.bytes > limits::EVENTS_RECENT_BYTES {
            let Some((_, (_, bytes))) = self.told.pop_first() else { break };
            self.bytes -= bytes;
        }
        told
    }
}

/// About what an event takes in memory: its fields, and what was written of it.
fn weight(happened: &Happened) -> usize {
    limits::EVENTS_RECENT_EACH_BYTES + 4 * happened.encoded_bytes
}

#[cfg(test)]
mod tests {
    use star_core::event::{Event, EventType};
    use star_core::kind::Kind;
    use star_core::watch::ChildChange;
    use star_path::ResourcePath;
    use star_wire::Agent;

    use super::*;

    fn happened(position: Position, encoded_bytes: usize) -> Happened {
        let event =
            Event::new(EventType::Created, &ResourcePath::parse("acme:a").unwrap(), Kind::Base, &Agent::Anonymous);
        Happened { position, shard: 0, revision: 1, index: 0, is_last: true, at_ms: 0, encoded_bytes, event }
    }

    fn told(recent: &Recent, happened: &Happened) -> Arc<Told> {
        recent.event(Word::Type(EventType::Created), happened)
    }

    #[test]
    fn an_event_is_made_and_written_once_for_all_who_are_told_of_it() {
        let recent = Recent::default();
        let first = told(&recent, &happened(7, 100));
        let again = told(&recent, &happened(7, 100));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(first.written(Form::Lines).as_ptr(), again.written(Form::Lines).as_ptr());
        assert_ne!(first.written(Form::Lines), first.written(Form::ServerSent));
        assert!(!Arc::ptr_eq(&first, &told(&recent, &happened(6, 100))));
    }

    #[test]
    fn a_parent_is_told_of_its_child_and_nobody_else_is() {
        let recent = Recent::default();
        let plain = told(&recent, &happened(7, 100));
        let child = recent.event(Word::Child(ChildChange::Added), &happened(7, 100));
        assert_eq!((plain.event().r#type.as_str(), child.event().r#type.as_str()), ("created", "child-added"));
        assert!(Arc::ptr_eq(&plain, &told(&recent, &happened(7, 100))));
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_go_first() {
        let recent = Recent::default();
        let quarter = limits::EVENTS_RECENT_BYTES / 16 - limits::EVENTS_RECENT_EACH_BYTES / 4;
        let kept: Vec<_> = (10..14).map(|position| told(&recent, &happened(position, quarter))).collect();
        let older = told(&recent, &happened(9, quarter));
        assert!(!Arc::ptr_eq(&older, &told(&recent, &happened(9, quarter))), "there is no room for what is older");
        told(&recent, &happened(14, quarter));
        assert!(!Arc::ptr_eq(&kept[0], &told(&recent, &happened(10, quarter))), "the oldest made room");
        assert!(Arc::ptr_eq(&kept[3], &told(&recent, &happened(13, quarter))));
        let shelf = recent.0.read().unwrap();
        assert!(shelf.bytes <= limits::EVENTS_RECENT_BYTES);
        assert_eq!(shelf.bytes, shelf.told.values().map(|(_, bytes)| bytes).sum::<usize>());
    }
}
