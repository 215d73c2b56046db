//! Ours: through gate and router to a resource that lives already.

use star_core::gate::Permit;
use star_core::kind::Kind;
use star_testkit::MemoryMeta;

use super::Actors;
use super::letters::Letters;
use crate::failure::Failure;
use crate::tree::{BenchTree, path, refused};

pub(super) struct Star {
    bench: BenchTree,
    letters: Letters,
}

impl Star {
    pub(super) async fn start() -> Result<Star, Failure> {
        let bench = BenchTree::on(MemoryMeta::new()).await?;
        let letters = Letters::new()?;
        bench.create(Kind::Space, path("bench")).await?;
        for path in &letters.paths {
            bench.create(Kind::Base, path.clone()).await?;
        }
        Ok(Star { bench, letters })
    }

    async fn permit(&self, actor: usize) -> Result<Permit, Failure> {
        self.bench.tree.gate.admit(&self.bench.admin, self.letters.to(actor)).await.map_err(refused)
    }
}

impl Actors for Star {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        let permit = self.permit(actor).await?;
        self.bench.tree.ask(permit).await.map(drop).map_err(refused)
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        let permit = self.permit(actor).await?;
        self.bench.tree.tell(permit).await.map_err(refused)
    }
}
