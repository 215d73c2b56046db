//! What the figures were measured on: processor, memory, kernel, and how busy it was.

use std::fs;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::failure::{Failure, io};
use crate::limits;
use crate::process;

/// The machine, at the moment when the benchmarks begin.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// The day, as `2026-11-21`.
    pub(crate) date: String,
    cores: usize,
    processor: String,
    memory_gib: f64,
    kernel: String,
    load: f64,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) async fn look() -> Result<Machine, Failure> {
        let date = process::output("date", Command::new("date").args(["-u", "+%Y-%m-%d"]), limits::COMMAND).await?;
        let load = read("/proc/loadavg")?;
        Ok(Machine {
            date: date.trim().to_owned(),
            cores: std::thread::available_parallelism().map_err(io("count the cores"))?.get(),
            processor: field(&read("/proc/cpuinfo")?, "model name").unwrap_or("unknown processor").to_owned(),
            memory_gib: kib(&read("/proc/meminfo")?, "MemTotal").unwrap_or(0.0) / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            load: load.split_whitespace().next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN),
        })
    }

    /// Whether something else used the processor when the benchmarks began.
    pub(crate) fn is_busy(&self) -> bool {
        self.load > limits::BUSY_LOAD * self.cores as f64
    }

    /// The machine in words.
    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} cores ({}), {:.0} GiB, Linux {}, load average {:.2} at the start",
            self.cores, self.processor, self.memory_gib, self.kernel, self.load
        )
    }

    /// The machine for programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "date": self.date,
            "cores": self.cores,
            "processor": self.processor,
            "memory_gib": self.memory_gib,
            "kernel": self.kernel,
            "load_average": self.load,
            "busy": self.is_busy(),
        })
    }
}

/// The memory of a process that lies in memory now, in bytes; shared pages count in full.
pub(crate) fn resident_bytes(pid: u32) -> Result<f64, Failure> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let kib = kib(&status, "VmRSS").ok_or_else(|| Failure::wrong(format!("process {pid}"), "it has no memory"))?;
    Ok(kib * 1024.0)
}

/// What buffers of TCP take of the kernel's memory on the whole machine, in bytes.
pub(crate) fn socket_bytes() -> Result<f64, Failure> {
    let text = read("/proc/net/sockstat")?;
    let pages = pages_of_tcp(&text).ok_or_else(|| Failure::wrong("the kernel", text.clone()))?;
    Ok(pages * rustix::param::page_size() as f64)
}

/// The number behind `mem` in the line of TCP.
fn pages_of_tcp(sockstat: &str) -> Option<f64> {
    let mut words = field(sockstat, "TCP:")?.split_whitespace();
    words.find(|word| *word == "mem")?;
    words.next()?.parse().ok()
}

fn read(path: &str) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(io(format!("read {path}")))
}

/// The value of the first line `KEY : value`.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(key))?;
    Some(line.split_once(':')?.1.trim())
}

/// The value of a line such as `VmRSS:  1234 kB`.
fn kib(text: &str, key: &str) -> Option<f64> {
    field(text, key)?.strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_memory() {
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000.0);
    }

    #[test]
    fn lines_of_the_kernel_are_understood() {
        let status = "VmPeak:\t  20 kB\nVmRSS:\t     1234 kB\n";
        assert_eq!(kib(status, "VmRSS"), Some(1234.0));
        assert_eq!(pages_of_tcp("sockets: used 9\nTCP: inuse 3 orphan 0 tw 1 alloc 4 mem 17\n"), Some(17.0));
        assert_eq!(field("model name\t: Fast One\n", "model name"), Some("Fast One"));
    }
}
