//! Who needs a content: what keeps it from being removed, and why it is there.

use std::sync::Arc;

use star_path::{Digest, ResourcePath};
use star_wire::StarError;

use super::Term;
use super::plan::Way;
use crate::limits;
use crate::ports::meta::MetaStore;
use crate::record::Resource;
use crate::stored;
use crate::uploads;

/// Resources whose bytes are this content, in the order of their paths, and then those to which an
/// [upload](crate::uploads) is under way that has it as a part, at most so many. Answers them as they are at
/// the moment of the look: one that begins to refer to the content meanwhile may be missing.
pub async fn to_content(
    meta: &Arc<dyn MetaStore>,
    digest: &Digest,
    limit: usize,
) -> Result<Vec<ResourcePath>, StarError> {
    let root = ResourcePath::root();
    let way = Way::Found(Term::content(digest));
    let mut range = way.range(&root);
    // First, because what is a part becomes the bytes of a resource, and never the other way round.
    let uploading = uploads::referring(meta, digest, limit).await?;
    let mut referring = Vec::new();
    loop {
        let candidates = way.follow(meta, range.clone(), limits::PAGE_DEFAULT).await;
        let candidates = candidates.map_err(|error| stored::read_failed(&root, &error))?;
        for (_, path, row) in candidates.found {
            let (Some(path), Some(row)) = (path, row) else { continue };
            let resource = Resource::from_row(path, &row)?;
            if resource.record.body.is_some_and(|body| body.content.digest == *digest) {
                referring.push(resource.path);
            }
            if referring.len() == limit {
                return Ok(referring);
            }
        }
        match candidates.next {
            Some(next) => range.start = next,
            None => break,
        }
    }
    referring.extend(uploading);
    referring.truncate(limit);
    Ok(referring)
}
