//! A Space: routes are accepted only when they can be read.

use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, KindBehaviour, ResourceActor, SetPlan};
use star_core::command::{Opened, Set};
use star_core::gate::{Authority, Permit};
use star_core::record::Resource;
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};

use crate::config::Scope;
use crate::documents::{invalid_text, read_text};
use crate::limits;
use crate::routes::RouteTable;

/// The kind Space.
pub(crate) struct SpaceKind;

struct SpaceActor;

#[async_trait]
impl KindBehaviour for SpaceKind {
    async fn activate(&self, _: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(SpaceActor))
    }
}

#[async_trait]
impl ResourceActor for SpaceActor {
    async fn check_set(
        &mut self,
        context: &ActorContext,
        permit: &Permit,
        target: &Resource,
        set: &Set,
    ) -> Result<SetPlan, StarError> {
        let Some((_, routes)) = set.properties.iter().find(|(key, _)| key.as_str() == "routes") else {
            return Ok(SetPlan::default());
        };
        let routes = ResourcePath::parse(routes)?;
        let (_, table) = load_routes(&context.tree, permit.authority(), &target.path, &routes).await?;
        let warnings = table.check().iter().map(|warning| warning.to_string()).collect();
        Ok(SetPlan { warnings, ..SetPlan::default() })
    }
}

/// Reads the routes of a Space from a File or Artifact. `${bundle}` in them is the bundle as the
/// path names it, so that targets follow a tag; `${self}` is the Space.
pub async fn load_routes(
    tree: &Arc<Tree>,
    authority: &Arc<Authority>,
    space: &ResourcePath,
    routes: &ResourcePath,
) -> Result<(Opened, RouteTable), StarError> {
    let (opened, text) = read_text(tree, authority, routes, limits::ROUTES_BYTES).await?;
    let scope = Scope::of_bundle(&routes.without_files()).for_resource(space);
    let table = RouteTable::parse(routes.last(), &text, &scope)
        .map_err(|error| invalid_text(ErrorCode::InvalidRoutes, routes, &error))?;
    Ok((opened, table))
}
