//! The engine: how guest code is compiled, where its memory comes from, and the clock that
//! interrupts it.
//!
//! Owns the settings that hold for every mechtron. What a single call may use is in `store`.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroUsize;

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits;

/// Where the memory of instances comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allocation {
    /// Out of slots that were reserved at the start: the quick way.
    Pool,
    /// From the system for each call, because it does not give the address space for a pool.
    /// Calls then take about twice as long.
    OnDemand,
}

/// Makes the engine, with a pool where the system gives the address space for one.
pub(crate) fn start() -> wasmtime::Result<(Engine, Allocation)> {
    match Engine::new(&config(InstanceAllocationStrategy::Pooling(pool()))) {
        Ok(engine) => Ok((engine, Allocation::Pool)),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "no pool for mechtrons: the system does not give the address space (see `ulimit -v`); calls will take longer"
            );
            Engine::new(&config(InstanceAllocationStrategy::OnDemand)).map(|engine| (engine, Allocation::OnDemand))
        }
    }
}

/// Names the engine's version and settings: code that was compiled under another name is not for
/// this engine.
pub(crate) fn compatibility(engine: &Engine) -> u64 {
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}

fn config(allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    // WASI 0.2 needs none of these, and most faults of the past were found in them.
    config.concurrency_support(false);
    config.gc_support(false);
    config.shared_memory(false);
    config.wasm_memory64(false);
    config.epoch_interruption(true);
    config.max_wasm_stack(limits::GUEST_STACK_BYTES);
    config.async_stack_size(limits::CALL_STACK_BYTES);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(limits::BACKTRACE_FRAMES));
    config.allocation_strategy(allocation);
    config
}

fn pool() -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(limits::INSTANCES)
        .total_stacks(limits::INSTANCES)
        .total_core_instances(limits::INSTANCES * limits::CORES_PER_INSTANCE)
        .total_memories(limits::INSTANCES * limits::MEMORIES_PER_INSTANCE)
        .total_tables(limits::INSTANCES * limits::TABLES_PER_INSTANCE)
        .max_core_instances_per_component(limits::CORES_PER_INSTANCE)
        .max_memories_per_component(limits::MEMORIES_PER_INSTANCE)
        .max_tables_per_component(limits::TABLES_PER_INSTANCE)
        .table_elements(limits::TABLE_ELEMENTS)
        .linear_memory_keep_resident(limits::RESIDENT_BYTES)
        .table_keep_resident(limits::RESIDENT_BYTES)
        // Where the system can say which pages were written, only those are wiped.
        .pagemap_scan(Enabled::Auto)
        .max_unused_warm_slots(limits::WARM_SLOTS);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_fits_into_the_address_space_and_the_name_of_an_engine_stays_the_same() {
        let (first, allocation) = start().expect("an engine");
        assert_eq!(allocation, Allocation::Pool);
        let (second, _) = start().expect("another engine");
        assert_eq!(compatibility(&first), compatibility(&second));
    }
}
