//! What lies in a directory of the Star, as it is to be copied.

use futures::TryStreamExt;
use star_client::Client;
use star_path::{Digest, ResourcePath, Selector};

use crate::cli::error::CliError;

/// A file of a directory, or an empty directory in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: ResourcePath,
    /// Relative to the directory that is copied, decoded, with slashes; a directory ends with one.
    pub(super) name: String,
    pub(super) bytes: u64,
    /// None for a directory.
    pub(super) digest: Option<Digest>,
}

impl Entry {
    pub(super) fn is_directory(&self) -> bool {
        self.path.is_directory()
    }
}

/// The files of a directory of the Star and of those below it, and the directories that hold nothing.
pub(super) async fn entries(client: &Client, directory: &ResourcePath) -> Result<Vec<Entry>, CliError> {
    let selector = Selector::parse(&format!("{directory}**"))?;
    let mut listed = Box::pin(client.list(&selector));
    let mut entries: Vec<Entry> = Vec::new();
    let mut is_there = false;
    while let Some(resource) = listed.try_next().await? {
        is_there = true;
        let path = ResourcePath::parse(&resource.path)?;
        let name = name_in(directory, &path)?;
        if name.is_empty() {
            continue;
        }
        // What lies in a directory comes right behind it.
        entries.pop_if(|before| before.is_directory() && name.starts_with(&before.name));
        let content = resource.content.as_option();
        let digest = content.and_then(|content| Digest::parse(&content.digest).ok());
        entries.push(Entry { path, name, bytes: content.map_or(0, |content| content.size), digest });
    }
    if !is_there {
        // An empty directory is copied by doing nothing; a missing one is an error.
        client.info(directory).await?;
    }
    Ok(entries)
}

/// The name of what was listed relative to the directory that was asked for, which may be called by a
/// tag where the list answers with the version.
fn name_in(directory: &ResourcePath, listed: &ResourcePath) -> Result<String, CliError> {
    let above = directory.files_decoded().unwrap_or_default();
    let name = listed.files_decoded().and_then(|files| files.strip_prefix(&above).map(str::to_owned));
    name.ok_or_else(|| CliError::usage(format!("the Star listed {listed}, which does not lie in {directory}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_below_the_directory_and_of_nothing_else() {
        let name = |directory: &str, listed: &str| {
            name_in(&ResourcePath::parse(directory).unwrap(), &ResourcePath::parse(listed).unwrap()).ok()
        };
        assert_eq!(name("a:fs:/docs/", "a:fs:/docs/x%20y/z").as_deref(), Some("x y/z"));
        assert_eq!(name("a:fs:/", "a:fs:/docs/").as_deref(), Some("docs/"));
        assert_eq!(name("a:fs:/docs/", "a:fs:/docs/").as_deref(), Some(""));
        assert_eq!(name("a:site:latest:/", "a:site:1.0.0:/x").as_deref(), Some("x"));
        // A Star that lists something else must not choose where it is written.
        for elsewhere in ["a:fs:/docsX/etc/passwd", "a:fs:/other/x", "a:fs", "a:fs:/x"] {
            assert_eq!(name("a:fs:/docs/", elsewhere), None, "{elsewhere}");
        }
    }
}
