//! The mailbox of an actor: messages in the order in which they came, at most so many.
//!
//! Owns the queue and its end; what is done with a message is for [`crate::cell`]. Why it is not
//! the mailbox of kameo stands in ADR 0013: there every message and every handler is boxed, and an
//! empty mailbox takes three kilobytes. Start at [`Mailbox::put`].

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The end of a mailbox that senders have.
#[derive(Debug)]
pub(crate) struct Mailbox<M> {
    queue: Mutex<Queue<M>>,
    capacity: usize,
}

/// The end of a mailbox that its actor reads, message by message. Dropping it closes the mailbox
/// and drops what nobody handled.
#[derive(Debug)]
pub(crate) struct Inbox<M>(Arc<Mailbox<M>>);

#[derive(Debug)]
struct Queue<M> {
    messages: VecDeque<M>,
    is_open: bool,
    /// Of the actor, while it waits for a message.
    reader: Option<Waker>,
}

/// Why a message was not taken. It comes back.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotTaken<M> {
    /// As many as there may be wait already.
    Full(M),
    /// Its actor ends, and takes no more.
    Closed(M),
}

/// An empty mailbox for at most `capacity` messages, with the end for its actor. It takes no memory
/// for messages before there are any.
pub(crate) fn bounded<M>(capacity: usize) -> (Arc<Mailbox<M>>, Inbox<M>) {
    let queue = Queue { messages: VecDeque::new(), is_open: true, reader: None };
    let mailbox = Arc::new(Mailbox { queue: Mutex::new(queue), capacity });
    (Arc::clone(&mailbox), Inbox(mailbox))
}

impl<M> Mailbox<M> {
    /// Puts a message in, without waiting.
    pub(crate) fn put(&self, message: M) -> Result<(), NotTaken<M>> {
        let mut queue = self.lock();
        if !queue.is_open {
            return Err(NotTaken::Closed(message));
        }
        if queue.messages.len() >= self.capacity {
            return Err(NotTaken::Full(message));
        }
        queue.messages.push_back(message);
        wake(queue);
        Ok(())
    }

    /// How many messages wait in it.
    pub(crate) fn len(&self) -> usize {
        self.lock().messages.len()
    }

    /// Takes no more messages. Those that are in it are still handled.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.is_open = false;
        wake(queue);
    }

    fn lock(&self) -> MutexGuard<'_, Queue<M>> {
        // Nothing that is done under the lock can leave the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the actor outside of the lock, because it may run at once on another thread.
fn wake<M>(mut queue: MutexGuard<'_, Queue<M>>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl<M> Inbox<M> {
    /// The next message; none when the mailbox is closed and empty. Dropping the future loses
    /// nothing.
    pub(crate) async fn next(&mut self) -> Option<M> {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &Context<'_>) -> Poll<Option<M>> {
        let mut queue = self.0.lock();
        if let Some(message) = queue.messages.pop_front() {
            return Poll::Ready(Some(message));
        }
        if !queue.is_open {
            return Poll::Ready(None);
        }
        match &mut queue.reader {
            Some(reader) => reader.clone_from(context.waker()),
            nobody => *nobody = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    /// Closes the mailbox and takes out what nobody handled.
    pub(crate) fn rest(&mut self) -> VecDeque<M> {
        let mut queue = self.0.lock();
        queue.is_open = false;
        std::mem::take(&mut queue.messages)
    }
}

impl<M> Drop for Inbox<M> {
    fn drop(&mut self) {
        drop(self.rest());
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn messages_come_in_their_order_and_only_so_many_wait() {
        let (mailbox, mut inbox) = bounded(2);
        assert_eq!((mailbox.put(1), mailbox.put(2)), (Ok(()), Ok(())));
        assert_eq!(mailbox.put(3), Err(NotTaken::Full(3)));
        assert_eq!(inbox.next().await, Some(1));
        assert_eq!(mailbox.put(4), Ok(()));
        assert_eq!((inbox.next().await, inbox.next().await), (Some(2), Some(4)));
    }

    #[tokio::test]
    async fn what_was_in_a_closed_mailbox_is_read_and_then_comes_the_end() {
        let (mailbox, mut inbox) = bounded(2);
        assert_eq!(mailbox.put(1), Ok(()));
        mailbox.close();
        assert_eq!(mailbox.put(2), Err(NotTaken::Closed(2)));
        assert_eq!((inbox.next().await, inbox.next().await), (Some(1), None));
    }

    #[tokio::test]
    async fn an_actor_that_ends_gives_back_what_it_did_not_read() {
        let (mailbox, mut inbox) = bounded(2);
        let message = Arc::new(());
        assert!(mailbox.put(Arc::clone(&message)).is_ok() && mailbox.put(Arc::clone(&message)).is_ok());
        assert_eq!(inbox.rest().len(), 2);
        assert!(matches!(mailbox.put(message), Err(NotTaken::Closed(_))));
    }

    #[tokio::test]
    async fn nobody_is_left_waiting_by_an_actor_that_is_dropped() {
        let (mailbox, inbox) = bounded(1);
        let (answer, answered) = tokio::sync::oneshot::channel::<()>();
        assert!(mailbox.put(answer).is_ok());
        drop(inbox);
        assert!(answered.await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_message_of_many_senders_is_lost_or_left_asleep() {
        const SENDERS: u64 = 8;
        const EACH: u64 = 5_000;
        let (mailbox, mut inbox) = bounded(16);
        let sending = (0..SENDERS).map(|sender| {
            let mailbox = Arc::clone(&mailbox);
            tokio::spawn(async move {
                for number in 0..EACH {
                    let mut message = (sender, number);
                    while let Err(NotTaken::Full(back) | NotTaken::Closed(back)) = mailbox.put(message) {
                        message = back;
                        tokio::task::yield_now().await;
                    }
                }
            })
        });
        let sending: Vec<_> = sending.collect();
        let mut next = vec![0; SENDERS as usize];
        let all = async {
            for _ in 0..SENDERS * EACH {
                let (sender, number) = inbox.next().await.unwrap();
                assert_eq!(std::mem::replace(&mut next[sender as usize], number + 1), number);
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
        for sender in sending {
            sender.await.unwrap();
        }
    }
}
