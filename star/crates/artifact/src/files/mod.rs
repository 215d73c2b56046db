//! Contents as files: each content is one file on a local disk, named by its digest.
//!
//! Start at [`DiskStore::open`], then follow a content in through `ingest` and `publish`, and out
//! through `read` and `stream`.
//!
//! # Why reads copy
//!
//! Measured on two cores shared with builds, with plain hyper and a file of 1 GiB in the page
//! cache, fetched by curl in turns with nginx (sendfile). Rates are of one run (15 rounds),
//! processor times of another under more load (8 rounds, counted in steps of 10 ms):
//!
//! | way | median of 15, GB/s | of nginx | processor time per GiB |
//! |---|---|---|---|
//! | nginx | 1.94 | | 0.08 s |
//! | `preadv2` in the poll, reused buffers | 1.90 | 0.98 | 0.27 s |
//! | memory map, made anew for each request | 2.21 | 1.14 | 0.24 s |
//! | memory map, kept between requests | 2.07 | 1.07 | 0.17 s |
//!
//! The copy keeps pace with nginx while there is a core to spare. It costs three times the
//! processor time, which shows when both cores are wanted elsewhere: 0.65 and 0.9 of nginx in two
//! runs under heavy load. A map is cheaper, but a page that is gone when it is touched blocks the
//! event loop, and a file cut short underneath ends the process, where a read answers with an
//! error. One file per content also means one map per content. Packs, few and sealed, change both
//! sides of that bargain. Small contents come from memory at about the rate at which nginx serves
//! a file of 10 KiB (medians 0.99 to 1.08 of it at 1, 16 and 64 connections, single rounds from
//! 0.4 to 2.8).
//!
//! A server that reaches these numbers lets hyper write vectored: with `pipeline_flush` it copies
//! every piece into one growing buffer and loses half of the speed.

mod buffers;
mod census;
mod copy;
mod ingest;
mod layout;
mod limits;
mod meters;
mod place;
mod publish;
mod read;
mod shards;
mod staged;
mod steps;
mod store;
mod stream;
mod verify;

pub use copy::{Contents, Copied, CopyError};
pub use layout::OpenError;
pub use steps::{Before, Step};
pub use store::{DiskStore, Options};
