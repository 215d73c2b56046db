//! `content-read`: a gigabyte, as a resource (`/r/`) and through the web router, against nginx; one
//! reader, and several at the same time.
//!
//! What nothing makes smaller lies in the store as it is. What does lies compressed, and goes out in two
//! forms: as it lies, against nginx with just these bytes as a file, and plain, against nginx with the
//! plain bytes.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Found, counted, file, folder, scratch};
use crate::corpus;
use crate::failure::{Failure, io};
use crate::load::{self, Target as Address};
use crate::nginx::Nginx;
use crate::options::Plan;
use crate::process::version;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::{SPACE, Star};
use crate::turns::warm_in_turns;

pub(super) const ABOUT: &str = "1 GiB that is in the page cache, by curl, against nginx with one worker";

/// The length of each content.
const SIZE_BYTES: u64 = 1 << 30;

/// How many read at the same time.
const READERS: [usize; 3] = [1, 4, 16];

/// What is to be reached of nginx by so many readers: most of it with bytes that go out as they lie, and half
/// by one reader of bytes that are decoded for him.
const fn target(as_they_lie: bool, readers: usize) -> Option<Target> {
    match (as_they_lie, readers) {
        (true, ..16) => Some(Target::Ratio(0.9)),
        (true, _) => Some(Target::Ratio(0.95)),
        (false, 1) => Some(Target::Ratio(0.5)),
        (false, _) => None,
    }
}

/// Bytes that nothing makes smaller.
const NOISE: &str = "noise.bin";

/// Bytes like those that people store.
const CORPUS: &str = "corpus.bin";

/// The corpus as the Star keeps it.
const STORED: &str = "corpus.bin.zst";

/// One comparison: bytes that are read in our two ways and from nginx.
struct Shape {
    name: &'static str,
    contenders: [(&'static str, Address); 3],
    size_bytes: u64,
    /// Whether they go out as they lie.
    as_they_lie: bool,
}

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let files = folder(&scratch, "files")?;
    let (noise, text) = (files.join(NOISE), files.join(CORPUS));
    write_noise(&noise).map_err(io(format!("write {}", noise.display())))?;
    corpus::write(&text, SIZE_BYTES).map_err(io(format!("write {}", text.display())))?;

    let nginx = Nginx::start(&files, NOISE, scratch.path()).await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    let site = folder(&scratch, "site")?;
    file(&site, "bundle.yaml", "schema: 1\nname: site\n")?;
    file(&site, "routes.conf", "GET /files/{*p} -> ${self}:files:/{p};\n")?;
    star.publish_site(&site).await?;
    star.run(&["create", "FileSystem", &format!("{SPACE}:files")]).await?;
    // So that the reader of `/r/` needs no key, as the reader of nginx needs none.
    star.run(&["set", &format!("{SPACE}:files#public=read")]).await?;
    for path in [&noise, &text] {
        star.run(&["cp", &path.display().to_string(), &format!("{SPACE}:files:/")]).await?;
    }
    let stored_bytes = load::save(&resource(&star, CORPUS).coded("zstd"), &files.join(STORED)).await?;

    let shape = |name, file: &str, served: &str, coding: Option<&'static str>, size_bytes| {
        let (ours, web) = (resource(&star, file), star.page(&format!("/files/{file}")));
        let coded = |address: Address| Address { coding, ..address };
        let contenders = [("star /r/", coded(ours)), ("star web", coded(web)), ("nginx", nginx.file(served))];
        Shape { name, contenders, size_bytes, as_they_lie: coding.is_some() || file == NOISE }
    };
    let shapes = [
        shape("noise", NOISE, NOISE, None, SIZE_BYTES),
        shape("as it lies", CORPUS, STORED, Some("zstd"), stored_bytes),
        shape("decoded", CORPUS, CORPUS, None, SIZE_BYTES),
    ];
    let mut rows = Vec::new();
    for shape in &shapes {
        rows.extend(measured(plan, shape).await?);
    }
    let notes = vec![
        format!("Peer: {}, sendfile on.", version("nginx", "-v").await?),
        format!("As it lies, the corpus has {stored_bytes} bytes; nginx serves the same ones."),
    ];
    Ok((rows, notes))
}

fn resource(star: &Star, name: &str) -> Address {
    star.api(&format!("/r/{SPACE}:files:/{name}"))
}

async fn measured(plan: Plan, shape: &Shape) -> Result<Vec<Row>, Failure> {
    for (who, target) in &shape.contenders {
        load::downloads(who, target, 1, shape.size_bytes).await?;
    }
    let mut rows = Vec::new();
    for readers in READERS {
        let subjects = warm_in_turns(plan, &shape.contenders, async |target, _| {
            load::downloads(&target.url, target, readers, shape.size_bytes).await
        })
        .await?;
        rows.extend(compared(shape, readers, &subjects));
    }
    Ok(rows)
}

/// A row for each of our two ways.
fn compared(shape: &Shape, readers: usize, subjects: &[Subject]) -> Vec<Row> {
    let [resource, web, nginx] = subjects else { return Vec::new() };
    let row = |way: &str, ours: &Subject| Row {
        shape: format!("{}, {way}, {}", shape.name, counted(readers, "reader")),
        unit: Unit::BytesPerSecond,
        subjects: vec![Subject { name: "star".to_owned(), ..ours.clone() }, nginx.clone()],
        target: target(shape.as_they_lie, readers),
    };
    vec![row("`/r/`", resource), row("web", web)]
}

/// Bytes that nothing can make smaller.
fn write_noise(path: &Path) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    // The generator of Marsaglia (xorshift64): fast, and random enough for any compressor.
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..SIZE_BYTES / 8 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        file.write_all(&state.to_le_bytes())?;
    }
    file.into_inner()?.sync_all()
}
