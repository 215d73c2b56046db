//! Contents: who is referred to, who is condemned, and who goes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use star_core::find::referring;
use star_core::ports::clock::{Clock, SystemClock};
use star_core::ports::content::ContentError;
use star_core::ports::meta::{Operation, Precondition};
use star_path::Digest;

use super::{CollectError, CollectOptions, Collection};
use crate::packed::limits;
use crate::packed::store::{Inner, extents, unreadable};
use crate::rows::{self, Content, Sha256, State};

/// Looks at every content once.
pub(super) async fn collect(
    inner: &Arc<Inner>,
    options: CollectOptions,
    collection: &mut Collection,
) -> Result<(), CollectError> {
    let mut unreferred = Vec::new();
    let mut range = rows::contents();
    loop {
        let page = inner.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
        for (key, row) in page.rows.iter().filter(|(key, _)| !rows::is_live_mark(key)) {
            let Some(digest) = rows::digest_of_content(key) else { continue };
            let content = Content::decode(&row.value)?;
            collection.contents += 1;
            collection.bytes += content.size_bytes;
            match (content.state, is_needed(inner, &digest).await?) {
                (State::Live, true) => {}
                (State::Live, false) => unreferred.push((digest, content.size_bytes)),
                (State::Condemned { .. }, true) => collection.revived += u64::from(inner.revive(&digest).await?),
                (State::Condemned { .. }, false) => {
                    if inner.condemned.content_for(&digest, options.grace, options.now) {
                        collection.removed += u64::from(remove(inner, &digest, &content).await?);
                    }
                }
            }
        }
        match page.next {
            Some(next) => range.start = next,
            None => break,
        }
    }
    condemn_all(inner, unreferred, options, collection).await
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

/// Contents that name a content, at most so many. Rows of those that are gone are taken out.
pub(super) async fn naming(inner: &Inner, digest: &Sha256, most: usize) -> Result<Vec<Sha256>, CollectError> {
    let (mut naming, mut range) = (Vec::new(), rows::named_by(digest));
    loop {
        let page = inner.meta.scan(range.clone(), limits::COLLECT_PAGE).await.map_err(unreadable)?;
        for (key, _) in page.rows {
            let Some(by) = rows::digest_of_naming(&key) else { continue };
            if inner.row(&Digest::sha256(by)).await?.is_some() {
                naming.push(by);
            } else {
                // Whoever names it again meanwhile has a content by then.
                let gone = vec![Precondition::Absent(rows::content_key(&by))];
                inner.commit_if(gone, vec![Operation::Delete(key)]).await?;
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

async fn condemn(inner: &Inner, digest: &Sha256) -> Result<bool, CollectError> {
    let Some(content) = inner.stored_row(digest, &Digest::sha256(*digest)).await? else { return Ok(false) };
    let content = Content { state: State::Condemned { since_ms: SystemClock.now_ms() }, ..content };
    let operations = vec![
        Operation::Delete(rows::live_content(digest)),
        Operation::Put(rows::content_key(digest), content.encode()?),
    ];
    Ok(inner.commit_if(vec![Precondition::Present(rows::live_content(digest))], operations).await?)
}

/// Takes away the rows of a condemned content.
async fn remove(inner: &Arc<Inner>, digest: &Sha256, content: &Content) -> Result<bool, CollectError> {
    let mut operations = vec![Operation::Delete(rows::content_key(digest))];
    operations.push(Operation::DeleteRange(rows::manifest_pages(digest)));
    operations.push(Operation::DeleteRange(rows::layout_pages(digest)));
    let packs = match extents(inner, digest, content).await {
        Ok(extents) => extents.into_iter().map(|extent| extent.pack).collect(),
        // What cannot be understood names no packs; those that it lies in keep a little too much.
        Err(ContentError::Corrupt { .. }) => std::collections::BTreeSet::new(),
        Err(error) => return Err(error.into()),
    };
    operations.extend(packs.into_iter().map(|pack| Operation::Delete(rows::edge(pack, digest))));
    let preconditions =
        vec![Precondition::Absent(rows::live_content(digest)), Precondition::Present(rows::content_key(digest))];
    let removed = inner.commit_if(preconditions, operations).await?;
    if removed {
        inner.condemned.forget_content(digest);
        inner.small.remove(digest);
        inner.held.contents.fetch_sub(1, Ordering::Relaxed);
        inner.held.bytes.fetch_sub(content.size_bytes, Ordering::Relaxed);
    }
    Ok(removed)
}

impl Inner {
    /// Makes a condemned content one that may be referred to again. False if it is gone, or was live.
    pub(crate) async fn revive(&self, digest: &Sha256) -> Result<bool, ContentError> {
        let Some(content) = self.stored_row(digest, &Digest::sha256(*digest)).await? else { return Ok(false) };
        let content = Content { state: State::Live, ..content };
        let row = content
            .encode()
            .map_err(|error| ContentError::Corrupt { digest: Digest::sha256(*digest), what: error.to_string() })?;
        let operations = vec![
            Operation::Put(rows::content_key(digest), row),
            Operation::Put(rows::live_content(digest), Bytes::new()),
        ];
        let preconditions =
            vec![Precondition::Absent(rows::live_content(digest)), Precondition::Present(rows::content_key(digest))];
        let revived = self.commit_if(preconditions, operations).await?;
        if revived {
            self.condemned.forget_content(digest);
        }
        Ok(revived)
    }
}
