//! The command line: from arguments to a command, and from its end to an exit code.
//!
//! One file per command, named after it. What they share: [`globals`] and [`session`], addresses
//! in [`paths`], what ends them in [`error`] and [`exit`]. Commands translate and tell; what they
//! ask for is done by the Star, through the client.

mod ask;
mod backup;
mod cat;
mod check;
mod completions;
mod consumer;
mod cp;
mod create;
mod doctor;
mod du;
pub(crate) mod error;
mod events;
pub(crate) mod exit;
mod explain;
mod fsck;
mod gc;
mod get;
mod globals;
mod info;
mod kinds;
mod limits;
mod lock;
mod login;
mod logout;
mod ls;
mod mv;
mod once;
mod pairs;
mod paths;
mod publish;
mod restart;
mod restore;
mod rm;
mod secret;
mod serve;
mod session;
mod set;
mod star;
mod status;
mod stdin;
mod store;
mod tag;
mod tell;
mod unlock;
mod uploads;
mod watch;
mod welcome;
mod whoami;
mod with_lock;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::backup::error::Trouble;
use crate::output::paint::ColourChoice;
use crate::output::report::exit_of;
use error::CliError;
use exit::Exit;
use globals::Globals;
pub(crate) use globals::time;
use session::Session;

/// Keeps, serves and acts on what a team publishes.
#[derive(Debug, Parser)]
#[command(name = "star", version, disable_help_subcommand = true, subcommand_required = false)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Status(status::Status),
    Star(star::Star),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Store(store::Store),
    Gc(gc::Gc),
    Fsck(fsck::Fsck),
    Doctor(doctor::Doctor),
    Login(login::Login),
    Logout(logout::Logout),
    Whoami(whoami::Whoami),
    Create(create::Create),
    Ls(ls::Ls),
    Info(info::Info),
    Get(get::Get),
    Set(set::Set),
    Restart(restart::Restart),
    Mv(mv::Mv),
    Rm(rm::Rm),
    Cp(cp::Cp),
    Cat(cat::Cat),
    Du(du::Du),
    Uploads(uploads::Uploads),
    Ask(ask::Ask),
    Tell(tell::Tell),
    Watch(watch::Watch),
    Events(events::Events),
    Consumer(consumer::Consumer),
    Publish(publish::Publish),
    Tag(tag::Tag),
    Lock(lock::Lock),
    Unlock(unlock::Unlock),
    WithLock(with_lock::WithLock),
    Check(check::Check),
    Kinds(kinds::Kinds),
    Explain(explain::Explain),
    Completions(completions::Completions),
}

/// Runs the command that the arguments of this process name.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let exit = match parse(&arguments) {
        Ok(cli) => start(cli),
        Err(error) => refuse(&error, &arguments).number(),
    };
    ExitCode::from(exit)
}

fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let colour = match flag(arguments, &["--color"]).as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    };
    let matches = Cli::command().color(colour).try_get_matches_from(arguments)?;
    Cli::from_arg_matches(&matches)
}

/// The value of a flag in arguments that cannot be read as a whole.
fn flag(arguments: &[OsString], names: &[&str]) -> Option<String> {
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str()).take_while(|word| *word != "--");
    let mut value = None;
    while let Some(word) = words.next() {
        for name in names {
            match word.strip_prefix(name) {
                Some("") => value = words.next().map(str::to_owned),
                Some(rest) if !name.starts_with("--") || rest.starts_with('=') => {
                    value = Some(rest.trim_start_matches('=').to_owned());
                }
                _ => {}
            }
        }
    }
    value
}

/// What is told when the arguments are no command: help, the version, or what is wrong with them.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let is_help = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let wants_json = flag(arguments, &["--output", "-o"]).is_some_and(|form| form.starts_with("json"));
    if is_help || !wants_json {
        // A closed pipe ends help as quietly as it ends everything else.
        error.print().ok();
    } else {
        let text = error.render().to_string();
        let message = text.trim_start_matches("error: ").trim_end();
        let usage = CliError::usage(message);
        crate::output::Output::new(
            crate::output::Format::Jsonl,
            crate::output::Talk::Normal,
            ColourChoice::Never,
            false,
        )
        .error(&usage);
    }
    if is_help { Exit::Ok } else { Exit::Usage }
}

