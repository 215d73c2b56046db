//! `star serve`: a Star from an empty folder to an orderly end.
//!
//! This is the only place where the leaves meet: it opens what is behind the ports of core, builds
//! the tree on them, and puts the listeners in front. Start at [`run`].

mod data_dir;
mod greeting;
mod index;
mod logging;
mod ready;
mod takeover;
mod wiring;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use star_http::server::{BindError, Listener};
use star_kinds::config::quantity::ByteSize;
use star_store::{OpenError, Retention};

pub(crate) use data_dir::{DataDir, default_data_dir};
pub(crate) use index::Index;
pub(crate) use ready::Ready;

use crate::cli::time;

/// How a Star is started.
#[derive(Debug, clap::Args)]
pub(crate) struct ServeOptions {
    /// Where everything is kept; made if it does not exist [default: the user's data folder]
    #[arg(long, value_name = "DIR", env = "STAR_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Where the API and the registries answer; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4343", env = "STAR_LISTEN")]
    pub(crate) listen: SocketAddr,
    /// Where web sites answer; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "STAR_WEB")]
    pub(crate) web: SocketAddr,
    /// What holds the index of the metadata [default: what the folder has, redb for a new one]
    #[arg(long, value_enum, value_name = "ENGINE")]
    pub(crate) index: Option<Index>,
    /// Events younger than this are kept, e.g. 12h, 30d, as far as --keep-events-size allows [default: 1d]
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) keep_events_for: Option<Duration>,
    /// Size of the log above which the oldest events go, however young, e.g. 10GiB [default: 1GiB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) keep_events_size: Option<ByteSize>,
    /// Gets one line of JSON once everything answers
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
    /// The name of this Star
    #[arg(long, value_name = "NAME", default_value = "local")]
    pub(crate) name: String,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
}

impl ServeOptions {
    /// How much of the log is kept. What a slow consumer may hold back is never less.
    fn retention(&self) -> Retention {
        let usual = Retention::default();
        let bytes = self.keep_events_size.map_or(usual.bytes, ByteSize::as_bytes);
        Retention { age: self.keep_events_for.unwrap_or(usual.age), bytes, held_bytes: usual.held_bytes.max(bytes) }
    }
}

/// A form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object per line.
    Json,
}

/// Why a Star did not start, named for what its user does next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    /// The index in the data directory is of another engine: convert it, or start with that one.
    #[error("the index in {} is held by {found}, and {wanted} is asked for", dir.display())]
    OtherIndex {
        /// The data directory.
        dir: PathBuf,
        /// What is there.
        found: Index,
        /// What is asked for.
        wanted: Index,
    },
    /// A restore into the data directory was cut off.
    #[error("the restore into {} was not finished", dir.display())]
    Unrestored {
        /// The data directory.
        dir: PathBuf,
    },
    /// The data directory is in use or damaged.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The contents in the data directory cannot be used.
    #[error("the contents in {} cannot be used", dir.display())]
    Content {
        /// Their folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: star_artifact::OpenError,
    },
    /// Contents of before could not be taken in.
    #[error("the contents of before could not be taken into packs")]
    Takeover(#[from] takeover::TakeoverError),
    /// Mechtrons cannot be run.
    #[error(transparent)]
    Mechtrons(#[from] star_mechtron::StartError),
    /// Nothing can be measured in this process.
    #[error("metrics cannot be recorded")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A file cannot be used.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// There is no folder for the data of this user.
    #[error("this user has no home folder; say where to keep the data with --data DIR")]
    NoHome,
    /// The name of the Star cannot be part of a path.
    #[error("`{name}` cannot name a Star; take lower-case letters, digits, `.`, `_` and `-`")]
    Name {
        /// The name.
        name: String,
    },
    /// The Star could not write what it says of itself.
    #[error("the Star could not be set up: {0}")]
    SetUp(star_wire::StarError),
}

/// Runs a Star until it is told to end (Ctrl-C, SIGTERM). `verbose` counts the `-v` flags.
pub(crate) async fn run(options: ServeOptions, verbose: u8) -> Result<(), ServeError> {
    logging::start(options.log_format, verbose);
    if !star_path::ordinary_name(&options.name) {
        return Err(ServeError::Name { name: options.name });
    }
    let data = DataDir::open(options.data.clone())?;
    // Before anything is opened, because parts ask for their meters when they are made.
    let metrics = star_http::meters::install()?;
    // The lock on the store comes first: whoever does not get it must not touch anything.
    let ports = wiring::open_ports(&data, index::choose(&data, options.index)?, options.retention()).await?;
    let api = Listener::bind(options.listen, "--listen").await?;
    let web = Listener::bind(options.web, "--web").await?;
    let star = wiring::start(&data, ports, metrics, &options.name, (&api, &web)).await?;
    let shutdown = star.shutdown.clone();
    tokio::spawn(async move {
        wiring::told_to_end().await;
        shutdown.cancel();
    });
    let ready = Ready::now(&data, &api, &web);
    let servers = star.serve(api, web);
    ready.announce(&data, options.ready_file.as_deref())?;
    greeting::print(&data, &ready);
    servers.await;
    ready.withdraw(&data);
    star.close().await;
    Ok(())
}
