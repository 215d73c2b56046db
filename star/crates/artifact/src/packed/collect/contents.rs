//! Contents: who is referred to, who is condemned, and who goes.

use std::sync::Arc;

use star_core::find::referring;
use star_core::ports::meta::{Operation, Precondition};
use star_path::Digest;

use super::{CollectError, CollectOptions, Collection};
use crate::packed::limits;
use crate::packed::metadata::{understood, unreadable};
use crate::packed::store::Inner;
use crate::rows::{self, Content, ContentKey, Sha256};

/// A content and whether it has its mark, as its rows are read one behind the other.
struct Read {
    digest: Sha256,
    content: Content,
    live: bool,
}

/// One look at all contents.
struct Look<'a> {
    inner: &'a Arc<Inner>,
    options: CollectOptions,
    collection: &'a mut Collection,
    /// Nobody refers to these, and they are not condemned yet.
    unreferred: Vec<(Sha256, u64)>,
}

/// Looks at every content once.
pub(super) async fn collect(
    inner: &Arc<Inner>,
    options: CollectOptions,
    collection: &mut Collection,
) -> Result<(), CollectError> {
    let mut look = Look { inner, options, collection, unreferred: Vec::new() };
    let (mut range, mut last) = (rows::contents(), None::<Read>);
    loop {
        let page = inner.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
        for (key, row) in page.rows {
            match ContentKey::read(&key) {
                Some(ContentKey::Row(digest)) => {
                    let content = understood(&digest, &row.value)?;
                    if let Some(read) = last.replace(Read { digest, content, live: false }) {
                        look.judge(read).await?;
                    }
                }
                // What is said of a content stands behind its row.
                Some(ContentKey::Live(digest)) => {
                    if let Some(read) = last.as_mut().filter(|read| read.digest == digest) {
                        read.live = true;
                    }
                }
                Some(ContentKey::Gone(digest)) => inner.clear(&digest, &understood(&digest, &row.value)?).await?,
                Some(ContentKey::Begun(digest)) => inner.abandon_if_left(&digest).await?,
                None => {}
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => break,
        }
    }
    if let Some(read) = last {
        look.judge(read).await?;
    }
    let unreferred = look.unreferred;
    condemn_all(inner, unreferred, options, collection).await
}

impl Look<'_> {
    /// Takes a content that nobody needs one step further on its way out, or back.
    async fn judge(&mut self, Read { digest, content, live }: Read) -> Result<(), CollectError> {
        self.collection.contents += 1;
        self.collection.bytes += content.size_bytes;
        match (live, is_needed(self.inner, &digest).await?) {
            (true, true) => {}
            (true, false) => self.unreferred.push((digest, content.size_bytes)),
            (false, true) => self.collection.revived += u64::from(self.inner.revive(&digest).await?),
            (false, false) => {
                if self.inner.condemned.content_for(&digest, self.options.grace, self.options.now) {
                    self.collection.removed += u64::from(self.inner.remove(&digest, &content).await?);
                }
            }
        }
        Ok(())
    }
}

async fn condemn_all(
    inner: &Inner,
    unreferred: Vec<(Sha256, u64)>,
    options: CollectOptions,
    collection: &mut Collection,
) -> Result<(), CollectError> {
    let (condemned_bytes, bytes) = (unreferred.iter().map(|(_, bytes)| bytes).sum::<u64>(), collection.bytes);
    if !options.force && condemned_bytes * 100 > bytes * limits::CONDEMN_PERCENT {
        return Err(CollectError::TooMuch { condemned_bytes, bytes });
    }
    for (digest, _) in unreferred {
        if condemn(inner, &digest).await? {
            collection.condemned += 1;
            inner.condemned.content_for(&digest, options.grace, options.now);
        }
    }
    Ok(())
}

/// Whether somebody refers to a content, or is about to.
pub(super) async fn is_needed(inner: &Arc<Inner>, digest: &Sha256) -> Result<bool, CollectError> {
    if inner.pending.get(digest).is_some() {
        return Ok(true);
    }
    let referring = referring::to_content(&inner.meta, &Digest::sha256(*digest), 1).await;
    if !referring.map_err(CollectError::Referring)?.is_empty() {
        return Ok(true);
    }
    Ok(!naming(inner, digest, 1).await?.is_empty())
}

/// Contents that name a content, at most so many.
pub(super) async fn naming(inner: &Inner, digest: &Sha256, most: usize) -> Result<Vec<Sha256>, CollectError> {
    let (mut naming, mut range) = (Vec::new(), rows::all_named_by(digest));
    loop {
        let page = inner.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
        for by in page.rows.iter().filter_map(|(key, _)| rows::other_of_naming(key)) {
            if inner.content(&by).await?.is_some() {
                naming.push(by);
            }
            if naming.len() == most {
                return Ok(naming);
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(naming),
        }
    }
}

/// Takes the mark of a content away, so that nobody refers to it who does not revive it. False if it had
/// none.
async fn condemn(inner: &Inner, digest: &Sha256) -> Result<bool, CollectError> {
    let live = rows::live_content(digest);
    Ok(inner.commit_if(vec![Precondition::Present(live.clone())], vec![Operation::Delete(live)]).await?)
}
