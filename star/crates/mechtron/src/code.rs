//! From the bytes of a component to code that can be instantiated, and what it is good for.

use star_core::ports::mechtron::Roles;
use star_wire::{ErrorCode, StarError};
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::host::bindings::exports::starlane::mechtron::handler::GuestIndices;
use crate::store::State;

const HANDLER: &str = "starlane:mechtron/handler@0.1.";
const WEB_HANDLER: &str = "wasi:http/incoming-handler@0.2.";
/// The packages of which interfaces are linked, for the message when one of another is asked for.
const OFFERED: [(&str, &str); 7] = [
    ("starlane:mechtron/", "0.1."),
    ("wasi:cli/", "0.2."),
    ("wasi:clocks/", "0.2."),
    ("wasi:filesystem/", "0.2."),
    ("wasi:http/", "0.2."),
    ("wasi:io/", "0.2."),
    ("wasi:random/", "0.2."),
];
/// The first eight bytes of a component, and of a core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
const MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// A component, compiled and linked: what it takes to make an instance.
pub(crate) struct Code {
    /// To make instances that answer messages.
    pub(crate) messages: Option<(InstancePre<State>, GuestIndices)>,
    /// To make instances that answer web requests.
    pub(crate) web: Option<ProxyPre<State>>,
}

impl Code {
    /// Links compiled code with what is offered, and finds out what it answers.
    pub(crate) fn link(component: &Component, linker: &Linker<State>) -> Result<Code, StarError> {
        let instance = linker.instantiate_pre(component).map_err(|error| unlinked(component, &error))?;
        let (answers_messages, answers_web) = (exports(component, HANDLER), exports(component, WEB_HANDLER));
        if !answers_messages && !answers_web {
            return Err(invalid("the component answers neither messages nor web requests")
                .hint("export `starlane:mechtron/handler` (the attribute `#[mechtron]` does) or `wasi:http/incoming-handler` 0.2"));
        }
        let wrong_type = |error: wasmtime::Error| {
            invalid("the component exports a handler of another shape").with_causes([format!("{error:#}")])
        };
        let messages =
            answers_messages.then(|| GuestIndices::new(&instance).map(|indices| (instance.clone(), indices)));
        let web = answers_web.then(|| ProxyPre::new(instance.clone()));
        Ok(Code { messages: messages.transpose().map_err(wrong_type)?, web: web.transpose().map_err(wrong_type)? })
    }

    /// What it answers.
    pub(crate) fn roles(&self) -> Roles {
        Roles { messages: self.messages.is_some(), web: self.web.is_some() }
    }
}

/// Compiles a component. Blocks for as long as that takes.
pub(crate) fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, StarError> {
    if bytes.starts_with(MODULE) {
        return Err(invalid("the file is a core module, not a component")
            .hint("build it with `cargo build --target wasm32-wasip2`, or wrap it with `wasm-tools component new`"));
    }
    if !bytes.starts_with(COMPONENT) {
        return Err(invalid("the file is not a WebAssembly component")
            .hint("build it with `cargo build --target wasm32-wasip2`"));
    }
    Component::new(engine, bytes)
        .map_err(|error| invalid("the component cannot be compiled").with_causes([format!("{error:#}")]))
}

fn exports(component: &Component, prefix: &str) -> bool {
    component.component_type().exports(component.engine()).any(|(name, _)| name.starts_with(prefix))
}

/// Names the imports that are not offered. Without one, an interface of ours is meant in another
/// shape, and the cause says which.
fn unlinked(component: &Component, error: &wasmtime::Error) -> StarError {
    let kind = component.component_type();
    let strangers: Vec<String> = kind
        .imports(component.engine())
        .filter(|(name, _)| !is_offered(name))
        .map(|(name, _)| format!("`{name}`"))
        .collect();
    match strangers.is_empty() {
        true => invalid("the component imports an interface in a shape that is not offered").with_causes([format!("{error:#}")]),
        false => invalid(format!("the component imports {}, which is not offered to mechtrons", strangers.join(", ")))
            .hint("a mechtron may import `starlane:mechtron` 0.1 and WASI 0.2 without sockets; remove what needs the import"),
    }
}

fn is_offered(import: &str) -> bool {
    OFFERED.iter().any(|(package, version)| {
        import
            .strip_prefix(package)
            .and_then(|rest| rest.split_once('@'))
            .is_some_and(|(_, at)| at.starts_with(version))
    })
}

fn invalid(message: impl Into<String>) -> StarError {
    StarError::new(ErrorCode::InvalidComponent, message)
}
