//! `star get`: reads properties.

use super::error::CliError;
use super::paths;
use super::session::Session;

/// Print the value of a property, or all properties of a resource
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star get localhost:files#title
  star get localhost:files#labels.team
  star get localhost -o json")]
pub(crate) struct Get {
    /// PATH#key for one property, PATH for all
    property: String,
}

impl Get {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let (path, key) = paths::property(&self.property)?;
        let client = session.client()?;
        let Some(key) = key else {
            let resource = client.info(&path).await?;
            let labels = resource.labels.into_iter().map(|(name, value)| (format!("labels.{name}"), value));
            let all = resource.properties.into_iter().chain(labels);
            if !session.output.is_human() {
                let all: std::collections::BTreeMap<String, String> = all.collect();
                return session.output.value(&all);
            }
            return all.into_iter().try_for_each(|(key, value)| session.output.line(&format!("{key}={value}")));
        };
        let got = client.get(&path, &key).await?;
        if !session.output.is_human() {
            let value = serde_json::json!({
                "path": path, "key": key, "value": got.value, "revision": got.revision.to_string(),
            });
            return session.output.value(&value);
        }
        session.output.line(&got.value)
    }
}
