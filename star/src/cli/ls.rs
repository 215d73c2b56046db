//! `star ls`: lists resources.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use star_client::Client;
use star_client::v1::Resource;
use star_path::{ResourcePath, Selector};

use super::error::CliError;
use super::session::Session;
use super::{pairs, paths};
use crate::output::resource;

/// List resources
///
/// A path lists what lies directly below it; a selector lists what it matches. Without either, the
/// Spaces are listed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  star ls
  star ls localhost
  star ls -l 'localhost:**'
  star ls localhost:files:/docs/
  star ls -r localhost:hello:1.0.0:/
  star ls 'localhost:**<Mechtron>[status=Panic]' -o jsonl
  star ls -r localhost --label env=prod --label tier=web")]
pub(crate) struct Ls {
    /// Path or selector
    selector: Option<String>,
    /// Show kind, status, size and time of the last change
    #[arg(long, short)]
    long: bool,
    /// List everything below the path
    #[arg(long, short)]
    recursive: bool,
    /// Only what has this label
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,
}

impl Ls {
    pub(crate) async fn run(self, session: &Session) -> Result<(), CliError> {
        let client = session.client()?;
        let asked = paths::selector(self.selector.as_deref().unwrap_or("*"))?;
        let labels = pairs::map("--label", &self.label)?;
        let resources = match asked.is_literal() {
            true if labels.is_empty() => below(&client, asked.literal_prefix(), self.recursive).await?,
            _ => client.list(&labelled(&asked, &labels, self.recursive)?).try_collect().await?,
        };
        if !session.output.is_human() {
            return session.output.values(&resources);
        }
        if self.long {
            return session.output.line(&resource::long_list(&resources));
        }
        resources.iter().try_for_each(|resource| session.output.line(&resource.path))
    }
}

/// What a selector covers, or what lies below a path, of what has some labels.
fn labelled(asked: &Selector, labels: &BTreeMap<String, String>, recursive: bool) -> Result<Selector, CliError> {
    let many = if recursive { "**" } else { "*" };
    let path = asked.literal_prefix();
    let mut text = match () {
        () if !asked.is_literal() => asked.to_string(),
        () if path.is_root() => many.to_owned(),
        () if path.is_directory() => format!("{path}{many}"),
        () => format!("{path}:{many}"),
    };
    for (name, value) in labels {
        text.push_str(&format!("[labels.{name}={value}]"));
    }
    Ok(Selector::parse(&text)?)
}

/// What lies below a path; a resource that holds nothing by its nature lists itself.
async fn below(client: &Client, path: &ResourcePath, recursive: bool) -> Result<Vec<Resource>, CliError> {
    if path.is_root() {
        let all = Selector::parse(if recursive { "**" } else { "*" })?;
        return Ok(client.list(&all).try_collect().await?);
    }
    if !path.is_directory() {
        let resource = client.info(path).await?;
        return match resource.kind.as_str() {
            "File" | "Artifact" => Ok(vec![resource]),
            "FileSystem" | "ArtifactBundle" => directory(client, &path.with_files("/")?, recursive).await,
            _ => {
                let selector = Selector::parse(&format!("{path}:{}", if recursive { "**" } else { "*" }))?;
                let found: Vec<Resource> = client.list(&selector).try_collect().await?;
                Ok(found.into_iter().filter(|found| found.path != resource.path).collect())
            }
        };
    }
    directory(client, path, recursive).await
}

/// The entries of a directory.
async fn directory(client: &Client, path: &ResourcePath, recursive: bool) -> Result<Vec<Resource>, CliError> {
    // Bundles keep no directories, so that those appear by what lies in them.
    let keeps_directories = recursive || client.info(&path.without_files()).await?.kind != "ArtifactBundle";
    let patterns: &[&str] = match (recursive, keeps_directories) {
        (false, true) => &["*", "*/"],
        _ => &["**"],
    };
    let mut found: Vec<Resource> = Vec::new();
    for pattern in patterns {
        let page: Vec<Resource> = client.list(&Selector::parse(&format!("{path}{pattern}"))?).try_collect().await?;
        found.extend(page);
    }
    if found.is_empty() {
        // An empty directory is there; a missing one is an error that says so.
        client.info(path).await?;
    }
    found.retain(|resource| !name_below(path, resource).is_empty());
    if !keeps_directories {
        found = folded(path, found);
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The name of a file relative to the directory that was listed; empty for the directory itself.
fn name_below(directory: &ResourcePath, resource: &Resource) -> String {
    let depth = directory.files_decoded().unwrap_or_default().len();
    let files = ResourcePath::parse(&resource.path).ok().and_then(|path| path.files_decoded());
    files.and_then(|files| files.get(depth..).map(str::to_owned)).unwrap_or_default()
}

/// The files that lie in a directory itself, and the directories that hold the others.
fn folded(directory: &ResourcePath, files: Vec<Resource>) -> Vec<Resource> {
    let mut entries: BTreeMap<String, Resource> = BTreeMap::new();
    for file in files {
        let name = name_below(directory, &file);
        let Some((below, behind)) = name.split_once('/') else {
            entries.insert(name, file);
            continue;
        };
        let path = cut(&file.path, behind);
        entries.entry(format!("{below}/")).or_insert_with(|| Resource { path, kind: file.kind, ..Default::default() });
    }
    entries.into_values().collect()
}

/// The path of the directory above `behind`, which is decoded and ends the path.
fn cut(path: &str, behind: &str) -> String {
    let levels = behind.matches('/').count();
    let end = path.rmatch_indices('/').nth(levels).map_or(path.len(), |(at, _)| at + 1);
    path[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(path: &str) -> Resource {
        Resource { path: path.into(), kind: "Artifact".into(), ..Default::default() }
    }

    #[test]
    fn labels_narrow_what_is_listed() {
        for (asked, recursive, selector) in [
            ("acme", false, "acme:*[labels.env=prod][labels.tier=web]"),
            ("acme", true, "acme:**[labels.env=prod][labels.tier=web]"),
            ("ROOT", true, "**[labels.env=prod][labels.tier=web]"),
            ("acme:fs:/docs/", false, "acme:fs:/docs/*[labels.env=prod][labels.tier=web]"),
            ("acme:**<Base>[status=Ready]", false, "acme:**<Base>[status=Ready][labels.env=prod][labels.tier=web]"),
        ] {
            let labels = [("env", "prod"), ("tier", "web")].map(|(name, value)| (name.to_owned(), value.to_owned()));
            let made = labelled(&Selector::parse(asked).unwrap(), &labels.into(), recursive).ok().unwrap();
            assert_eq!(made, Selector::parse(selector).unwrap(), "{asked}");
        }
    }

    #[test]
    fn a_directory_is_named_by_what_lies_in_it() {
        for (path, behind, directory) in [
            ("a:b:1.0.0:/docs/x.md", "x.md", "a:b:1.0.0:/docs/"),
            ("a:b:1.0.0:/docs/en/x%20y.md", "en/x y.md", "a:b:1.0.0:/docs/"),
        ] {
            assert_eq!(cut(path, behind), directory, "{path}");
        }
    }

    #[test]
    fn the_files_of_a_bundle_fold_into_the_directories_that_hold_them() {
        // The list answers with the version where a tag was asked for.
        let asked = ResourcePath::parse("a:b:latest:/").unwrap();
        let files = ["a:b:1.0.0:/x", "a:b:1.0.0:/d/e/y", "a:b:1.0.0:/d/z"].map(artifact).to_vec();
        let paths: Vec<String> = folded(&asked, files).into_iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["a:b:1.0.0:/d/", "a:b:1.0.0:/x"]);
    }
}
