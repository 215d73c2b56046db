//! The one codec, for the shapes that values are made of.
//!
//! The first byte of an input chooses the shape. What decodes is written back to bytes that decode to
//! the same value; nothing shorter or longer decodes; a length out of bounds takes no memory (the
//! tests that measure memory run these inputs too).

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use star_path::{PropertyKey, ResourcePath, Selector};
use star_wire::codec::{self, FORMAT};
use star_wire::{Agent, Method, StarError};

use crate::check;

/// The schema number under which shapes are read here.
const SCHEMA: u8 = 1;

/// All that the stored and sent values of the project are made of.
#[derive(Serialize, Deserialize)]
enum Shape {
    Nothing,
    Numbers(u8, u16, u32, u64, u128, i64, bool),
    Texts { one: String, maybe: Option<String>, letter: char },
    Many(Vec<(i8, Option<String>)>),
    Map(BTreeMap<String, Vec<u8>>),
    Bytes(Bytes),
}

/// A byte that chooses the shape, and bytes that may be a value of it.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    schema(data);
    // Most inputs would end at the first two bytes, so these are put in front of half of them.
    let sealed = [&[FORMAT, SCHEMA], data].concat();
    let data = if choice & 0x80 == 0 { data } else { &sealed };
    match choice & 0x0f {
        0 => drop(check::decodes::<Shape>(SCHEMA, data)),
        1 => drop(check::decodes::<Vec<Vec<String>>>(SCHEMA, data)),
        2 => drop(check::decodes::<BTreeMap<PropertyKey, String>>(SCHEMA, data)),
        3 => drop(check::decodes::<ResourcePath>(SCHEMA, data)),
        4 => drop(check::decodes::<Selector>(SCHEMA, data)),
        5 => drop(check::decodes::<Method>(SCHEMA, data)),
        6 => drop(check::decodes::<Agent>(SCHEMA, data)),
        7 => drop(check::decodes::<StarError>(SCHEMA, data)),
        8 => drop(check::decodes::<Vec<u64>>(SCHEMA, data)),
        _ => drop(check::decodes::<Vec<(Option<u8>, Bytes)>>(SCHEMA, data)),
    }
}

/// The number of a schema is told, or that there is none.
fn schema(data: &[u8]) {
    match codec::schema_of(data) {
        Ok(schema) => assert_eq!(data[..2], [FORMAT, schema]),
        Err(_) => assert!(data.len() < 2 || data[0] != FORMAT),
    }
}
