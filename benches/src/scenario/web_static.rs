//! `web-static`: a page of 10 KiB out of a published bundle, through the web router, against
//! nginx with the same file.

use super::{CONNECTIONS, Found, counted, file, folder, scratch};
use crate::failure::Failure;
use crate::load;
use crate::nginx::Nginx;
use crate::options::Plan;
use crate::process::version;
use crate::report::{Row, Target, Unit};
use crate::star::Star;
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "a file of 10 KiB out of a bundle, against nginx with one worker";

/// What we want to reach of the peer.
const TARGET: Target = Target::Ratio(0.8);

/// The length of the page.
const PAGE_BYTES: usize = 10 * 1024;

const PAGE: &str = "page.html";
const BUNDLE: &str = "schema: 1\nname: site\n";
const ROUTES: &str = "GET /{*p} -> ${bundle}:/{p};\n";

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let site = folder(&scratch, "site")?;
    let page = page();
    for (name, bytes) in
        [(PAGE, page.as_slice()), ("bundle.yaml", BUNDLE.as_bytes()), ("routes.conf", ROUTES.as_bytes())]
    {
        file(&site, name, bytes)?;
    }
    let script = scratch.path().join("report.lua");
    load::script(&script, "")?;

    let nginx = Nginx::start(&site, PAGE, scratch.path()).await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    star.publish_site(&site).await?;
    let contenders = [("star", star.page(&format!("/{PAGE}"))), ("nginx", nginx.file(PAGE))];
    for (who, target) in &contenders {
        load::expect(who, target, &page).await?;
    }

    let mut rows = Vec::new();
    for connections in CONNECTIONS {
        let subjects = in_turns(plan, &contenders, async |target, time| {
            load::requests(&target.url, target, connections, time, &script, &[]).await
        })
        .await?;
        let shape = counted(connections, "connection");
        rows.push(Row { shape, unit: Unit::PerSecond, subjects, target: Some(TARGET) });
    }
    Ok((rows, vec![format!("Peer: {}, sendfile on.", version("nginx", "-v").await?)]))
}

/// Text that looks like a page and has exactly the length that was said.
fn page() -> Vec<u8> {
    let mut page = b"<!doctype html>\n<title>A page</title>\n".to_vec();
    let line = b"<p>Twelve monkeys wrote a page, and nobody remembers which of them began.</p>\n";
    page.extend(line.iter().cycle().take(PAGE_BYTES - page.len()));
    page
}
