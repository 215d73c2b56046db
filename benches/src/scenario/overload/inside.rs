//! A tree of this process that is flooded, through the admission that an ingress takes.

use async_trait::async_trait;
use star_core::gate::Permit;
use star_testkit::MemoryMeta;
use star_wire::{Envelope, ErrorCode, Method, StarError};

use super::flood::{Outcome, Working};
use crate::failure::Failure;
use crate::meter::Meter;
use crate::tree::{BESIDE, BenchTree, ECHO, RESOURCE, WORK, path, refused, resource};

pub(super) struct Inside {
    bench: BenchTree,
    work: Method,
    echo: Method,
}

impl Inside {
    pub(super) async fn start() -> Result<Inside, Failure> {
        let bench = BenchTree::on(MemoryMeta::new()).await?;
        bench.grow().await?;
        let method = |text| Method::parse(text).map_err(|error| Failure::wrong("the benchmark", error));
        Ok(Inside { bench, work: method(WORK)?, echo: method(ECHO)? })
    }

    async fn admit(&self, to: &str, method: &Method) -> Result<Permit, StarError> {
        self.bench.tree.admit(&self.bench.admin, Envelope::new(path(to), method.clone())).await
    }

    async fn ask(&self, to: &str, method: &Method) -> Outcome {
        let asked = async { self.bench.tree.ask(self.admit(to, method).await?).await };
        match asked.await {
            Ok(_) => Outcome::Answered,
            Err(error) if error.code() == ErrorCode::Busy => Outcome::Busy,
            Err(error) => Outcome::Other(error.to_string()),
        }
    }

    /// Takes the whole share of the first Space, so that all of its messages are refused until these
    /// are let go.
    pub(super) async fn fill(&self) -> Result<Vec<Permit>, Failure> {
        let mut held = Vec::new();
        loop {
            match self.admit(RESOURCE, &self.echo).await {
                Ok(permit) => held.push(permit),
                Err(error) if error.code() == ErrorCode::Busy => return Ok(held),
                Err(error) => return Err(refused(error)),
            }
        }
    }

    /// Sends so many that are refused.
    pub(super) async fn refuse_times(&self, times: u64) -> Result<(), Failure> {
        for _ in 0..times {
            match self.ask(RESOURCE, &self.echo).await {
                Outcome::Busy => {}
                other => return Err(Failure::wrong("a full Space", format!("{other:?}"))),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Working for Inside {
    async fn work(&self, number: usize) -> Outcome {
        self.ask(&resource(number), &self.work).await
    }

    async fn ask_beside(&self) -> Outcome {
        self.ask(BESIDE, &self.echo).await
    }

    fn meter(&self) -> Meter {
        Meter::start()
    }
}
