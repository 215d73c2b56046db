//! The services of the client schema: Connect, gRPC and gRPC-Web, one file per service.
//!
//! Each call takes the same way: credentials are checked in `door` before the body is read, the
//! service parses texts into types, a message goes through the gate and the tree, the answer is
//! translated by `schema`. What is an error of ours becomes one of the protocol in `call`.

mod call;
mod consumers;
mod contents;
pub(crate) mod cursor;
mod door;
mod faults;
mod kinds;
mod listing;
mod locks;
mod messages;
mod payload;
mod reply;
mod resources;
mod stars;
mod usage;
mod watch;

use std::sync::Arc;

use connectrpc::DeadlinePolicy;
use star_api::v1;

use crate::limits;
use crate::state::ApiState;

pub(crate) use door::refused;
pub(crate) use stars::may_see_the_star;

/// The paths of all calls, for metrics.
pub(crate) const PROCEDURES: &[&str] = &[
    v1::RESOURCES_CREATE_SPEC.procedure,
    v1::RESOURCES_INFO_SPEC.procedure,
    v1::RESOURCES_LIST_SPEC.procedure,
    v1::RESOURCES_GET_SPEC.procedure,
    v1::RESOURCES_SET_SPEC.procedure,
    v1::RESOURCES_DELETE_SPEC.procedure,
    v1::RESOURCES_MOVE_SPEC.procedure,
    v1::RESOURCES_RESTART_SPEC.procedure,
    v1::RESOURCES_TAG_SPEC.procedure,
    v1::RESOURCES_KINDS_SPEC.procedure,
    v1::MESSAGES_ASK_SPEC.procedure,
    v1::MESSAGES_TELL_SPEC.procedure,
    v1::LOCKS_LOCK_SPEC.procedure,
    v1::LOCKS_RENEW_SPEC.procedure,
    v1::LOCKS_UNLOCK_SPEC.procedure,
    v1::WATCH_WATCH_SPEC.procedure,
    v1::CONSUMERS_OPEN_SPEC.procedure,
    v1::CONSUMERS_ADVANCE_SPEC.procedure,
    v1::CONSUMERS_FORGET_SPEC.procedure,
    v1::CONSUMERS_LIST_SPEC.procedure,
    v1::CONTENTS_COLLECT_SPEC.procedure,
    v1::CONTENTS_WHY_SPEC.procedure,
    v1::CONTENTS_CHECK_SPEC.procedure,
    v1::STARS_STATUS_SPEC.procedure,
    v1::STARS_WHO_AM_I_SPEC.procedure,
];

/// Whether a path is that of a call, known or not.
pub(crate) fn is_call(path: &str) -> bool {
    path.starts_with("/starlane.v1.")
}

/// The routes of all services.
pub fn routes(state: &ApiState) -> axum::Router {
    // One policy per service: a watch has no deadline, looking after all bytes takes as long as it takes, and
    // a message says in its body how long
    // its sender waits, so there the policy only says how long is too long.
    let short = DeadlinePolicy::new().with_default_timeout(limits::CALL_DEFAULT).with_max(limits::CALL_MAX);
    let long = DeadlinePolicy::new().with_default_timeout(limits::CALL_MAX).with_max(limits::CALL_MAX);
    let endless = DeadlinePolicy::new();
    let state = state.clone();
    let resources = Arc::new(resources::ResourcesService { state: state.clone() });
    let locks = Arc::new(locks::LocksService { state: state.clone() });
    let watch = Arc::new(watch::WatchService { state: state.clone() });
    let consumers = Arc::new(consumers::ConsumersService { state: state.clone() });
    let contents = Arc::new(contents::ContentsService { state: state.clone() });
    let stars = Arc::new(stars::StarsService { state: state.clone() });
    let door = |router: connectrpc::Router, policy: &DeadlinePolicy| door::Door::new(&state, router, policy);
    let calls = connectrpc::Router::new;
    axum::Router::new()
        .route_service("/starlane.v1.Resources/{method}", door(calls().add_service(resources), &short))
        .route_service("/starlane.v1.Locks/{method}", door(calls().add_service(locks), &long))
        .route_service("/starlane.v1.Messages/{method}", door(messages::registered(&state), &long))
        .route_service("/starlane.v1.Watch/{method}", door(calls().add_service(watch), &endless))
        .route_service("/starlane.v1.Consumers/{method}", door(calls().add_service(consumers), &short))
        .route_service("/starlane.v1.Contents/{method}", door(calls().add_service(contents), &endless))
        .route_service("/starlane.v1.Stars/{method}", door(calls().add_service(stars), &short))
}
