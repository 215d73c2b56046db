//! How an upload begins.

use std::sync::atomic::Ordering;

use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::row::{Plan, Session};
use super::{Upload, UploadId};
use crate::gate::Permit;
use crate::keys;
use crate::kind::Kind;
use crate::limits;
use crate::ports::clock::UnixMillis;
use crate::ports::meta::{Operation, Precondition};
use crate::stored::{self, Change};
use crate::tree::Tree;

impl Tree {
    /// Begins an upload to the File that the permit is for. `length` is how many bytes will come, if
    /// that is known.
    ///
    /// # Errors
    /// `InvalidArgument` for a path that is not one of a File, `NotFound` where its FileSystem is not,
    /// `PreconditionFailed` where a condition of the plan does not hold already, `TooLarge` for metadata that are too long, `Busy` where there are too many uploads.
    pub async fn begin_upload(&self, permit: &Permit, length: Option<u64>, plan: Plan) -> Result<Upload, StarError> {
        let to = &permit.envelope().to;
        self.check_target(to).await?;
        // It is asked again when the File is written; but whoever fails now need not send anything.
        plan.only_if.check(to, stored::load(&self.ports.meta, to).await?.as_ref())?;
        if plan.metadata.len() > limits::UPLOAD_METADATA_BYTES {
            let most = limits::UPLOAD_METADATA_BYTES;
            return Err(StarError::new(ErrorCode::TooLarge, format!("the metadata have more than {most} bytes")).at(to));
        }
        let now_ms = self.ports.clock.now_ms();
        self.check_room(to, now_ms).await?;
        let id = UploadId::made()?;
        let session = Session {
            path: to.clone(),
            agent: permit.authority().agent(),
            plan,
            length,
            offset: 0,
            parts: 0,
            whole: false,
            begun_ms: now_ms,
            until_ms: until_ms(now_ms, now_ms),
        };
        let key = keys::upload(to.space().unwrap_or_default(), id);
        let mut change = Change::of(to, now_ms);
        change.only_if(Precondition::Absent(key.clone())).then(Operation::Put(key, session.encode()?));
        let committed = change.commit(&self.ports.meta).await?.ok_or_else(|| stored::contended(to))?;
        self.counters.open_uploads.fetch_add(1, Ordering::Relaxed);
        Ok(Upload { id, session, seen: committed.revision })
    }

    /// Whether a File can be at a path.
    async fn check_target(&self, to: &ResourcePath) -> Result<(), StarError> {
        let invalid = |message: &str, hint: String| {
            Err(StarError::new(ErrorCode::InvalidArgument, format!("{to} {message}")).at(to).hint(hint))
        };
        if to.files().is_none() {
            return invalid("is no path of a file", format!("{to}:/name"));
        }
        if to.is_directory() {
            return invalid("is a directory and has no bytes", format!("{to}name"));
        }
        let holder = to.without_files();
        match stored::require(&self.ports.meta, &holder).await?.record.kind {
            Kind::FileSystem => Ok(()),
            other => Err(StarError::new(ErrorCode::UnsupportedMethod, format!("{holder} is of kind {other}"))
                .at(to)
                .hint("files are written to a FileSystem")),
        }
    }

    /// Whether there is room for one more upload.
    async fn check_room(&self, to: &ResourcePath, now_ms: UnixMillis) -> Result<(), StarError> {
        let busy = |message: String| {
            Err(StarError::new(ErrorCode::Busy, message)
                .at(to)
                .hint("`star uploads ls` lists them, `star uploads cancel` makes room"))
        };
        if self.counters.open_uploads.load(Ordering::Relaxed) >= limits::UPLOADS {
            self.counters.refused_uploads.fetch_add(1, Ordering::Relaxed);
            return busy(format!("{} uploads are under way, which is the most", limits::UPLOADS));
        }
        let of_space = keys::uploads_of(to.space().unwrap_or_default());
        // A few more than may be under way, because some of them may have run out.
        let page = self.ports.meta.scan(of_space, limits::PAGE_MAX).await;
        let page = page.map_err(|error| stored::read_failed(to, &error))?;
        let mut under_way = 0;
        for (_, row) in &page.rows {
            under_way += usize::from(Session::decode(&row.value)?.until_ms > now_ms);
        }
        if under_way >= limits::UPLOADS_OF_SPACE {
            self.counters.refused_uploads.fetch_add(1, Ordering::Relaxed);
            return busy(format!(
                "{} uploads are under way in this Space, which is the most",
                limits::UPLOADS_OF_SPACE
            ));
        }
        Ok(())
    }
}

/// Until when an upload is kept to which something came now.
pub(super) fn until_ms(begun_ms: UnixMillis, now_ms: UnixMillis) -> UnixMillis {
    let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let most = begun_ms.saturating_add(millis(limits::UPLOAD_LIFE_MAX));
    now_ms.saturating_add(millis(limits::UPLOAD_LIFE)).min(most)
}
