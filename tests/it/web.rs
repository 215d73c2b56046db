//! Web sites: the pages of the first steps, and what a host name leads to after them.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::{Bundle, Star, Whistle, checkout, eventually, greet, guest, hello_site};

#[test]
fn the_page_says_what_is_missing_and_changes_after_each_step() {
    let star = Star::start();
    star.write("README.md", "# Starlane\n");
    let hello = checkout().join("bundles/hello");
    let hello = hello.to_str().expect("the checkout has a plain name");
    let steps: [(&str, &[&str]); 6] = [
        ("star create Space localhost", &["create", "Space", "localhost"]),
        ("star create FileSystem localhost:files", &["create", "FileSystem", "localhost:files"]),
        ("star cp README.md localhost:files:/readme.md", &["cp", "README.md", "localhost:files:/readme.md"]),
        (
            "star publish bundles/hello localhost:hello:1.0.0",
            &["publish", hello, "localhost:hello:1.0.0", "--tag", "latest"],
        ),
        (
            "star create App localhost:app",
            &["create", "App", "localhost:app", "--from", "localhost:hello:1.0.0:/app.yaml"],
        ),
        ("star set localhost#routes=", &["set", "localhost#routes=localhost:hello:latest:/routes.conf"]),
    ];
    let mut before = String::new();
    for (shown, arguments) in steps {
        let page = star.page("/");
        assert!(page.status >= 400, "the site is not there yet: {page}");
        assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")), "{page}");
        let text = page.text();
        assert!(text.contains(shown), "`{shown}` is not the next step of {page}");
        assert_ne!(text, before, "the page did not change before `{shown}`");
        before = text;
        star.run(arguments).ok();
    }
    star.page("/").is(200).showing(&["Hello from Starlane"]);
}

#[test]
fn a_host_without_a_space_gets_a_page_that_says_so() {
    let star = Star::start();
    let page = star.web("GET", "/").host("no-such-host.example").send().is(404);
    page.showing(&["star create Space no-such-host.example"]);
    let evil = star.web("GET", "/<script>alert(1)</script>").host("localhost").send();
    assert!(!evil.text().contains("<script>alert"), "{evil}");
    let json = star.web("GET", "/").header("accept", "application/json").send().is(404).json();
    assert!(json["code"].is_string(), "{json}");
    for host in ["../etc", "a b", "<x>", "[::1", ""] {
        let answer = star.web("GET", "/").host(host).send();
        assert!((400..500).contains(&answer.status), "{host}: {answer}");
    }
}

#[test]
fn hosts_are_compared_as_names_of_hosts() {
    let star = Star::start();
    hello_site(&star);
    for host in ["localhost", "LOCALHOST", "localhost:8080", "localhost.", "LocalHost.:99"] {
        star.web("GET", "/").host(host).send().is(200).showing(&["Hello from Starlane"]);
    }
}

#[test]
fn pages_out_of_bundles_carry_the_right_headers() {
    let star = Star::start();
    hello_site(&star);
    let page = star.page("/").is(200);
    assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")), "{page}");
    assert!(page.header("cache-control").is_some_and(|value| value.contains("max-age=60")), "{page}");
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"), "{page}");
    let (tag, length) = (page.header("etag").expect("a tag").to_owned(), page.body.len().to_string());
    assert_eq!(page.header("content-length"), Some(length.as_str()));
    star.web("GET", "/").header("if-none-match", &tag).send().is(304).with("etag", &tag);
    let head = star.web("HEAD", "/").send().is(200).with("content-length", &length).with("etag", &tag);
    assert!(head.body.is_empty());
    let part = star.web("GET", "/").header("range", "bytes=0-14").send().is(206);
    assert_eq!(part.text().to_ascii_lowercase(), "<!doctype html>");
    let style = star.page("/assets/style.css").is(200);
    assert!(style.header("content-type").is_some_and(|value| value.starts_with("text/css")), "{style}");
    assert!(style.header("cache-control").is_some_and(|value| value.contains("max-age=3600")), "{style}");
    let logo = star.page("/assets/logo.svg").is(200);
    assert_eq!(logo.header("content-type"), Some("image/svg+xml"));
}

#[test]
fn what_is_not_there_and_what_may_not_be_done_are_told_apart() {
    let star = Star::start();
    hello_site(&star);
    for missing in ["/nothing", "/assets/nothing.css", "/files/nothing.md", "/hello/", "/files/"] {
        let page = star.page(missing).is(404);
        assert!(page.header("content-type").is_some_and(|value| value.starts_with("text/html")), "{page}");
    }
    for (method, target) in [("POST", "/"), ("DELETE", "/files/readme.md"), ("PUT", "/files/readme.md")] {
        let refused = star.web(method, target).body("x").send().is(405);
        assert!(refused.header("allow").is_some_and(|allow| allow.contains("GET")), "{refused}");
    }
    for bad in ["/files/../../admin.token", "/files/%2e%2e/%2e%2e/admin.token", "/%00", "/files/%zz", "//files"] {
        let refused = star.page(bad);
        assert!(matches!(refused.status, 400 | 404), "{bad}: {refused}");
    }
    assert!(star.page("/files/readme.md").is(200).text().contains("Read me"));
}

