//! Folders to publish, and archives that no honest client would send.

use std::fs;
use std::path::{Path, PathBuf};

use super::star::Star;

/// A folder that holds a bundle, in the work folder of a Star.
pub(crate) struct Bundle {
    folder: PathBuf,
}

impl Bundle {
    /// A folder with nothing but a `bundle.yaml`.
    pub(crate) fn new(star: &Star, name: &str) -> Bundle {
        let folder = star.work().join(name);
        fs::create_dir_all(&folder).expect("a folder can be made");
        Bundle { folder }.with("bundle.yaml", format!("schema: 1\nname: {name}\n"))
    }

    /// The same with the documents of an App with one mechtron, called `main`. `bind` is its
    /// `bind.yaml` without the line of the schema.
    pub(crate) fn mechtron(star: &Star, name: &str, component: &Path, bind: &str) -> Bundle {
        let component = fs::read(component).unwrap_or_else(|error| panic!("{}: {error}", component.display()));
        let document = "schema: 1\nname: main\nwasm: \"${bundle}:/main.wasm\"\nbind: \"${bundle}:/bind.yaml\"\n";
        Bundle::new(star, name)
            .with("app.yaml", "schema: 1\nmain: \"${bundle}:/mechtron.yaml\"\n")
            .with("mechtron.yaml", document)
            .with("bind.yaml", format!("schema: 1\n{bind}"))
            .with("main.wasm", component)
    }

    /// With a file.
    pub(crate) fn with(self, name: &str, content: impl AsRef<[u8]>) -> Bundle {
        let path = self.folder.join(name);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
        fs::write(path, content).expect("a file can be written");
        self
    }

    /// Without a file.
    pub(crate) fn without(self, name: &str) -> Bundle {
        fs::remove_file(self.folder.join(name)).expect("the file was there");
        self
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The name of its folder, as commands in the work folder write it.
    pub(crate) fn name(&self) -> &str {
        self.folder.file_name().and_then(|name| name.to_str()).expect("names of bundles are plain")
    }
}

/// An archive with entries of a type (`0` is a file, `2` a symbolic link), a name, and a content,
/// which for a link is what it leads to.
pub(crate) fn tar(entries: &[(char, &str, &str)]) -> Vec<u8> {
    let mut archive = Vec::new();
    for (kind, name, content) in entries {
        let (body, link) = if *kind == '0' { (content.as_bytes(), "") } else { (&[][..], *content) };
        archive.extend(header(*kind, name, body.len(), link));
        archive.extend(body);
        archive.resize(archive.len().next_multiple_of(512), 0);
    }
    archive.resize(archive.len() + 1024, 0);
    archive
}

/// A header of the ustar format: fields at fixed places, numbers in octal.
fn header(kind: char, name: &str, length: usize, link: &str) -> [u8; 512] {
    let mut header = [0u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, &[kind as u8]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
