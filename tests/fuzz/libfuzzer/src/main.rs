//! The targets of `star-fuzz` under libFuzzer: one program, told by `STAR_FUZZ_TARGET` which of them.
//!
//! Counts what each input allocates, too: an input must not cost more memory than
//! [`star_fuzz::ALLOCATED_BYTES`].

#![no_main]

use std::alloc::System;
use std::sync::LazyLock;

use star_fuzz::Target;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("STAR_FUZZ_TARGET").expect("STAR_FUZZ_TARGET names the target");
    Target::named(&name).unwrap_or_else(|| panic!("there is no target `{name}`"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let region = Region::new(ALLOCATOR);
    (TARGET.run)(data);
    let bytes = region.change().bytes_allocated;
    assert!(bytes <= star_fuzz::ALLOCATED_BYTES, "{bytes} bytes were allocated for {} bytes", data.len());
});
