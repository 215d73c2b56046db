//! `star set`: changes properties and labels.

use std::collections::BTreeMap;

use star_client::v1::SetRequest;
use star_path::{PropertyKey, ResourcePath};

use super::error::CliError;
use super::once::Once;
use super::pairs::{self, Assignment};
use super::session::Session;

/// Set properties and labels of a resource: all of them or none
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star set localhost:files#title='Shared files'
  star set localhost#routes=localhost:hello:latest:/routes.conf
  star set localhost:files#title=Files localhost:files#description='For all'
  star set localhost:files --remove title --label team=red")]
pub(crate) struct Set {
    /// PATH#key=value; PATH alone with --remove or --label
    #[arg(required = true, value_name = "PATH#KEY=VALUE")]
    assignments: Vec<String>,
    /// Property to remove; labels.NAME for a label
    #[arg(long, value_name = "KEY")]
    remove: Vec<String>,
    /// Label to set
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Refuse unless the resource still has this revision
    #[arg(long, value_name = "REVISION")]
    if_revision: Option<u64>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    once: Once,
}

impl Set {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let (path, request) = self.request()?;
        let client = self.once.client(session)?;
        if self.dry_run {
            client.info(&path).await?;
            return rehearse(session, &path, &request);
        }
        let changes = request.properties.len() + request.removals.len();
        let response = client.set(request).await?;
        for warning in &response.warnings {
            session.output.warning(warning);
        }
        if !session.output.is_human() {
            return session.output.value(&response);
        }
        let what = crate::output::measure::count(changes as u64, "property", "properties");
        session.output.note(&format!("set {what} of {path}"));
        session.output.next(&format!("star get {path}"));
        Ok(())
    }

    /// One request for all assignments, because all of them or none are made.
    fn request(&self) -> Result<(ResourcePath, SetRequest), CliError> {
        let mut path: Option<ResourcePath> = None;
        let mut properties: BTreeMap<String, String> = BTreeMap::new();
        for text in &self.assignments {
            let Assignment { path: named, pair } = pairs::assignment(text)?;
            if let Some(other) = path.replace(named.clone()).filter(|other| *other != named) {
                return Err(CliError::usage(format!("{other} and {named} are two resources"))
                    .hint("one command changes one resource, all of it or nothing"));
            }
            if let Some((key, value)) = pair {
                give(&mut properties, key.to_string(), value)?;
            }
        }
        for (name, value) in pairs::map("--label", &self.label)? {
            give(&mut properties, format!("labels.{name}"), value)?;
        }
        let mut removals = Vec::new();
        for key in &self.remove {
            PropertyKey::parse(key)?;
            if properties.contains_key(key) {
                return Err(CliError::usage(format!("`{key}` is both set and removed")));
            }
            removals.push(key.clone());
        }
        let path = path.ok_or_else(|| CliError::usage("no resource is named"))?;
        if properties.is_empty() && removals.is_empty() {
            return Err(CliError::usage(format!("nothing of {path} is set"))
                .hint(format!("star set {path}#title=VALUE, or: star get {path}")));
        }
        let request = SetRequest {
            path: path.to_string(),
            properties,
            removals,
            if_revision: self.if_revision,
            ..Default::default()
        };
        Ok((path, request))
    }
}

fn give(properties: &mut BTreeMap<String, String>, key: String, value: String) -> Result<(), CliError> {
    match properties.insert(key.clone(), value) {
        None => Ok(()),
        Some(_) => Err(CliError::usage(format!("`{key}` is set twice"))),
    }
}

fn rehearse(session: &Session, path: &ResourcePath, request: &SetRequest) -> Result<(), CliError> {
    if !session.output.is_human() {
        return session.output.value(&serde_json::json!({ "dryRun": true, "set": request }));
    }
    for (key, value) in &request.properties {
        session.output.line(&format!("would set {path}#{key}={value}"))?;
    }
    request.removals.iter().try_for_each(|key| session.output.line(&format!("would remove {path}#{key}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(assignments: &[&str], remove: &[&str], label: &[&str]) -> Result<(ResourcePath, SetRequest), CliError> {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let (assignments, remove, label) = (own(assignments), own(remove), own(label));
        Set { assignments, remove, label, if_revision: None, dry_run: false, once: Once::default() }.request()
    }

    #[test]
    fn several_assignments_become_one_request() {
        let (path, request) = set(&["a:b#title=x", "a:b#description=y"], &["public"], &["team=red"]).ok().unwrap();
        assert_eq!(path.as_str(), "a:b");
        let keys: Vec<&str> = request.properties.keys().map(String::as_str).collect();
        assert_eq!((keys, request.removals), (vec!["description", "labels.team", "title"], vec!["public".to_owned()]));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert!(set(&["a:b#title=x", "a:c#title=x"], &[], &[]).is_err());
        assert!(set(&["a:b#title=x", "a:b#title=y"], &[], &[]).is_err());
        assert!(set(&["a:b#title=x"], &["title"], &[]).is_err());
        assert!(set(&["a:b#labels.team=x"], &[], &["team=y"]).is_err());
        assert!(set(&["a:b"], &[], &[]).is_err());
        assert!(set(&["a:b"], &["No Key"], &[]).is_err());
    }
}
