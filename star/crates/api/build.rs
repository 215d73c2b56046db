//! Compiles `proto/starlane/v1/*.proto` and generates the types and services of this crate, and the
//! table that says with which minor version of the API each field came.
//!
//! Pure Rust from end to end: no `protoc`, no plugin, nothing on the path.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use buffa_codegen::{BytesRepr, MapRepr};
use connectrpc_build::CodeGenConfig;

#[path = "build/minors.rs"]
mod minors;

fn main() -> Result<(), Box<dyn Error>> {
    // Asked for at run time: a target folder that two checkouts share keeps the program of the first.
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let root = here.join("../../../proto");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    println!("cargo:rerun-if-changed={}", root.join("starlane/v1").display());
    let files = proto_files(&root)?;

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;
    let descriptors = out.join("starlane.bin");
    fs::write(&descriptors, compiler.encode_file_descriptor_set())?;
    let table = minors::Listed::read(&root.join("minors"))?.table(&compiler.descriptor_pool())?;
    fs::write(out.join("shapes.rs"), table)?;

    connectrpc_build::Config::new()
        .buffa_config(buffa_config())
        .descriptor_set(&descriptors)
        .files(&files)
        .include_file("_connectrpc.rs")
        .emit_rerun_directives(false)
        .gate_client_feature(true)
        .compile()?;
    Ok(())
}

/// Maps sorted by key, so that what people and tests read keeps its order; bytes shared instead
/// of copied.
fn buffa_config() -> CodeGenConfig {
    let everything = || String::from(".");
    let mut config = CodeGenConfig::default();
    config.generate_json = true;
    config.map_fields = vec![(everything(), MapRepr::BTreeMap)];
    config.bytes_fields = vec![(everything(), BytesRepr::Bytes)];
    config
}

/// Names of the schema files relative to `root`, sorted, because the order decides the output.
fn proto_files(root: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join("starlane/v1"))? {
        let name = entry?.file_name().into_string().map_err(|name| format!("{name:?} is not UTF-8"))?;
        if name.ends_with(".proto") {
            println!("cargo:rerun-if-changed={}", root.join("starlane/v1").join(&name).display());
            names.push(format!("starlane/v1/{name}"));
        }
    }
    names.sort();
    Ok(names)
}
