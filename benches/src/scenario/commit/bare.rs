//! A file that grows: the least that something durable can take.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::Committer;
use crate::failure::{Failure, io};
use crate::figures::Measure;
use crate::meter::Meter;

#[derive(Debug, Clone)]
pub(super) struct Bare {
    pub(super) path: PathBuf,
    /// Of one record.
    pub(super) bytes: usize,
}

#[async_trait]
impl Committer for Bare {
    /// Appends as many records as there are clients, and syncs, over and over.
    async fn measure(&self, clients: usize, _: usize, time: Duration) -> Result<Measure, Failure> {
        let bare = self.clone();
        let appended = tokio::task::spawn_blocking(move || bare.append(clients, time)).await;
        appended.map_err(|error| Failure::wrong("the disk", error))?.map_err(io("append to a file"))
    }
}

impl Bare {
    fn append(&self, records: usize, time: Duration) -> std::io::Result<Measure> {
        let mut file: File = OpenOptions::new().create(true).append(true).open(&self.path)?;
        let group = vec![7; self.bytes * records];
        let (meter, mut took) = (Meter::start(), Vec::new());
        while meter.elapsed() < time {
            let each = Instant::now();
            file.write_all(&group)?;
            file.sync_data()?;
            took.push(each.elapsed());
        }
        Ok(meter.measure((took.len() * records) as u64).with_latency(took))
    }
}
