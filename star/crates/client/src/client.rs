//! One client for one Star: its connections, its key, and how every request leaves and returns.
//!
//! Owns what all calls share: URLs, credentials, deadlines, and telling a broken connection from
//! a Star that says no. What is asked belongs to the modules named after it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, Url, redirect};
use star_api::version::ApiVersion;

use crate::endpoint::{self, Endpoint};
use crate::error::ClientError;
use crate::once::Change;
use crate::version::{self, Heard};
use crate::{limits, refusal};

/// The header in which changes of bytes name their fencing tokens.
const FENCE: &str = "star-fence";

/// A client of one Star. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
    fence: String,
    pub(crate) idempotency_key: Option<String>,
    timeout: Duration,
    /// Shared by clones: they speak to the same Star.
    pub(crate) heard: Arc<Heard>,
}

impl Client {
    /// A client of the Star at `endpoint`. Nothing is sent yet.
    pub fn new(endpoint: Endpoint) -> Result<Client, ClientError> {
        let base = endpoint::base(&endpoint.url)?;
        let authorization = endpoint.token.as_ref().map(|token| token.header()).transpose()?;
        let (http, timeout) = (http_client(&base)?, limits::CALL);
        let (fence, heard) = (String::new(), Arc::default());
        Ok(Client { http, base, authorization, fence, idempotency_key: None, timeout, heard })
    }

    /// The same client with another limit for calls that move no files: how long they may take
    /// from the first byte sent to the last byte received.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Client {
        self.timeout = timeout;
        self
    }

    /// The same client with fencing tokens, which all its changes name: `17`, or `17@acme:files`
    /// for the lock of that resource alone, or several of them with spaces between.
    #[must_use]
    pub fn with_fence(mut self, fence: impl Into<String>) -> Client {
        self.fence = fence.into();
        self
    }

    /// Whether changes name fencing tokens.
    pub(crate) fn is_fenced(&self) -> bool {
        !self.fence.is_empty()
    }

    /// The tokens for a call whose request names none itself.
    pub(crate) fn fence_or(&self, own: String) -> String {
        if own.is_empty() { self.fence.clone() } else { own }
    }

    /// A request that changes the bytes of something, with its key and the tokens it relies on.
    pub(crate) fn changing(&self, method: Method, url: Url, change: &Change) -> RequestBuilder {
        let request = change.mark(self.request(method, url));
        if self.fence.is_empty() { request } else { request.header(FENCE, self.fence.as_str()) }
    }

    /// URL of the Star, without a slash at its end.
    pub fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The URL of `path` (which begins with a slash) on this Star, with a query.
    pub(crate) fn locate(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, ClientError> {
        let text = format!("{}{path}", self.url());
        let mut url =
            Url::parse(&text).map_err(|error| ClientError::Endpoint(format!("`{text}` is not a URL: {error}")))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// A request with the caller's key, in the newest version of the API that this release knows.
    pub(crate) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url).header(version::HEADER, ApiVersion::NEWEST.to_string());
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization.clone()),
            None => request,
        }
    }

    /// Sends a request and waits at most `limit` for the head of the answer, which is a success
    /// or an error.
    pub(crate) async fn open(&self, request: RequestBuilder, limit: Duration) -> Result<Response, ClientError> {
        let sending = tokio::time::timeout(limit, request.send());
        let response =
            sending.await.map_err(|_| self.timed_out(limit))?.map_err(|error| self.transport(error, limit))?;
        self.accept(response).await
    }

    /// Passes a success on and turns everything else into its error.
    pub(crate) async fn accept(&self, response: Response) -> Result<Response, ClientError> {
        self.hear(&response)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let media_type = media_type(&response);
        let body = self.read(response, limits::ERROR_BYTES, self.timeout).await?;
        Err(refusal::read(self.url(), status, &media_type, &body))
    }

    /// Reads a whole body of at most `max_bytes`.
    pub(crate) async fn read(
        &self,
        mut response: Response,
        max_bytes: usize,
        limit: Duration,
    ) -> Result<Bytes, ClientError> {
        let reading = async {
            let mut body = BytesMut::new();
            while let Some(piece) = response.chunk().await.map_err(|error| self.transport(error, limit))? {
                if body.len() + piece.len() > max_bytes {
                    return Err(self.protocol(format!("more than {max_bytes} bytes")));
                }
                body.extend_from_slice(&piece);
            }
            Ok(body.freeze())
        };
        tokio::time::timeout(limit, reading).await.unwrap_or_else(|_| Err(self.timed_out(limit)))
    }

    /// What a failure below HTTP means for the caller.
    pub(crate) fn transport(&self, error: reqwest::Error, limit: Duration) -> ClientError {
        let url = self.url().to_owned();
        if error.is_builder() {
            return ClientError::Endpoint(format!("{url}: {}", innermost(&error)));
        }
        if error.is_connect() {
            return ClientError::Unreachable { url, source: innermost(&error).into() };
        }
        if error.is_timeout() {
            return ClientError::TimedOut { url, after: limit };
        }
        ClientError::Lost { url, source: innermost(&error).into() }
    }

    pub(crate) fn timed_out(&self, after: Duration) -> ClientError {
        ClientError::TimedOut { url: self.url().to_owned(), after }
    }

    pub(crate) fn protocol(&self, reason: impl Into<String>) -> ClientError {
        ClientError::Protocol { url: self.url().to_owned(), status: None, reason: reason.into() }
    }
}

/// Media type of an answer without its parameters, in lower case.
pub(crate) fn media_type(response: &Response) -> String {
    let value = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = value.unwrap_or_default().split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn http_client(base: &Url) -> Result<reqwest::Client, ClientError> {
    use_ring();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("star-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(limits::CONNECT)
        // A redirect would carry the key elsewhere, and no Star answers with one.
        .redirect(redirect::Policy::none())
        .tcp_nodelay(true);
    // The certificates of the machine take a while to load, and machines without any are refused:
    // neither may stand in the way of a Star that speaks plain HTTP.
    let builder = if base.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    // A proxy of the environment is for other machines, and would look for the Star on its own.
    let builder = if is_this_machine(base) { builder.no_proxy() } else { builder };
    builder.build().map_err(|error| ClientError::Endpoint(format!("{base}: {}", innermost(&error))))
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// TLS by ring, unless the program has chosen otherwise.
fn use_ring() {
    use rustls::crypto::{CryptoProvider, ring};
    if CryptoProvider::get_default().is_none() {
        // Losing a race against another thread that installs one is as good as winning it.
        ring::default_provider().install_default().ok();
    }
}

/// The words of the last link in the chain: those before it only name the layers passed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_stands_between_a_machine_and_itself() {
        for (url, expected) in [
            ("http://localhost:4343", true),
            ("http://acme.localhost:8080", true),
            ("http://127.0.0.1", true),
            ("http://[::1]:4343", true),
            ("http://10.0.0.1", false),
            ("https://localhost.example.com", false),
        ] {
            assert_eq!(is_this_machine(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }
}
