//! Which uploads hold a content: as long as one is under way, its parts are kept.

use std::sync::Arc;

use star_path::{Digest, ResourcePath};
use star_wire::StarError;

use super::row::{Session, decode_part};
use crate::find::Term;
use crate::keys;
use crate::limits;
use crate::ports::meta::MetaStore;
use crate::stored;

/// The paths of uploads that have a content as a part, at most so many. A row too many costs a look: what
/// counts is that the upload is there, and that it has the part.
pub(crate) async fn referring(
    meta: &Arc<dyn MetaStore>,
    digest: &Digest,
    limit: usize,
) -> Result<Vec<ResourcePath>, StarError> {
    let root = ResourcePath::root();
    let mut range = keys::parts_of_content(Term::content(digest).bytes());
    let mut paths = Vec::new();
    loop {
        let page = meta.scan(range.clone(), limits::PAGE_DEFAULT).await;
        let page = page.map_err(|error| stored::read_failed(&root, &error))?;
        for (key, _) in &page.rows {
            let Some((upload, part)) = keys::upload_of_part(key) else { continue };
            let rows = meta.read(&[upload, part]).await.map_err(|error| stored::read_failed(&root, &error))?;
            let [Some(session), Some(part)] = rows.as_slice() else { continue };
            if decode_part(&part.value)?.digest == *digest {
                paths.push(Session::decode(&session.value)?.path);
            }
            if paths.len() == limit {
                return Ok(paths);
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(paths),
        }
    }
}
