//! Making a resource under the next number of its name.

use std::sync::Arc;

use star_wire::{ErrorCode, Reply, StarError};

use super::create::parent_missing;
use crate::command::{Changed, Command, Create, Strategy};
use crate::gate::{Authority, Permit};
use crate::limits;
use crate::lock::fence::fenced;
use crate::numbers::NumberedPath;
use crate::once::{IdempotencyKey, keyed};
use crate::stored;
use crate::tree::Tree;

impl Tree {
    /// Makes a resource whose name is counted. The path in `create` is replaced, and the answer says
    /// by which.
    ///
    /// # Errors
    /// `InvalidArgument` for another strategy than to create: nothing under a number that was just
    /// given can be there already. Otherwise what [`Tree::create`] answers.
    pub async fn create_numbered(
        self: &Arc<Self>,
        authority: &Arc<Authority>,
        name: &NumberedPath,
        create: Create,
        (fence, key): (&str, Option<&IdempotencyKey>),
    ) -> Result<Changed, StarError> {
        if create.strategy != Strategy::Create {
            return Err(StarError::new(ErrorCode::InvalidArgument, format!("{name} is always made anew"))
                .at(name.parent())
                .hint("leave `--ensure` and `--apply` away, or write the number"));
        }
        // Asked for without a number, so that whoever sends it again asks for the same.
        let unnumbered = Create { path: name.at(0)?, ..create.clone() };
        let envelope = keyed(fenced(unnumbered.envelope(name.parent())?, fence), key);
        let permit = self.admit(authority, envelope).await?;
        let name = name.clone();
        let make = async move |tree: Arc<Tree>, permit: Permit| tree.make_numbered(permit, &name, create).await;
        Create::answer(&self.once(permit, make).await?)
    }

    async fn make_numbered(
        self: &Arc<Self>,
        permit: Permit,
        name: &NumberedPath,
        create: Create,
    ) -> Result<Reply, StarError> {
        let parent = stored::require(&self.ports.meta, name.parent()).await;
        let parent = parent.map_err(|error| parent_missing(error, name.parent()))?;
        for _ in 0..limits::NUMBER_ATTEMPTS {
            let now_ms = self.ports.clock.now_ms();
            let path = name.at(self.numbers.next(&self.ports.meta, name, &parent, now_ms).await?)?;
            let create = Create { path: path.clone(), ..create.clone() };
            match self.make(permit.clone(), create).await {
                // Somebody wrote this number by hand.
                Err(error) if error.code() == ErrorCode::AlreadyExists && error.path() == Some(&path) => {}
                made => return made,
            }
        }
        Err(stored::contended(name.parent()))
    }
}
