//! The Stars service: how the Star is doing, and who the caller is to it.
#![expect(refining_impl_trait, reason = "the traits leave the type of an answer open; naming it reads better")]

use std::sync::Arc;

use connectrpc::{RequestContext, ServiceRequest, ServiceResult};
use star_api::v1;
use star_api::version::ApiVersion;
use star_core::gate::{Authority, Right};
use star_core::kind::Kind;
use star_core::ports::mechtron::HostStatus;
use star_core::tree::ActorCounts;
use star_core::vitals::{Cache, Queue, Times};
use star_core::{keys, limits as core_limits, stored};
use star_path::ResourcePath;
use star_wire::StarError;

use super::call::Call;
use crate::schema;
use crate::state::ApiState;

/// The Stars service.
pub(super) struct StarsService {
    pub(super) state: ApiState,
}

impl v1::Stars for StarsService {
    async fn status(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, v1::StatusRequest>,
    ) -> ServiceResult<v1::StatusResponse> {
        let call = Call::of(&self.state, &context);
        call.answer(status(&call).await)
    }

    async fn who_am_i(
        &self,
        context: RequestContext,
        _: ServiceRequest<'_, v1::WhoAmIRequest>,
    ) -> ServiceResult<v1::WhoAmIResponse> {
        let call = Call::of(&self.state, &context);
        let authority = &call.caller.authority;
        let method = if matches!(**authority, Authority::Anonymous) { "anonymous" } else { "key" };
        let agent = schema::agent(&authority.agent());
        call.answer(Ok(v1::WhoAmIResponse { agent, method: method.into(), ..Default::default() }))
    }
}

/// Whether somebody may see what belongs to the installation: whoever may read the Space `star`.
pub(crate) async fn may_see_the_star(state: &ApiState, authority: &Arc<Authority>) -> Result<(), StarError> {
    let star = ResourcePath::parse("star").expect("`star` is a path");
    state.tree().gate.allow(authority, Right::Read, &star).await
}

async fn status(call: &Call<'_>) -> Result<v1::StatusResponse, StarError> {
    may_see_the_star(call.state, &call.caller.authority).await?;
    let (star, tree) = (call.state.star(), call.state.tree());
    let store = tree.ports.meta.status();
    let content = tree.ports.content.status();
    let vitals = call.state.vitals();
    let uptime_ms = tree.ports.clock.now_ms().saturating_sub(star.started_ms);
    Ok(v1::StatusResponse {
        name: star.name.clone(),
        version: star.version.clone(),
        pid: star.pid,
        started: schema::timestamp(star.started_ms).into(),
        uptime: schema::duration(uptime_ms).into(),
        data_dir: star.data_dir.display().to_string(),
        addresses: [("api".into(), star.api_url.clone()), ("web".into(), star.web_url.clone())].into(),
        store: v1::StoreStatus {
            index: store.index,
            journal_bytes: store.journal_bytes,
            segments: store.segments,
            position: store.position.to_string(),
            ..Default::default()
        }
        .into(),
        content: v1::ContentStatus { count: content.contents, bytes: content.bytes, ..Default::default() }.into(),
        actors: actors(tree.actors()).into(),
        mechtrons: mechtrons(tree.ports.mechtrons.status()).into(),
        spaces: spaces(call.state).await?,
        memory_bytes: crate::process::memory_bytes().unwrap_or(0),
        queues: vitals.queues.iter().map(queue).collect(),
        caches: vitals.caches.iter().map(cache).collect(),
        times: vitals.times.iter().map(times).collect(),
        api_versions: v1::ApiVersions {
            oldest: ApiVersion::OLDEST.to_string(),
            newest: ApiVersion::NEWEST.to_string(),
            ..Default::default()
        }
        .into(),
        ..Default::default()
    })
}

fn actors(counts: ActorCounts) -> v1::ActorStatus {
    let ActorCounts { active, activations, passivations, panics, in_flight, dead_letters, memory_bytes } = counts;
    v1::ActorStatus {
        active,
        activations,
        passivations,
        panics,
        in_flight,
        dead_letters,
        memory_bytes,
        ..Default::default()
    }
}

fn mechtrons(status: HostStatus) -> v1::MechtronStatus {
    let HostStatus { loaded, compiled, cached, calls, killed } = status;
    v1::MechtronStatus { loaded, compiled, cached, calls, killed, ..Default::default() }
}

fn queue(queue: &Queue) -> v1::QueueStatus {
    let Queue { name, about, taken, limit, refused } = *queue;
    v1::QueueStatus { name: name.into(), about: about.into(), taken, limit, refused, ..Default::default() }
}

fn cache(cache: &Cache) -> v1::CacheStatus {
    let Cache { name, about, entries, bytes, hits, misses } = *cache;
    v1::CacheStatus { name: name.into(), about: about.into(), entries, bytes, hits, misses, ..Default::default() }
}

fn times(times: &Times) -> v1::TimeStatus {
    let nanoseconds = |time: std::time::Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    let Times { name, about, count, median, p99 } = *times;
    let (median_ns, p99_ns) = (nanoseconds(median), nanoseconds(p99));
    v1::TimeStatus { name: name.into(), about: about.into(), count, median_ns, p99_ns, ..Default::default() }
}

/// How many Spaces there are, besides the one of the installation itself.
async fn spaces(state: &ApiState) -> Result<u64, StarError> {
    let root = ResourcePath::root();
    let mut range = keys::children(&root);
    let mut count = 0;
    loop {
        let page = state.tree().ports.meta.scan(range.clone(), core_limits::PAGE_MAX).await;
        let page = page.map_err(|error| stored::read_failed(&root, &error))?;
        let spaces = page.rows.iter().filter(|(_, row)| row.value.first() == Some(&Kind::Space.spec().number));
        count += spaces.count() as u64;
        match page.next {
            Some(next) => range.start = next,
            None => return Ok(count.saturating_sub(1)),
        }
    }
}
