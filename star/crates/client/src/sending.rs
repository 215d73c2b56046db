//! Sending a request with a long body, and learning why it was not taken.
//!
//! A Star that refuses an upload answers before it has read all of it. When the connection breaks
//! over the bytes that nobody reads, the answer is lost with them; it is then asked for again,
//! without the bytes. Files and bundles are sent through here.

use std::path::Path;

use reqwest::{Body, RequestBuilder, Response};

use crate::client::Client;
use crate::error::{Class, ClientError};
use crate::limits;
use crate::meter::Meter;

impl Client {
    /// Sends a request with a metered body, whose source errors call `name`. A fault of this
    /// machine comes before the broken connection that follows from it.
    pub(crate) async fn send_metered(
        &self,
        request: RequestBuilder,
        body: Body,
        meter: &Meter,
        name: &Path,
    ) -> Result<Response, ClientError> {
        let again = request.try_clone();
        let answer = tokio::select! {
            answer = request.body(body).send() => answer,
            after = meter.stalled() => return Err(self.timed_out(after)),
        };
        if let Some(fault) = meter.take_fault() {
            return Err(ClientError::io(name)(fault));
        }
        let lost = match answer {
            Ok(response) => return self.accept(response).await,
            Err(error) => self.transport(error, limits::STALL),
        };
        match (again, &lost) {
            (Some(again), ClientError::Lost { .. }) => Err(self.reason(again, meter).await.unwrap_or(lost)),
            _ => Err(lost),
        }
    }

    /// Why a request is refused whatever its body: sends all of it but the body, which never
    /// comes, so that nothing can be done.
    async fn reason(&self, request: RequestBuilder, meter: &Meter) -> Option<ClientError> {
        let request = request.body(Body::wrap_stream(futures::stream::pending::<std::io::Result<bytes::Bytes>>()));
        let response = tokio::time::timeout(limits::REASON, request.send()).await.ok()?.ok()?;
        let refused = self.accept(response).await.err()?;
        // Once all was sent it may have been done, and its own effect would now be in the way.
        let may_be_our_own = meter.is_complete() && refused.class() == Class::Conflict;
        matches!(refused, ClientError::Api(_)).then_some(refused).filter(|_| !may_be_our_own)
    }
}
