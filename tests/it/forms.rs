//! Contents that lie compressed: who gets them how, and what becomes of them when the disk spoils them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::support::{Http, Star};

const FILE: &str = "/r/localhost:files:/numbers.txt";

/// What the first frame of zstd begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Text of some megabytes that can be compressed.
fn numbers() -> String {
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 50
    };
    (0..1_200_000).map(|_| format!("{} ", next())).collect()
}

/// A Star with a file that lies compressed.
fn with_file(text: &str) -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    let source = star.write("numbers.txt", text);
    star.run(&["cp", &source.display().to_string(), "localhost:files:/numbers.txt"]).ok();
    star
}

fn zstd(star: &Star, method: &str) -> Http {
    star.api(method, FILE).header("accept-encoding", "gzip, zstd")
}

#[test]
fn what_lies_compressed_goes_out_as_it_lies_and_comes_back_whole() {
    let text = numbers();
    let star = with_file(&text);
    let plain = star.api("GET", FILE).send().is(200);
    assert!(plain.body == text.as_bytes());
    let stored = zstd(&star, "GET").send().is(200).with("content-encoding", "zstd").with("vary", "accept-encoding");
    assert!(stored.body.len() < text.len() * 2 / 3 && stored.body.starts_with(&MAGIC));
    let (length, tag) = (stored.body.len().to_string(), stored.header("etag").expect("a tag").to_owned());
    assert_ne!(plain.header("etag"), Some(tag.as_str()));
    let head = zstd(&star, "HEAD").send().is(200).with("content-length", &length).with("etag", &tag);
    head.with("content-encoding", "zstd");
    zstd(&star, "GET").header("if-none-match", &tag).send().is(304);
    let part = zstd(&star, "GET").header("range", "bytes=1000000-1999999").header("if-range", &tag).send().is(206);
    assert!(part.body == stored.body[1_000_000..2_000_000]);
    let part = star.api("GET", FILE).header("range", "bytes=1000000-1999999").send().is(206);
    assert!(part.body == text.as_bytes()[1_000_000..2_000_000]);
    let copy = star.work().join("copy.txt");
    star.run(&["cp", "localhost:files:/numbers.txt", &copy.display().to_string()]).ok();
    assert!(fs::read(&copy).expect("it was fetched") == text.as_bytes());
    assert!(star.run(&["cat", "localhost:files:/numbers.txt"]).ok().stdout == text);
    star.run(&["cp", "localhost:files:/numbers.txt", "localhost:files:/other.txt"]).ok();
    let other = star.api("HEAD", "/r/localhost:files:/other.txt").send().is(200);
    assert_eq!(other.header("etag"), plain.header("etag"));
}

fn packs(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path());
    let all = entries.flat_map(|path| if path.is_dir() { packs(&path) } else { vec![path] });
    all.filter(|path| path.extension().is_some_and(|end| end == "pack")).collect()
}

/// Changes a bit in the middle of the largest pack.
fn spoil(star: &Star) {
    let packs = packs(&star.data().join("content"));
    let bytes = |path: &PathBuf| path.metadata().expect("a file").len();
    let pack = packs.iter().max_by_key(|path| bytes(path)).expect("a pack");
    let mut content = fs::read(pack).expect("a pack");
    let middle = content.len() / 2;
    content[middle] ^= 8;
    fs::set_permissions(pack, PermissionsExt::from_mode(0o644)).expect("the mode can be changed");
    fs::write(pack, content).expect("the pack can be written");
}

#[test]
fn a_damaged_content_is_an_answer_that_breaks_off_and_never_a_file() {
    let text = numbers();
    let mut star = with_file(&text);
    // A Star that ends seals its packs.
    assert!(star.stop().success());
    spoil(&star);
    star.restart();
    // As it lies, the damage is among what is looked at before the first byte is sent.
    let refused = zstd(&star, "GET").send().is(500);
    assert_eq!(refused.json()["code"], "S0801", "{refused}");
    let cut = star.api("GET", FILE).try_send();
    assert!(cut.is_err(), "a whole answer: {:?}", cut.map(|answer| answer.status));
    let copy = star.work().join("copy.txt");
    let fetched = star.run(&["cp", "localhost:files:/numbers.txt", &copy.display().to_string()]);
    assert!(fetched.code != Some(0) && !copy.exists(), "{fetched}");
    let metrics = star.api("GET", "/metrics").send().is(200).text();
    assert!(metrics.contains("star_queue_taken{queue=\"content_packs_damaged\"} 1"), "{metrics}");
    assert!(star.log().contains("is damaged at offset"), "{}", star.log());
    // What is sent again is stored anew, and the beginning of it was there.
    let again = format!("{text} and more");
    let source = star.write("again.txt", &again);
    star.run(&["cp", &source.display().to_string(), "localhost:files:/again.txt"]).ok();
    assert!(star.api("GET", "/r/localhost:files:/again.txt").send().is(200).body == again.as_bytes());
}
