//! Building one guest, and looking at what came out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use super::Guest;
use super::compiler::Compiler;
use crate::places::Places;
use crate::shell;
use crate::stop::Stop;

/// The first bytes of every component; a core module has another version and layer.
const COMPONENT: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];

/// Compiles `guest` and gives the bytes of its component.
pub(super) fn component(places: &Places, compiler: &Compiler, guest: &Guest) -> Result<Vec<u8>, Stop> {
    let mut command = compiler.build(places, &guest.dir);
    command.args(["--quiet", "--message-format=json-render-diagnostics"]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| shell::cannot_start(&command, &error))?;
    if !output.status.success() {
        return Err(Stop::new(format!("the guest `{}` does not build", guest.name)));
    }
    let place = built_file(guest, &String::from_utf8_lossy(&output.stdout)).ok_or_else(|| {
        Stop::new(format!("the guest `{}` builds no .wasm file", guest.name))
            .remedy("crate-type = [\"cdylib\"] in its [lib]")
    })?;
    let bytes = fs::read(&place).map_err(|error| Stop::io("read", &place, &error))?;
    if !bytes.starts_with(&COMPONENT) {
        return Err(Stop::new(format!("the guest `{}` is a core module, not a component", guest.name)));
    }
    refuse_paths(places, &guest.name, &bytes)?;
    Ok(bytes)
}

/// The `.wasm` that the guest's own crate made, as cargo's messages name it.
fn built_file(guest: &Guest, messages: &str) -> Option<PathBuf> {
    let manifest = guest.dir.join("Cargo.toml");
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact")
        .filter(|message| message["manifest_path"].as_str().map(Path::new) == Some(manifest.as_path()))
        .find_map(|message| {
            let names = message["filenames"].as_array()?;
            let name = names.iter().filter_map(Value::as_str).find(|name| name.ends_with(".wasm"))?;
            Some(PathBuf::from(name))
        })
}

/// Fails if a folder of this machine is named in the bytes: it would tell strangers where the
/// component was built, and make it differ from checkout to checkout.
pub(super) fn refuse_paths(places: &Places, name: &str, bytes: &[u8]) -> Result<(), Stop> {
    let folders = [Some(places.root.clone()), Some(places.guests_target()), Places::cargo_home()];
    for folder in folders.into_iter().flatten() {
        let text = folder.to_string_lossy().into_owned();
        if holds(bytes, text.as_bytes()) {
            return Err(Stop::new(format!("the component {name} holds the path of a folder of this machine: {text}")));
        }
    }
    Ok(())
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_component_is_that_of_the_guest_and_not_of_a_dependency() {
        let guest = Guest { name: "hello".into(), dir: PathBuf::from("/somewhere/hello") };
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/elsewhere/Cargo.toml","filenames":["/t/other.wasm"]}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/somewhere/hello/Cargo.toml","filenames":["/t/libhello.rlib","/t/hello.wasm"]}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        assert_eq!(built_file(&guest, messages), Some(PathBuf::from("/t/hello.wasm")));
    }

    #[test]
    fn a_path_inside_the_bytes_is_found() {
        assert!(holds(b"\0\0/home/ada/src\0", b"/home/ada"));
        assert!(!holds(b"\0\0/starlane/src\0", b"/home/ada"));
    }
}
