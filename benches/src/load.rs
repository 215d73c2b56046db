//! What makes the load of HTTP requests: `wrk` for many small ones, `curl` for large bodies.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::process::Command;

use crate::failure::{Failure, io};
use crate::figures::{Latency, Measure, per_second};
use crate::{limits, process};

/// What makes `wrk` print its figures as a line of JSON.
const REPORT: &str = include_str!("load/report.lua");

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The URL.
    pub(crate) url: String,
    /// The host name that the server hears.
    pub(crate) host: &'static str,
    /// The coding that is taken, if any is.
    pub(crate) coding: Option<&'static str>,
}

impl Target {
    /// A target for those who decode nothing.
    pub(crate) fn new(url: String, host: &'static str) -> Target {
        Target { url, host, coding: None }
    }

    /// The same for those who take a coding.
    pub(crate) fn coded(self, coding: &'static str) -> Target {
        Target { coding: Some(coding), ..self }
    }

    /// The headers of a request, as tools take them.
    fn headers(&self) -> impl Iterator<Item = String> {
        let coding = self.coding.map(|coding| format!("Accept-Encoding: {coding}"));
        [format!("Host: {}", self.host)].into_iter().chain(coding).flat_map(|header| ["-H".to_owned(), header])
    }
}

/// Many connections, each with one request after the other. Every answer must be a good one.
pub(crate) async fn requests(
    who: &str,
    target: &Target,
    connections: usize,
    time: Duration,
    script: &Path,
    arguments: &[String],
) -> Result<Measure, Failure> {
    let mut wrk = Command::new("wrk");
    // One thread can ask for more than two cores can answer, and leaves the rest to the server.
    wrk.args(["-t1", "-c", &connections.to_string(), "-d", &format!("{}s", time.as_secs()), "--timeout", "30s"]);
    wrk.arg("-s").arg(script).args(target.headers()).args([&target.url, "--"]).args(arguments);
    let said = process::output("wrk", &mut wrk, time + limits::TOOL_GRACE).await?;
    measured(who, &said)
}

/// Writes the script that reports, with what else it shall do in front.
pub(crate) fn script(path: &Path, more: &str) -> Result<(), Failure> {
    std::fs::write(path, format!("{more}\n{REPORT}")).map_err(io(format!("write {}", path.display())))
}

/// Reads the line of JSON out of what `wrk` said.
fn measured(who: &str, said: &str) -> Result<Measure, Failure> {
    let line = said.lines().find_map(|line| line.strip_prefix("figures: "));
    let figures: Value = line
        .and_then(|line| serde_json::from_str(line).ok())
        .ok_or_else(|| Failure::wrong("wrk", format!("it printed no figures: {said}")))?;
    let errors: Vec<String> = ["connect", "read", "write", "timeout", "status"]
        .into_iter()
        .filter(|kind| figures[kind].as_f64() != Some(0.0))
        .map(|kind| format!("{kind} {}", figures[kind]))
        .collect();
    if !errors.is_empty() {
        return Err(Failure::wrong(who, format!("errors of requests by kind: {}", errors.join(", "))));
    }
    let number = |key: &str| figures[key].as_f64().unwrap_or(f64::NAN);
    if number("requests") == 0.0 {
        return Err(Failure::wrong(who, "no request was answered"));
    }
    let latency = Some(Latency { p50_us: number("p50_us"), p99_us: number("p99_us") });
    Ok(Measure { latency, ..(number("requests") / number("seconds")).into() })
}

/// Some downloads at the same time, each by a process of its own; bytes per second of all.
pub(crate) async fn downloads(
    who: &str,
    target: &Target,
    parallel: usize,
    size_bytes: u64,
) -> Result<Measure, Failure> {
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..parallel {
        let mut curl = curl(target);
        curl.args(["-o", "/dev/null", "-w", "%{http_code} %{size_download}"]);
        running.spawn(async move { process::output("curl", &mut curl, limits::COMMAND).await });
    }
    let wanted = format!("200 {size_bytes}");
    while let Some(ended) = running.join_next().await {
        let got = ended.map_err(|error| Failure::wrong("curl", error))??;
        if got != wanted {
            return Err(Failure::wrong(who, format!("{got} instead of {wanted} (status, bytes)")));
        }
    }
    Ok(per_second(size_bytes * parallel as u64, begun.elapsed()).into())
}

