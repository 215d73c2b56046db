//! The Rust client of a Star: used by the command line, by tests, by the operator, and by anybody.
//!
//! Calls of the services go over Connect, bytes over plain HTTP; both share one [`Client`], its
//! connections, its key and its one error, [`ClientError`]. Messages are those of the schema
//! ([`v1`]), paths and selectors those of `star-path`, read before anything is sent.
//!
//! | module | what |
//! |---|---|
//! | `endpoint`, `client` | where the Star is; how every request leaves and returns |
//! | `resources`, `locks`, `messages`, `watch`, `consumers`, `contents`, `stars` | the services |
//! | `version` | the version of the API that is asked for and answered |
//! | `once` | sending a change until it is answered, so that it is done once |
//! | `connect`, `envelope` | the protocol below them |
//! | `files`, `publish`, `events` | the plain HTTP surfaces |
//! | `lines`, `server_sent` | the forms in which events come |
//! | `tree`, `archive`, `sending`, `meter`, `progress` | directories and transfers |
//! | `error`, `refusal` | what can stand in the way, and how it is read |
//!
//! ```no_run
//! use star_client::{Client, Endpoint, Message, Token};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let token = Token::read_file("admin.token".as_ref())?;
//! let star = Client::new(Endpoint { url: "http://127.0.0.1:4343".into(), token: Some(token) })?;
//! let greeter = "localhost:app:greeter".parse()?;
//! let message = Message::new(greeter, "greet").with_json(&serde_json::json!({ "name": "Ada" }));
//! let reply = star.ask(message).await?;
//! # Ok(())
//! # }
//! ```

mod archive;
mod client;
mod connect;
mod consumers;
mod contents;
mod endpoint;
mod envelope;
mod error;
mod events;
mod files;
pub mod limits;
mod lines;
mod locks;
mod messages;
mod meter;
mod once;
mod progress;
mod publish;
mod refusal;
mod resources;
mod sending;
mod server_sent;
mod stars;
mod tree;
mod version;
mod watch;

pub use client::Client;
pub use endpoint::{Endpoint, Token};
pub use error::{ApiError, Cause, Class, ClientError};
pub use events::{AtEnd, EventsForm, EventsQuery};
pub use files::{
    Condition, Download, FailedFile, FileInfo, OpenUpload, Outgoing, Part, SentTree, Stored, UploadOptions,
    digest_of_file, place_in,
};
pub use messages::{Message, Reply};
pub use progress::{Progress, silent};
pub use publish::Published;
pub use resources::Below;
pub use tree::TreeError;
pub use watch::{WatchItem, WatchStream, cursor_of};

pub use star_api::v1;
pub use star_api::version::ApiVersion;
