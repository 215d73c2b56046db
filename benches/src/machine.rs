//! What the figures were measured on: processor, memory, kernel, and how busy it was.

use std::fs;
use std::time::Duration;

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
    /// The share of the processors that nobody used in the second before.
    idle: f64,
}

impl Machine {
    /// Looks at this machine.
    pub(crate) async fn look() -> Result<Machine, Failure> {
        let date = process::output("date", Command::new("date").args(["-u", "+%Y-%m-%d"]), limits::COMMAND).await?;
        // Not the load average, which still tells of what ran a quarter of an hour ago.
        let before = Processors::now()?;
        tokio::time::sleep(limits::LOOK_AROUND).await;
        let idle = Processors::now()?.idle_since(&before);
        Ok(Machine {
            date: date.trim().to_owned(),
            cores: std::thread::available_parallelism().map_err(io("count the cores"))?.get(),
            processor: field(&read("/proc/cpuinfo")?, "model name").unwrap_or("unknown processor").to_owned(),
            memory_gib: kib(&read("/proc/meminfo")?, "MemTotal").unwrap_or(0.0) / f64::from(1 << 20),
            kernel: read("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            idle,
        })
    }

    /// Whether something else used the processor when the benchmarks began.
    pub(crate) fn is_busy(&self) -> bool {
        self.idle < limits::IDLE
    }

    /// The machine in words.
    pub(crate) fn sentence(&self) -> String {
        format!(
            "{} cores ({}), {:.0} GiB, Linux {}, {:.0} % idle at the start",
            self.cores,
            self.processor,
            self.memory_gib,
            self.kernel,
            self.idle * 100.0
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
            "idle_at_start": self.idle,
            "busy": self.is_busy(),
        })
    }
}

/// Ticks of the clock that all processors together have counted since the machine started.
#[derive(Debug, PartialEq, Eq)]
struct Processors {
    idle: u64,
    all: u64,
}

impl Processors {
    fn now() -> Result<Processors, Failure> {
        let text = read("/proc/stat")?;
        Processors::parse(&text).ok_or_else(|| Failure::wrong("the kernel", text.clone()))
    }

    /// Reads the line of all processors: user, nice, system, idle, waiting for a disk, interrupts of
    /// two kinds, taken by other machines; what follows is part of the first two.
    fn parse(stat: &str) -> Option<Processors> {
        let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = line.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        let [_, _, _, idle, waiting, ..] = ticks[..] else { return None };
        Some(Processors { idle: idle + waiting, all: ticks.iter().sum() })
    }

    /// The share in which nobody used them.
    fn idle_since(&self, before: &Processors) -> f64 {
        let of = |now: u64, before: u64| now.saturating_sub(before) as f64;
        of(self.idle, before.idle) / of(self.all, before.all).max(1.0)
    }
}

/// What a process has used of the processors, all threads together; none when it is gone.
pub(crate) fn processor_time(pid: u32) -> Option<Duration> {
    let ticks = ticks_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// Ticks for the program and ticks for the kernel on its behalf; the name in front may hold anything.
fn ticks_of(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
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
    fn a_processor_that_waits_for_a_disk_is_idle_and_one_that_another_machine_took_is_not() {
        let stat = |idle: u64, waiting: u64, stolen: u64| {
            Processors::parse(&format!("cpu  10 0 20 {idle} {waiting} 3 4 {stolen} 7 0\ncpu0 1 1 1 1 1 1 1 1 0 0\n"))
        };
        let before = stat(1_000, 50, 5).unwrap();
        assert_eq!(before, Processors { idle: 1_050, all: 1_092 });
        assert_eq!(stat(1_150, 60, 5).unwrap().idle_since(&before), 1.0);
        assert_eq!(stat(1_030, 50, 95).unwrap().idle_since(&before), 0.25);
        assert_eq!(before.idle_since(&before), 0.0);
        assert_eq!(Processors::parse("cpu  1 2 3\n"), None);
        assert!(Processors::now().unwrap().all > 0);
    }

    #[test]
    fn the_time_of_a_process_is_told_whatever_its_name_is() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 900 0 0 0 17 25 0 0 20 0 3 0 100 9 9";
        assert_eq!(ticks_of(stat), Some(42));
        assert_eq!(ticks_of("42 (a) S 1"), None);
        assert!(processor_time(std::process::id()).is_some() && processor_time(u32::MAX).is_none());
    }

    #[test]
    fn lines_of_the_kernel_are_understood() {
        let status = "VmPeak:\t  20 kB\nVmRSS:\t     1234 kB\n";
        assert_eq!(kib(status, "VmRSS"), Some(1234.0));
        assert_eq!(pages_of_tcp("sockets: used 9\nTCP: inuse 3 orphan 0 tw 1 alloc 4 mem 17\n"), Some(17.0));
        assert_eq!(field("model name\t: Fast One\n", "model name"), Some("Fast One"));
    }
}
