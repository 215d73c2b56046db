//! An App: made from an `app.yaml`, answered for by its main mechtron.

use std::sync::Arc;

use async_trait::async_trait;
use star_core::behaviour::{ActorContext, CreatePlan, KindBehaviour, Published, ResourceActor, SetPlan, unsupported};
use star_core::command::{Create, Set};
use star_core::gate::{Authority, Permit};
use star_core::ports::mechtron::{WebRequest, WebResponse};
use star_core::record::{Record, Resource};
use star_core::stored;
use star_core::tree::Tree;
use star_path::{PropertyKey, ResourcePath};
use star_wire::{ErrorCode, Reply, StarError};

use crate::config::{App, Scope};
use crate::documents::{invalid_text, read_text};
use crate::limits::DOCUMENT_BYTES;
use crate::mechtron::plan::{self, Plan};

/// The kind App.
pub(crate) struct AppKind;

struct AppActor {
    front: Option<Arc<Front>>,
}

/// What answers for an App: its main mechtron, through the router.
struct Front {
    tree: Arc<Tree>,
    main: ResourcePath,
}

#[async_trait]
impl KindBehaviour for AppKind {
    async fn prepare(
        &self,
        tree: &Arc<Tree>,
        authority: &Arc<Authority>,
        create: &Create,
    ) -> Result<CreatePlan, StarError> {
        let from = create.properties.iter().find(|(key, _)| key.as_str() == "from").map(|(_, from)| from);
        let from = from.ok_or_else(|| {
            StarError::new(ErrorCode::InvalidArgument, format!("what {} is made from is missing", create.path))
                .at(&create.path)
                .hint(format!("star create App {} --from BUNDLE:/app.yaml", create.path))
        })?;
        let (properties, main) = main_of(tree, authority, &create.path, &ResourcePath::parse(from)?).await?;
        Ok(CreatePlan { properties, also: vec![main], ..CreatePlan::default() })
    }

    async fn activate(&self, context: &ActorContext) -> Result<Box<dyn ResourceActor>, StarError> {
        Ok(Box::new(AppActor { front: front(context).await? }))
    }
}

#[async_trait]
impl ResourceActor for AppActor {
    async fn handle(&mut self, _: &ActorContext, permit: &Permit) -> Result<Reply, StarError> {
        Err(unsupported(permit))
    }

    async fn check_set(
        &mut self,
        context: &ActorContext,
        permit: &Permit,
        target: &Resource,
        set: &Set,
    ) -> Result<SetPlan, StarError> {
        let Some((_, from)) = set.properties.iter().find(|(key, _)| key.as_str() == "from") else {
            return Ok(SetPlan::default());
        };
        let (properties, (path, mut main)) =
            main_of(&context.tree, permit.authority(), &target.path, &ResourcePath::parse(from)?).await?;
        main.owner = target.record.owner.clone();
        Ok(SetPlan { properties, also: vec![(path, main)], ..SetPlan::default() })
    }

    async fn changed(&mut self, context: &ActorContext) -> Result<(), StarError> {
        self.front = front(context).await?;
        Ok(())
    }

    fn published(&self) -> Option<Arc<dyn Published>> {
        self.front.clone().map(|front| front as Arc<dyn Published>)
    }
}

type Properties = std::collections::BTreeMap<PropertyKey, String>;

/// Reads an `app.yaml` and everything that it leads to, and answers the App's properties and its
/// main mechtron. Nothing is made here.
async fn main_of(
    tree: &Arc<Tree>,
    authority: &Arc<Authority>,
    app: &ResourcePath,
    from: &ResourcePath,
) -> Result<(Properties, (ResourcePath, Record)), StarError> {
    let (opened, text) = read_text(tree, authority, from, DOCUMENT_BYTES).await?;
    // Pinned to the version that a tag means now: an App changes when somebody changes it.
    let scope = Scope::of_bundle(&opened.path.without_files()).for_resource(app);
    let document =
        App::parse(&text, &scope).map_err(|error| invalid_text(ErrorCode::InvalidDocument, &opened.path, &error))?;
    let plan = Plan::read(tree, authority, plan::Place::Below(app), &document.main).await?;
    plan.load(tree, authority).await?;
    let properties = [(key("main"), plan.path.to_string())].into();
    let record = plan.record(tree.ports.clock.now_ms());
    Ok((properties, (plan.path, record)))
}

fn key(text: &str) -> PropertyKey {
    PropertyKey::parse(text).expect("a constant that is a key")
}

async fn front(context: &ActorContext) -> Result<Option<Arc<Front>>, StarError> {
    let app = stored::require(&context.tree.ports.meta, &context.path).await?;
    let main = app.record.property("main").map(ResourcePath::parse).transpose()?;
    Ok(main.map(|main| Arc::new(Front { tree: Arc::clone(&context.tree), main })))
}

impl Front {
    fn passed_down(&self, permit: &Permit) -> Result<Permit, StarError> {
        permit.passed_down(&self.main).ok_or_else(|| {
            StarError::new(ErrorCode::TooManyHops, format!("the message for {} was passed on too often", self.main))
                .at(&self.main)
        })
    }
}

#[async_trait]
impl Published for Front {
    async fn ask(&self, permit: &Permit) -> Option<Result<Reply, StarError>> {
        match self.passed_down(permit) {
            // Boxed, because asking the main mechtron is the same function again.
            Ok(permit) => Some(Box::pin(self.tree.ask(permit)).await),
            Err(error) => Some(Err(error)),
        }
    }

    async fn web(&self, permit: &Permit, request: WebRequest) -> Result<WebResponse, StarError> {
        Box::pin(self.tree.web(self.passed_down(permit)?, request)).await
    }
}
