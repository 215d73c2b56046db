//! What a mechtron is made of: its document, its bind, its schemas, its component.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use star_core::command::Opened;
use star_core::gate::{Authority, CallGrant, Right};
use star_core::kind::Kind;
use star_core::outbox::GatedOutbox;
use star_core::ports::clock::UnixMillis;
use star_core::ports::mechtron::{CodeSource, LoadedMechtron, MechtronSpec};
use star_core::record::Record;
use star_core::tree::Tree;
use star_path::{PropertyKey, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::contract::Contract;
use crate::config::{self, Bind, Scope, Verb};
use crate::documents::{invalid_text, open, read_text, read_whole};
use crate::limits::{COMPONENT_BYTES, DOCUMENT_BYTES};

/// Where a mechtron goes.
pub(crate) enum Place<'p> {
    /// To this path.
    At(&'p ResourcePath),
    /// Below this App, under the name that its document gives it.
    Below(&'p ResourcePath),
}

/// Everything that was read of a mechtron.
pub(crate) struct Plan {
    /// Where it goes.
    pub(crate) path: ResourcePath,
    /// Its document, pinned to a version.
    pub(crate) from: ResourcePath,
    /// Its document, read.
    pub(crate) document: config::Mechtron,
    /// Its bind, read.
    pub(crate) bind: Bind,
    /// What the bind promises, ready to check.
    pub(crate) contract: Contract,
}

impl Plan {
    /// Reads a `mechtron.yaml` and what it leads to, in somebody's name.
    pub(crate) async fn read(
        tree: &Arc<Tree>,
        authority: &Arc<Authority>,
        place: Place<'_>,
        from: &ResourcePath,
    ) -> Result<Plan, StarError> {
        let (opened, text) = read_text(tree, authority, from, DOCUMENT_BYTES).await?;
        let from = opened.path;
        let bundle = Scope::of_bundle(&from.without_files());
        let parse = |scope: &Scope| {
            config::Mechtron::parse(&text, scope)
                .map_err(|error| invalid_text(ErrorCode::InvalidDocument, &from, &error))
        };
        let path = match place {
            Place::At(path) => path.clone(),
            // Its own name stands in the document, so that is looked at first.
            Place::Below(app) => app.child(&parse(&bundle.clone().checking())?.name)?,
        };
        let scope = bundle.for_resource(&path);
        let document = parse(&scope)?;
        let (bind_at, bind_text) = read_text(tree, authority, &document.bind, DOCUMENT_BYTES).await?;
        let bind_scope = Scope::of_bundle(&bind_at.path.without_files()).for_resource(&path);
        let bind = Bind::parse(&bind_text, &bind_scope)
            .map_err(|error| invalid_text(ErrorCode::InvalidDocument, &bind_at.path, &error))?;
        let contract = Contract::read(tree, authority, &bind).await?;
        Ok(Plan { path, from, document, bind, contract })
    }

    /// Loads its component, and checks that it can answer what its bind promises.
    pub(crate) async fn load(
        &self,
        tree: &Arc<Tree>,
        authority: &Arc<Authority>,
    ) -> Result<Arc<dyn LoadedMechtron>, StarError> {
        let wasm = open(tree, authority, &self.document.wasm).await.map_err(|error| self.component_missing(error))?;
        let content = wasm.content.clone();
        let source = Component { tree: Arc::clone(tree), opened: wasm };
        let loaded = tree.ports.mechtrons.load(&content, &source, self.spec(tree)).await;
        let loaded = loaded.map_err(|error| self.component_unusable(error))?;
        self.check_roles(loaded.as_ref())?;
        Ok(loaded)
    }

    /// The record of the resource.
    pub(crate) fn record(&self, now_ms: UnixMillis) -> Record {
        let mut record = Record::new(Kind::Mechtron, self.path.clone(), now_ms);
        record.properties = [("from", &self.from), ("wasm", &self.document.wasm), ("bind", &self.document.bind)]
            .map(|(key, path)| (PropertyKey::parse(key).expect("a constant that is a key"), path.to_string()))
            .into();
        record
    }

    fn spec(&self, tree: &Arc<Tree>) -> MechtronSpec {
        let calls: Vec<CallGrant> = self.bind.calls.iter().map(grant).collect();
        MechtronSpec {
            path: self.path.clone(),
            name: self.document.name.clone(),
            config: self.document.config.clone() as BTreeMap<String, String>,
            limits: self.bind.limits.into(),
            outbox: Arc::new(GatedOutbox::new(tree, &self.path, calls.into())),
        }
    }

    fn component_missing(&self, error: StarError) -> StarError {
        if error.code() != ErrorCode::NotFound {
            return error;
        }
        StarError::new(ErrorCode::InvalidComponent, format!("the component {} does not exist", self.document.wasm))
            .at(&self.document.wasm)
            .hint(format!("`wasm` in {} names it; publish a bundle that holds it", self.from))
    }

    /// The host knows bytes only; whoever reads the error needs to know which file.
    fn component_unusable(&self, error: StarError) -> StarError {
        if error.code() != ErrorCode::InvalidComponent {
            return error;
        }
        let wasm = &self.document.wasm;
        let named = StarError::new(error.code(), format!("{wasm} cannot be used: {}", error.message()));
        let named = named.at(wasm).with_causes(error.causes().iter().cloned());
        match error.hint_text() {
            Some(hint) => named.hint(hint),
            None => named,
        }
    }

    fn check_roles(&self, loaded: &dyn LoadedMechtron) -> Result<(), StarError> {
        let roles = loaded.roles();
        let invalid = |promise: &str, export: &str| {
            StarError::new(
                ErrorCode::InvalidComponent,
                format!("the bind promises {promise}, but the component does not export `{export}`"),
            )
            .at(&self.document.wasm)
            .hint(format!("export it, or take that part out of {}", self.document.bind))
        };
        if self.bind.http.is_some() && !roles.web {
            return Err(invalid("web requests (`http`)", "wasi:http/incoming-handler"));
        }
        if !self.bind.messages.is_empty() && !roles.messages {
            return Err(invalid("messages (`messages`)", "starlane:mechtron/handler"));
        }
        Ok(())
    }
}

fn grant(grant: &config::CallGrant) -> CallGrant {
    let right = |verb| match verb {
        Verb::Read => Right::Read,
        Verb::Write => Right::Write,
        Verb::Execute => Right::Execute,
    };
    CallGrant { to: grant.to.clone(), can: grant.can.iter().map(right).collect() }
}

/// The bytes of a component, read only when the host has not compiled them before.
struct Component {
    tree: Arc<Tree>,
    opened: Opened,
}

#[async_trait]
impl CodeSource for Component {
    async fn bytes(&self) -> Result<Bytes, StarError> {
        read_whole(&self.tree, &self.opened, COMPONENT_BYTES).await
    }
}
