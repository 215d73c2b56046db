//! The API over a tree on fakes: what clients see, request by request.

mod bundles;
mod calls;
mod door;
mod events;
mod faces;
mod fanout;
mod files;
mod operators;
mod sites;
