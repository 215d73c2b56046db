//! What a Star holds already below a directory, so that it need not be sent again.
//!
//! Known by a list of the directory, which is read once. It is a hint and no promise: what it says of
//! a path is what was there when it was read, and whoever relies on it tells the Star the digest.

use std::collections::{HashMap, HashSet};

use futures::TryStreamExt as _;
use star_api::v1::Content;
use star_path::{Digest, ResourcePath, Selector};

use crate::client::Client;
use crate::error::{Class, ClientError};
use crate::limits;

/// The files below a directory of a Star.
#[derive(Debug, Default)]
pub(super) struct Presence {
    files: HashMap<ResourcePath, Held>,
    /// A path for each content.
    places: HashMap<Digest, ResourcePath>,
    /// Lengths of all contents: what has another length is none of them.
    lengths: HashSet<u64>,
}

#[derive(Debug)]
struct Held {
    digest: Digest,
    bytes: u64,
    media_type: String,
}

impl Presence {
    /// Looks at a directory, which need not be there, for as many files as `wanted` may well be among.
    pub(super) async fn below(
        client: &Client,
        directory: &ResourcePath,
        wanted: usize,
    ) -> Result<Presence, ClientError> {
        let directory = match directory.files() {
            Some(_) => directory.clone(),
            None => directory.with_files("/").map_err(unusable)?,
        };
        let all = Selector::parse(&format!("{directory}**")).map_err(unusable)?;
        let most = wanted.saturating_mul(limits::PRESENCE_FOR_EACH).saturating_add(limits::PRESENCE_LEAST);
        let mut listed = Box::pin(client.list(&all));
        let mut presence = Presence::default();
        for _ in 0..most {
            match listed.try_next().await {
                Ok(Some(resource)) => {
                    let Ok(path) = ResourcePath::parse(&resource.path) else { continue };
                    presence.take(path, resource.content.as_option());
                }
                Ok(None) => break,
                Err(error) if error.class() == Class::NotFound => break,
                Err(error) => return Err(error),
            }
        }
        Ok(presence)
    }

    fn take(&mut self, path: ResourcePath, content: Option<&Content>) {
        let Some((content, digest)) = content.and_then(|content| Some((content, Digest::parse(&content.digest).ok()?)))
        else {
            return;
        };
        self.lengths.insert(content.size);
        self.places.entry(digest.clone()).or_insert_with(|| path.clone());
        let held = Held { digest, bytes: content.size, media_type: content.media_type.clone() };
        self.files.insert(path, held);
    }

    /// Whether a file of this length may be among them: only then is it worth its digest.
    pub(super) fn may_hold(&self, bytes: u64) -> bool {
        self.lengths.contains(&bytes)
    }

    /// Whether this content is at a path, as a certain media type if one is asked for.
    pub(super) fn is_at(&self, path: &ResourcePath, digest: &Digest, bytes: u64, media_type: Option<&str>) -> bool {
        self.files.get(path).is_some_and(|held| {
            held.digest == *digest && held.bytes == bytes && media_type.is_none_or(|asked| asked == held.media_type)
        })
    }

    /// A path at which this content was seen.
    pub(super) fn place_of(&self, digest: &Digest) -> Option<&ResourcePath> {
        self.places.get(digest)
    }
}

fn unusable(error: star_path::PathError) -> ClientError {
    ClientError::Endpoint(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_is_known_by_its_path_and_by_what_it_is() {
        let (one, other) = (Digest::sha256([1; 32]), Digest::sha256([2; 32]));
        let (here, there): (ResourcePath, ResourcePath) = ("a:b:/here".parse().unwrap(), "a:b:/there".parse().unwrap());
        let mut presence = Presence::default();
        let content =
            Content { digest: one.to_string(), size: 7, media_type: "text/plain".into(), ..Default::default() };
        presence.take(here.clone(), Some(&content));
        presence.take("a:b:/directory/".parse().unwrap(), None);
        assert!(presence.may_hold(7) && !presence.may_hold(8));
        assert!(presence.is_at(&here, &one, 7, None) && presence.is_at(&here, &one, 7, Some("text/plain")));
        assert!(!presence.is_at(&here, &one, 7, Some("text/html")) && !presence.is_at(&here, &other, 7, None));
        assert!(!presence.is_at(&there, &one, 7, None));
        assert_eq!((presence.place_of(&one), presence.place_of(&other)), (Some(&here), None));
    }
}
