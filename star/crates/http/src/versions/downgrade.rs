//! Messages as an older minor version knows them.
//!
//! Fields that came later are cut out of the encoded message, wherever they stand in it, by the
//! tables of `star_api::shape`; what is left is decoded again. A message that holds nothing later is
//! not touched, so callers of the newest version pay nothing. Words inside of texts (types of
//! events, states, kinds, error codes) and keys of maps are no fields: readers of every version pass
//! over those that they do not know.

use std::collections::BTreeSet;

use axum::http::HeaderValue;
use buffa::encoding::{Tag, WireType, decode_varint, encode_varint, skip_field};
use buffa::{DecodeError, Message, MessageName};
use star_api::shape::Shape;
use star_api::version::ApiVersion;
use star_wire::{ErrorCode, StarError};

/// The fields that were left out, as `Message.field`, each once and in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lossy(BTreeSet<String>);

impl Lossy {
    /// All that the minor version does not know of a message and what it holds.
    pub(crate) fn possible<M: MessageName>(minor: u32) -> Lossy {
        Lossy(Shape::of(M::FULL_NAME).map(|shape| shape.later_than(minor)).unwrap_or_default().into_iter().collect())
    }

    /// The value of the header `star-lossy`; none if nothing was left out.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let names: Vec<&str> = self.0.iter().map(String::as_str).collect();
        let value = || HeaderValue::try_from(names.join(",")).expect("names of fields are the value of a header");
        (!names.is_empty()).then(value)
    }
}

/// A message that can be told to readers of an older version.
pub(crate) trait Downgrade: Sized {
    /// The message as minor version `minor` knows it, and what was left out.
    fn to(self, minor: u32) -> Result<(Self, Lossy), StarError>;
}

impl<M: Message + MessageName> Downgrade for M {
    fn to(self, minor: u32) -> Result<(M, Lossy), StarError> {
        let mut lossy = Lossy::default();
        if minor >= ApiVersion::NEWEST.minor {
            return Ok((self, lossy));
        }
        let Some(shape) = Shape::of(M::FULL_NAME).filter(|shape| !shape.later_than(minor).is_empty()) else {
            return Ok((self, lossy));
        };
        let mut known = Vec::new();
        let cut = cut(shape, &self.encode_to_vec(), minor, &mut known, &mut lossy);
        let message = cut.and_then(|()| M::decode_from_slice(&known)).map_err(|error| {
            let message = format!("an answer cannot be told in version 1.{minor}");
            StarError::new(ErrorCode::Internal, message).because(&error)
        })?;
        Ok((message, lossy))
    }
}

/// Copies an encoded message without the fields that came after a minor version.
fn cut(shape: &Shape, mut bytes: &[u8], minor: u32, known: &mut Vec<u8>, lossy: &mut Lossy) -> Result<(), DecodeError> {
    while !bytes.is_empty() {
        let from = bytes;
        let tag = Tag::decode(&mut bytes)?;
        let field = shape.field(tag.field_number());
        if let Some(later) = field.filter(|field| field.since > minor) {
            skip_field(tag, &mut bytes)?;
            lossy.0.insert(shape.qualified(later));
            continue;
        }
        match field.and_then(|field| field.message).and_then(Shape::of) {
            Some(inner) if tag.wire_type() == WireType::LengthDelimited => {
                let length = usize::try_from(decode_varint(&mut bytes)?).unwrap_or(usize::MAX);
                let (held, rest) = bytes.split_at_checked(length).ok_or(DecodeError::UnexpectedEof)?;
                bytes = rest;
                let mut inside = Vec::with_capacity(held.len());
                cut(inner, held, minor, &mut inside, lossy)?;
                tag.encode(known);
                encode_varint(inside.len() as u64, known);
                known.extend_from_slice(&inside);
            }
            _ => {
                skip_field(tag, &mut bytes)?;
                known.extend_from_slice(&from[..from.len() - bytes.len()]);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use star_api::{oneof, v1};

    use super::*;

    fn resource() -> v1::Resource {
        v1::Resource {
            path: "acme:web".into(),
            properties: [("title".into(), "Web".into())].into(),
            status: v1::Status { state: "Ready".into(), ..Default::default() }.into(),
            history: vec![v1::Status { state: "Creating".into(), ..Default::default() }],
            lock: v1::Lock { token: 17, ..Default::default() }.into(),
            warnings: vec!["one".into(), "two".into()],
            ..Default::default()
        }
    }

    /// What version 1.0 knows of it.
    fn first() -> v1::Resource {
        v1::Resource { history: Vec::new(), lock: Default::default(), ..resource() }
    }

    fn header(lossy: &Lossy) -> Option<String> {
        lossy.header().map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_came_later_is_left_out_at_every_depth_and_named() {
        let answer =
            v1::CreateResponse { resource: resource().into(), created: true, changed: true, ..Default::default() };
        let (told, lossy) = answer.to(0).unwrap();
        let expected = v1::CreateResponse { resource: first().into(), created: true, ..Default::default() };
        assert_eq!(told, expected);
        assert_eq!(header(&lossy).as_deref(), Some("CreateResponse.changed,Resource.history,Resource.lock"));

        let list =
            v1::ListResponse { resources: vec![first(), resource()], next_cursor: "n".into(), ..Default::default() };
        let (told, _) = list.to(0).unwrap();
        assert_eq!(told.resources, [first(), first()]);
        assert_eq!(told.next_cursor, "n");

        let item =
            v1::WatchResponse { item: Some(oneof::watch_response::Item::from(resource())), ..Default::default() };
        let (told, lossy) = item.to(0).unwrap();
        assert_eq!(told.item, Some(oneof::watch_response::Item::from(first())));
        assert_eq!(lossy, Lossy::possible::<v1::WatchResponse>(0));
    }

    #[test]
    fn what_was_not_there_is_not_said_to_be_missing() {
        let (told, lossy) = first().to(0).unwrap();
        assert_eq!((told, header(&lossy)), (first(), None));
        let (told, lossy) = resource().to(ApiVersion::NEWEST.minor).unwrap();
        assert_eq!((told, header(&lossy)), (resource(), None));
    }

    #[test]
    fn replies_to_messages_have_nothing_that_came_later() {
        // They go out as they came, past all of this.
        assert_eq!(Lossy::possible::<v1::AskResponse>(ApiVersion::OLDEST.minor), Lossy::default());
    }

    #[test]
    fn lines_of_events_have_nothing_that_came_later() {
        // `/events` writes them without looking at the version of their reader.
        let oldest = ApiVersion::OLDEST.minor;
        assert_eq!(Lossy::possible::<v1::Event>(oldest), Lossy::default());
        assert_eq!(Lossy::possible::<v1::Gap>(oldest), Lossy::default());
        assert_eq!(Lossy::possible::<v1::Progress>(oldest), Lossy::default());
    }
}
