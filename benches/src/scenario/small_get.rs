//! `small-get`: small pages out of a published bundle, one after the other, through the web router,
//! against nginx with the same files; plain, and to those who take zstd.

use std::path::Path;

use super::{CONNECTIONS, Found, counted, file, folder, scratch};
use crate::corpus;
use crate::failure::{Failure, io};
use crate::load::{self, Target as Address};
use crate::nginx::Nginx;
use crate::options::Plan;
use crate::process::version;
use crate::report::{Row, Target, Unit};
use crate::star::Star;
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "pages of 4 and 32 KiB out of a bundle, against nginx with one worker";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.9);

/// Pages of each length, which are asked for in turns.
const PAGES: usize = 64;

const BUNDLE: &str = "schema: 1\nname: site\n";
const ROUTES: &str = "GET /{*p} -> ${bundle}:/{p};\n";

/// Pages of one length, and how they are asked for.
struct Shape {
    name: &'static str,
    size_bytes: usize,
    coding: Option<&'static str>,
}

const SHAPES: [Shape; 3] = [
    Shape { name: "4 KiB", size_bytes: 4 << 10, coding: None },
    Shape { name: "32 KiB", size_bytes: 32 << 10, coding: None },
    Shape { name: "32 KiB, zstd against plain", size_bytes: 32 << 10, coding: Some("zstd") },
];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let site = folder(&scratch, "site")?;
    file(&site, "bundle.yaml", BUNDLE)?;
    file(&site, "routes.conf", ROUTES)?;
    for shape in &SHAPES[..2] {
        write_pages(&site, scratch.path(), shape.size_bytes)?;
    }
    let probe = page(SHAPES[0].size_bytes, 0);
    let nginx = Nginx::start(&site, &probe, scratch.path()).await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    star.publish_site(&site).await?;

    let mut rows = Vec::new();
    for shape in &SHAPES {
        let first = page(shape.size_bytes, 0);
        let ours = Address { coding: shape.coding, ..star.page(&format!("/{first}")) };
        let contenders = [("star", ours), ("nginx", nginx.file(&first))];
        check(&scratch.path().join("got"), &site.join(&first), &contenders, shape).await?;
        let script = scratch.path().join("pages.lua");
        load::script(&script, &in_turn(shape.size_bytes))?;
        for connections in CONNECTIONS {
            let subjects = in_turns(plan, &contenders, async |target, time| {
                load::requests(&target.url, target, connections, time, &script, &[]).await
            })
            .await?;
            let shape = format!("{}, {}", shape.name, counted(connections, "connection"));
            rows.push(Row { shape, unit: Unit::PerSecond, subjects, target: Some(TARGET) });
        }
    }
    Ok((rows, vec![format!("Peer: {}, sendfile on.", version("nginx", "-v").await?)]))
}

/// The name of a page.
fn page(size_bytes: usize, number: usize) -> String {
    format!("page-{size_bytes}-{number}.html")
}

/// Writes pages that look like texts and of which no two are the same.
fn write_pages(site: &Path, scratch: &Path, size_bytes: usize) -> Result<(), Failure> {
    let path = scratch.join("corpus");
    // Stretches of several kinds stand in it; the text is what is wanted of it.
    corpus::write(&path, 64 << 20).map_err(io(format!("write {}", path.display())))?;
    let bytes = std::fs::read(&path).map_err(io(format!("read {}", path.display())))?;
    let is_text = |part: &&[u8]| part.iter().all(|byte| byte.is_ascii() && *byte != 0);
    let pages: Vec<&[u8]> = bytes.chunks_exact(size_bytes).filter(is_text).take(PAGES).collect();
    if pages.len() < PAGES {
        return Err(Failure::wrong("corpus", format!("it has {} pages of text only", pages.len())));
    }
    for (number, bytes) in pages.into_iter().enumerate() {
        file(site, &page(size_bytes, number), bytes)?;
    }
    Ok(())
}

/// Makes sure that everybody gives the bytes that he should.
async fn check(into: &Path, page: &Path, contenders: &[(&str, Address)], shape: &Shape) -> Result<(), Failure> {
    for (who, target) in contenders {
        let got_bytes = load::save(target, into).await?;
        let got = std::fs::read(into).map_err(io("read what came"))?;
        let wanted = std::fs::read(page).map_err(io("read a page"))?;
        let is_coded = target.coding.is_some() && got_bytes < shape.size_bytes as u64;
        if got != wanted && !is_coded {
            return Err(Failure::wrong(*who, format!("{got_bytes} other bytes instead of {}", shape.size_bytes)));
        }
    }
    Ok(())
}

/// What makes `wrk` ask for one page after the other.
fn in_turn(size_bytes: usize) -> String {
    format!(
        "local next = 0\nrequest = function()\n  next = (next + 1) % {PAGES}\n  \
         return wrk.format(nil, \"/page-{size_bytes}-\" .. next .. \".html\")\nend\n"
    )
}
