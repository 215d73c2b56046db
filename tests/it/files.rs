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

#[test]
fn a_folder_that_was_sent_is_not_sent_again_and_only_what_lacks_is() {
    let star = with_file();
    for n in 0..40 {
        star.write(&format!("site/{}/{n}.txt", n % 4), format!("file {n}").as_bytes());
    }
    let sent = |json: &serde_json::Value| ["files", "known", "sent"].map(|key| json[key].as_u64().expect("a count"));
    let cp = |from: &str, to: &str| star.run(&["cp", "-r", from, to, "-o", "json"]).ok().json();
    // Half of it got there before somebody pressed Ctrl-C.
    cp("site/0", "localhost:files:/site/0/");
    cp("site/1", "localhost:files:/site/1/");
    let first = cp("site", "localhost:files:/site/");
    assert_eq!(sent(&first), [40, 20, 20], "{first}");
    assert_eq!(first["dedupRatio"].as_f64().map(|ratio| (0.45..0.55).contains(&ratio)), Some(true), "{first}");
    star.unchanged_by(|| assert_eq!(sent(&cp("site", "localhost:files:/site/")), [40, 40, 0]));
    star.run(&["cp", "-r", "site", "localhost:files:/site/"]).ok().saying(&[
        "copied 40 files",
        "of 40 of them",
        "were there",
    ]);
    star.write("site/2/2.txt", b"changed");
    std::fs::rename(star.work().join("site/3"), star.work().join("site/renamed")).expect("a folder can be renamed");
    let changed = cp("site", "localhost:files:/site/");
    assert_eq!(sent(&changed), [40, 39, 1], "what was renamed is copied on the Star: {changed}");
    star.run(&["cat", "localhost:files:/site/2/2.txt"]).ok().printing(&["changed"]);
    star.run(&["cat", "localhost:files:/site/renamed/3.txt"]).ok().printing(&["file 3"]);

    let back = cp("localhost:files:/site/", "back");
    assert_eq!(sent(&back), [50, 0, 50]);
    star.write("back/2/2.txt", b"CHANGED");
    std::fs::remove_file(star.work().join("back/0/0.txt")).expect("a file can be removed");
    assert_eq!(sent(&cp("localhost:files:/site/", "back")), [50, 48, 2]);
    assert_eq!(std::fs::read_to_string(star.work().join("back/2/2.txt")).unwrap(), "changed");
}

#[test]
fn a_file_that_cannot_be_copied_is_named_and_the_others_are_copied() {
    let star = with_file();
    star.write("tree/fine.txt", b"fine");
    star.write("tree/taken", b"a file");
    star.api("PUT", "/r/localhost:files:/tree/taken/in.txt").body("x").send().is(201);
    let partly = star.run(&["cp", "-r", "tree", "localhost:files:/tree/"]).fails(9);
    partly.saying(&["not copied: ", "tree/taken", "as a directory", "1 of 2 files failed"]);
    star.run(&["cat", "localhost:files:/tree/fine.txt"]).ok().printing(&["fine"]);
    star.run(&["cp", "-r", "--no-clobber", "tree", "localhost:files:/other/"]).ok();
    star.write("tree/fine.txt", b"another");
    star.run(&["cp", "-r", "--no-clobber", "tree", "localhost:files:/other/"]).fails(9).saying(&["tree/fine.txt"]);
    star.run(&["cat", "localhost:files:/other/fine.txt"]).ok().printing(&["fine"]);
}

