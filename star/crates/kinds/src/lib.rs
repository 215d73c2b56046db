//! The behaviour of resources, one module per kind.
//!
//! [`behaviours`] gives core what it needs of every kind. [`config`] reads the documents of
//! bundles and [`routes`] the route language; both are pure and used by others too. Knows no
//! protocol and no engine: a mechtron is whatever the port of core calls one.

mod app;
mod broadcast;
mod bundle;
pub mod config;
mod documents;
mod file_system;
pub mod limits;
mod mechtron;
mod plain;
pub mod routes;
mod series;
mod space;

use star_core::behaviour::Behaviours;
use star_core::kind::Kind;

pub use documents::invalid_text;
pub use space::load_routes;

/// The behaviours of all kinds that are actors. Files and Artifacts have none of their own: their
/// FileSystem or bundle answers for them.
pub fn behaviours() -> Behaviours {
    Behaviours::default()
        .with(Kind::Root, plain::Plain)
        .with(Kind::Space, space::SpaceKind)
        .with(Kind::Base, plain::Plain)
        .with(Kind::FileSystem, file_system::FileSystemKind::default())
        .with(Kind::ArtifactBundleSeries, series::SeriesKind)
        .with(Kind::ArtifactBundle, bundle::BundleKind)
        .with(Kind::App, app::AppKind)
        .with(Kind::Mechtron, mechtron::MechtronKind)
        .with(Kind::Broadcast, broadcast::BroadcastKind)
        .with(Kind::Star, plain::Plain)
}
