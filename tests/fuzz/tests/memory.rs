//! What inputs cost. Alone in its process, because it counts what the process allocates.

use std::alloc::System;

use star_fuzz::{ALLOCATED_BYTES, TARGETS, corpus};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn no_input_that_was_kept_costs_more_memory_than_allowed() {
    for target in TARGETS {
        for input in corpus::inputs(target).expect("a corpus can be read") {
            let region = Region::new(ALLOCATOR);
            (target.run)(&input.bytes);
            let bytes = region.change().bytes_allocated;
            assert!(bytes <= ALLOCATED_BYTES, "corpus/{}/{} allocates {bytes} bytes", target.name, input.name);
        }
    }
}