#[test]
fn files_are_copied_and_moved_on_the_star() {
    let star = with_file();
    star.run(&["create", "Space", "other"]).ok();
    star.run(&["create", "FileSystem", "other:archive"]).ok();
    star.write("tree/deep/a.txt", b"deep");
    star.run(&["cp", "-r", "tree", "localhost:files:/docs/"]).ok();
    star.api("PUT", "/r/localhost:files:/docs/empty/").send().is(201);
    star.run(&["set", "localhost:files:/page.txt#title=A page"]).ok();
    star.run(&["set", "localhost:files:/page.txt#content-type=text/x-page"]).ok();

    star.run(&["cp", "localhost:files:/page.txt", "other:archive:/p/"]).ok();
    star.run(&["get", "other:archive:/p/page.txt#title"]).ok().printing(&["A page"]);
    star.api("GET", "/r/other:archive:/p/page.txt")
        .send()
        .is(200)
        .with("etag", ETAG)
        .with("content-type", "text/x-page");
    star.run(&["cp", "-n", "localhost:files:/docs/deep/a.txt", "other:archive:/p/page.txt"]).fails(6);
    star.run(&["cp", "localhost:files:/none", "other:archive:/p/"]).fails(3);

    let copied = star.run(&["cp", "-r", "localhost:files:/docs/", "other:archive:/docs/", "-o", "json"]).ok().json();
    assert_eq!((copied["files"].as_u64(), copied["sentBytes"].as_u64()), (Some(1), Some(0)), "{copied}");
    star.run(&["cat", "other:archive:/docs/deep/a.txt"]).ok().printing(&["deep"]);
    star.run(&["ls", "other:archive:/docs/"]).ok().printing(&["other:archive:/docs/empty/"]);

    star.run(&["mv", "localhost:files:/docs/", "localhost:files:/handbook/"]).ok().saying(&["(4 resources)"]);
    star.run(&["cat", "localhost:files:/handbook/deep/a.txt"]).ok().printing(&["deep"]);
    star.run(&["cat", "localhost:files:/docs/deep/a.txt"]).fails(3);
    star.run(&["mv", "localhost:files:/handbook/", "other:archive:/handbook/"]).fails(2).saying(&["star cp -r"]);
    star.run(&["create", "FileSystem", "localhost:second"]).ok();
    star.run(&["mv", "localhost:files:/handbook/", "localhost:second:/handbook/"]).ok();
    star.run(&["cat", "localhost:second:/handbook/deep/a.txt"]).ok().printing(&["deep"]);
}

#[test]
fn what_lies_below_a_path_is_counted_and_listed_with_size_time_and_type() {
    let star = with_file();
    star.write("tree/a.css", b"aaaa");
    star.write("tree/in/b.txt", b"aaaa");
    star.run(&["cp", "-r", "tree", "localhost:files:/tree/"]).ok();
    let counted = star.run(&["du", "localhost", "--depth", "2", "-o", "json"]).ok().json();
    let told = ["files", "directories", "bytes", "distinctBytes"].map(|key| counted[key].as_u64().expect("a number"));
    assert_eq!(told, [3, 2, 19, 15], "{counted}");
    let parts: Vec<_> = counted["parts"].as_array().expect("parts").iter().map(|part| &part["path"]).collect();
    assert_eq!(parts, ["localhost:files", "localhost:files:/tree/"]);
    star.run(&["du", "localhost:files:/tree/"]).ok().printing(&["8 B", "4 B", "localhost:files:/tree/"]);
    star.run(&["du", "localhost:none"]).fails(3);
    let listed = star.run(&["ls", "-l", "localhost:files:/tree/"]).ok();
    listed.printing(&["4 B", "text/css", "directory", "localhost:files:/tree/a.css", "localhost:files:/tree/in/"]);
}

#[test]
fn the_longest_name_goes_up_and_comes_back() {
    let star = with_file();
    let name = "n".repeat(255);
    star.write(&format!("long/{name}"), b"long");
    star.run(&["cp", "-r", "long", "localhost:files:/long/"]).ok();
    star.run(&["cp", "-r", "localhost:files:/long/", "back"]).ok();
    assert_eq!(std::fs::read_to_string(star.work().join("back").join(&name)).unwrap(), "long");
    let too_long = format!("localhost:files:/{}", "n".repeat(256));
    star.run(&["cp", &format!("long/{name}"), &too_long]).fails(2).saying(&["255"]);
    let too_deep = format!("localhost:files:/{}x", "d/".repeat(64));
    star.run(&["cp", &format!("long/{name}"), &too_deep]).fails(2).saying(&["64"]);
    let path = vec!["n".repeat(200); 10].join("/");
    star.api("PUT", &format!("/r/localhost:files:/{path}")).body("x").send().problem("S0501");
}
