//! Publishing archives.

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use tokio_tar::{Builder, EntryType, Header};

use crate::door::{Answer, Star, bearer};

const BUNDLE: (&str, &str) = ("bundle.yaml", "schema: 1\nname: site\n");

/// An archive of files, names as they are.
pub(crate) async fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, text) in files {
        entry(&mut builder, name, EntryType::Regular, text).await;
    }
    builder.into_inner().await.expect("memory takes it")
}

/// Writes the name byte by byte, since the library would refuse the names that are tried here.
async fn entry(builder: &mut Builder<Vec<u8>>, name: &str, form: EntryType, text: &str) {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(form);
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    builder.append(&header, text.as_bytes()).await.expect("memory takes it");
}

pub(crate) async fn publish(star: &Star, to: &str, archive: impl Into<Body>) -> Answer {
    let request = Request::post(format!("/bundles/{to}")).header("authorization", bearer());
    star.send(request.header("content-type", "application/x-tar").body(archive.into()).expect("a request")).await
}

async fn is_there(star: &Star, path: &str) -> bool {
    let body = format!("{{\"path\":\"{path}\"}}");
    star.call("Resources/Get", &body).await.status == 200
}

#[tokio::test]
async fn an_archive_becomes_a_version_with_its_tags() {
    let star = Star::start().await;
    let files = [BUNDLE, ("./a/b.html", "<p>hello"), ("c.html", "<p>hello"), ("d", "d")];
    let answer = publish(&star, "acme:site:1.0.0?tag=latest&tag=v1", archive(&files).await).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let told = answer.json();
    assert_eq!(told["path"], "acme:site:1.0.0");
    assert_eq!((told["files"].as_u64(), told["bytes"].as_u64()), (Some(4), Some(38)));
    assert_eq!((told["known"].as_u64(), told["stored"].as_u64()), (Some(8), Some(30)));
    assert_eq!(told["tags"], serde_json::json!(["latest", "v1"]));
    assert_eq!(told["warnings"], serde_json::json!([]));
    let read = star.get("/r/acme:site:latest:/a/b.html").await;
    assert_eq!((read.status.as_u16(), read.text.as_str()), (200, "<p>hello"), "{}", read.text);
    let again = publish(&star, "acme:site:1.1.0", archive(&files).await).await.json();
    assert_eq!((again["known"].as_u64(), again["stored"].as_u64()), (Some(38), Some(0)));
}

#[tokio::test]
async fn a_version_that_exists_is_refused_before_a_byte_is_read() {
    let star = Star::start().await;
    assert_eq!(publish(&star, "acme:site:1.0.0", archive(&[BUNDLE]).await).await.status, 201);
    let never = || Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let answer = publish(&star, "acme:site:1.0.0", never()).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (409, Some("S0402")));
    let answer = publish(&star, "nowhere:site:1.0.0", never()).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (404, Some("S0302")));
    assert_eq!(answer.json()["hint"], "star create Space nowhere");
    let answer = publish(&star, "acme:web:1.0.0", never()).await;
    assert_eq!(answer.json()["code"], "S0405");
}

#[tokio::test]
async fn an_archive_that_could_do_harm_is_refused_whole() {
    let star = Star::start().await;
    for (name, form, part) in [
        ("../x", EntryType::Regular, "leads out of the bundle"),
        ("/etc/passwd", EntryType::Regular, "absolute name"),
        ("link", EntryType::Symlink, "a symbolic link"),
        ("link", EntryType::Link, "a hard link"),
        ("tty", EntryType::Char, "a device"),
        ("pipe", EntryType::Fifo, "a pipe"),
        ("bundle.yaml", EntryType::Regular, "there twice"),
        ("bundle.yaml/x", EntryType::Regular, "both a file and a directory"),
    ] {
        let mut builder = Builder::new(Vec::new());
        entry(&mut builder, BUNDLE.0, EntryType::Regular, BUNDLE.1).await;
        entry(&mut builder, name, form, "").await;
        let answer = publish(&star, "acme:bad:1.0.0", builder.into_inner().await.expect("memory takes it")).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (422, Some("S0108")), "{name}");
        assert!(answer.text.contains(part), "{name}: {}", answer.text);
    }
    assert!(!is_there(&star, "acme:bad").await, "nothing is left of what was refused");
}

#[tokio::test]
async fn documents_are_read_before_anything_is_made() {
    let star = Star::start().await;
    let answer = publish(&star, "acme:bad:1.0.0", archive(&[("index.html", "x")]).await).await;
    assert_eq!(answer.json()["code"], "S0108", "{}", answer.text);
    let answer = publish(&star, "acme:bad:1.0.0", archive(&[("bundle.yaml", "schema: 1\nnane: x\n")]).await).await;
    assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (422, Some("S0104")));
    assert!(answer.json()["excerpt"].as_str().is_some_and(|excerpt| excerpt.contains('^')), "{}", answer.text);
    assert!(!is_there(&star, "acme:bad").await, "nothing is left of what was refused");
    let shadowed = "* /{*p} -> status 404;\nGET /a -> status 200;\n";
    let answer = publish(&star, "acme:odd:1.0.0", archive(&[BUNDLE, ("routes.conf", shadowed)]).await).await;
    assert_eq!(answer.status, 201);
    assert!(answer.json()["warnings"][0].as_str().is_some_and(|warning| warning.contains("line 2")), "{}", answer.text);
}

#[tokio::test]
async fn an_archive_that_stops_is_none() {
    let star = Star::start().await;
    let whole = archive(&[BUNDLE, ("a", "0123456789")]).await;
    // Behind the first file, within the second, and without the mark at the end.
    for length in [1024, 1541, 2048] {
        let answer = publish(&star, "acme:cut:1.0.0", whole[..length].to_vec()).await;
        assert_eq!((answer.status.as_u16(), answer.json()["code"].as_str()), (400, Some("S0112")), "{length}");
    }
    let broken = [Ok(Bytes::from(whole[..1500].to_vec())), Err(std::io::Error::other("the connection broke"))];
    let answer = publish(&star, "acme:cut:1.0.0", Body::from_stream(futures::stream::iter(broken))).await;
    assert_eq!(answer.json()["code"], "S0112", "{}", answer.text);
    let answer = publish(&star, "acme:cut:1.0.0", vec![b'x'; 4096]).await;
    assert_eq!(answer.json()["code"], "S0108", "{}", answer.text);
    assert!(!is_there(&star, "acme:cut").await);
}
