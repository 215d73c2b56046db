//! What belongs to one call: its context, its share of WASI, and the limits on what it may hold.
//!
//! A store is made for each call and dropped with it, so that nothing of a call, least of all of
//! one that was stopped, is there for the next.

use std::sync::Arc;

use star_core::ports::mechtron::{CallContext, MechtronSpec};
use star_path::ResourcePath;
use tokio::time::Instant;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, ResourceLimiter, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::admission::Admitted;
use crate::host::bindings::starlane::mechtron::log::Level;
use crate::host::{Denied, LogStream};
use crate::limits;
use crate::mechtron::Bound;

/// What is known of a call from outside.
pub(crate) struct Call {
    /// The resource that it came from.
    pub(crate) sender: Option<ResourcePath>,
    /// On whose behalf.
    pub(crate) agent: Option<ResourcePath>,
    /// When it ends: the caller's deadline, or the bind's if that is sooner.
    pub(crate) deadline: Instant,
    /// Hops so far.
    pub(crate) hops: u8,
    /// The resources that wait for it.
    pub(crate) chain: Arc<[ResourcePath]>,
    /// The request that it serves.
    pub(crate) request_id: Arc<str>,
}

/// The data of a store.
pub(crate) struct State {
    bound: Arc<Bound>,
    call: Call,
    limiter: Limiter,
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    denied: Denied,
    /// The call's place among those that may run; given back when the store goes.
    _admitted: Admitted,
}

/// A store for one call, with all its limits set.
pub(crate) fn open(engine: &Engine, bound: &Arc<Bound>, call: Call, admitted: Admitted) -> Store<State> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(limits::HANDLES);
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(limits::FIELDS_BYTES);
    let wasi = WasiCtx::builder()
        .stdout(LogStream::output(bound, &call.request_id))
        .stderr(LogStream::error(bound, &call.request_id))
        .max_random_size(limits::RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .build();
    let limiter = Limiter { memory_left: bound.spec.limits.memory_bytes, refused_memory: false };
    let state =
        State { bound: Arc::clone(bound), call, limiter, table, wasi, http, denied: Denied, _admitted: admitted };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(host_call_bytes(bound));
    store.set_max_component_handles(limits::HANDLES);
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    store
}

/// A reply crosses the boundary like the arguments of a call do, and must fit with something to
/// spare: whether it is too long is for the bind to say.
fn host_call_bytes(bound: &Bound) -> usize {
    let reply = usize::try_from(bound.spec.limits.reply_bytes).unwrap_or(usize::MAX);
    reply.saturating_mul(2).max(limits::HOST_CALL_BYTES)
}

impl State {
    /// What the mechtron is.
    pub(crate) fn spec(&self) -> &MechtronSpec {
        &self.bound.spec
    }

    /// What the call is.
    pub(crate) fn call(&self) -> &Call {
        &self.call
    }

    /// Writes a line of the mechtron to the log, in the name of the request that it serves.
    pub(crate) fn log(&self, level: Level, text: &str) {
        self.bound.log.line(&self.bound.spec.path, &self.call.request_id, level, text);
    }

    /// Whether the guest wanted more memory than it may have.
    pub(crate) fn refused_memory(&self) -> bool {
        self.limiter.refused_memory
    }

    /// The context of WASI.
    pub(crate) fn wasi_mut(&mut self) -> &mut WasiCtx {
        &mut self.wasi
    }

    /// What outgoing calls come from. The outbox knows whose it is, and adds the mechtron to the
    /// chain itself.
    pub(crate) fn cause(&self) -> CallContext {
        CallContext {
            hops: self.call.hops,
            deadline: self.call.deadline,
            chain: Arc::clone(&self.call.chain),
            request_id: Arc::clone(&self.call.request_id),
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.denied, table: &mut self.table, ctx: &mut self.http }
    }
}

/// Bounds the memory of all of a call's modules together, and their tables.
struct Limiter {
    memory_left: u64,
    refused_memory: bool,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let more = desired.saturating_sub(current) as u64;
        match self.memory_left.checked_sub(more) {
            Some(left) => self.memory_left = left,
            None => self.refused_memory = true,
        }
        Ok(!self.refused_memory)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        Ok(desired <= limits::TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        limits::CORES_PER_INSTANCE as usize
    }

    fn memories(&self) -> usize {
        limits::MEMORIES_PER_INSTANCE as usize
    }

    fn tables(&self) -> usize {
        limits::TABLES_PER_INSTANCE as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_counted_over_all_modules_of_a_call() {
        let mut limiter = Limiter { memory_left: 100, refused_memory: false };
        assert!(limiter.memory_growing(0, 60, None).unwrap());
        assert!(limiter.memory_growing(0, 30, None).unwrap());
        assert!(!limiter.memory_growing(60, 71, None).unwrap());
        assert!(limiter.refused_memory);
    }
}
