//! The body of a frame: the operations and events of a batch, byte by byte.
//!
//! All integers are big-endian. Preconditions are not kept: what is in the journal happened.
//!
//! ```text
//! body       = u16 count, operation*, u16 count, event*
//! operation  = 01 key value | 02 key | 03 key end
//! key        = u16 length, bytes
//! value      = u32 length, bytes
//! end        = 00 | 01 key            (00: the range goes to the last key)
//! event      = value leaf             (the value is the body of the event)
//! leaf       = 00 | 01 value
//! ```
//!
//! Written by hand and not by a derived codec, because these bytes are read for ever.

use bytes::Bytes;
use star_core::ports::meta::{Batch, Key, KeyRange, NewEvent, Operation};

/// The layout that this program writes, kept in the frame's header.
pub(crate) const SCHEMA: u8 = 1;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const DELETE_RANGE: u8 = 3;
const NONE: u8 = 0;
const SOME: u8 = 1;

/// What a body says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) operations: Vec<Operation>,
    pub(crate) events: Vec<NewEvent>,
}

/// Encodes the operations and events of a batch that is within the limits.
pub(crate) fn encode(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::with_capacity(encoded_len(batch));
    put_u16(&mut out, batch.operations.len());
    for operation in &batch.operations {
        match operation {
            Operation::Put(key, value) => {
                out.push(PUT);
                put_key(&mut out, key);
                put_value(&mut out, value);
            }
            Operation::Delete(key) => {
                out.push(DELETE);
                put_key(&mut out, key);
            }
            Operation::DeleteRange(range) => {
                out.push(DELETE_RANGE);
                put_key(&mut out, &range.start);
                put_optional(&mut out, range.end.as_ref(), put_key);
            }
        }
    }
    put_u16(&mut out, batch.events.len());
    for event in &batch.events {
        put_value(&mut out, &event.body);
        put_optional(&mut out, event.leaf.as_ref(), put_value);
    }
    out
}

/// The length that [`encode`] will produce: what a batch costs in the journal.
pub(crate) fn encoded_len(batch: &Batch) -> usize {
    let key = |key: &Key| 2 + key.as_bytes().len();
    let operations: usize = batch
        .operations
        .iter()
        .map(|operation| match operation {
            Operation::Put(at, value) => 1 + key(at) + 4 + value.len(),
            Operation::Delete(at) => 1 + key(at),
            Operation::DeleteRange(range) => 1 + key(&range.start) + 1 + range.end.as_ref().map_or(0, key),
        })
        .sum();
    let events: usize = batch
        .events
        .iter()
        .map(|event| 4 + event.body.len() + 1 + event.leaf.as_ref().map_or(0, |leaf| 4 + leaf.len()))
        .sum();
    2 + operations + 2 + events
}

/// Decodes a body whose checksum held. `None` means that these bytes were never written by
/// [`encode`]. The parts share the memory of `bytes`.
pub(crate) fn decode(bytes: Bytes) -> Option<Body> {
    let mut reader = Reader { bytes };
    let operations = (0..reader.u16()?).map(|_| reader.operation()).collect::<Option<Vec<_>>>()?;
    let events = (0..reader.u16()?).map(|_| reader.event()).collect::<Option<Vec<_>>>()?;
    reader.bytes.is_empty().then_some(Body { operations, events })
}

fn put_u16(out: &mut Vec<u8>, number: usize) {
    let number = u16::try_from(number).expect("counts and keys are within the limits of the store");
    out.extend_from_slice(&number.to_be_bytes());
}

fn put_key(out: &mut Vec<u8>, key: &Key) {
    put_u16(out, key.as_bytes().len());
    out.extend_from_slice(key.as_bytes());
}

fn put_value(out: &mut Vec<u8>, value: &Bytes) {
    let len = u32::try_from(value.len()).expect("values are within the limits of the store");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(value);
}

fn put_optional<T>(out: &mut Vec<u8>, value: Option<&T>, put: fn(&mut Vec<u8>, &T)) {
    match value {
        None => out.push(NONE),
        Some(value) => {
            out.push(SOME);
            put(out, value);
        }
    }
}

