//! The rows that one create writes, for peers that shall write the same.

use star_core::bootstrap;
use star_core::event::{Event, EventType};
use star_core::gate::Authority;
use star_core::kind::Kind;
use star_core::ports::clock::{Clock, SystemClock};
use star_core::record::Record;

use crate::failure::Failure;
use crate::tree::path;

/// What creating one resource writes.
pub(super) struct Rows {
    pub(super) parent: String,
    pub(super) name: String,
    /// The path of the resource, which is the key of its record.
    pub(super) path: String,
    pub(super) record: Vec<u8>,
    pub(super) event: Vec<u8>,
}

/// The rows of one resource below one parent.
pub(super) fn rows(parent: usize, number: u64) -> Result<Rows, Failure> {
    let unwritable = |error: star_wire::codec::CodecError| Failure::wrong("the codec", error);
    let (parent, name) = (format!("bench:p{parent}"), format!("n{number}"));
    let resource = path(&format!("{parent}:{name}"));
    let record = Record::new(Kind::Base, bootstrap::admin(), SystemClock.now_ms()).encode().map_err(unwritable)?;
    let event = Event::new(EventType::Created, &resource, Kind::Base, &Authority::System.agent());
    let event = event.encode().map_err(unwritable)?.body;
    Ok(Rows { parent, name, path: resource.to_string(), record: record.to_vec(), event: event.to_vec() })
}