#[test]
fn routes_redirect_answer_with_a_status_and_find_directories() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let routes = "GET /old/{*p} -> redirect 308 /docs/{p};\nGET /away -> redirect https://example.com/;\n\
                  GET /gone -> status 410;\nGET /docs/{*p} -> ${bundle}:/docs/{p} index=index.html;\n\
                  GET /app/{*p} -> ${bundle}:/app/{p} spa=/app/index.html header.x-app=yes;\n";
    Bundle::new(&star, "site")
        .with("routes.conf", routes)
        .with("docs/index.html", "the index")
        .with("docs/deep/index.html", "the deep index")
        .with("app/index.html", "the app");
    star.run(&["publish", "site", "localhost:site:1.0.0"]).ok();
    star.run(&["set", "localhost#routes=localhost:site:1.0.0:/routes.conf"]).ok();
    star.page("/old/a/b").is(308).with("location", "/docs/a/b");
    star.page("/away").is(307).with("location", "https://example.com/");
    star.page("/gone").is(410);
    star.page("/docs/").is(200).showing(&["the index"]);
    star.page("/docs/deep/").is(200).showing(&["the deep index"]);
    let slash = star.page("/docs/deep");
    assert!(matches!(slash.status, 301 | 302 | 307 | 308), "{slash}");
    assert_eq!(slash.header("location"), Some("/docs/deep/"), "{slash}");
    star.page("/docs/nothing").is(404);
    star.page("/app/some/place").is(200).with("x-app", "yes").showing(&["the app"]);
}

#[test]
fn no_request_fails_while_a_tag_moves_and_the_next_one_sees_it() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let versions: Vec<String> = (0..24).map(|number| format!("1.{number}.0")).collect();
    for version in &versions {
        // Each version has a page under a name of its own, so that old routes do not find it.
        let routes = format!("GET / -> ${{bundle}}:/page.txt;\nGET /{version} -> ${{bundle}}:/page.txt;\n");
        Bundle::new(&star, "site").with("page.txt", version).with("routes.conf", routes);
        star.run(&["publish", "site", &format!("localhost:site:{version}")]).ok();
    }
    star.run(&["tag", "localhost:site:1.0.0", "latest"]).ok();
    star.run(&["set", "localhost#routes=localhost:site:latest:/routes.conf"]).ok();
    let (over, served) = (Whistle::default(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut last = 0;
                while !over.was_blown() {
                    let page = star.page("/").is(200).text();
                    let at =
                        versions.iter().position(|version| *version == page).expect("a version that was published");
                    assert!(at >= last, "{} was served after {}", versions[at], versions[last]);
                    last = at;
                    served.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let _over = over.at_the_end();
        for version in &versions[1..] {
            let before = served.load(Ordering::SeqCst);
            let tag = json!({ "series": "localhost:site", "tag": "latest", "version": version });
            star.call("Resources/Tag", &tag).is(200);
            assert_eq!(star.page("/").is(200).text(), *version, "the next request after the answer");
            assert_eq!(star.page(&format!("/{version}")).is(200).text(), *version, "its routes are in force too");
            eventually("a request of every other visitor", || {
                (served.load(Ordering::SeqCst) > before + 3).then_some(())
            });
        }
    });
}

#[test]
fn a_route_leads_to_what_changed_at_once() {
    let star = Star::start();
    hello_site(&star);
    star.page("/files/readme.md").is(200).showing(&["Read me"]);
    star.api("PUT", "/r/localhost:files:/readme.md").body("changed").send();
    star.page("/files/readme.md").is(200).showing(&["changed"]);
    star.run(&["rm", "localhost:files:/readme.md"]).ok();
    star.page("/files/readme.md").is(404);
    star.run(&["rm", "-r", "localhost:app"]).ok();
    star.page("/hello/Ada").is(404);
    star.run(&["create", "App", "localhost:app", "--from", "localhost:hello:1.0.0:/app.yaml"]).ok();
    star.page("/hello/Ada").is(200).showing(&["Hello, Ada!"]);
    greet(&star, "Ada").is(200);
    star.run(&["set", "--remove", "routes", "localhost"]).ok();
    let page = star.page("/");
    assert!(page.status >= 400, "{page}");
    star.run(&["set", "localhost#routes=localhost:hello:latest:/routes.conf"]).ok();
    star.page("/").is(200).showing(&["Hello from Starlane"]);
}

#[test]
fn an_unmodified_wasi_component_answers() {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    let bundle = star.work().join("service");
    crate::support::copy_tree(&checkout().join("examples/wasi-http/bundle"), &bundle);
    std::fs::copy(guest("wasi-http"), bundle.join("service.wasm")).unwrap();
    star.run(&["publish", "service", "localhost:service:1.0.0"]).ok();
    star.run(&["create", "App", "localhost:wasi", "--from", "localhost:service:1.0.0:/app.yaml"]).ok();
    star.run(&["set", "localhost#routes=localhost:service:1.0.0:/routes.conf"]).ok();
    star.page("/").is(200).showing(&["Hello from plain WASI"]);
    star.web("GET", "/headers").header("x-visitor", "Ada").send().is(200).showing(&["x-visitor: Ada"]);
    let counted: String = (1..=2000).map(|number| format!("{number}\n")).collect();
    assert_eq!(star.page("/count/2000").is(200).text(), counted);
    let body: Vec<u8> = (0..=255u8).cycle().take(300_000).collect();
    assert_eq!(star.web("POST", "/echo").body(body.clone()).send().is(200).body, body);
    star.page("/nothing").is(404).showing(&["no such page"]);
    // It answers HEAD like any other request that it does not know, and no body goes out.
    assert!(star.web("HEAD", "/").send().is(404).body.is_empty());
}
