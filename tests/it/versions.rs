//! Versions of the API as clients negotiate them, at every door and in every protocol.

use buffa::Message as _;
use serde_json::json;
use star_api::v1;
use star_api::version::ApiVersion;

use crate::support::{Call, PROTOCOLS, Protocol, Star};

/// The doors of plain HTTP that have a version: method, target, body.
const DOORS: [(&str, &str, &str); 6] = [
    ("GET", "/r/localhost:files:/a.txt", ""),
    ("PUT", "/r/localhost:files:/b.txt", "b"),
    ("DELETE", "/r/localhost:files:/b.txt", ""),
    ("POST", "/bundles/localhost:site:1.0.0", "no archive"),
    ("GET", "/events?since=0", ""),
    ("GET", "/nothing", ""),
];

fn star() -> Star {
    let star = Star::start();
    star.run(&["create", "Space", "localhost"]).ok();
    star.run(&["create", "FileSystem", "localhost:files"]).ok();
    star.api("PUT", "/r/localhost:files:/a.txt").body("a").send().is(201);
    star
}

fn info(path: &str) -> Call {
    Call::new("Resources/Info", &v1::InfoRequest { path: path.into(), ..Default::default() })
}

#[test]
fn every_door_answers_in_the_lower_of_both_versions() {
    let star = star();
    let newest = ApiVersion::NEWEST.to_string();
    for (asked, answered) in [("", newest.as_str()), ("1.0", "1.0"), (&newest, &newest), ("1.99", &newest)] {
        for (method, target, body) in DOORS {
            let request = star.api(method, target).body(body);
            let request = if asked.is_empty() { request } else { request.header("star-api-version", asked) };
            request.send().with("star-api-version", answered);
        }
        for protocol in PROTOCOLS {
            let call =
                if asked.is_empty() { info("localhost") } else { info("localhost").with("star-api-version", asked) };
            let told = call.make(&star, protocol);
            assert_eq!(told.headers["star-api-version"], answered, "{protocol:?} {asked}");
            assert_eq!((told.code, told.messages.len()), (None, 1), "{protocol:?} {asked}");
        }
    }
}

#[test]
fn a_version_outside_of_the_range_is_refused_with_the_range_at_every_door() {
    let star = star();
    let range = format!("from {} to {}", ApiVersion::OLDEST, ApiVersion::NEWEST);
    star.unchanged_by(|| {
        for asked in ["2.0", "0.9", "latest", "1"] {
            for (method, target, body) in DOORS {
                let refused = star.api(method, target).header("star-api-version", asked).body(body).send();
                refused.is(406).problem("S0114").showing(&[&range]);
            }
            for protocol in PROTOCOLS {
                for call in [info("localhost"), Call::new("Watch/Watch", &v1::WatchRequest::default()).streamed()] {
                    let told = call.with("star-api-version", asked).make(&star, protocol);
                    let detail = told.detail.unwrap_or_else(|| panic!("{protocol:?} {asked}: no detail"));
                    assert_eq!((detail.code.as_str(), told.code.as_deref()), ("S0114", Some("failed_precondition")));
                    assert!(detail.hint.contains(&range), "{detail:?}");
                }
            }
        }
    });
    // Those who run the Star look here to find out which versions there are.
    for page in ["/livez", "/readyz", "/version", "/"] {
        star.stranger("GET", page).header("star-api-version", "7.0").send().is(200);
    }
    let versions = star.stranger("GET", "/version").send().json()["api_versions"].clone();
    assert_eq!(versions, json!({ "oldest": ApiVersion::OLDEST.to_string(), "newest": ApiVersion::NEWEST.to_string() }));
    star.run(&["status"]).ok().printing(&[&format!("versions {} to {}", ApiVersion::OLDEST, ApiVersion::NEWEST)]);
}

#[test]
fn what_an_older_version_does_not_know_is_left_out_and_named() {
    let star = star();
    star.run(&["lock", "localhost:files"]).ok();
    let read = |protocol: Protocol, version: &str| {
        let told = info("localhost:files").with("star-api-version", version).make(&star, protocol);
        let message = &told.messages[0];
        let response: v1::InfoResponse = match protocol {
            Protocol::ConnectJson | Protocol::GrpcJson => serde_json::from_slice(message).expect("an answer"),
            _ => v1::InfoResponse::decode_from_slice(message).expect("an answer"),
        };
        (response.resource.as_option().expect("a resource").clone(), told.headers.get("star-lossy").cloned())
    };
    for protocol in PROTOCOLS {
        let (whole, lossy) = read(protocol, "1.1");
        assert!(whole.lock.is_set() && lossy.is_none(), "{protocol:?}: {whole:?}");
        let (first, lossy) = read(protocol, "1.0");
        let expected = v1::Resource { lock: Default::default(), history: Vec::new(), ..whole.clone() };
        assert_eq!(first, expected, "{protocol:?}");
        let names = if whole.history.is_empty() { "Resource.lock" } else { "Resource.history,Resource.lock" };
        assert_eq!(lossy.expect("what is missing is named"), names, "{protocol:?}");
    }
    // What came later as a whole is not there at all.
    let lock = v1::LockRequest { path: "localhost:files".into(), ..Default::default() };
    for protocol in PROTOCOLS {
        let told = Call::new("Locks/Lock", &lock).with("star-api-version", "1.0").make(&star, protocol);
        assert_eq!(told.detail.map(|detail| detail.code).as_deref(), Some("S0107"), "{protocol:?}");
    }
}
