//! `content-read`: a gigabyte, as a resource (`/r/`) and through the web router, against nginx
//! with the same bytes; one reader, and several at the same time.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::{Found, counted, file, folder, scratch};
use crate::failure::{Failure, io};
use crate::load;
use crate::nginx::Nginx;
use crate::options::Plan;
use crate::process::version;
use crate::report::{Row, Subject, Target, Unit};
use crate::star::{SPACE, Star};
use crate::turns::warm_in_turns;

pub(super) const ABOUT: &str = "1 GiB that is in the page cache, by curl, against nginx with one worker";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.8);

/// The length of the content.
const SIZE_BYTES: u64 = 1 << 30;

/// How many read at the same time.
const READERS: [usize; 3] = [1, 4, 16];

const NAME: &str = "content.bin";

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let files = folder(&scratch, "files")?;
    let path = files.join(NAME);
    write_noise(&path).map_err(io(format!("write {}", path.display())))?;

    let nginx = Nginx::start(&files, NAME, scratch.path()).await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    let site = folder(&scratch, "site")?;
    file(&site, "bundle.yaml", "schema: 1\nname: site\n")?;
    file(&site, "routes.conf", "GET /files/{*p} -> ${self}:files:/{p};\n")?;
    star.publish_site(&site).await?;
    star.run(&["create", "FileSystem", &format!("{SPACE}:files")]).await?;
    // So that the reader of `/r/` needs no key, as the reader of nginx needs none.
    star.run(&["set", &format!("{SPACE}:files#public=read")]).await?;
    star.run(&["cp", &path.display().to_string(), &format!("{SPACE}:files:/{NAME}")]).await?;

    let contenders = [
        ("star /r/", star.api(&format!("/r/{SPACE}:files:/{NAME}"))),
        ("star web", star.page(&format!("/files/{NAME}"))),
        ("nginx", nginx.file(NAME)),
    ];
    for (who, target) in &contenders {
        load::downloads(who, target, 1, SIZE_BYTES).await?;
    }
    let mut rows = Vec::new();
    for readers in READERS {
        let subjects = warm_in_turns(plan, &contenders, async |target, _| {
            load::downloads(&target.url, target, readers, SIZE_BYTES).await
        })
        .await?;
        rows.extend(compared(readers, &subjects));
    }
    Ok((rows, vec![format!("Peer: {}, sendfile on.", version("nginx", "-v").await?)]))
}

/// A row for each of our two ways.
fn compared(readers: usize, subjects: &[Subject]) -> Vec<Row> {
    let [resource, web, nginx] = subjects else { return Vec::new() };
    let row = |way: &str, ours: &Subject| Row {
        shape: format!("{way}, {}", counted(readers, "reader")),
        unit: Unit::BytesPerSecond,
        subjects: vec![Subject { name: "star".to_owned(), ..ours.clone() }, nginx.clone()],
        target: Some(TARGET),
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
