//! Which uploads there are, for whoever looks after a Space.

use star_wire::StarError;

use super::Upload;
use super::find::is_of;
use super::row::Session;
use crate::gate::Permit;
use crate::keys;
use crate::limits;
use crate::stored;
use crate::tree::Tree;

impl Tree {
    /// The uploads under way to a path or below it that are the affair of whoever has the permit, in the
    /// order in which they began.
    ///
    /// # Errors
    /// `StorageFailed`, `Corrupt`: where they cannot be read.
    pub async fn uploads_below(&self, permit: &Permit) -> Result<Vec<Upload>, StarError> {
        let to = &permit.envelope().to;
        let now_ms = self.ports.clock.now_ms();
        let mut range = match to.space() {
            Some(space) => keys::uploads_of(space),
            None => keys::all_uploads(),
        };
        let mut uploads = Vec::new();
        loop {
            let page = self.ports.meta.scan(range.clone(), limits::PAGE_MAX).await;
            let page = page.map_err(|error| stored::read_failed(to, &error))?;
            for (key, row) in page.rows {
                let Some((_, id)) = keys::id_of_upload(&key) else { continue };
                let session = Session::decode(&row.value)?;
                let is_shown = session.path.is_within(to)
                    && session.until_ms > now_ms
                    && is_of(permit.authority(), &session.agent);
                if is_shown {
                    uploads.push(Upload { id, session, seen: row.modified });
                }
            }
            match page.next {
                Some(next) => range.start = next,
                None => break,
            }
        }
        uploads.sort_by_key(|upload| upload.session.begun_ms);
        Ok(uploads)
    }
}
