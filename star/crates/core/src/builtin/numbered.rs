//! Making a resource under the next number of its name.

use std::sync::Arc;

use star_wire::{ErrorCode, StarError};

use super::create::parent_missing;
use crate::command::{Changed, Create, Strategy};
use crate::gate::{Authority, Right};
use crate::limits;
use crate::numbers::NumberedPath;
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
        fence: &str,
    ) -> Result<Changed, StarError> {
        if create.strategy != Strategy::Create {
            return Err(StarError::new(ErrorCode::InvalidArgument, format!("{name} is always made anew"))
                .at(name.parent())
                .hint("leave `--ensure` and `--apply` away, or write the number"));
        }
        // Before a number is taken for somebody who may not use it.
        self.gate.allow(authority, Right::Create, name.parent()).await?;
        let parent = stored::require(&self.ports.meta, name.parent()).await;
        let parent = parent.map_err(|error| parent_missing(error, name.parent()))?;
        for _ in 0..limits::NUMBER_ATTEMPTS {
            let now_ms = self.ports.clock.now_ms();
            let path = name.at(self.numbers.next(&self.ports.meta, name, &parent, now_ms).await?)?;
            let create = Create { path: path.clone(), ..create.clone() };
            match self.create_fenced(authority, create, fence).await {
                // Somebody wrote this number by hand.
                Err(error) if error.code() == ErrorCode::AlreadyExists && error.path() == Some(&path) => {}
                made => return made,
            }
        }
        Err(stored::contended(name.parent()))
    }
}
