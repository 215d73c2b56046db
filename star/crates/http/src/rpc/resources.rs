//! The Resources service: making, reading, changing and removing resources.
#![expect(refining_impl_trait, reason = "the traits leave the type of an answer open; naming it reads better")]

use std::collections::BTreeMap;

use connectrpc::{RequestContext, ServiceRequest, ServiceResult};
use semver::Version;
use star_api::v1;
use star_core::command::{Changed, Create, Delete, Info, Move, Restart, Set, Strategy, Tag};
use star_core::kind::Kind;
use star_core::numbers::NumberedPath;
use star_core::ports::meta::Key;
use star_core::{keys, limits as core_limits, stored};
use star_path::{PropertyKey, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::call::Call;
use super::{kinds, listing, usage};
use crate::state::ApiState;
use crate::{limits, schema};

/// The Resources service.
pub(super) struct ResourcesService {
    pub(super) state: ApiState,
}

macro_rules! calls {
    ($($method:ident: $request:ident => $response:ident;)*) => {
        impl v1::Resources for ResourcesService {
            $(async fn $method(
                &self,
                context: RequestContext,
                request: ServiceRequest<'_, v1::$request>,
            ) -> ServiceResult<v1::$response> {
                let call = Call::of(&self.state, &context);
                call.answer($method(&call, request.to_owned_message()).await)
            })*
        }
    };
}

calls! {
    create: CreateRequest => CreateResponse;
    info: InfoRequest => InfoResponse;
    list: ListRequest => ListResponse;
    get: GetRequest => GetResponse;
    set: SetRequest => SetResponse;
    delete: DeleteRequest => DeleteResponse;
    r#move: MoveRequest => MoveResponse;
    restart: RestartRequest => RestartResponse;
    tag: TagRequest => TagResponse;
    kinds: KindsRequest => KindsResponse;
    usage: UsageRequest => UsageResponse;
}

async fn create(call: &Call<'_>, request: v1::CreateRequest) -> Result<v1::CreateResponse, StarError> {
    let numbered = NumberedPath::parse(&request.path)?;
    let path = match &numbered {
        Some(name) => name.at(0)?,
        None => ResourcePath::parse(&request.path)?,
    };
    let kind = Kind::parse(&request.kind).map_err(|error| error.at(&path))?;
    let Attributes { mut properties, mut labels } = Attributes::parse(request.properties)?;
    labels.extend(request.labels);
    if !request.from.is_empty() {
        properties.insert(PropertyKey::parse("from")?, request.from);
    }
    let strategy = match request.strategy.as_known() {
        Some(v1::Strategy::STRATEGY_UNSPECIFIED | v1::Strategy::STRATEGY_CREATE) => Strategy::Create,
        Some(v1::Strategy::STRATEGY_ENSURE) => Strategy::Ensure,
        Some(v1::Strategy::STRATEGY_APPLY) => Strategy::Apply,
        None => return Err(StarError::new(ErrorCode::InvalidArgument, "the strategy is not known").at(&path)),
    };
    let owner = match request.owner.as_str() {
        "" => None,
        owner => Some(ResourcePath::parse(owner)?),
    };
    let create = Create { path, kind, properties, labels, owner, strategy };
    let (tree, authority) = (call.state.tree(), &call.caller.authority);
    let terms = (request.fence.as_str(), call.key()?);
    let changed = match numbered {
        Some(name) => tree.create_numbered(authority, &name, create, terms).await?,
        None => tree.create_fenced(authority, create, terms.0, terms.1).await?,
    };
    let (created, anything) = (changed.was_made(), changed.changed);
    Ok(v1::CreateResponse { resource: told(changed).into(), created, changed: anything, ..Default::default() })
}

async fn info(call: &Call<'_>, request: v1::InfoRequest) -> Result<v1::InfoResponse, StarError> {
    let described = call.command(&ResourcePath::parse(&request.path)?, &Info).await?;
    let path = described.path.clone();
    let mut resource = schema::described(described);
    resource.children = children(call.state, &path).await?;
    Ok(v1::InfoResponse { resource: resource.into(), ..Default::default() })
}

/// How many children a resource has, by kind. Stops counting where it would take long.
async fn children(state: &ApiState, path: &ResourcePath) -> Result<BTreeMap<String, u64>, StarError> {
    let mut range = keys::children(path);
    let mut counted = 0;
    let mut children = BTreeMap::new();
    while counted < limits::CHILDREN_COUNTED {
        let page = state.tree().ports.meta.scan(range.clone(), core_limits::PAGE_MAX).await;
        let page = page.map_err(|error| stored::read_failed(path, &error))?;
        counted += page.rows.len();
        for (key, row) in page.rows {
            let kind = row.value.first().copied().and_then(Kind::from_number).ok_or_else(|| damaged(&key))?;
            *children.entry(kind.to_string()).or_insert(0) += 1;
        }
        match page.next {
            Some(next) => range.start = next,
            None => break,
        }
    }
    Ok(children)
}

fn damaged(key: &Key) -> StarError {
    StarError::new(ErrorCode::Corrupt, format!("the row {key:?} of the store names no kind"))
}

async fn list(call: &Call<'_>, request: v1::ListRequest) -> Result<v1::ListResponse, StarError> {
    listing::list(call, &request).await
}

async fn get(call: &Call<'_>, request: v1::GetRequest) -> Result<v1::GetResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let key = PropertyKey::parse(&request.key)?;
    let mut resource = schema::described(call.command(&path, &Info).await?);
    let value = match key.as_str().strip_prefix(LABELS) {
        Some(label) => resource.labels.remove(label),
        None => resource.properties.remove(key.as_str()),
    };
    let value = value.ok_or_else(|| {
        let set: Vec<&str> = resource.properties.keys().map(String::as_str).collect();
        let hint =
            if set.is_empty() { "it has no properties".to_owned() } else { format!("it has: {}", set.join(", ")) };
        StarError::new(ErrorCode::PropertyNotSet, format!("#{key} of {path} is not set")).at(&path).hint(hint)
    })?;
    Ok(v1::GetResponse { value, revision: resource.revision, ..Default::default() })
}

async fn set(call: &Call<'_>, request: v1::SetRequest) -> Result<v1::SetResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let Attributes { properties, labels } = Attributes::parse(request.properties)?;
    let (remove_labels, remove): (Vec<String>, Vec<String>) =
        request.removals.into_iter().partition(|key| key.starts_with(LABELS));
    let remove = remove.iter().map(|key| PropertyKey::parse(key)).collect::<Result<_, _>>()?;
    let remove_labels = remove_labels.iter().map(|key| key[LABELS.len()..].to_owned()).collect();
    let set = Set { properties, remove, labels, remove_labels, if_revision: request.if_revision };
    let Changed { resource, warnings, .. } = call.fenced(&path, &set, &request.fence).await?;
    Ok(v1::SetResponse { resource: schema::described(resource).into(), warnings, ..Default::default() })
}

async fn delete(call: &Call<'_>, request: v1::DeleteRequest) -> Result<v1::DeleteResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let delete = Delete { recursive: request.recursive, if_digest: None };
    let deleted = call.fenced(&path, &delete, &request.fence).await?;
    Ok(v1::DeleteResponse { deleted: deleted.resources, ..Default::default() })
}

async fn r#move(call: &Call<'_>, request: v1::MoveRequest) -> Result<v1::MoveResponse, StarError> {
    let (from, to) = (ResourcePath::parse(&request.from)?, ResourcePath::parse(&request.to)?);
    let moved = call.fenced(&from, &Move { to }, &request.fence).await?;
    let mut resource = schema::described(moved.resource);
    resource.warnings = moved.warnings;
    Ok(v1::MoveResponse { resource: resource.into(), moved: moved.resources, ..Default::default() })
}

