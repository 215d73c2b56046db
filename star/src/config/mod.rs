//! What the command line remembers between calls, and how it finds its Star.

pub(crate) mod contexts;
pub(crate) mod locate;
