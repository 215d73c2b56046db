//! Bundles that are none, versions that are taken, archives that reach out of their tree.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Answer, Bundle, Star, tar};

const DOCUMENT: &str = "schema: 1\nname: bad\n";

fn with_space() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star
}

#[track_caller]
fn posted(star: &Star, target: &str, archive: Vec<u8>) -> Answer {
    let request = star.api("POST", &format!("/bundles/{target}")).header("content-type", "application/x-tar");
    request.body(archive).send()
}

#[test]
fn a_version_is_published_once() {
    let star = with_space();
    let bundle = Bundle::new(&star, "site").with("index.html", "first");
    star.run(&["publish", "site", "localhost:site:1.0.0", "--tag", "latest"]).ok();
    let bundle = bundle.with("index.html", "second");
    star.unchanged_by(|| {
        star.run(&["publish", "site", "localhost:site:1.0.0", "--tag", "next"]).fails(6).saying(&[
            "S0402",
            "localhost:site:1.0.0",
            "new version",
        ])
    });
    star.run(&["cat", "localhost:site:1.0.0:/index.html"]).ok().printing(&["first"]);
    star.run(&["cat", "localhost:site:next:/index.html"]).fails(3);
    assert!(bundle.folder().is_dir());
}

#[test]
fn two_that_publish_the_same_version_at_once_agree_on_one() {
    let star = with_space();
    let running: Vec<_> = (0..6)
        .map(|number| {
            let name = format!("site{number}");
            Bundle::new(&star, &name).with("index.html", format!("from {number}"));
            (number, star.type_in(&format!("star publish {name} localhost:site:1.0.0")))
        })
        .collect();
    let ended: Vec<_> = running.into_iter().map(|(number, running)| (number, running.finish())).collect();
    let winners: Vec<_> = ended.iter().filter(|(_, ran)| ran.code == Some(0)).collect();
    assert_eq!(winners.len(), 1, "{:?}", ended.iter().map(|(_, ran)| ran.to_string()).collect::<Vec<_>>());
    assert!(ended.iter().all(|(_, ran)| matches!(ran.code, Some(0 | 6))));
    let kept = star.run(&["cat", "localhost:site:1.0.0:/index.html"]).ok().stdout;
    assert_eq!(kept, format!("from {}", winners[0].0));
}

#[test]
fn a_bad_bundle_document_is_shown_with_a_caret() {
    let star = with_space();
    let bundle = Bundle::new(&star, "bad");
    for (document, parts) in [
        ("schema: 1\nname: bad\nautors: [ Ada ]\n", &["S0104", "`authors`", "autors: [ Ada ]", "^^^^^^"][..]),
        ("schema: 1\nname: My Bundle\n", &["S0104", "name: My Bundle", "^^^^^^^^^"]),
        ("schema: 1\nname: [ bad\n", &["S0104", "bracket"]),
        ("name: bad\n", &["S0104", "schema: 1"]),
    ] {
        fs::write(bundle.folder().join("bundle.yaml"), document).unwrap();
        star.unchanged_by(|| star.run(&["publish", "bad", "localhost:bad:1.0.0"]).fails(2).saying(parts));
    }
    let bundle = bundle.without("bundle.yaml");
    star.unchanged_by(|| star.run(&["publish", "bad", "localhost:bad:1.0.0"]).fails(2).saying(&["bundle.yaml"]));
    assert!(bundle.folder().is_dir());
    star.run(&["info", "localhost:bad"]).fails(3);
}

#[test]
fn a_version_must_be_one_and_the_folder_must_be_there() {
    let star = with_space();
    Bundle::new(&star, "site");
    star.unchanged_by(|| {
        star.run(&["publish", "site", "localhost:site"]).fails(2);
        star.run(&["publish", "site", "localhost:site:latest"]).fails(2);
        star.run(&["publish", "nothing", "localhost:site:1.0.0"]).fails(3).saying(&["nothing"]);
        star.run(&["publish", "site", "nowhere:site:1.0.0"]).fails(3).saying(&["nowhere"]);
    });
}

#[test]
fn a_symbolic_link_out_of_the_tree_is_not_followed() {
    let star = with_space();
    let secret = star.write("secret.txt", "do not publish");
    let bundle = Bundle::new(&star, "bad");
    symlink(&secret, bundle.folder().join("page.txt")).unwrap();
    star.unchanged_by(|| {
        star.run(&["publish", "bad", "localhost:bad:1.0.0"]).fails(2).saying(&[
            "page.txt",
            "symbolic link",
            "secret.txt",
        ])
    });
    // The same when somebody sends such an archive by hand.
    let link = tar(&[('0', "bundle.yaml", DOCUMENT), ('2', "page.txt", "../../etc/passwd")]);
    star.unchanged_by(|| posted(&star, "localhost:bad:1.0.0", link).is(422).problem("S0108").showing(&["page.txt"]));
}

#[test]
fn an_archive_cannot_name_files_outside_of_its_bundle() {
    let star = with_space();
    for name in ["../escape.txt", "a/../../escape.txt", "/escape.txt", "a//b", "./../x"] {
        let archive = tar(&[('0', "bundle.yaml", DOCUMENT), ('0', name, "x")]);
        let before = star.position();
        let refused = posted(&star, "localhost:bad:1.0.0", archive);
        assert_eq!((refused.status, star.position()), (422, before), "{name:?}: {refused}");
        refused.problem("S0108");
    }
    for kind in ['1', '3', '4', '6'] {
        let archive = tar(&[('0', "bundle.yaml", DOCUMENT), (kind, "thing", "bundle.yaml")]);
        star.unchanged_by(|| posted(&star, "localhost:bad:1.0.0", archive).is(422).problem("S0108"));
    }
    let twice = tar(&[('0', "bundle.yaml", DOCUMENT), ('0', "a", "1"), ('0', "a", "2")]);
    star.unchanged_by(|| posted(&star, "localhost:bad:1.0.0", twice).is(422).problem("S0108").showing(&["a"]));
    star.run(&["info", "localhost:bad"]).fails(3);
}

#[test]
fn what_is_no_archive_and_what_ends_too_early_publish_nothing() {
    let star = with_space();
    star.unchanged_by(|| {
        let garbage = posted(&star, "localhost:bad:1.0.0", b"this is no archive".repeat(100));
        assert!(matches!(garbage.status, 400 | 422), "{garbage}");
        let whole = tar(&[('0', "bundle.yaml", DOCUMENT), ('0', "a", &"x".repeat(4096))]);
        let half = posted(&star, "localhost:bad:1.0.0", whole[..2048].to_vec());
        assert!(matches!(half.status, 400 | 422), "{half}");
        let request = star.api("POST", "/bundles/localhost:bad:1.0.0").header("content-type", "application/x-tar");
        let cut = request.body(whole[..3000].to_vec()).cut_in_the_middle(whole.len());
        assert!(cut.is_none_or(|status| (400..500).contains(&status)), "{cut:?}");
    });
    star.run(&["info", "localhost:bad"]).fails(3);
}
