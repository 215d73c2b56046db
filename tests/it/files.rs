//! The bytes of Files over plain HTTP: what every HTTP client expects of a file server.

use crate::support::{Answer, Star};

const FILE: &str = "/r/localhost:files:/page.txt";
const TEXT: &str = "hello world";

/// The SHA-256 of [`TEXT`].
const ETAG: &str = "\"sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9\"";

/// A Star with a file.
fn with_file() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.api("PUT", FILE).body(TEXT).send().is(201);
    star
}

fn get(star: &Star, headers: &[(&str, &str)]) -> Answer {
    headers.iter().fold(star.api("GET", FILE), |request, (name, value)| request.header(name, value)).send()
}

#[test]
fn a_file_is_read_whole_with_everything_a_cache_needs() {
    let star = with_file();
    let whole = get(&star, &[]).is(200).with("etag", ETAG).with("content-length", "11").with("accept-ranges", "bytes");
    assert_eq!(whole.text(), TEXT);
    assert!(whole.header("content-type").is_some_and(|value| value.starts_with("text/plain")), "{whole}");
    let modified = whole.header("last-modified").expect("files have a time").to_owned();
    let head = star.api("HEAD", FILE).send().is(200).with("etag", ETAG).with("content-length", "11");
    assert!(head.body.is_empty());

    get(&star, &[("if-none-match", ETAG)]).is(304).with("etag", ETAG);
    get(&star, &[("if-none-match", &format!("\"other\", W/{ETAG}"))]).is(304);
    get(&star, &[("if-none-match", "*")]).is(304);
    get(&star, &[("if-none-match", "\"other\"")]).is(200);
    get(&star, &[("if-modified-since", &modified)]).is(304);
    get(&star, &[("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")]).is(200);
    // The time is only looked at when there is no tag.
    get(&star, &[("if-none-match", "\"other\""), ("if-modified-since", &modified)]).is(200);
}

#[test]
fn a_part_of_a_file_is_read_alone() {
    let star = with_file();
    for (range, content_range, text) in [
        ("bytes=0-4", "bytes 0-4/11", "hello"),
        ("bytes=6-", "bytes 6-10/11", "world"),
        ("bytes=-5", "bytes 6-10/11", "world"),
        ("bytes=-50", "bytes 0-10/11", "hello world"),
        ("bytes=6-999", "bytes 6-10/11", "world"),
        ("bytes=10-10", "bytes 10-10/11", "d"),
    ] {
        let part = get(&star, &[("range", range)]).is(206).with("content-range", content_range).with("etag", ETAG);
        assert_eq!(part.text(), text, "{range}");
        let length = text.len().to_string();
        assert_eq!(part.header("content-length"), Some(length.as_str()), "{range}");
    }
    for beyond in ["bytes=11-", "bytes=50-60", "bytes=-0"] {
        get(&star, &[("range", beyond)]).is(416).with("content-range", "bytes */11");
    }
    // What is no range, more than one, or none of bytes is answered with the whole.
    for whole in ["bytes=0-1,3-4", "lines=0-1", "bytes=5-1", "bytes=x"] {
        assert_eq!(get(&star, &[("range", whole)]).is(200).text(), TEXT, "{whole}");
    }
    get(&star, &[("range", "bytes=0-4"), ("if-range", ETAG)]).is(206);
    get(&star, &[("range", "bytes=0-4"), ("if-range", "\"other\"")]).is(200);
    get(&star, &[("range", "bytes=0-4"), ("if-none-match", ETAG)]).is(304);
}

#[test]
fn a_file_is_written_only_if_it_is_as_expected() {
    let star = with_file();
    let put = |headers: &[(&str, &str)], body: &str| {
        headers
            .iter()
            .fold(star.api("PUT", FILE), |request, (name, value)| request.header(name, value))
            .body(body)
            .send()
    };
    star.unchanged_by(|| {
        put(&[("if-none-match", "*")], "other").is(412).problem("S0403");
        put(&[("if-match", "\"sha256:00\"")], "other").is(412);
        get(&star, &[("if-match", "\"other\"")]).is(412);
    });
    assert_eq!(get(&star, &[]).text(), TEXT);
    let changed = put(&[("if-match", ETAG)], "second");
    assert!(matches!(changed.status, 200 | 204), "{changed}");
    put(&[("if-match", ETAG)], "third").is(412);
    let second = get(&star, &[]).is(200);
    assert_eq!(second.text(), "second");
    assert_ne!(second.header("etag"), Some(ETAG));
    let fresh = "/r/localhost:files:/fresh.txt";
    star.api("PUT", fresh).header("if-match", "*").body("x").send().is(412);
    star.api("PUT", fresh).header("if-none-match", "*").body("x").send().is(201);
}

