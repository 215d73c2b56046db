//! The listeners: from an address to answered requests.
//!
//! Owns connections and what holds for every request whatever it asks for: its identity, a panic
//! as an answer, measuring, and the limits on what comes in before any handler sees it. Knows no
//! route. The API and the web router are two listeners of this one kind; start at [`serve`].

mod accept;
mod bind;
mod crowd;
mod edge;
mod guard;
mod surface;

pub use accept::serve;
pub use bind::{BindError, Listener};
pub use surface::Surface;
