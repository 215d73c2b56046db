//! The client against a Star of a few lines: real connections, real protocols, no disk.

mod failures;
mod fake;
mod files;
mod locks;
mod once;
mod publish;
mod services;
