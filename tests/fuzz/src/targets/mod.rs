//! One file for each reader; each has one function `run`.

pub(crate) mod archive;
pub(crate) mod checkpoint;
pub(crate) mod codec;
pub(crate) mod cursors;
pub(crate) mod documents;
pub(crate) mod envelope;
pub(crate) mod headers;
pub(crate) mod journal;
pub(crate) mod pack;
pub(crate) mod path;
pub(crate) mod records;
pub(crate) mod reference;
pub(crate) mod routes;
pub(crate) mod selector;
