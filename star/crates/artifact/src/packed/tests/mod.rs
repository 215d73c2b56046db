//! What cannot be brought about through the door: a disk that fails at one moment, and contents in more
//! pieces than a test could store.

mod disk;
mod rows;
mod syncs;
