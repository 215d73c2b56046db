//! `rpc`: calls through HTTP to a Star in a process of its own, in JSON and in protobuf, against a
//! bare handler of axum that returns the same bytes; and the same message through NATS.
//!
//! No kind of a Star echoes a message without running a component, so the process that is asked
//! consists of the parts of a Star around a resource that does. What `star serve` itself answers
//! to everybody is what it knows of a resource, which is an ask too.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use buffa::Message;
use star_api::oneof::ask_request;
use star_api::v1;

use super::{Found, counted, file, folder, scratch};
use crate::count::{Counted, Counter};
use crate::failure::{Failure, io};
use crate::figures::Measure;
use crate::http::{Connection, posting};
use crate::load::{self, Target as Place};
use crate::meter::Meter;
use crate::nats::{self, Nats};
use crate::options::Plan;
use crate::peer::{Peer, Served};
use crate::process::version;
use crate::report::{Row, Target, Unit};
use crate::star::{SPACE, Star};
use crate::tree::{CONTENT_TYPE, ECHO, KEY, RESOURCE};
use crate::turns::in_turns;

pub(super) const ABOUT: &str = "calls through HTTP, against a bare handler of axum with the same bytes";

/// Connections, each with one call after the other.
const CONNECTIONS: [usize; 2] = [1, 64];

/// What a message carries and gets back.
const BODY: &[u8] = br#"{"name":"Ada"}"#;

/// What makes `wrk` post.
const POST: &str = include_str!("../load/post.lua");

/// A call in one of its encodings.
struct Call {
    /// In the table.
    name: &'static str,
    /// The file of the request, and the one of the answer.
    file: &'static str,
    media_type: &'static str,
    path: &'static str,
    target: f64,
}

const ASK: &str = "/starlane.v1.Messages/Ask";
const INFO: &str = "/starlane.v1.Resources/Info";

const ASKS: [Call; 2] = [
    Call { name: "ask, JSON", file: "ask.json", media_type: "application/json", path: ASK, target: 0.6 },
    Call { name: "ask, proto", file: "ask.proto", media_type: "application/proto", path: ASK, target: 0.7 },
];

const INFOS: [Call; 2] = [
    Call { name: "info, JSON", file: "info.json", media_type: "application/json", path: INFO, target: 0.6 },
    Call { name: "info, proto", file: "info.proto", media_type: "application/proto", path: INFO, target: 0.7 },
];

pub(super) async fn run(plan: Plan) -> Result<Found, Failure> {
    let scratch = scratch()?;
    let (requests, answers) = (folder(&scratch, "requests")?, folder(&scratch, "answers")?);
    write_requests(&requests)?;
    let echo = Peer::start("echo", &scratch.path().join("store").display().to_string(), scratch.path()).await?;
    let (star, _) = Star::start(&folder(&scratch, "star")?).await?;
    star.run(&["create", "Space", "bench"]).await?;
    star.run(&["create", "Base", RESOURCE]).await?;

    let echoing = Caller::new((echo.address, echo.pid()), KEY.to_owned(), "echo", scratch.path())?;
    let serving = Caller::new((star.api_address()?, star.pid()), star.key()?, "star", scratch.path())?;
    for (caller, calls) in [(&echoing, &ASKS), (&serving, &INFOS)] {
        for call in calls {
            caller.fetch(call.path, call, &requests, &answers.join(call.file)).await?;
        }
    }
    let axum = Peer::start("axum", &answers.display().to_string(), scratch.path()).await?;
    let bare = Caller::new((axum.address, axum.pid()), KEY.to_owned(), "axum", scratch.path())?;
    let nats = Nats::start(scratch.path()).await?;
    let _nats_echo = Peer::start("nats-echo", &nats.address.to_string(), scratch.path()).await?;

    let mut rows = Vec::new();
    for (caller, calls, with_nats) in [(&echoing, &ASKS, true), (&serving, &INFOS, false)] {
        for call in calls {
            same_bytes(&bare, call, &requests, &answers).await?;
            let mut contenders = vec![("star", Way::Http(caller, call.path)), ("axum", Way::Bare(&bare))];
            contenders.extend(with_nats.then_some(("NATS", Way::Nats(nats.address))));
            for connections in CONNECTIONS {
                let subjects = in_turns(plan, &contenders, async |way, time| {
                    way.measure(call, &requests, connections, time).await
                })
                .await?;
                rows.push(Row {
                    shape: shape(call, connections),
                    unit: Unit::PerSecond,
                    subjects,
                    target: Some(Target::Ratio(call.target)),
                });
            }
        }
    }
    let peer = version("nats-server", "--version").await?;
    let notes = vec![
        "ask: gate, router and an actor that echoes, in a process made of the parts of a Star. info: `star serve`, \
         what it knows of a resource, out of the store."
            .to_owned(),
        format!(
            "Peer: {peer}, with one process that echoes; its requests are made by this program, the others by wrk."
        ),
        "CPU seconds are those of the server alone, without the load.".to_owned(),
    ];
    Ok((rows, notes))
}

