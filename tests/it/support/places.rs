//! Where things lie: the program, the checkout, the components, the folders of a test.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The program under test: `STAR_TEST_BIN`, else the one that was built beside the tests.
pub(crate) fn program() -> PathBuf {
    let program = match env::var_os("STAR_TEST_BIN") {
        Some(named) => PathBuf::from(named),
        None => {
            // The tests are in `deps/`, one folder below the program.
            let tests = env::current_exe().expect("a running program has a path");
            let folder = tests.parent().and_then(Path::parent).expect("tests lie two folders deep");
            folder.join(format!("star{}", env::consts::EXE_SUFFIX))
        }
    };
    assert!(program.is_file(), "{} is not there: `cargo xtask test` builds it", program.display());
    program
}

/// The program of the previous release: `STAR_PREVIOUS`; without one, the program under test stands in
/// for it, so that the test itself is tested on every run.
pub(crate) fn previous() -> PathBuf {
    let Some(named) = env::var_os("STAR_PREVIOUS") else { return program() };
    let named = PathBuf::from(named);
    assert!(named.is_file(), "STAR_PREVIOUS: {} is not there", named.display());
    named
}

/// The checkout. Known at run time too, because a target folder can be shared by several.
pub(crate) fn checkout() -> PathBuf {
    let tests =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    tests.parent().expect("the tests are a folder of the checkout").to_owned()
}

/// A component that the tests run, out of `STAR_TEST_GUESTS`.
pub(crate) fn guest(name: &str) -> PathBuf {
    let folder = env::var_os("STAR_TEST_GUESTS").map_or_else(|| checkout().join(".xtask/guests"), PathBuf::from);
    let component = folder.join(format!("{name}.wasm"));
    assert!(component.is_file(), "{} is not there: `cargo xtask guests` builds it", component.display());
    component
}

/// A folder that goes away with the test. In memory where there is such a place: removing the
/// thousands of folders of a content store takes seconds on some disks.
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { env::temp_dir() };
    tempfile::Builder::new().prefix("star-it-").tempdir_in(base).expect("there is room for a folder")
}

/// Copies a folder with everything in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a folder can be listed");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy_tree(&source, &target);
        } else {
            fs::copy(&source, &target).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        }
    }
}
