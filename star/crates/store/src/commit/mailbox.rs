//! What callers send to the writer, and how the writer, which is a thread and no task, waits.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

use star_core::ports::meta::{Batch, CommitError, Committed, ReadError};
use tokio::sync::{mpsc, oneshot};

/// A batch that waits for its answer.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) batch: Batch,
    /// Its operations and events, encoded by the caller's thread.
    pub(crate) body: Vec<u8>,
    pub(crate) reply: oneshot::Sender<Result<Committed, CommitError>>,
}

/// What the writer is asked for.
#[derive(Debug)]
pub(crate) enum Request {
    /// Make a batch happen.
    Commit(Box<Pending>),
    /// Make the index durable, and tell; then make a checkpoint, and tell.
    Checkpoint(oneshot::Sender<Result<(), ReadError>>, oneshot::Sender<Result<(), ReadError>>),
    /// Finish what is under way and end.
    Close(oneshot::Sender<()>),
}

/// What came of waiting.
#[derive(Debug)]
pub(crate) enum Waited {
    /// A request.
    For(Request),
    /// Nothing until the deadline.
    InVain,
    /// Nobody can send any more.
    Closed,
}

/// Waits for a request until a deadline, on the calling thread.
pub(crate) fn wait(requests: &mut mpsc::Receiver<Request>, deadline: Instant) -> Waited {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut request = pin!(requests.recv());
    loop {
        match request.as_mut().poll(&mut context) {
            Poll::Ready(Some(request)) => return Waited::For(request),
            Poll::Ready(None) => return Waited::Closed,
            Poll::Pending => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Waited::InVain;
        }
        thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_thread_waits_for_a_request_for_the_deadline_and_for_the_end() {
        let (sender, mut requests) = mpsc::channel(1);
        assert!(matches!(wait(&mut requests, Instant::now()), Waited::InVain));
        let far = Instant::now() + Duration::from_secs(60);
        let (answer, _answered) = oneshot::channel();
        let from_elsewhere = thread::spawn(move || {
            sender.blocking_send(Request::Close(answer)).unwrap();
        });
        assert!(matches!(wait(&mut requests, far), Waited::For(Request::Close(_))));
        from_elsewhere.join().unwrap();
        assert!(matches!(wait(&mut requests, far), Waited::Closed));
    }
}
