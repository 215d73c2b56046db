//! What a guest may call: one module per interface, and the list of all that is offered.
//!
//! The interfaces of Starlane are bound statically from the WIT package that guests are built
//! from. Of WASI 0.2 everything is offered that a program of a standard library asks for, with
//! nothing behind it: no file, no socket, no argument, no variable. An interface that is not in
//! [`offered`] is not linked, and a component that imports it is refused when it is loaded.

mod config;
mod context;
mod log;
mod outgoing;
mod resources;
mod stdio;

use wasmtime::component::{HasSelf, Linker};
use wasmtime::{Engine, Result};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, filesystem, random};
use wasmtime_wasi::random::WasiRandom;

use crate::store::State;

pub(crate) use log::LogGate;
pub(crate) use outgoing::Denied;
pub(crate) use stdio::LogStream;

/// The WIT package, in Rust.
pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "../../../mechtron-guest/wit",
        world: "messages",
        imports: {
            "starlane:mechtron/resources@0.1.0.ask": async,
            "starlane:mechtron/resources@0.1.0.tell": async,
            "starlane:mechtron/resources@0.1.0.get-property": async,
            "starlane:mechtron/resources@0.1.0.set-property": async,
            "starlane:mechtron/resources@0.1.0.read": async,
            "starlane:mechtron/resources@0.1.0.write": async,
        },
        exports: { default: async },
    });
}

/// Types alone; their interface has no functions.
impl bindings::starlane::mechtron::types::Host for State {}

/// Everything that a guest may import.
pub(crate) fn offered(engine: &Engine) -> Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    bindings::Messages::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
    wasmtime_wasi_http::p2::add_to_linker_async(&mut linker)?;
    add_rest_of_wasi(&mut linker)?;
    Ok(linker)
}

/// What standard libraries import beyond the world of web requests.
fn add_rest_of_wasi(linker: &mut Linker<State>) -> Result<()> {
    cli::environment::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::exit::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_input::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_output::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdin::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stdout::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    cli::terminal_stderr::add_to_linker::<State, WasiCli>(linker, State::cli)?;
    random::insecure::add_to_linker::<State, WasiRandom>(linker, |state| state.wasi_mut().random())?;
    random::insecure_seed::add_to_linker::<State, WasiRandom>(linker, |state| state.wasi_mut().random())?;
    filesystem::preopens::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)?;
    filesystem::types::add_to_linker::<State, WasiFilesystem>(linker, State::filesystem)
}
