//! The Consumers service: readers of the log whose place is kept with it.
//!
//! Whoever may write to the Space `star` may register and drop consumers, because what they have
//! not read takes room on the disk of the Star.
#![expect(refining_impl_trait, reason = "the traits leave the type of an answer open; naming it reads better")]

use connectrpc::{RequestContext, ServiceRequest, ServiceResult};
use star_api::v1;
use star_core::gate::Right;
use star_core::ports::meta::{ConsumerError, Position};
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use super::call::Call;
use crate::events::Cursor;
use crate::state::ApiState;

/// The Consumers service.
pub(super) struct ConsumersService {
    pub(super) state: ApiState,
}

impl v1::Consumers for ConsumersService {
    async fn open(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::OpenRequest>,
    ) -> ServiceResult<v1::OpenResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(open(&call, request.to_owned_message()).await)
    }

    async fn advance(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::AdvanceRequest>,
    ) -> ServiceResult<v1::AdvanceResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(advance(&call, request.to_owned_message()).await)
    }

    async fn forget(
        &self,
        context: RequestContext,
        request: ServiceRequest<'_, v1::ForgetRequest>,
    ) -> ServiceResult<v1::ForgetResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(forget(&call, request.to_owned_message()).await)
    }

    async fn list(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, v1::ListConsumersRequest>,
    ) -> ServiceResult<v1::ListConsumersResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(list(&call).await)
    }
}

async fn may(call: &Call<'_>, right: Right) -> Result<(), StarError> {
    let star = ResourcePath::parse("star").expect("`star` is a path");
    call.state.tree().gate.allow(&call.caller.authority, right, &star).await
}

async fn open(call: &Call<'_>, request: v1::OpenRequest) -> Result<v1::OpenResponse, StarError> {
    may(call, Right::Write).await?;
    let tree = call.state.tree();
    let v1::OpenRequest { name, since, .. } = request;
    check_name(&name)?;
    let from = match since {
        Some(since) => position(&since)?,
        None => tree.log.head(),
    };
    if from > tree.log.head() {
        return Err(refused(&name, &ConsumerError::Beyond { to: from, head: tree.log.head() }));
    }
    let found = tree.ports.meta.register_consumer(&name, from).await.map_err(|error| refused(&name, &error))?;
    Ok(v1::OpenResponse { cursor: Cursor::behind(found).to_string(), ..Default::default() })
}

async fn advance(call: &Call<'_>, request: v1::AdvanceRequest) -> Result<v1::AdvanceResponse, StarError> {
    may(call, Right::Write).await?;
    let v1::AdvanceRequest { name, cursor, .. } = request;
    let to = position(&cursor)?;
    let meta = &call.state.tree().ports.meta;
    meta.advance_consumer(&name, to).await.map_err(|error| refused(&name, &error))?;
    Ok(v1::AdvanceResponse::default())
}

async fn forget(call: &Call<'_>, request: v1::ForgetRequest) -> Result<v1::ForgetResponse, StarError> {
    may(call, Right::Write).await?;
    let meta = &call.state.tree().ports.meta;
    meta.drop_consumer(&request.name).await.map_err(|error| refused(&request.name, &error))?;
    Ok(v1::ForgetResponse::default())
}

async fn list(call: &Call<'_>) -> Result<v1::ListConsumersResponse, StarError> {
    may(call, Right::Read).await?;
    let tree = call.state.tree();
    let head = Cursor::behind(tree.log.head()).to_string();
    let cursor = |position| Cursor::behind(position).to_string();
    let consumers = tree.ports.meta.consumers().into_iter();
    let consumers =
        consumers.map(|it| v1::Consumer { name: it.name, cursor: cursor(it.position), ..Default::default() }).collect();
    Ok(v1::ListConsumersResponse { consumers, head, ..Default::default() })
}

/// The position up to which everything was dealt with: a change that was dealt with in part is not.
fn position(cursor: &str) -> Result<Position, StarError> {
    Ok(cursor.parse::<Cursor>()?.read_from())
}

fn check_name(name: &str) -> Result<(), StarError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | ':');
    if !name.is_empty() && name.chars().all(fits) {
        return Ok(());
    }
    let shown: String = name.chars().take(32).collect();
    Err(StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no name of a consumer", shown.escape_debug()))
        .hint("letters, digits, `.`, `_`, `-` and `:`"))
}

fn refused(name: &str, error: &ConsumerError) -> StarError {
    let text = format!("the consumer {}: {error}", name.escape_debug());
    match error {
        ConsumerError::Unknown => StarError::new(ErrorCode::NotFound, text).hint("`star consumer ls` lists them"),
        ConsumerError::Beyond { .. } => StarError::new(ErrorCode::InvalidArgument, text)
            .hint("the cursor comes from another Star, or from before a restore"),
        ConsumerError::BadName { .. } => StarError::new(ErrorCode::InvalidArgument, text),
        ConsumerError::TooMany { .. } => {
            StarError::new(ErrorCode::TooLarge, text).hint("`star consumer rm NAME` drops one that nobody uses")
        }
        ConsumerError::Failed(_) => StarError::new(ErrorCode::StorageFailed, text).because(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word() {
        for (name, fits) in
            [("a", true), ("ci.mirror-2:x_Y", true), ("", false), ("a b", false), ("ä", false), ("a/b", false)]
        {
            assert_eq!(check_name(name).is_ok(), fits, "{name}");
        }
    }

    #[test]
    fn a_change_that_was_dealt_with_in_part_is_read_again() {
        assert_eq!((position("17").unwrap(), position("17.0").unwrap()), (17, 16));
        assert!(position("x").is_err());
    }
}
