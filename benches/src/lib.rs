//! Benchmark scenarios of Starlane against peers, on one machine, in turns.
//!
//! `cargo xtask bench NAME` builds the release and starts the program `star-benches`. It runs the
//! scenarios (one file each in `scenario`), prints JSON to standard output and tables to standard
//! error, and writes the page of results when it is told to. Starts and stops everything it
//! measures; judges nothing but the ratio to a target. Its sister `star-benches-counting` counts
//! allocations, so that counting disturbs no measurement. Start at `scenario`.

mod actors;
mod corpus;
mod count;
mod failure;
mod figures;
mod fill;
mod http;
mod limits;
mod load;
mod machine;
mod meter;
mod nats;
mod nginx;
mod options;
mod page;
mod peer;
mod postgres;
mod process;
mod program;
mod report;
mod scenario;
mod star;
mod table;
mod tree;
mod turns;

pub use program::{count, measure};
