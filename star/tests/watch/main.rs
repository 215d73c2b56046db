//! Watching through every door of a Star that really listens, with the real client.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod agreement;
mod audience;
mod doors;
