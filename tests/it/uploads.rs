//! Uploads in several requests, over connections that break and Stars that are killed.

use std::fs;
use std::io::Write as _;
use std::net::{Shutdown, TcpStream};

use star_tests::chance::Dice;

use crate::support::{Answer, Http, Star, eventually};

const FILE: &str = "/r/localhost:files:/film.bin";
const MIB: usize = 1024 * 1024;

fn star() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star
}

/// Bytes that no two places of which are the same, and that do not compress.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

fn tus(star: &Star, method: &str, target: &str) -> Http {
    star.api(method, target).header("tus-resumable", "1.0.0")
}

/// Begins an upload of so many bytes, and answers its URL.
fn begun(star: &Star, length: usize) -> String {
    let begun = tus(star, "POST", FILE).header("upload-length", &length.to_string()).send().is(201);
    begun.header("location").expect("an upload has a URL").to_owned()
}

fn patch(star: &Star, url: &str, at: usize) -> Http {
    let typed = tus(star, "PATCH", url).header("content-type", "application/offset+octet-stream");
    typed.header("upload-offset", &at.to_string())
}

fn offset(star: &Star, url: &str) -> usize {
    offset_in(&tus(star, "HEAD", url).send().is(200))
}

fn offset_in(answer: &Answer) -> usize {
    let offset = answer.header("upload-offset").and_then(|offset| offset.parse().ok());
    offset.unwrap_or_else(|| panic!("no offset in {answer}"))
}

/// How far an upload has come as it is listed, which does not stop whoever continues it.
fn listed(star: &Star) -> Option<usize> {
    let uploads = star.api("GET", "/r/localhost:files?uploads").send().is(200).json();
    uploads[0]["offset"].as_u64().map(|offset| offset as usize)
}

/// Announces all of the bytes, and is cut behind some of them.
fn sent_in_part(request: Http, all: &[u8], sent: usize) -> TcpStream {
    let mut stream = request.begin(all.len());
    stream.write_all(&all[..sent]).expect("the Star takes bytes");
    stream
}

#[test]
fn an_upload_that_is_cut_again_and_again_is_whole_in_the_end() {
    let star = star();
    let bytes = noise(100 * MIB, 1);
    let url = begun(&star, bytes.len());
    let mut dice = Dice::of(11);
    let (mut at, mut cuts) = (0, 0);
    while cuts < 12 {
        let rest = &bytes[at..];
        let sent = dice.below(8 * MIB as u64) as usize + 1;
        let stream = sent_in_part(patch(&star, &url, at), rest, sent);
        stream.shutdown(Shutdown::Both).expect("a connection can be cut");
        let come = offset(&star, &url);
        assert!((at..=at + sent).contains(&come), "{come} of {at} to {}", at + sent);
        at = come;
        cuts += 1;
        star.api("GET", FILE).send().is(404);
    }
    assert!(at > 0, "what came before a cut is kept");
    patch(&star, &url, at).body(&bytes[at..]).send().is(204);
    assert!(star.api("GET", FILE).send().is(200).body == bytes);
}

#[test]
fn what_an_upload_was_told_is_kept_outlives_a_kill_in_the_middle_of_the_next_piece() {
    let mut star = star();
    let bytes = noise(100 * MIB, 2);
    let url = begun(&star, bytes.len());
    patch(&star, &url, 0).body(&bytes[..5 * MIB]).send().is(204);
    // Longer than what is made durable at once, and not ended.
    let _open = sent_in_part(patch(&star, &url, 5 * MIB), &bytes[5 * MIB..], 70 * MIB);
    eventually("the first part of it to be durable", || listed(&star).filter(|come| *come > 5 * MIB));
    star.kill_nine();
    star.restart();
    let at = offset(&star, &url);
    assert_eq!(at, (5 + 64) * MIB);
    patch(&star, &url, at).body(&bytes[at..]).send().is(204).with("upload-offset", &bytes.len().to_string());
    assert!(star.api("GET", FILE).send().is(200).body == bytes);
    // That it is finished is known after a crash as well.
    star.kill_nine();
    star.restart();
    assert_eq!(offset(&star, &url), bytes.len());
}

