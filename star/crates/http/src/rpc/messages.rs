//! The Messages service: asking and telling resources.

use connectrpc::{RequestContext, Router, handler_fn};
use star_api::v1;
use star_core::once::IdempotencyKey;
use star_path::ResourcePath;
use star_wire::{Envelope, ErrorCode, Method, StarError};

use super::call::Call;
use super::payload::{self, Payload};
use super::reply::Answer;
use crate::state::ApiState;

/// The Messages service on a router.
///
/// Registered method by method: a generated service would decode JSON, encode it as protobuf and
/// read a view of that, and asking is what clients do most.
pub(super) fn registered(state: &ApiState) -> Router {
    let (asked, told) = (state.clone(), state.clone());
    let ask = move |context: RequestContext, request: v1::AskRequest| {
        let state = asked.clone();
        async move {
            let call = Call::of(&state, &context);
            call.answer_as_it_is(ask(&call, request).await)
        }
    };
    let tell = move |context: RequestContext, request: v1::TellRequest| {
        let state = told.clone();
        async move {
            let call = Call::of(&state, &context);
            call.answer(tell(&call, request).await)
        }
    };
    Router::new()
        .route::<_, _, v1::AskResponse>(v1::MESSAGES_SERVICE_NAME, "Ask", handler_fn(ask))
        .with_spec(v1::MESSAGES_ASK_SPEC)
        .route::<_, _, v1::TellResponse>(v1::MESSAGES_SERVICE_NAME, "Tell", handler_fn(tell))
        .with_spec(v1::MESSAGES_TELL_SPEC)
}

async fn ask(call: &Call<'_>, request: v1::AskRequest) -> Result<Answer, StarError> {
    let payload = Payload::asked(request.body, request.content_type)?;
    let form = payload.form;
    let mut envelope = envelope(&request.to, &request.method, payload)?;
    let key = key(call, &request.idempotency_key)?;
    envelope.headers = payload::headers(request.headers, key.as_ref())?;
    let reply = call.send(envelope.with_deadline(call.deadline(request.timeout_ms))).await?;
    Ok(Answer { reply, form })
}

async fn tell(call: &Call<'_>, request: v1::TellRequest) -> Result<v1::TellResponse, StarError> {
    let payload = Payload::told(request.body, request.content_type)?;
    let mut envelope = envelope(&request.to, &request.method, payload)?;
    let key = key(call, &request.idempotency_key)?;
    envelope.headers = payload::headers(request.headers, key.as_ref())?;
    let envelope = envelope.with_deadline(call.deadline(request.timeout_ms));
    let permit = call.caller.admit(call.state, envelope).await?;
    // Under a key, a message has the same id whenever it is sent.
    let id = permit.envelope().id;
    call.state.tree().tell(permit).await?;
    Ok(v1::TellResponse { message_id: id.to_string(), ..Default::default() })
}

/// The key of a message: that of its own field, else that of the call.
fn key(call: &Call<'_>, field: &str) -> Result<Option<IdempotencyKey>, StarError> {
    match field {
        "" => call.key().map(Option::<&IdempotencyKey>::cloned),
        field => IdempotencyKey::parse(field).map(Some),
    }
}

/// A message that is a kind's or mechtron's own. What Starlane itself answers has calls of its
/// own, whose bodies clients cannot write by hand.
fn envelope(to: &str, method: &str, payload: Payload) -> Result<Envelope, StarError> {
    let to = ResourcePath::parse(to)?;
    let method =
        Method::parse(method).map_err(|error| StarError::new(ErrorCode::InvalidArgument, error.to_string()).at(&to))?;
    if method.is_built_in() {
        return Err(StarError::new(ErrorCode::UnsupportedMethod, format!("`{method}` is not sent as a message"))
            .at(&to)
            .hint("the calls of starlane.v1.Resources do it: Create, Info, Set, Delete, Tag"));
    }
    Ok(Envelope::new(to, method).with_body(payload.content_type, payload.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_starlane_itself_answers_is_not_sent_as_a_message() {
        let send = |method: &str| {
            let empty = Payload::asked(None, String::new()).unwrap();
            envelope("acme:app", method, empty)
                .map(|envelope| envelope.method.to_string())
                .map_err(|error| error.code())
        };
        assert_eq!(send("greet"), Ok("greet".into()));
        assert_eq!(send("star.delete"), Err(ErrorCode::UnsupportedMethod));
        assert_eq!(send("star.web"), Err(ErrorCode::UnsupportedMethod));
        assert_eq!(send("Greet!"), Err(ErrorCode::InvalidArgument));
    }
}
