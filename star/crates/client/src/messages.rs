//! Asking and telling resources.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use star_api::oneof::{ask_request, ask_response, tell_request};
use star_api::v1;
use star_path::ResourcePath;

use crate::client::Client;
use crate::error::ClientError;
use crate::once::{Change, Since};

/// A message to a resource.
#[derive(Debug, Clone)]
pub struct Message {
    /// The resource.
    pub to: ResourcePath,
    /// What it is asked to do, such as `greet`.
    pub method: String,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Media type of the body.
    pub content_type: String,
    /// The body, passed on byte for byte.
    pub body: Bytes,
    /// How long the reply may take; without it, as long as other calls.
    pub timeout: Option<Duration>,
    /// Makes it safe to send the message again after an unknown outcome; it is sent again then.
    pub idempotency_key: Option<String>,
}

impl Message {
    /// A message without a body.
    pub fn new(to: ResourcePath, method: impl Into<String>) -> Message {
        Message {
            to,
            method: method.into(),
            headers: BTreeMap::new(),
            content_type: String::new(),
            body: Bytes::new(),
            timeout: None,
            idempotency_key: None,
        }
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, content_type: impl Into<String>, body: impl Into<Bytes>) -> Message {
        self.content_type = content_type.into();
        self.body = body.into();
        self
    }

    /// The same with a JSON value as its body.
    #[must_use]
    pub fn with_json(self, value: &serde_json::Value) -> Message {
        self.with_body("application/json", value.to_string())
    }

    fn timeout_ms(&self, default: Duration) -> u64 {
        let timeout = self.timeout.unwrap_or(default);
        u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What a resource replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Status in the manner of HTTP: 200 for a plain success.
    pub code: u32,
    /// Headers by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Media type of the body.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

impl Client {
    /// Sends a message and waits for the reply.
    pub async fn ask(&self, message: Message) -> Result<Reply, ClientError> {
        let limit = message.timeout.unwrap_or(self.timeout());
        let request = v1::AskRequest {
            to: message.to.to_string(),
            timeout_ms: message.timeout_ms(limit),
            method: message.method,
            headers: message.headers,
            content_type: message.content_type,
            idempotency_key: message.idempotency_key.unwrap_or_default(),
            // Said even if it is empty: the reply comes in the form in which the request came.
            body: Some(ask_request::Body::Raw(message.body)),
            ..Default::default()
        };
        let response: v1::AskResponse = self.send(limit, "Messages/Ask", &request, &request.idempotency_key).await?;
        let body = match response.body {
            None => Bytes::new(),
            Some(ask_response::Body::Raw(body)) => body,
            Some(ask_response::Body::Json(value)) => {
                let json = serde_json::to_vec(&value);
                json.map_err(|error| self.protocol(format!("JSON in the reply: {error}")))?.into()
            }
        };
        Ok(Reply { code: response.code, headers: response.headers, content_type: response.content_type, body })
    }

    /// Sends a message that wants no reply. Returns its id.
    pub async fn tell(&self, message: Message) -> Result<String, ClientError> {
        let request = v1::TellRequest {
            to: message.to.to_string(),
            timeout_ms: message.timeout_ms(self.timeout()),
            method: message.method,
            headers: message.headers,
            content_type: message.content_type,
            idempotency_key: message.idempotency_key.unwrap_or_default(),
            body: Some(tell_request::Body::Raw(message.body)),
            ..Default::default()
        };
        let key = &request.idempotency_key;
        let response: v1::TellResponse = self.send(self.timeout(), "Messages/Tell", &request, key).await?;
        Ok(response.message_id)
    }

    /// Sends a message: once, however often it has to be sent, if it has a key. One without a key is
    /// not sent again, because it may read as well as change, and only its sender knows.
    async fn send<Answer: buffa::Message>(
        &self,
        limit: Duration,
        method: &str,
        request: &impl buffa::Message,
        key: &str,
    ) -> Result<Answer, ClientError> {
        if key.is_empty() {
            return self.unary_within(limit, method, request).await;
        }
        let client = self.clone().with_idempotency_key(key);
        let send = async |change: &Change| client.unary_marked(change.left, method, request, Some(change)).await;
        client.once(limit, Since::Begin, send).await
    }
}