#[test]
fn an_upload_that_is_killed_while_it_becomes_a_file_becomes_it_when_somebody_asks() {
    let mut star = star();
    let bytes = noise(40 * MIB, 6);
    let half = bytes.len() / 2;
    let url = begun(&star, bytes.len());
    patch(&star, &url, 0).body(&bytes[..half]).send().is(204);
    let _open = sent_in_part(patch(&star, &url, half), &bytes[half..], half);
    // All of it is written down, and the File is made, or just was.
    eventually("all of it to be written down", || (listed(&star) != Some(half)).then_some(()));
    star.kill_nine();
    star.restart();
    assert_eq!(offset(&star, &url), bytes.len());
    assert!(star.api("GET", FILE).send().is(200).body == bytes);
    assert_eq!(listed(&star), None);
}

#[test]
fn a_client_whose_connection_died_unnoticed_goes_on_with_another() {
    let star = star();
    let bytes = noise(3 * MIB, 3);
    let url = begun(&star, bytes.len());
    let quiet = sent_in_part(patch(&star, &url, 0), &bytes, MIB);
    // Nobody here knows that the first connection is dead. It is stopped, and keeps what came.
    let at = offset(&star, &url);
    assert!(at <= MIB, "{at}");
    let elsewhere = patch(&star, &url, at + 1).body(&bytes[at + 1..]).send().is(409);
    elsewhere.with("upload-offset", &at.to_string()).problem("S0407");
    patch(&star, &url, at).body(&bytes[at..]).send().is(204);
    assert!(Http::go_on(quiet, &bytes[MIB..]).map_or(true, |status| status == 409), "it is not told that it did it");
    assert!(star.api("GET", FILE).send().is(200).body == bytes);
}

#[test]
fn a_star_that_is_told_to_end_keeps_what_came_to_an_upload() {
    let mut star = star();
    let bytes = noise(3 * MIB, 4);
    let url = begun(&star, bytes.len());
    let _open = sent_in_part(patch(&star, &url, 0), &bytes, MIB);
    assert!(star.stop().success());
    star.restart();
    let at = offset(&star, &url);
    assert!(at <= MIB, "{at}");
    patch(&star, &url, at).body(&bytes[at..]).send().is(204);
    assert!(star.api("GET", FILE).send().is(200).body == bytes);
}

#[test]
fn uploads_are_listed_and_cancelled_from_the_command_line() {
    let star = star();
    star.run(&["uploads", "ls"]).ok().saying(&["no uploads"]);
    let (url, other) = (begun(&star, 10), begun(&star, 10));
    patch(&star, &url, 0).body("hello").send().is(204);
    let listed = star.run(&["uploads", "ls", "localhost:files", "-o", "jsonl"]).ok().json_lines();
    assert_eq!(listed.len(), 2);
    assert_eq!((&listed[0]["offset"], &listed[0]["length"]), (&5.into(), &10.into()));
    let id = url.rsplit('=').next().expect("the name stands at the end");
    star.run(&["uploads", "ls"]).ok().printing(&["localhost:files:/film.bin", id, "10 B"]);
    star.run(&["uploads", "cancel", "localhost:files:/film.bin", "--id", id]).ok();
    tus(&star, "HEAD", &url).send().is(404);
    tus(&star, "HEAD", &other).send().is(200);
    star.run(&["uploads", "cancel", "localhost:files:/film.bin"]).ok();
    tus(&star, "HEAD", &other).send().is(404);
    star.run(&["uploads", "cancel", "localhost:files:/film.bin"]).fails(3);
}

#[test]
fn an_upload_is_part_of_a_backup_and_goes_on_in_what_is_restored() {
    let mut star = star();
    let bytes = noise(2 * MIB, 5);
    let url = begun(&star, bytes.len());
    patch(&star, &url, 0).body(&bytes[..MIB]).send().is(204);
    let (backup, into) = (star.work().join("backup"), star.work().join("restored"));
    let (backup, restored) = (backup.display().to_string(), into.display().to_string());
    star.run(&["backup", &backup]).ok();
    star.run(&["restore", &backup, "--into", &restored]).ok();
    star.stop();
    fs::remove_dir_all(star.data()).expect("a folder can be removed");
    fs::rename(into, star.data()).expect("a folder can be renamed");
    star.restart();
    assert_eq!(offset(&star, &url), MIB);
    patch(&star, &url, MIB).body(&bytes[MIB..]).send().is(204);
    assert!(star.api("GET", FILE).send().is(200).body == bytes);
}
