//! No library of actors at all: a task behind a bounded queue of tokio, and a channel for each
//! answer. What remains is what any actor on tokio has to pay.

use star_core::limits::MAILBOX;
use star_wire::{Envelope, Reply};
use tokio::sync::{mpsc, oneshot};

use super::letters::Letters;
use super::{ACTORS, Actors};
use crate::failure::Failure;
use crate::tree::CONTENT_TYPE;

/// A message, and the way back for its answer where somebody waits for one.
type Asked<Q, A> = (Q, Option<oneshot::Sender<A>>);

/// Some tasks that answer.
struct Tasks<Q, A>(Vec<mpsc::Sender<Asked<Q, A>>>);

impl<Q: Send + 'static, A: Send + 'static> Tasks<Q, A> {
    fn start(answer: fn(Q) -> A) -> Tasks<Q, A> {
        let tasks = (0..ACTORS).map(|_| {
            let (sender, mut asked) = mpsc::channel::<Asked<Q, A>>(MAILBOX);
            // Ends with the last sender.
            tokio::spawn(async move {
                while let Some((question, back)) = asked.recv().await {
                    let answer = answer(question);
                    if let Some(back) = back {
                        // Whoever asked may have gone.
                        back.send(answer).ok();
                    }
                }
            });
            sender
        });
        Tasks(tasks.collect())
    }

    async fn ask(&self, task: usize, question: Q) -> Result<(), Failure> {
        let (back, answer) = oneshot::channel();
        self.0[task].send((question, Some(back))).await.map_err(refused)?;
        answer.await.map(drop).map_err(refused)
    }

    fn tell(&self, task: usize, question: Q) -> Result<(), Failure> {
        self.0[task].try_send((question, None)).map_err(refused)
    }
}

fn refused(error: impl ToString) -> Failure {
    Failure::wrong("a task", error)
}

pub(super) struct Envelopes {
    tasks: Tasks<Envelope, Reply>,
    letters: Letters,
}

impl Envelopes {
    pub(super) fn start() -> Result<Envelopes, Failure> {
        let tasks = Tasks::start(|envelope: Envelope| Reply::new(CONTENT_TYPE, envelope.body));
        Ok(Envelopes { tasks, letters: Letters::new()? })
    }
}

impl Actors for Envelopes {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        self.tasks.ask(actor, self.letters.to(actor)).await
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        self.tasks.tell(actor, self.letters.to(actor))
    }
}

pub(super) struct Numbers {
    tasks: Tasks<u64, u64>,
}

impl Numbers {
    pub(super) fn start() -> Numbers {
        Numbers { tasks: Tasks::start(|number| number + 1) }
    }
}

impl Actors for Numbers {
    async fn ask(&self, actor: usize) -> Result<(), Failure> {
        self.tasks.ask(actor, 1).await
    }

    async fn tell(&self, actor: usize) -> Result<(), Failure> {
        self.tasks.tell(actor, 1)
    }
}
