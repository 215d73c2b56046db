//! Routes with mistakes: the ones that were in force stay in force.

use crate::support::{Bundle, Star};

const GOOD: &str = "GET / -> ${bundle}:/index.html;\n";

/// A Star with a site whose routes follow the tag `latest`.
fn with_site() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    Bundle::new(&star, "site").with("index.html", "the good page").with("routes.conf", GOOD);
    star.run(&["publish", "site", "localhost:site:1.0.0", "--tag", "latest"]).ok();
    star.run(&["set", "localhost#routes=localhost:site:latest:/routes.conf"]).ok();
    star.page("/").is(200).showing(&["the good page"]);
    star
}

#[test]
fn a_syntax_error_is_shown_with_a_caret_and_the_old_routes_stay() {
    let star = with_site();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    for (text, parts) in [
        ("GET / -> ${bundle}:/index.html cach=60s;\n", &["S0105", "cach", "`cache`", "^^^^"][..]),
        ("GET / => x;\n", &["S0105", "^"]),
        ("GTE / -> status 204;\n", &["S0105", "GTE", "^^^"]),
        ("GET / -> status 204", &["S0105", ";"]),
    ] {
        star.write("bad.conf", text);
        star.run(&["cp", "bad.conf", "localhost:files:/bad.conf"]).ok();
        star.unchanged_by(|| star.run(&["set", "localhost#routes=localhost:files:/bad.conf"]).fails(2).saying(parts));
        star.page("/").is(200).showing(&["the good page"]);
    }
    star.run(&["get", "localhost#routes"]).ok().printing(&["localhost:site:latest:/routes.conf"]);
}

#[test]
fn routes_that_are_not_there_are_refused() {
    let star = with_site();
    star.unchanged_by(|| {
        star.run(&["set", "localhost#routes=localhost:site:latest:/nothing.conf"]).fails(3).saying(&["nothing.conf"]);
        star.run(&["set", "localhost#routes=localhost:site:9.9.9:/routes.conf"]).fails(3).saying(&["9.9.9"]);
        star.run(&["set", "localhost#routes=localhost:no way"]).fails(2);
    });
    star.page("/").is(200).showing(&["the good page"]);
}

#[test]
fn a_tag_that_moves_to_broken_routes_leaves_the_old_ones_in_force() {
    let star = with_site();
    Bundle::new(&star, "broken")
        .with("index.html", "the other page")
        .with("routes.conf", "GET / -> nonsense nonsense;\n");
    star.run(&["publish", "broken", "localhost:site:2.0.0"]).ok().saying(&["routes.conf"]);
    star.run(&["tag", "localhost:site:2.0.0", "latest"]).ok();
    // The routes are those of before, and they follow the tag as they did before.
    star.page("/").is(200).showing(&["the other page"]);
    Bundle::new(&star, "mended")
        .with("index.html", "the mended page")
        .with("routes.conf", "GET / -> ${bundle}:/index.html;\nGET /new -> ${bundle}:/index.html;\n");
    star.run(&["publish", "mended", "localhost:site:3.0.0", "--tag", "latest"]).ok();
    star.page("/new").is(200).showing(&["the mended page"]);
}

#[test]
fn routes_in_a_file_are_read_anew_when_it_changes_and_kept_when_it_breaks() {
    let star = with_site();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    let put = |text: &str| {
        star.write("routes.conf", text);
        star.run(&["cp", "routes.conf", "localhost:files:/routes.conf"]).ok();
    };
    put("GET /a -> status 204;\n");
    star.run(&["set", "localhost#routes=localhost:files:/routes.conf"]).ok();
    star.page("/a").is(204);
    put("GET /b -> status 204;\n");
    star.page("/b").is(204);
    star.page("/a").is(404);
    put("GET /c => status 204;\n");
    star.page("/b").is(204);
    put("GET /c -> status 204;\n");
    star.page("/c").is(204);
}

#[test]
fn a_rule_that_no_request_reaches_is_warned_of() {
    let star = with_site();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.write("shadow.conf", "* /{*p} -> status 204;\nGET /a -> status 201;\n");
    star.run(&["cp", "shadow.conf", "localhost:files:/shadow.conf"]).ok();
    star.run(&["set", "localhost#routes=localhost:files:/shadow.conf"]).ok().saying(&[
        "warning",
        "line 2",
        "no request gets past line 1",
    ]);
    star.page("/a").is(204);
}

#[test]
fn a_file_is_checked_without_a_star() {
    let star = Star::start();
    star.write("bad/routes.conf", "GET / -> ${bundle}:/index.html cach=60s;\n");
    star.write("good/routes.conf", GOOD);
    star.run(&["check", "bad/routes.conf"]).fails(2).saying(&["S0105", "cach", "^^^^", "`cache`"]);
    star.run(&["check", "good/routes.conf"]).ok();
    Bundle::new(&star, "bad").with("bundle.yaml", "schema: 1\nname: My Bundle\n");
    star.run(&["check", "bad/bundle.yaml"]).fails(2).saying(&["S0104", "^^^^^^^^^"]);
}