/// Takes parts off the front of a body.
struct Reader {
    bytes: Bytes,
}

impl Reader {
    fn take(&mut self, len: usize) -> Option<Bytes> {
        (len <= self.bytes.len()).then(|| self.bytes.split_to(len))
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn key(&mut self) -> Option<Key> {
        let len = self.u16()?;
        self.take(usize::from(len)).map(Key::new)
    }

    fn value(&mut self) -> Option<Bytes> {
        let len = self.take(4)?;
        self.take(u32::from_be_bytes([len[0], len[1], len[2], len[3]]) as usize)
    }

    fn optional<T>(&mut self, read: fn(&mut Reader) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            NONE => Some(None),
            SOME => read(self).map(Some),
            _ => None,
        }
    }

    fn operation(&mut self) -> Option<Operation> {
        match self.u8()? {
            PUT => Some(Operation::Put(self.key()?, self.value()?)),
            DELETE => Some(Operation::Delete(self.key()?)),
            DELETE_RANGE => {
                let start = self.key()?;
                let end = self.optional(Reader::key)?;
                Some(Operation::DeleteRange(KeyRange { start, end }))
            }
            _ => None,
        }
    }

    fn event(&mut self) -> Option<NewEvent> {
        Some(NewEvent { body: self.value()?, leaf: self.optional(Reader::value)? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use star_core::ports::meta::Shard;

    use super::*;

    fn batch(operations: Vec<Operation>, events: Vec<NewEvent>) -> Batch {
        Batch { id: 1, shard: Shard::new(0).unwrap(), preconditions: Vec::new(), operations, events, at: 0 }
    }

    #[test]
    fn schema_1_has_these_bytes_for_ever() {
        let bytes = encode(&batch(
            vec![
                Operation::Put(Key::new("k"), Bytes::from("vv")),
                Operation::Delete(Key::new("d")),
                Operation::DeleteRange(KeyRange { start: Key::new("a"), end: Some(Key::new("b")) }),
                Operation::DeleteRange(KeyRange { start: Key::new("z"), end: None }),
            ],
            vec![
                NewEvent { body: Bytes::from("e"), leaf: None },
                NewEvent { body: Bytes::new(), leaf: Some(Bytes::from("L")) },
            ],
        ));
        let expected: &[&[u8]] = &[
            &[0, 4],
            &[1, 0, 1, b'k', 0, 0, 0, 2, b'v', b'v'],
            &[2, 0, 1, b'd'],
            &[3, 0, 1, b'a', 1, 0, 1, b'b'],
            &[3, 0, 1, b'z', 0],
            &[0, 2],
            &[0, 0, 0, 1, b'e', 0],
            &[0, 0, 0, 0, 1, 0, 0, 0, 1, b'L'],
        ];
        assert_eq!(bytes, expected.concat());
    }

    fn any_bytes() -> impl Strategy<Value = Bytes> {
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from)
    }

    fn any_operation() -> impl Strategy<Value = Operation> {
        let key = || any_bytes().prop_map(Key::new);
        prop_oneof![
            (key(), any_bytes()).prop_map(|(key, value)| Operation::Put(key, value)),
            key().prop_map(Operation::Delete),
            (key(), proptest::option::of(key()))
                .prop_map(|(start, end)| Operation::DeleteRange(KeyRange { start, end })),
        ]
    }

    proptest! {
        #[test]
        fn every_body_reads_back_and_has_the_length_foretold(
            operations in proptest::collection::vec(any_operation(), 0..8),
            events in proptest::collection::vec((any_bytes(), proptest::option::of(any_bytes())), 0..5),
        ) {
            let events = events.into_iter().map(|(body, leaf)| NewEvent { body, leaf }).collect();
            let batch = batch(operations, events);
            let bytes = encode(&batch);
            prop_assert_eq!(bytes.len(), encoded_len(&batch));
            let body = decode(Bytes::from(bytes)).unwrap();
            prop_assert_eq!(body, Body { operations: batch.operations, events: batch.events });
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in any_bytes()) {
            if let Some(body) = decode(bytes.clone()) {
                prop_assert_eq!(encode(&batch(body.operations, body.events)), bytes);
            }
        }
    }
}
