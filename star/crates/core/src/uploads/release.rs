//! Letting go of an upload and of what it holds.

use std::sync::atomic::Ordering;

use star_path::ResourcePath;
use star_wire::StarError;

use super::find::{Found, unknown};
use super::row::decode_part;
use super::{Upload, UploadId};
use crate::find::Term;
use crate::gate::Permit;
use crate::keys;
use crate::limits;
use crate::ports::meta::{Operation, Precondition};
use crate::stored::{self, Change};
use crate::tree::Tree;

impl Tree {
    /// Forgets an upload, and lets its parts go. One that became a File is forgotten, too; the File stays.
    ///
    /// # Errors
    /// `NotFound` as for [`Tree::find_upload`].
    pub async fn cancel_upload(&self, permit: &Permit, id: UploadId) -> Result<(), StarError> {
        let to = &permit.envelope().to;
        for _ in 0..limits::COMMIT_ATTEMPTS {
            match self.find_upload(permit, id).await? {
                Found::Open(upload) => {
                    if self.forget_upload(&upload).await? {
                        return Ok(());
                    }
                }
                Found::Finished(_) => {
                    let mut change = Change::of(to, self.ports.clock.now_ms());
                    change.then(Operation::Delete(keys::finished_upload(to.space().unwrap_or_default(), id)));
                    return change.commit(&self.ports.meta).await?.map(drop).ok_or_else(|| unknown(to));
                }
            }
        }
        Err(stored::contended(to))
    }

    /// Forgets an upload as it was seen. False if somebody continued it meanwhile.
    pub(super) async fn forget_upload(&self, upload: &Upload) -> Result<bool, StarError> {
        let path = &upload.session.path;
        let row = keys::upload(path.space().unwrap_or_default(), upload.id);
        let mut change = Change::of(path, self.ports.clock.now_ms());
        change.only_if(Precondition::ModifiedAt(row.clone(), upload.seen)).then(Operation::Delete(row));
        if change.commit(&self.ports.meta).await?.is_none() {
            return Ok(false);
        }
        self.one_upload_less();
        self.release_parts(path, upload.id).await?;
        Ok(true)
    }

    /// One upload is not under way any more. The count is made anew by each sweep, which may come in between.
    pub(super) fn one_upload_less(&self) {
        let less = |open: u64| Some(open.saturating_sub(1));
        self.counters
            .open_uploads
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
            .expect("a number is always given back");
    }

    /// Removes the rows of the parts of an upload that is no more. They hold nothing any more; what is left
    /// of them is swept.
    ///
    /// # Errors
    /// `StorageFailed`, `Contended`: where the store does not take it.
    pub async fn release_parts(&self, path: &ResourcePath, id: UploadId) -> Result<(), StarError> {
        let space = path.space().unwrap_or_default();
        loop {
            let parts = keys::upload_parts(space, id);
            let page = self.ports.meta.scan(parts, limits::UPLOAD_PARTS_GOING).await;
            let page = page.map_err(|error| stored::read_failed(path, &error))?;
            if page.rows.is_empty() {
                return Ok(());
            }
            let mut change = Change::of(path, self.ports.clock.now_ms());
            for (key, row) in &page.rows {
                if let Some(offset) = keys::offset_of_part(key) {
                    let content = decode_part(&row.value)?;
                    change.then(Operation::Delete(keys::part_of_content(
                        Term::content(&content.digest).bytes(),
                        space,
                        id,
                        offset,
                    )));
                }
                change.then(Operation::Delete(key.clone()));
            }
            change.commit(&self.ports.meta).await?.ok_or_else(|| stored::contended(path))?;
        }
    }
}
