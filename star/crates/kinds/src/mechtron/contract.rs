//! The messages that a bind promises to answer, with the schemas of their bodies.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::Validator;
use star_core::gate::Authority;
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{Envelope, ErrorCode, Method, Reply, StarError};

use crate::config::Bind;
use crate::documents::read_text;
use crate::limits::{DOCUMENT_BYTES, SCHEMA_FINDINGS};

/// Messages by their method.
pub(crate) struct Contract {
    messages: HashMap<Method, Bodies>,
}

#[derive(Default)]
struct Bodies {
    input: Option<Schema>,
    output: Option<Schema>,
}

struct Schema {
    path: ResourcePath,
    validator: Validator,
}

impl Contract {
    /// Reads the schemas that a bind names.
    pub(crate) async fn read(tree: &Arc<Tree>, authority: &Arc<Authority>, bind: &Bind) -> Result<Contract, StarError> {
        let mut messages = HashMap::with_capacity(bind.messages.len());
        for (method, promised) in &bind.messages {
            let mut bodies = Bodies::default();
            if let Some(path) = &promised.input {
                bodies.input = Some(Schema::read(tree, authority, path).await?);
            }
            if let Some(path) = &promised.output {
                bodies.output = Some(Schema::read(tree, authority, path).await?);
            }
            messages.insert(method.clone(), bodies);
        }
        Ok(Contract { messages })
    }

    /// The methods, in the order of their names.
    pub(crate) fn methods(&self) -> Vec<&str> {
        let mut methods: Vec<&str> = self.messages.keys().map(Method::as_str).collect();
        methods.sort_unstable();
        methods
    }

    /// Whether a message is one that the mechtron answers, with a body as it should be.
    pub(crate) fn check_message(&self, envelope: &Envelope) -> Result<(), StarError> {
        let Some(bodies) = self.messages.get(&envelope.method) else {
            return Err(self.unknown_method(envelope));
        };
        match &bodies.input {
            Some(schema) => schema.check(&envelope.body).map_err(|finding| {
                StarError::new(ErrorCode::InvalidMessage, format!("the body of `{}` {}", envelope.method, finding.what))
                    .at(&envelope.to)
                    .with_causes(finding.details)
                    .hint(format!("the schema is {}", schema.path))
            }),
            None => Ok(()),
        }
    }

    /// Whether a reply is what was promised.
    pub(crate) fn check_reply(&self, envelope: &Envelope, reply: &Reply) -> Result<(), StarError> {
        let Some(schema) = self.messages.get(&envelope.method).and_then(|bodies| bodies.output.as_ref()) else {
            return Ok(());
        };
        schema.check(&reply.body).map_err(|finding| {
            StarError::new(
                ErrorCode::MechtronReplyInvalid,
                format!("the reply to `{}` {}", envelope.method, finding.what),
            )
            .at(&envelope.to)
            .with_causes(finding.details)
            .hint(format!("the bind promises {}", schema.path))
        })
    }

    fn unknown_method(&self, envelope: &Envelope) -> StarError {
        let (to, method) = (&envelope.to, &envelope.method);
        let error = StarError::new(ErrorCode::UnsupportedMethod, format!("{to} does not understand `{method}`")).at(to);
        let known = self.methods();
        match star_path::suggest::nearest(method.as_str(), known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None if known.is_empty() => error.hint("its bind names no messages"),
            None => error.hint(format!("it understands: {}", known.join(", "))),
        }
    }
}

/// What is wrong with a body.
struct Finding {
    what: &'static str,
    details: Vec<String>,
}

impl Schema {
    async fn read(tree: &Arc<Tree>, authority: &Arc<Authority>, path: &ResourcePath) -> Result<Schema, StarError> {
        let (_, text) = read_text(tree, authority, path, DOCUMENT_BYTES).await?;
        let invalid = |reason: String| {
            StarError::new(ErrorCode::InvalidDocument, format!("{path} is no JSON Schema"))
                .at(path)
                .with_causes([reason])
        };
        let schema: serde_json::Value = serde_json::from_str(&text).map_err(|error| invalid(error.to_string()))?;
        let validator = jsonschema::validator_for(&schema).map_err(|error| invalid(error.to_string()))?;
        Ok(Schema { path: path.clone(), validator })
    }

    fn check(&self, body: &[u8]) -> Result<(), Finding> {
        let value: serde_json::Value = serde_json::from_slice(body)
            .map_err(|error| Finding { what: "is not JSON", details: vec![error.to_string()] })?;
        let finding = |error: jsonschema::ValidationError<'_>| {
            let place = error.instance_path().to_string();
            if place.is_empty() { error.to_string() } else { format!("at {place}: {error}") }
        };
        let details: Vec<String> = self.validator.iter_errors(&value).take(SCHEMA_FINDINGS).map(finding).collect();
        if details.is_empty() { Ok(()) } else { Err(Finding { what: "does not fit its schema", details }) }
    }
}