/// Posts some bodies of JSON one after the other over one connection; each must be taken.
pub(crate) async fn posts(
    target: &Target,
    key: &str,
    bodies: impl Iterator<Item = String>,
    scratch: &Path,
) -> Result<(), Failure> {
    // A file, because arguments of a process can be read by others, and the key is in it.
    let path = scratch.join("posts.curl");
    let (mut text, mut wanted) = (String::new(), String::new());
    for body in bodies {
        text.push_str(&format!(
            "url = {:?}\nheader = \"Content-Type: application/json\"\nheader = \"Authorization: Bearer {key}\"\n\
             data = {body:?}\nsilent\nshow-error\noutput = \"/dev/null\"\nwrite-out = \"%{{http_code}} \"\nnext\n",
            target.url
        ));
        wanted.push_str("200 ");
    }
    std::fs::write(&path, text.trim_end_matches("next\n")).map_err(io(format!("write {}", path.display())))?;
    let got = process::output("curl", Command::new("curl").arg("-q").arg("-K").arg(&path), limits::COMMAND).await?;
    let refused = got.split(' ').find(|status| !status.is_empty() && *status != "200");
    match refused {
        None if got == wanted => Ok(()),
        _ => Err(Failure::wrong(&target.url, format!("status {}", refused.unwrap_or("missing")))),
    }
}

/// Makes sure that an answer has these bytes.
pub(crate) async fn expect(who: &str, target: &Target, bytes: &[u8]) -> Result<(), Failure> {
    let got = process::output("curl", curl(target).arg("--fail-with-body"), limits::COMMAND).await?;
    if got.as_bytes() == bytes {
        return Ok(());
    }
    let start: String = got.chars().take(200).collect();
    Err(Failure::wrong(who, format!("{} bytes instead of {}, which begin with: {start}", got.len(), bytes.len())))
}

/// Posts a file of some type with a key, and writes the answer into another.
pub(crate) async fn post(
    target: &Target,
    key: &str,
    media_type: &str,
    body: &Path,
    into: &Path,
) -> Result<(), Failure> {
    let mut curl = curl(target);
    curl.args(["--fail-with-body", "-K", "-", "-H", &format!("Content-Type: {media_type}")]);
    curl.arg("--data-binary").arg(format!("@{}", body.display())).arg("-o").arg(into);
    process::output_of("curl", &mut curl, bearer(key), limits::COMMAND).await.map(drop)
}

/// The text of an answer that takes a key.
pub(crate) async fn text(target: &Target, key: &str) -> Result<String, Failure> {
    let mut curl = curl(target);
    process::output_of("curl", curl.args(["--fail-with-body", "-K", "-"]), bearer(key), limits::COMMAND).await
}

/// The key as curl reads it from standard input: arguments of a process can be read by others.
fn bearer(key: &str) -> String {
    format!("header = \"Authorization: Bearer {key}\"\n")
}

/// Writes the body of an answer, as it comes, into a file. Gives its length.
pub(crate) async fn save(target: &Target, into: &Path) -> Result<u64, Failure> {
    let mut curl = curl(target);
    curl.arg("--fail").arg("-o").arg(into).args(["-w", "%{size_download}"]);
    let size = process::output("curl", &mut curl, limits::COMMAND).await?;
    size.parse().map_err(|_| Failure::wrong("curl", format!("a length that is none: {size}")))
}

/// Whether a good answer comes.
pub(crate) async fn answers(target: &Target) -> Result<bool, Failure> {
    match process::output("curl", curl(target).args(["--fail", "-o", "/dev/null"]), limits::COMMAND).await {
        Ok(_) => Ok(true),
        Err(Failure::Ended { .. }) => Ok(false),
        Err(failure) => Err(failure),
    }
}

fn curl(target: &Target) -> Command {
    let mut curl = Command::new("curl");
    // Without the user's own settings, which might name a proxy.
    curl.args(["-q", "--silent", "--show-error", "--noproxy", "*", "--max-time"]);
    curl.arg(limits::COMMAND.as_secs().to_string());
    curl.args(target.headers()).arg(&target.url);
    curl
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Running 1s test\nfigures: {\"requests\":2000,\"seconds\":2.0,\"p50_us\":40,\"p99_us\":90,\"connect\":0,\"read\":0,\"write\":0,\"timeout\":0,\"status\":0}\n";

    #[test]
    fn figures_are_read_out_of_what_wrk_says() {
        let latency = Some(Latency { p50_us: 40.0, p99_us: 90.0 });
        assert_eq!(measured("star", GOOD).unwrap(), Measure { latency, ..1_000.0.into() });
    }

    #[test]
    fn an_answer_that_is_an_error_makes_the_measurement_worthless() {
        let refused = measured("star", &GOOD.replace("\"status\":0", "\"status\":7")).unwrap_err();
        assert!(refused.to_string().contains("status 7"), "{refused}");
        assert!(measured("star", "Running 1s test\n").is_err());
        assert!(measured("star", &GOOD.replace("2000", "0")).is_err());
    }
}
