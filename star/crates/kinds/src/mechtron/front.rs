//! What others call: the component of a mechtron behind the contract of its bind.
//!
//! Calls share nothing, so they run beside each other and pass no mailbox.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use futures::StreamExt;
use star_core::behaviour::{Published, unsupported};
use star_core::gate::Permit;
use star_core::ports::content::ContentError;
use star_core::ports::mechtron::{LoadedMechtron, WebRequest, WebResponse};
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, Reply, StarError};

use super::plan::Plan;
use crate::config::OnLimit;
use crate::routes::{Destination, RouteOptions};

/// A mechtron in service.
pub(crate) struct Front {
    /// Weak, because the tree holds the actor that holds this.
    tree: Weak<Tree>,
    plan: Plan,
    loaded: Arc<dyn LoadedMechtron>,
    /// Why it answers nothing any more, with `on_limit: panic`.
    out_of_service: OnceLock<StarError>,
}

impl Front {
    pub(crate) fn new(tree: &Arc<Tree>, plan: Plan, loaded: Arc<dyn LoadedMechtron>) -> Front {
        Front { tree: Arc::downgrade(tree), plan, loaded, out_of_service: OnceLock::new() }
    }

    /// What `star info` tells besides the record.
    pub(crate) fn facts(&self) -> BTreeMap<String, String> {
        let limits = &self.plan.bind.limits;
        let mut facts = BTreeMap::from([
            ("messages".to_owned(), self.plan.contract.methods().join(" ")),
            (
                "limits".to_owned(),
                format!(
                    "respond {} ms, exec {} ms, memory {}, concurrent {}, reply {}",
                    limits.respond.as_millis(),
                    limits.exec.as_millis(),
                    limits.memory,
                    limits.concurrent,
                    limits.reply
                ),
            ),
        ]);
        if let Some(http) = &self.plan.bind.http {
            let rules: Vec<&str> = http.rules().iter().map(|rule| rule.pattern().as_str()).collect();
            facts.insert("http".to_owned(), rules.join(" "));
        }
        facts
    }

    fn check_service(&self) -> Result<(), StarError> {
        match self.out_of_service.get() {
            None => Ok(()),
            Some(error) => Err(StarError::new(
                ErrorCode::NotRunning,
                format!("{} was taken out of service: {}", self.plan.path, error.message()),
            )
            .at(&self.plan.path)
            .hint(format!("its bind says `on_limit: panic`; any `star set` on {} brings it back", self.plan.path))),
        }
    }

    /// Takes the mechtron out of service when its bind wants that after such an error.
    async fn after<T>(&self, outcome: Result<T, StarError>) -> Result<T, StarError> {
        let Err(error) = &outcome else { return outcome };
        let limit_exceeded =
            matches!(error.code(), ErrorCode::MechtronTimeout | ErrorCode::MechtronMemory | ErrorCode::MechtronTrapped);
        if limit_exceeded
            && self.plan.bind.on_limit == OnLimit::Panic
            && self.out_of_service.set(error.clone()).is_ok()
            && let Some(tree) = self.tree.upgrade()
            && let Err(failed) = tree.take_out_of_service(&self.plan.path, error).await
        {
            tracing::warn!(path = %self.plan.path, error = %failed, "the status of the mechtron could not be written");
        }
        outcome
    }

    async fn answer(&self, permit: &Permit) -> Result<Reply, StarError> {
        let envelope = permit.envelope();
        self.check_service()?;
        self.plan.contract.check_message(envelope)?;
        let reply =
            self.after(self.loaded.message(&permit.authority().agent(), envelope).await).await?.unwrap_or_default();
        self.plan.contract.check_reply(envelope, &reply)?;
        Ok(reply)
    }

    /// The options of the rule of the bind that takes a request.
    fn rule(&self, permit: &Permit, request: &WebRequest) -> Result<RouteOptions, StarError> {
        let Some(http) = &self.plan.bind.http else { return Err(unsupported(permit).hint("its bind has no `http`")) };
        let path = request.path_and_query.split('?').next().unwrap_or_default();
        let not_found = || no_rule(&self.plan.path, request, path);
        let matched = http.find(&request.method, path).map_err(|error| {
            StarError::new(ErrorCode::InvalidArgument, format!("the path of the request {error}")).at(&self.plan.path)
        })?;
        let matched = matched.ok_or_else(not_found)?;
        match matched.target() {
            Ok(Destination::Core) => Ok(matched.options().clone()),
            _ => Err(not_found()),
        }
    }
}

#[async_trait]
impl Published for Front {
    async fn ask(&self, permit: &Permit) -> Option<Result<Reply, StarError>> {
        Some(self.answer(permit).await)
    }

    async fn web(&self, permit: &Permit, mut request: WebRequest) -> Result<WebResponse, StarError> {
        self.check_service()?;
        let options = self.rule(permit, &request)?;
        if let Some(timeout) = options.timeout {
            request.deadline = request.deadline.min(tokio::time::Instant::now() + timeout);
        }
        if let Some(limit) = options.limit {
            request = limited(request, limit.as_bytes())?;
        }
        self.after(self.loaded.web(request).await).await
    }
}

fn no_rule(mechtron: &ResourcePath, request: &WebRequest, path: &str) -> StarError {
    StarError::new(ErrorCode::NotFound, format!("{mechtron} has no rule for {} {path}", request.method))
        .at(mechtron)
        .hint("its bind.yaml lists under `http` what it answers")
}

/// The same request with a body that ends with an error when it is longer than allowed.
fn limited(mut request: WebRequest, limit_bytes: u64) -> Result<WebRequest, StarError> {
    let announced = request.headers.iter().find(|(name, _)| name == "content-length");
    let announced = announced.and_then(|(_, value)| std::str::from_utf8(value).ok()?.parse::<u64>().ok());
    if announced.is_some_and(|bytes| bytes > limit_bytes) {
        return Err(StarError::new(ErrorCode::TooLarge, format!("the body is longer than {limit_bytes} bytes")));
    }
    let mut seen = 0u64;
    request.body = Box::pin(request.body.map(move |piece| {
        let piece = piece?;
        seen += piece.len() as u64;
        if seen > limit_bytes { Err(ContentError::TooLarge { limit_bytes }) } else { Ok(piece) }
    }));
    Ok(request)
}
