//! Contents: who is referred to, who is condemned, and who goes.

use std::sync::Arc;

use star_core::find::referring;
use star_core::ports::meta::{Operation, Precondition};
use star_path::Digest;

use super::{CollectOptions, Collected, UpkeepError};
use crate::packed::limits;
use crate::packed::metadata::{understood, unreadable};
use crate::packed::store::Inner;
use crate::rows::{self, Content, ContentKey, Place, Sha256};

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
    collection: &'a mut Collected,
    /// Nobody refers to these, and they are not condemned yet.
    unreferred: Vec<(Sha256, u64)>,
}

/// Looks at every content once.
pub(super) async fn collect(
    inner: &Arc<Inner>,
    options: CollectOptions,
    collection: &mut Collected,
) -> Result<(), UpkeepError> {
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
                Some(ContentKey::Gone(digest)) if !options.plan => {
                    inner.clear(&digest, &understood(&digest, &row.value)?).await?;
                }
                Some(ContentKey::Begun(digest)) if !options.plan => inner.abandon_if_left(&digest).await?,
                Some(ContentKey::Gone(_) | ContentKey::Begun(_)) | None => {}
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
    async fn judge(&mut self, Read { digest, content, live }: Read) -> Result<(), UpkeepError> {
        self.collection.contents += 1;
        self.collection.bytes += content.size_bytes;
        self.collection.extents += extents(&content);
        let CollectOptions { plan, grace, now, .. } = self.options;
        let condemned = &self.inner.condemned;
        match (live, is_needed(self.inner, &digest).await?) {
            (true, true) => {}
            (true, false) => self.unreferred.push((digest, content.size_bytes)),
            (false, true) if plan => self.collection.revived += 1,
            (false, true) => self.collection.revived += u64::from(self.inner.revive(&digest).await?),
            (false, false) if plan && condemned.content_was_for(&digest, grace, now) => self.collection.removed += 1,
            (false, false) if !plan && condemned.content_for(&digest, grace, now) => {
                self.collection.removed += u64::from(self.inner.remove(&digest, &content).await?);
            }
            (false, false) => self.collection.waiting += 1,
        }
        Ok(())
    }
}

/// In how many pieces a content lies, as far as its row says.
fn extents(content: &Content) -> u64 {
    match &content.place {
        Place::Inline(_) => 0,
        Place::Packed(layout) => layout.extents().len() as u64,
        Place::Paged(paged) => u64::from(paged.pages) * rows::limits::LAYOUT_PAGE_EXTENTS as u64,
    }
}

async fn condemn_all(
    inner: &Inner,
    unreferred: Vec<(Sha256, u64)>,
    options: CollectOptions,
    collection: &mut Collected,
) -> Result<(), UpkeepError> {
    let (condemned_bytes, bytes) = (unreferred.iter().map(|(_, bytes)| bytes).sum::<u64>(), collection.bytes);
    if options.plan {
        (collection.condemned, collection.condemned_bytes) = (unreferred.len() as u64, condemned_bytes);
        return Ok(());
    }
    if !options.force && condemned_bytes * 100 > bytes * limits::CONDEMN_PERCENT {
        return Err(UpkeepError::TooMuch { condemned_bytes, bytes });
    }
    for (digest, size_bytes) in unreferred {
        if condemn(inner, &digest).await? {
            collection.condemned += 1;
            collection.condemned_bytes += size_bytes;
            inner.condemned.content_for(&digest, options.grace, options.now);
        }
    }
    Ok(())
}

/// Whether somebody refers to a content, or is about to.
pub(super) async fn is_needed(inner: &Arc<Inner>, digest: &Sha256) -> Result<bool, UpkeepError> {
    if inner.pending.get(digest).is_some() {
        return Ok(true);
    }
    let referring = referring::to_content(&inner.meta, &Digest::sha256(*digest), 1).await;
    if !referring.map_err(UpkeepError::Referring)?.is_empty() {
        return Ok(true);
    }
    Ok(!naming(inner, digest, 1).await?.is_empty())
}

/// Contents that name a content, at most so many.
pub(super) async fn naming(inner: &Inner, digest: &Sha256, most: usize) -> Result<Vec<Sha256>, UpkeepError> {
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
async fn condemn(inner: &Inner, digest: &Sha256) -> Result<bool, UpkeepError> {
    let live = rows::live_content(digest);
    Ok(inner.commit_if(vec![Precondition::Present(live.clone())], vec![Operation::Delete(live)]).await?)
}
