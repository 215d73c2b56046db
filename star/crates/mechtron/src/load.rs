//! Loading: from a content to a mechtron that can be called, compiling only what no one has
//! compiled before, neither in this process nor in an earlier one.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use star_core::ports::content::ContentRef;
use star_core::ports::mechtron::{CodeSource, HostStatus, LoadedMechtron, MechtronHost, MechtronSpec};
use star_core::vitals::{Cache, Queue, Vitals};
use star_path::Digest;
use star_wire::{ErrorCode, StarError};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::admission::{Admission, Places};
use crate::cache::CodeCache;
use crate::code::{self, Code};
use crate::engine::{self, Allocation};
use crate::host::{LogGate, offered};
use crate::limits;
use crate::mechtron::{Bound, Mechtron};
use crate::meters::Meters;
use crate::store::State;
use crate::ticker::Ticker;

/// Why the host cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine does not work on this machine.
    #[error("the engine for mechtrons does not start on this machine: {0}")]
    Engine(String),
    /// The thread that interrupts mechtrons could not be started.
    #[error("the clock for mechtrons could not be started")]
    Clock(#[source] std::io::Error),
    /// The folder of compiled code cannot be used.
    #[error("the folder {folder} for compiled code cannot be used")]
    Cache {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// The host of mechtrons, on wasmtime.
pub struct WasmHost {
    engine: Engine,
    allocation: Allocation,
    compatibility: u64,
    linker: Linker<State>,
    cache: Arc<CodeCache>,
    codes: Mutex<HashMap<Digest, Arc<Slot>>>,
    compilations: Arc<Semaphore>,
    places: Places,
    tasks: TaskTracker,
    meters: Meters,
}

/// Where the code of one content is kept. The lock is held while it is made, so that it is made
/// once; the code itself lives as long as a mechtron uses it.
type Slot = tokio::sync::Mutex<Weak<Code>>;

impl WasmHost {
    /// Starts the host; compiled code is kept in `cache_folder`.
    ///
    /// # Errors
    /// When the machine cannot run it, or the folder cannot be used.
    pub fn start(cache_folder: PathBuf) -> Result<WasmHost, StartError> {
        let engine_error = |error: wasmtime::Error| StartError::Engine(format!("{error:#}"));
        let (engine, allocation) = engine::start().map_err(engine_error)?;
        let linker = offered(&engine).map_err(engine_error)?;
        let cache =
            CodeCache::open(&cache_folder).map_err(|source| StartError::Cache { folder: cache_folder, source })?;
        let ticker = Ticker::start(&engine).map_err(StartError::Clock)?;
        Ok(WasmHost {
            compatibility: engine::compatibility(&engine),
            linker,
            engine,
            allocation,
            cache: Arc::new(cache),
            codes: Mutex::default(),
            compilations: Arc::new(Semaphore::new(limits::COMPILATIONS)),
            places: Places::new(ticker),
            tasks: TaskTracker::new(),
            meters: Meters::register(),
        })
    }

    /// Where the memory of instances comes from.
    pub fn allocation(&self) -> Allocation {
        self.allocation
    }

    /// Waits until the guests that went on after the head of their answer are done. Each ends by
    /// its own deadline; for a shutdown, once nothing new comes in.
    pub async fn drained(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn code(&self, content: &ContentRef, source: &dyn CodeSource) -> Result<Arc<Code>, StarError> {
        let slot = self.slot(&content.digest);
        let mut slot = slot.lock().await;
        if let Some(code) = slot.upgrade() {
            return Ok(code);
        }
        let component = self.component(content, source).await?;
        let code = Arc::new(Code::link(&component, &self.linker)?);
        *slot = Arc::downgrade(&code);
        Ok(code)
    }

    fn slot(&self, digest: &Digest) -> Arc<Slot> {
        let mut codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        // A slot that nobody waits for and whose code is gone is of no more use.
        codes
            .retain(|_, slot| Arc::strong_count(slot) > 1 || slot.try_lock().is_ok_and(|code| code.strong_count() > 0));
        Arc::clone(codes.entry(digest.clone()).or_default())
    }

    async fn component(&self, content: &ContentRef, source: &dyn CodeSource) -> Result<Component, StarError> {
        if content.size_bytes > limits::COMPONENT_BYTES {
            let message = format!(
                "the component has {} bytes, at most {} are compiled",
                content.size_bytes,
                limits::COMPONENT_BYTES
            );
            return Err(StarError::new(ErrorCode::InvalidComponent, message));
        }
        let name = format!("{}-{:016x}", content.digest.hex(), self.compatibility);
        let (engine, cache, kept) = (self.engine.clone(), Arc::clone(&self.cache), name.clone());
        if let Some(component) = blocking(move || kept_component(&engine, &cache, &kept)).await? {
            self.meters.cached();
            return Ok(component);
        }
        let bytes = source.bytes().await?;
        let permit = Arc::clone(&self.compilations).acquire_owned().await.map_err(|_| stopped())?;
        let (engine, cache) = (self.engine.clone(), Arc::clone(&self.cache));
        let compiled = blocking(move || {
            // Kept until the work is done, even when nobody waits for it any more.
            let _permit = permit;
            compile(&engine, &cache, &name, &bytes)
        });
        let component = compiled.await??;
        self.meters.compiled();
        Ok(component)
    }
}

#[async_trait]
impl MechtronHost for WasmHost {
    async fn load(
        &self,
        content: &ContentRef,
        code: &dyn CodeSource,
        spec: MechtronSpec,
    ) -> Result<Arc<dyn LoadedMechtron>, StarError> {
        let code = self.code(content, code).await.map_err(|error| error.at(&spec.path))?;
        Ok(Arc::new(Mechtron {
            engine: self.engine.clone(),
            code,
            admission: Admission::new(self.places.clone(), spec.limits.concurrent),
            bound: Arc::new(Bound { spec, log: LogGate::default() }),
            tasks: self.tasks.clone(),
            meters: self.meters.clone(),
        }))
    }

    fn status(&self) -> HostStatus {
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        // A slot that is locked is being filled.
        let filled = |slot: &&Arc<Slot>| slot.try_lock().is_ok_and(|code| code.strong_count() > 0);
        HostStatus { loaded: codes.values().filter(filled).count() as u64, ..self.meters.status() }
    }

    fn vitals(&self) -> Vitals {
        let HostStatus { loaded, compiled, cached, .. } = self.status();
        let compiling = limits::COMPILATIONS.saturating_sub(self.compilations.available_permits());
        let compilations = Queue {
            name: "compilations",
            about: "components that are being compiled",
            taken: compiling as u64,
            limit: Some(limits::COMPILATIONS as u64),
            refused: None,
        };
        let compiled_code = Cache {
            name: "compiled_code",
            about: "components compiled before, on the disk",
            entries: loaded,
            bytes: None,
            hits: cached,
            misses: compiled,
        };
        let queues = self.places.queues().into_iter().chain([compilations]).collect();
        Vitals { queues, caches: vec![compiled_code], ..Vitals::default() }
    }
}

/// Code that was compiled before and still is what this Star wrote.
fn kept_component(engine: &Engine, cache: &CodeCache, name: &str) -> Option<Component> {
    let bytes = cache.load(name)?;
    #[expect(unsafe_code, reason = "loads machine code")]
    // SAFETY: these bytes came out of `Component::serialize` of this program: the cache checked
    // them against a keyed hash whose key only this Star has. Code of another version or with
    // other settings is refused by the function itself, and no file is mapped that could change.
    let component = unsafe { Component::deserialize(engine, bytes) };
    component
        .map_err(|error| {
            tracing::warn!(error = format!("{error:#}"), name, "could not use compiled code; compiling again")
        })
        .ok()
}

fn compile(engine: &Engine, cache: &CodeCache, name: &str, bytes: &Bytes) -> Result<Component, StarError> {
    let component = code::compile(engine, bytes)?;
    // Without the cache everything works, only the next start is slower.
    match component.serialize() {
        Ok(compiled) => {
            if let Err(error) = cache.store(name, &compiled) {
                tracing::warn!(%error, name, "could not keep compiled code");
            }
        }
        Err(error) => tracing::warn!(error = format!("{error:#}"), name, "could not keep compiled code"),
    }
    Ok(component)
}

/// Runs what blocks where it may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, StarError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| match error.is_panic() {
        true => StarError::new(ErrorCode::InvalidComponent, "the compiler failed on this component"),
        false => stopped(),
    })
}

fn stopped() -> StarError {
    StarError::new(ErrorCode::Unavailable, "the Star is shutting down")
}
