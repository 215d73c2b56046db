//! What the tests stand on: a Star in a folder of its own, commands, connections, deadlines.
//!
//! Every wait here is for a condition and has a deadline; every process is ended by whoever
//! started it. Start at [`Star`].

mod bundles;
mod connection;
mod cutter;
mod follower;
mod http;
mod patience;
mod places;
mod process;
mod protocols;
mod site;
mod slots;
mod star;

pub(crate) use bundles::{Bundle, tar};
pub(crate) use connection::connect;
pub(crate) use cutter::Cutter;
pub(crate) use follower::Follower;
pub(crate) use http::{Answer, Http, Streaming};
pub(crate) use patience::{Whistle, eventually};
pub(crate) use places::{checkout, copy_tree, guest};
pub(crate) use process::{Ran, Running, capture};
pub(crate) use protocols::{Call, PROTOCOLS, Protocol};
pub(crate) use site::{greet, hello_site};
pub(crate) use star::Star;