#[test]
fn a_file_is_removed_only_if_it_is_as_expected() {
    let star = with_file();
    let delete = |tag: Option<&str>| {
        let request = star.api("DELETE", FILE);
        tag.iter().fold(request, |request, tag| request.header("if-match", tag)).send()
    };
    star.unchanged_by(|| delete(Some("\"sha256:00\"")).is(412));
    let deleted = delete(Some(ETAG));
    assert!(matches!(deleted.status, 200 | 204), "{deleted}");
    get(&star, &[]).is(404).problem("S0301");
    delete(None).is(404);
}

#[test]
fn names_and_types_arrive_as_they_were_sent() {
    let star = with_file();
    for (encoded, plain) in [("a%20b.txt", "a%20b.txt"), ("%C3%A9t%C3%A9.txt", "%C3%A9t%C3%A9.txt")] {
        star.api("PUT", &format!("/r/localhost:files:/{encoded}")).body("x").send().is(201);
        star.api("GET", &format!("/r/localhost:files:/{plain}")).send().is(200);
        star.api("GET", &format!("/r/localhost%3Afiles%3A/{encoded}")).send().is(200);
    }
    let typed = "/r/localhost:files:/thing.bin";
    star.api("PUT", typed).header("content-type", "image/x-thing").body("x").send().is(201);
    star.api("GET", typed).send().is(200).with("content-type", "image/x-thing");
    star.api("PUT", "/r/localhost:files:/style.css").body("x").send().is(201);
    let css = star.api("GET", "/r/localhost:files:/style.css").send();
    assert!(css.header("content-type").is_some_and(|value| value.starts_with("text/css")), "{css}");
    star.api("PUT", "/r/localhost:files:/empty.txt").body("").send().is(201);
    star.api("GET", "/r/localhost:files:/empty.txt").send().is(200).with("content-length", "0");
    star.api("GET", "/r/localhost:files:/").send().is(404).showing(&["star ls"]);
    star.api("POST", FILE).body("x").send().is(405);
}

#[test]
fn trees_go_up_and_come_back_as_they_were() {
    let star = with_file();
    let large: Vec<u8> = (0..3_000_000u32).flat_map(u32::to_le_bytes).collect();
    star.write("tree/large.bin", &large);
    star.write("tree/deep/er/file.txt", "deep");
    star.write("tree/an empty file", "");
    star.run(&["cp", "-r", "tree", "localhost:files:/tree/"]).ok();
    star.run(&["cp", "-r", "localhost:files:/tree/", "back"]).ok();
    assert_eq!(std::fs::read(star.work().join("back/large.bin")).unwrap(), large);
    assert_eq!(std::fs::read_to_string(star.work().join("back/deep/er/file.txt")).unwrap(), "deep");
    assert_eq!(std::fs::read_to_string(star.work().join("back/an empty file")).unwrap(), "");
    let middle = star.api("GET", "/r/localhost:files:/tree/large.bin").header("range", "bytes=6000000-6000099");
    assert_eq!(middle.send().is(206).body, large[6_000_000..6_000_100]);
    star.run(&["cat", "localhost:files:/tree/deep/er/file.txt"]).ok().printing(&["deep"]);
    star.run(&["ls", "localhost:files:/tree/"]).ok().printing(&["large.bin", "deep/"]);
    let piped =
        star.type_in("echo from a pipe | star cp - localhost:files:/piped.txt && star cp localhost:files:/piped.txt -");
    assert_eq!(piped.finish().ok().stdout, "from a pipe\n");
    star.run(&["rm", "-r", "localhost:files:/tree/"]).ok();
    star.api("GET", "/r/localhost:files:/tree/large.bin").send().is(404);
    star.api("GET", FILE).send().is(200);
}
