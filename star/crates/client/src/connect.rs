//! Calls of the services: the Connect protocol over HTTP POST, in protobuf.
//!
//! Owns the protocol. Which calls there are, and what their messages mean, is said by the modules
//! `resources`, `messages`, `watch` and `stars`.

use std::time::Duration;

use buffa::Message;
use futures::stream::BoxStream;
use futures::{StreamExt as _, TryStreamExt as _};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, Response};
use serde::Deserialize;

use crate::client::{Client, media_type};
use crate::envelope::{self, Decoder, Frame};
use crate::error::ClientError;
use crate::limits;
use crate::once::{Change, Since};
use crate::refusal::ConnectError;

const UNARY: &str = "application/proto";
const STREAMING: &str = "application/connect+proto";

/// What the last frame of a stream holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EndOfStream {
    error: Option<ConnectError>,
}

impl Client {
    /// Calls `method` (such as `Resources/Info`) within the time of this client.
    pub(crate) async fn unary<Answer: Message>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<Answer, ClientError> {
        self.unary_within(self.timeout(), method, request).await
    }

    /// Calls `method`, which changes something, so that it is done once.
    pub(crate) async fn unary_once<Answer: Message>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<Answer, ClientError> {
        self.once(self.timeout(), Since::Begin, async |change| {
            self.unary_marked(change.left, method, request, Some(change)).await
        })
        .await
    }

    /// Calls `method` within `limit`, which the Star is told.
    pub(crate) async fn unary_within<Answer: Message>(
        &self,
        limit: Duration,
        method: &str,
        request: &impl Message,
    ) -> Result<Answer, ClientError> {
        self.unary_marked(limit, method, request, None).await
    }

    /// The same as part of a change.
    pub(crate) async fn unary_marked<Answer: Message>(
        &self,
        limit: Duration,
        method: &str,
        request: &impl Message,
        change: Option<&Change>,
    ) -> Result<Answer, ClientError> {
        let url = self.locate(&format!("/starlane.v1.{method}"), &[])?;
        let request = self
            .request(Method::POST, url)
            .header(CONTENT_TYPE, UNARY)
            .header("connect-protocol-version", "1")
            .header("connect-timeout-ms", limit.as_millis().min(MAX_TIMEOUT_MS).to_string())
            .body(request.encode_to_vec());
        let request = match change {
            Some(change) => change.mark(request),
            None => request,
        };
        let limit = limit.saturating_add(limits::CALL_GRACE);
        let response = self.open(request, limit).await?;
        self.expect_media_type(&response, UNARY)?;
        let body = self.read(response, limits::REPLY_BYTES, limit).await?;
        Answer::decode_from_slice(&body).map_err(|error| self.protocol(format!("{method}: {error}")))
    }

    /// Calls a method that answers with a stream. The stream ends after its last message, after
    /// an error, or when it is dropped; it has no deadline.
    pub(crate) async fn server_stream<Answer: Message + 'static>(
        &self,
        method: &str,
        request: &impl Message,
    ) -> Result<BoxStream<'static, Result<Answer, ClientError>>, ClientError> {
        let url = self.locate(&format!("/starlane.v1.{method}"), &[])?;
        let request = self
            .request(Method::POST, url)
            .header(CONTENT_TYPE, STREAMING)
            .header("connect-protocol-version", "1")
            .body(envelope::frame(&request.encode_to_vec()));
        let response = self.open(request, self.timeout()).await?;
        self.expect_media_type(&response, STREAMING)?;
        let incoming = Incoming { client: self.clone(), response, decoder: Decoder::new(limits::ITEM_BYTES) };
        let messages = futures::stream::try_unfold(incoming, |mut incoming| async move {
            Ok(incoming.next_message().await?.map(|message| (message, incoming)))
        });
        let client = self.clone();
        Ok(messages
            .and_then(move |message| {
                let decoded = Answer::decode_from_slice(&message);
                std::future::ready(decoded.map_err(|error| client.protocol(error.to_string())))
            })
            .boxed())
    }

    fn expect_media_type(&self, response: &Response, expected: &str) -> Result<(), ClientError> {
        let found = media_type(response);
        if found == expected {
            return Ok(());
        }
        Err(self.protocol(format!("media type `{found}` in place of `{expected}`")))
    }
}

/// Connect writes the time in at most ten digits.
const MAX_TIMEOUT_MS: u128 = 9_999_999_999;

/// A stream on its way in.
struct Incoming {
    client: Client,
    response: Response,
    decoder: Decoder,
}

impl Incoming {
    /// The next message, or `None` after the frame that ends the stream well.
    async fn next_message(&mut self) -> Result<Option<bytes::Bytes>, ClientError> {
        loop {
            match self.decoder.next_frame().map_err(|error| self.client.protocol(error.to_string()))? {
                Some(Frame::Message(message)) => return Ok(Some(message)),
                Some(Frame::End(end)) => return self.end(&end),
                None => self.receive().await?,
            }
        }
    }

    async fn receive(&mut self) -> Result<(), ClientError> {
        let piece = self.response.chunk().await;
        match piece.map_err(|error| self.client.transport(error, self.client.timeout()))? {
            Some(piece) => {
                self.decoder.feed(&piece);
                Ok(())
            }
            None => {
                let source = if self.decoder.is_mid_frame() {
                    "the stream ended in the middle of an item"
                } else {
                    "the stream ended without saying so"
                };
                Err(ClientError::Lost { url: self.client.url().to_owned(), source: source.into() })
            }
        }
    }

    fn end<T>(&self, payload: &[u8]) -> Result<Option<T>, ClientError> {
        let end: EndOfStream = serde_json::from_slice(payload)
            .map_err(|error| self.client.protocol(format!("end of the stream: {error}")))?;
        match end.error {
            None => Ok(None),
            Some(error) => Err(error.into_client_error(None)),
        }
    }
}
