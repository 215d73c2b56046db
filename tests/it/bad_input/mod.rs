//! What people get wrong: each mistake has an exit code, a code, words that help, and no effect.

mod apps;
mod bundles;
mod disk;
mod messages;
mod processes;
mod resources;
mod routes;
mod uploads;
