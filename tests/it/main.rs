//! The whole program as its users meet it: real processes, real sockets, a real disk.
//!
//! One binary, because linking many takes longer than running them. Each module is one thing that
//! users rely on; what the tests stand on is in [`support`].

mod backups;
mod bad_input;
mod crash;
mod crowds;
mod data_folder;
mod errors;
mod files;
mod forms;
mod histories;
mod life;
mod locks;
mod mechtrons;
mod observe;
mod once;
mod organise;
mod previous_release;
mod public;
mod quick_start;
mod rpc;
mod spaces;
mod support;
mod upkeep;
mod uploads;
mod versions;
mod watch;
mod web;