/// Counts the allocations of an ask: those of the server, because a call allocates nothing.
pub(super) async fn count(counter: Counter) -> Result<Vec<Counted>, Failure> {
    let scratch = scratch()?;
    let served = Served::start(&scratch.path().join("store")).await?;
    let mut connection = Connection::open(served.address).await?;
    let request = posting(served.address, ASK, KEY, &ask_json());
    let calls = async |times: u64| {
        for _ in 0..times {
            let answer = connection.call(&request).await?;
            if answer.status != 200 {
                return Err(Failure::wrong("the echo", String::from_utf8_lossy(answer.body)));
            }
        }
        Ok(())
    };
    Ok(vec![counter.count(&shape(&ASKS[0], CONNECTIONS[0]), "star", calls).await?])
}

fn shape(call: &Call, connections: usize) -> String {
    format!("{}, {}", call.name, counted(connections, "connection"))
}

fn ask_json() -> String {
    let body = String::from_utf8_lossy(BODY);
    format!(r#"{{"to":"{RESOURCE}","method":"{ECHO}","json":{body}}}"#)
}

fn write_requests(requests: &Path) -> Result<(), Failure> {
    let ask = v1::AskRequest {
        to: RESOURCE.to_owned(),
        method: ECHO.to_owned(),
        content_type: CONTENT_TYPE.to_owned(),
        body: Some(ask_request::Body::Raw(BODY.into())),
        ..Default::default()
    };
    let info = v1::InfoRequest { path: RESOURCE.to_owned(), ..Default::default() };
    file(requests, "ask.json", ask_json())?;
    file(requests, "ask.proto", ask.encode_to_vec())?;
    file(requests, "info.json", format!(r#"{{"path":"{RESOURCE}"}}"#))?;
    file(requests, "info.proto", info.encode_to_vec())
}

/// The bare handler must say what the Star says, or it would be another comparison.
async fn same_bytes(bare: &Caller, call: &Call, requests: &Path, answers: &Path) -> Result<(), Failure> {
    let got = requests.join("got");
    bare.fetch(&format!("/{}", call.file), call, requests, &got).await?;
    let read = |path: &Path| fs::read(path).map_err(io(format!("read {}", path.display())));
    let (got, wanted) = (read(&got)?, read(&answers.join(call.file))?);
    let echoes = !call.file.starts_with("ask") || wanted.windows(BODY.len()).any(|bytes| bytes == BODY);
    match got == wanted && echoes {
        true => Ok(()),
        false => Err(Failure::wrong(call.name, String::from_utf8_lossy(&wanted))),
    }
}

/// Who is called.
enum Way<'c> {
    Http(&'c Caller, &'static str),
    Bare(&'c Caller),
    Nats(SocketAddr),
}

impl Way<'_> {
    async fn measure(
        &self,
        call: &Call,
        requests: &Path,
        connections: usize,
        time: Duration,
    ) -> Result<Measure, Failure> {
        match self {
            Way::Http(caller, path) => caller.measure(path, call, requests, connections, time).await,
            Way::Bare(caller) => caller.measure(&format!("/{}", call.file), call, requests, connections, time).await,
            Way::Nats(address) => nats::requests(*address, connections, BODY, time).await,
        }
    }
}

/// A server with the key that opens it.
struct Caller {
    address: SocketAddr,
    pid: u32,
    key: String,
    script: PathBuf,
}

impl Caller {
    fn new((address, pid): (SocketAddr, u32), key: String, name: &str, scratch: &Path) -> Result<Caller, Failure> {
        let script = scratch.join(format!("{name}.lua"));
        load::script(&script, &POST.replace("KEY", &key))?;
        Ok(Caller { address, pid, key, script })
    }

    fn place(&self, path: &str) -> Place {
        Place::new(format!("http://{}{path}", self.address), SPACE)
    }

    async fn fetch(&self, path: &str, call: &Call, requests: &Path, into: &Path) -> Result<(), Failure> {
        load::post(&self.place(path), &self.key, call.media_type, &requests.join(call.file), into).await
    }

    async fn measure(
        &self,
        path: &str,
        call: &Call,
        requests: &Path,
        connections: usize,
        time: Duration,
    ) -> Result<Measure, Failure> {
        let arguments = [requests.join(call.file).display().to_string(), call.media_type.to_owned()];
        let meter = Meter::of(self.pid);
        let place = self.place(path);
        let measure = load::requests(call.name, &place, connections, time, &self.script, &arguments).await?;
        Ok(Measure { cpu_s: meter.cpu_s(measure.figure * time.as_secs_f64()), ..measure })
    }
}
