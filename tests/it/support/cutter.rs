//! Something on the way to a Star that loses answers.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// A way to a Star. Ends when it is dropped; what passes then ends with its connections.
pub(crate) struct Cutter {
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    /// The address of the Star, which is another one after a restart.
    star: Mutex<String>,
    /// What is in the request whose answer is lost, and how many of them still are.
    marked: Mutex<String>,
    left: AtomicUsize,
    over: AtomicBool,
}

impl Cutter {
    /// A way to the Star at this URL on which nothing is lost yet.
    pub(crate) fn before(url: &str) -> Cutter {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let (star, marked) = (Mutex::new(plain(url)), Mutex::default());
        let shared = Arc::new(Shared { star, marked, left: AtomicUsize::new(0), over: AtomicBool::new(false) });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || shared.pass(client).ok());
            }
        });
        Cutter { address, shared }
    }

    /// The URL to be used in place of that of the Star.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads to another address from now on.
    pub(crate) fn lead_to(&self, url: &str) {
        *lock(&self.shared.star) = plain(url);
    }

    /// Loses the answers to the next so many requests that hold a text: the Star has done what it
    /// was asked for, and the connection is cut.
    pub(crate) fn lose(&self, count: usize, marked: &str) {
        *lock(&self.shared.marked) = marked.to_owned();
        self.shared.left.store(count, Ordering::SeqCst);
    }

    /// How many answers are still to be lost.
    pub(crate) fn left(&self) -> usize {
        self.shared.left.load(Ordering::SeqCst)
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the one who accepts.
        TcpStream::connect(&self.address).ok();
    }
}

impl Shared {
    /// Passes on what a client says, and what the Star answers to it.
    fn pass(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let address = lock(&self.star).clone();
        let Ok(star) = TcpStream::connect(address) else { return client.shutdown(Shutdown::Both) };
        let is_marked = Arc::new(AtomicBool::new(false));
        let (up, mark) = ((client.try_clone()?, star.try_clone()?), Arc::clone(&is_marked));
        let shared = Arc::clone(self);
        std::thread::spawn(move || {
            let mut seen = Vec::new();
            copy(up.0, up.1, |bytes| {
                seen.extend_from_slice(bytes);
                let marked = lock(&shared.marked).clone();
                let found = !marked.is_empty() && seen.windows(marked.len()).any(|part| part == marked.as_bytes());
                if found {
                    mark.store(true, Ordering::SeqCst);
                    seen.clear();
                }
                true
            })
            .ok();
        });
        copy(star, client, |_| !(is_marked.swap(false, Ordering::SeqCst) && self.takes_one()))
    }

    fn takes_one(&self) -> bool {
        self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

/// Copies until the end, or until somebody says no to some bytes; then both sides are cut.
fn copy(mut from: TcpStream, mut to: TcpStream, mut passes: impl FnMut(&[u8]) -> bool) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    loop {
        let count = from.read(&mut piece).unwrap_or(0);
        if count == 0 || !passes(&piece[..count]) || to.write_all(&piece[..count]).is_err() {
            from.shutdown(Shutdown::Both).ok();
            return to.shutdown(Shutdown::Both);
        }
    }
}

fn plain(url: &str) -> String {
    url.trim_start_matches("http://").trim_end_matches('/').to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