fn start(cli: Cli) -> u8 {
    let session = Session::new(&cli.globals);
    let Some(command) = cli.command else {
        return ended(&session, session.output.bytes(welcome::TEXT.as_bytes()).map(|()| Exit::Ok.number()));
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            session.output.error(&CliError::File { action: "start threads for", path: "star".into(), source: error });
            return Exit::Unexpected.number();
        }
    };
    let result = runtime.block_on(run(command, &session));
    // A thread that waits for standard input would be waited for in vain.
    runtime.shutdown_background();
    ended(&session, result)
}

/// Tells how a command ended.
fn ended(session: &Session, result: Result<u8, CliError>) -> u8 {
    match result.and_then(|exit| session.output.flush().map(|()| exit)) {
        Ok(exit) => exit,
        Err(error) => {
            session.output.error(&error);
            exit_of(&error).number()
        }
    }
}

/// Runs a command; answers the exit code of one that went well, which may be that of another.
async fn run(command: Command, session: &Session) -> Result<u8, CliError> {
    // A Star ends its work in order when it is told to end, and so does what works under a lock;
    // everything else stops where it is.
    let command = match command {
        Command::Serve(serve) => return serve.run(session).await.map(|()| Exit::Ok.number()),
        Command::WithLock(with_lock) => return with_lock.run(session).await,
        other => other,
    };
    tokio::select! {
        ended = dispatch(command, session) => ended.map(|()| Exit::Ok.number()),
        told = tokio::signal::ctrl_c() => match told {
            Ok(()) => Err(CliError::Interrupted),
            Err(error) => Err(CliError::File { action: "listen for Ctrl-C in", path: "star".into(), source: error }),
        },
    }
}

/// Runs work that waits for the disk on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, CliError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            Err(CliError::File { action: "go on with", path: "star".into(), source: std::io::Error::other(error) })
        }
    }
}

async fn dispatch(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Serve(it) => it.run(session).await,
        Command::Status(it) => it.run(session).await,
        Command::Star(it) => it.run(session).await,
        Command::Backup(it) => it.run(session).await,
        Command::Restore(it) => it.run(session).await,
        Command::Store(it) => it.run(session).await,
        Command::Gc(it) => it.run(session).await,
        Command::Fsck(it) => it.run(session).await,
        Command::Doctor(it) => it.run(session).await,
        Command::Login(it) => it.run(session).await,
        Command::Logout(it) => it.run(session),
        Command::Whoami(it) => it.run(session).await,
        Command::Create(it) => it.run(session).await,
        Command::Ls(it) => it.run(session).await,
        Command::Info(it) => it.run(session).await,
        Command::Get(it) => it.run(session).await,
        Command::Set(it) => it.run(session).await,
        Command::Restart(it) => it.run(session).await,
        Command::Mv(it) => it.run(session).await,
        Command::Rm(it) => it.run(session).await,
        Command::Cp(it) => it.run(session).await,
        Command::Cat(it) => it.run(session).await,
        Command::Du(it) => it.run(session).await,
        Command::Ask(it) => it.run(session).await,
        Command::Tell(it) => it.run(session).await,
        Command::Watch(it) => it.run(session).await,
        Command::Events(it) => it.run(session).await,
        Command::Uploads(it) => it.run(session).await,
        Command::Consumer(it) => it.run(session).await,
        Command::Publish(it) => it.run(session).await,
        Command::Tag(it) => it.run(session).await,
        Command::Lock(it) => it.run(session).await,
        Command::Unlock(it) => it.run(session).await,
        Command::WithLock(it) => it.run(session).await.map(drop),
        Command::Check(it) => it.run(session),
        Command::Kinds(it) => it.run(session).await,
        Command::Explain(it) => it.run(session),
        Command::Completions(it) => it.run(session),
    }
}

#[cfg(test)]
mod tests;
