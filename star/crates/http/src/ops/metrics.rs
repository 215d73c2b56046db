//! `/metrics`: what was measured, in the text format of Prometheus. Names of routes and numbers of
//! a Star are nobody else's business, so it takes a key.

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge};
use star_core::vitals::{Cache, Queue, Vitals};

use crate::auth::Caller;
use crate::process;
use crate::rpc;
use crate::state::ApiState;

pub(super) async fn metrics(State(state): State<ApiState>, caller: Caller) -> Response {
    if let Err(error) = rpc::may_see_the_star(&state, &caller.authority).await {
        return caller.refuse(&error);
    }
    look(&state);
    state.metrics().run_upkeep();
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(CONTENT_TYPE, text)], state.metrics().render()).into_response()
}

/// Numbers that others keep, as they stand now.
fn look(state: &ApiState) {
    let ports = &state.tree().ports;
    let (store, content) = (ports.meta.status(), ports.content.status());
    let actors = state.tree().actors();
    gauge!("star_actors_live").set(actors.active as f64);
    gauge!("star_actors_memory_bytes").set(actors.memory_bytes as f64);
    gauge!("star_messages_in_flight").set(actors.in_flight as f64);
    gauge!("star_store_position").set(store.position as f64);
    gauge!("star_store_oldest_event").set(store.oldest_event as f64);
    gauge!("star_store_segments").set(store.segments as f64);
    gauge!("star_store_journal_bytes").set(store.journal_bytes as f64);
    gauge!("star_store_index_bytes").set(store.index_bytes as f64);
    gauge!("star_content_count").set(content.contents as f64);
    gauge!("star_content_bytes").set(content.bytes as f64);
    gauge!("star_mechtrons_compiled").set(ports.mechtrons.status().loaded as f64);
    if let Some(bytes) = process::memory_bytes() {
        gauge!("process_resident_memory_bytes").set(bytes as f64);
    }
    tell(&state.vitals());
}

/// What waits where, and what caches are worth.
fn tell(vitals: &Vitals) {
    for Queue { name, taken, limit, refused, .. } in &vitals.queues {
        gauge!("star_queue_taken", "queue" => *name).set(*taken as f64);
        if let Some(limit) = limit {
            gauge!("star_queue_limit", "queue" => *name).set(*limit as f64);
        }
        if let Some(refused) = refused {
            counter!("star_queue_refused_total", "queue" => *name).absolute(*refused);
        }
    }
    for Cache { name, entries, bytes, hits, misses, .. } in &vitals.caches {
        gauge!("star_cache_entries", "cache" => *name).set(*entries as f64);
        counter!("star_cache_hits_total", "cache" => *name).absolute(*hits);
        counter!("star_cache_misses_total", "cache" => *name).absolute(*misses);
        if let Some(bytes) = bytes {
            gauge!("star_cache_bytes", "cache" => *name).set(*bytes as f64);
        }
    }
}
