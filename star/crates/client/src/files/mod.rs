//! The bytes of resources, over plain HTTP under `/r/PATH`.
//!
//! Everything streams: no file is ever in memory as a whole, and what arrives is checked against
//! the digest that the Star gives as its `ETag`.

mod copy;
mod download;
mod etag;
mod local;
mod presence;
mod remote;
mod trees;
mod unpack;
mod upload;
mod uploads;

pub use download::{Download, Part};
pub use local::{digest_of_file, place_in};
pub use remote::FileInfo;
pub use trees::{FailedFile, SentTree};
pub use upload::{Condition, Outgoing, Stored, UploadOptions};
pub use uploads::OpenUpload;
