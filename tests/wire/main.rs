//! What clients of every version send and are sent, as files that are only ever added to.
//!
//! `tests/wire/1.N` holds a request or answer per file, as JSON and as protobuf, with every field that
//! version 1.N knows, if there was none like it before. Start at [`vectors`]; [`schema`] reads the lists that say what there is, and
//! [`released`] keeps the files of releases as they were.

mod codecs;
mod released;
mod schema;
mod vectors;
