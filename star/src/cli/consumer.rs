//! `star consumer`: durable readers of the event log.

use star_client::v1::Consumer as Kept;

use super::error::CliError;
use super::session::Session;
use crate::output::table::{Align, Table};

/// List or drop the durable consumers of the event log
///
/// `star events --consumer NAME` registers one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star consumer ls
  star consumer rm mirror")]
pub(crate) struct Consumer {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List them, and how far they have read
    Ls,
    /// Drop one: nothing is kept for it any more
    Rm {
        /// Its name
        name: String,
    },
}

impl Consumer {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let client = session.client()?;
        match self.action {
            Action::Ls => {
                let found = client.consumers().await?;
                match session.output.is_human() {
                    true if found.consumers.is_empty() => {
                        session.output.note("there are no consumers");
                        Ok(())
                    }
                    true => session.output.line(&table(&found.consumers, &found.head)),
                    false => session.output.values(&found.consumers),
                }
            }
            Action::Rm { name } => {
                client.forget_consumer(&name).await?;
                session.output.note(&format!("dropped the consumer {name}"));
                Ok(())
            }
        }
    }
}

fn table(consumers: &[Kept], head: &str) -> String {
    let mut table =
        Table::new(&[("CONSUMER", Align::Left), ("READ UP TO", Align::Right), ("END OF THE LOG", Align::Right)]);
    for consumer in consumers {
        table.row(vec![consumer.name.clone(), consumer.cursor.clone(), head.to_owned()]);
    }
    table.render()
}
