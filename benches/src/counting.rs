//! The program that counts allocations; started by `star-benches` beside itself.
//!
//! A program of its own, because counting takes as much time as allocating: what is measured by
//! the clock runs on the plain allocator of the system.

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[tokio::main]
async fn main() -> ExitCode {
    star_benches::count(std::env::args().skip(1).collect(), || {
        let stats = ALLOCATOR.stats();
        (stats.allocations + stats.reallocations) as u64
    })
    .await
}
