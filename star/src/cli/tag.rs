//! `star tag`: moves and takes away tags.

use star_client::v1::TagRequest;
use star_path::ResourcePath;

use super::error::CliError;
use super::once::Once;
use super::paths;
use super::publish::bundle;
use super::session::Session;

/// Point a tag at a version, or take a tag away
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star tag localhost:hello:1.1.0 latest
  star tag localhost:hello:1.1.0 latest --if-version 1.0.0
  star tag --delete localhost:hello:beta")]
pub(crate) struct Tag {
    /// Series and version, such as acme:site:1.2.0; with --delete, series and tag
    #[arg(value_name = "PATH:VERSION")]
    path: String,
    /// Name of the tag
    #[arg(required_unless_present = "delete", conflicts_with = "delete")]
    tag: Option<String>,
    /// Take the tag away
    #[arg(long, short)]
    delete: bool,
    /// Refuse unless the tag names this version now; an empty text for none
    #[arg(long, value_name = "VERSION")]
    if_version: Option<String>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    once: Once,
}

impl Tag {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let request = self.request()?;
        let client = self.once.client(session)?;
        let name = format!("{}:{}", request.series, request.tag);
        let version = request.version.clone();
        if self.dry_run {
            let series = client.info(&ResourcePath::parse(&request.series)?).await?;
            let now = series.tags.get(&request.tag).cloned().unwrap_or_default();
            if !version.is_empty() {
                client.info(&ResourcePath::parse(&format!("{}:{version}", request.series))?).await?;
            }
            return rehearse(session, &name, &now, &version);
        }
        let response = client.tag(request).await?;
        if !session.output.is_human() {
            return session.output.value(&serde_json::json!({
                "tag": name, "version": version, "previous": response.previous,
                "revision": response.revision.to_string(),
            }));
        }
        session.output.note(&moved(&name, &response.previous, &version));
        Ok(())
    }

    fn request(&self) -> Result<TagRequest, CliError> {
        let (series, tag, version) = match &self.tag {
            Some(tag) => {
                let path = bundle(&self.path)?;
                let version = path.version().map(ToString::to_string).unwrap_or_default();
                (path.without_release(), tag.clone(), version)
            }
            None => {
                let path = paths::resource(&self.path)?;
                let is_tag = path.release().is_none() && path.files().is_none() && path.names().next().is_some();
                let Some(series) = path.parent().filter(|_| is_tag) else {
                    return Err(CliError::usage(format!("`{}` names no tag", self.path))
                        .hint("a tag stands behind its series: star tag --delete localhost:hello:beta"));
                };
                (series, path.last().to_owned(), String::new())
            }
        };
        let if_version = self.if_version.clone();
        Ok(TagRequest { series: series.to_string(), tag, version, if_version, ..Default::default() })
    }
}

fn moved(name: &str, before: &str, now: &str) -> String {
    match (before, now) {
        ("", now) => format!("{name} names {now}"),
        (before, "") => format!("{name} is gone; it named {before}"),
        (before, now) if before == now => format!("{name} names {now}, as before"),
        (before, now) => format!("{name} names {now}; it named {before}"),
    }
}

fn rehearse(session: &Session, name: &str, before: &str, now: &str) -> Result<(), CliError> {
    if !session.output.is_human() {
        let value = serde_json::json!({ "dryRun": true, "tag": name, "version": now, "previous": before });
        return session.output.value(&value);
    }
    let what = if now.is_empty() { format!("would take {name} away") } else { format!("would point {name} at {now}") };
    let before = if before.is_empty() { "nothing" } else { before };
    session.output.line(&format!("{what}; it names {before}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, tag: Option<&str>) -> Result<(String, String, String), CliError> {
        let tag = tag.map(str::to_owned);
        let delete = tag.is_none();
        let request = Tag { path: path.into(), tag, delete, if_version: None, dry_run: false, once: Once::default() }
            .request()?;
        Ok((request.series, request.tag, request.version))
    }

    #[test]
    fn a_tag_is_pointed_at_a_version_or_taken_away() {
        let own = |series: &str, tag: &str, version: &str| (series.to_owned(), tag.to_owned(), version.to_owned());
        assert_eq!(request("a:b:1.0.0", Some("latest")).ok(), Some(own("a:b", "latest", "1.0.0")));
        assert_eq!(request("a:b:beta", None).ok(), Some(own("a:b", "beta", "")));
        for (path, tag) in [("a:b", Some("latest")), ("a:b:1.0.0", None), ("a", None), ("a:b:/x", None)] {
            assert!(request(path, tag).is_err(), "{path} {tag:?}");
        }
    }

    #[test]
    fn a_move_says_where_the_tag_was() {
        assert_eq!(moved("a:b:latest", "1.0.0", "1.1.0"), "a:b:latest names 1.1.0; it named 1.0.0");
        assert_eq!(moved("a:b:latest", "", "1.1.0"), "a:b:latest names 1.1.0");
        assert_eq!(moved("a:b:latest", "1.1.0", ""), "a:b:latest is gone; it named 1.1.0");
    }
}