async fn restart(call: &Call<'_>, request: v1::RestartRequest) -> Result<v1::RestartResponse, StarError> {
    let restarted = call.command(&ResourcePath::parse(&request.path)?, &Restart).await?;
    Ok(v1::RestartResponse { resource: schema::described(restarted.resource).into(), ..Default::default() })
}

async fn tag(call: &Call<'_>, request: v1::TagRequest) -> Result<v1::TagResponse, StarError> {
    let series = ResourcePath::parse(&request.series)?;
    let version = version(&series, &request.version)?;
    let if_version = request.if_version.map(|expected| self::version(&series, &expected)).transpose()?;
    let tagged = call.fenced(&series, &Tag { tag: request.tag, version, if_version }, &request.fence).await?;
    let previous = tagged.before.map(|version| version.to_string()).unwrap_or_default();
    Ok(v1::TagResponse { previous, revision: tagged.revision, ..Default::default() })
}

/// The version that a text stands for; the empty text stands for none.
fn version(series: &ResourcePath, text: &str) -> Result<Option<Version>, StarError> {
    if text.is_empty() {
        return Ok(None);
    }
    let invalid = |_| {
        StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no version", text.escape_debug()))
            .at(series)
            .hint("versions are like 1.2.0")
    };
    Version::parse(text).map(Some).map_err(invalid)
}

async fn kinds(_: &Call<'_>, _: v1::KindsRequest) -> Result<v1::KindsResponse, StarError> {
    Ok(v1::KindsResponse { kinds: kinds::table(), ..Default::default() })
}

async fn usage(call: &Call<'_>, request: v1::UsageRequest) -> Result<v1::UsageResponse, StarError> {
    usage::usage(call, &request).await
}

fn told(changed: Changed) -> v1::Resource {
    let mut resource = schema::described(changed.resource);
    resource.warnings = changed.warnings;
    resource
}

/// The beginning of the key of a label among properties.
const LABELS: &str = "labels.";

/// Properties and labels, which share one map in the schema.
struct Attributes {
    properties: BTreeMap<PropertyKey, String>,
    labels: BTreeMap<String, String>,
}

impl Attributes {
    fn parse(given: BTreeMap<String, String>) -> Result<Attributes, StarError> {
        let mut attributes = Attributes { properties: BTreeMap::new(), labels: BTreeMap::new() };
        for (key, value) in given {
            match key.strip_prefix(LABELS) {
                Some(label) => drop(attributes.labels.insert(label.to_owned(), value)),
                None => drop(attributes.properties.insert(PropertyKey::parse(&key)?, value)),
            }
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_properties_are_told_apart_by_their_keys() {
        let given = [("title", "T"), ("labels.team", "red")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        let attributes = Attributes::parse(given.into()).ok().unwrap();
        assert_eq!(attributes.labels, [("team".to_owned(), "red".to_owned())].into());
        assert_eq!(attributes.properties, [(PropertyKey::parse("title").unwrap(), "T".to_owned())].into());
        let bad = Attributes::parse([("no key!".to_owned(), String::new())].into());
        assert!(bad.is_err());
    }
}
