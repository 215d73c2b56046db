//! Web requests: into a `wasi:http` request, and the answer back out.
//!
//! Most guests write their whole answer at once and are done before anybody could read it. Such a
//! call runs where it was made, without a task of its own. Only a guest that goes on after the
//! head of its answer gets one, so that it can write while the visitor reads.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use star_core::ports::content::{ByteStream, ContentError};
use star_core::ports::mechtron::{WebRequest, WebResponse};
use star_wire::{ErrorCode, StarError};
use tokio::sync::oneshot;
use wasmtime_wasi_http::p2::bindings::http::types as wasi;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{Error as HttpError, WasiHttpView};

use crate::failure::Ended;
use crate::mechtron::{Mechtron, ended};
use crate::run::Until;
use crate::store::Call;

type Head = Result<Response<HyperOutgoingBody>, wasi::ErrorCode>;
type Guest = Pin<Box<dyn Future<Output = Result<(), Ended>> + Send>>;

impl Mechtron {
    /// Answers one web request.
    pub(crate) async fn answer(&self, request: WebRequest) -> Result<WebResponse, StarError> {
        let until = Until::new(request.deadline, &self.bound.spec.limits);
        let (call, request) = split(request, until).map_err(|error| error.at(&self.bound.spec.path))?;
        let (send, mut head) = oneshot::channel();
        let mut guest = self.start(call, request, send, until).await?;
        let first = tokio::select! {
            // The guest first, so that one which answers at once is done before its head is looked at.
            biased;
            done = &mut guest => First::Done(done),
            head = &mut head => First::Head(head),
        };
        match first {
            First::Done(done) => self.done(done, head.try_recv().ok()),
            First::Head(Ok(head)) => self.going_on(head, guest),
            // The sender went without a word: the guest let go of its chance to answer.
            First::Head(Err(_)) => self.done(guest.await, None),
        }
    }

    /// The guest's whole work on a request, from its instance to its end, not yet begun.
    async fn start(
        &self,
        call: Call,
        request: Request<GuestBody>,
        head: oneshot::Sender<Head>,
        until: Until,
    ) -> Result<Guest, StarError> {
        let Some(web) = self.code.web.clone() else { return Err(self.cannot("answers no web requests")) };
        let https = request.uri().scheme() == Some(&Scheme::HTTPS);
        let mut store = self.store(call).await?;
        let meters = self.meters.clone();
        Ok(Box::pin(async move {
            let done = until.run(async {
                let answered = async {
                    let mut http = store.data_mut().http();
                    let request = http
                        .new_incoming_request(if https { wasi::Scheme::Https } else { wasi::Scheme::Http }, request)?;
                    let out = http.new_response_outparam(head)?;
                    let proxy = web.instantiate_async(&mut store).await?;
                    proxy.wasi_http_incoming_handler().call_handle(&mut store, request, out).await
                };
                answered.await.map_err(|error| ended(&store, error))
            });
            let done = done.await;
            meters.count(&done);
            done
        }))
    }

    /// The guest is done, and so is its answer.
    fn done(&self, done: Result<(), Ended>, head: Option<Head>) -> Result<WebResponse, StarError> {
        done.map_err(|ended| ended.into_error(&self.bound.spec))?;
        let message = "the mechtron ended without an answer";
        let head =
            head.ok_or_else(|| StarError::new(ErrorCode::MechtronReplyInvalid, message).at(&self.bound.spec.path))?;
        Ok(self.response(self.head(head)?, None))
    }

    /// The guest has more to do: it goes on beside the visitor, and ends by its deadline.
    fn going_on(&self, head: Head, guest: Guest) -> Result<WebResponse, StarError> {
        let head = self.head(head)?;
        let (send, done) = oneshot::channel();
        let bound = std::sync::Arc::clone(&self.bound);
        self.tasks.spawn(async move {
            let done = guest.await.map_err(|ended| ended.into_error(&bound.spec));
            if let Err(Err(error)) = send.send(done) {
                tracing::warn!(mechtron = %bound.spec.path, %error, "a mechtron was stopped after its visitor had left");
            }
        });
        Ok(self.response(head, Some(done)))
    }

    fn head(&self, head: Head) -> Result<Response<HyperOutgoingBody>, StarError> {
        head.map_err(|code| {
            StarError::new(ErrorCode::MechtronRejected, format!("the mechtron answered with an error: {code}"))
                .at(&self.bound.spec.path)
        })
    }

    fn response(&self, response: Response<HyperOutgoingBody>, done: Option<Done>) -> WebResponse {
        let (head, body) = response.into_parts();
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), Bytes::copy_from_slice(value.as_bytes())));
        WebResponse {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: Box::pin(Answer { body: Some(body), done, left_bytes: self.bound.spec.limits.reply_bytes }),
        }
    }
}

/// What comes first of a guest: its end or the head of its answer.
enum First {
    Done(Result<(), Ended>),
    Head(Result<Head, oneshot::error::RecvError>),
}

type Done = oneshot::Receiver<Result<(), StarError>>;

/// The body of an answer. It ends well only if the guest does: a body that was cut off by a fault
/// or a deadline ends with an error, so that nobody takes it for whole.
struct Answer {
    body: Option<HyperOutgoingBody>,
    done: Option<Done>,
    left_bytes: u64,
}

impl Stream for Answer {
    type Item = Result<Bytes, ContentError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        while let Some(body) = &mut self.body {
            match ready!(Pin::new(body).poll_frame(context)) {
                Some(Ok(frame)) => {
                    let Ok(bytes) = frame.into_data() else { continue };
                    match self.left_bytes.checked_sub(bytes.len() as u64) {
                        Some(left) => self.left_bytes = left,
                        None => {
                            return Poll::Ready(Some(Err(
                                self.cut("the answer is longer than `limits.reply` of the bind allows")
                            )));
                        }
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(self.cut(error)))),
                None => self.body = None,
            }
        }
        let Some(done) = &mut self.done else { return Poll::Ready(None) };
        let done = ready!(Pin::new(done).poll(context));
        self.done = None;
        match done {
            Ok(Ok(())) => Poll::Ready(None),
            Ok(Err(error)) => Poll::Ready(Some(Err(self.cut(error)))),
            Err(gone) => Poll::Ready(Some(Err(self.cut(gone)))),
        }
    }
}

impl Answer {
    /// Ends the body with an error.
    fn cut(&mut self, reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ContentError {
        (self.body, self.done) = (None, None);
        ContentError::Io { action: "give the whole answer of the mechtron", source: std::io::Error::other(reason) }
    }
}

/// The body of a request on its way to the guest.
type GuestBody = StreamBody<GuestFrames>;

struct GuestFrames(ByteStream);

impl Stream for GuestFrames {
    type Item = Result<Frame<Bytes>, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let piece = ready!(self.0.poll_next_unpin(context));
        Poll::Ready(
            piece
                .map(|piece| piece.map(Frame::data).map_err(|error| HttpError::InternalError(Some(error.to_string())))),
        )
    }
}

fn split(request: WebRequest, until: Until) -> Result<(Call, Request<GuestBody>), StarError> {
    let call = Call {
        sender: Some(request.sender),
        agent: request.agent,
        deadline: until.deadline,
        hops: 0,
        chain: std::sync::Arc::from([]),
        request_id: request.request_id,
    };
    let uri = Uri::builder()
        .scheme(if request.scheme == "https" { Scheme::HTTPS } else { Scheme::HTTP })
        .authority(parsed::<Authority>("host", request.authority)?)
        .path_and_query(parsed::<PathAndQuery>("path", request.path_and_query)?)
        .build()
        .map_err(|error| invalid("address", &error))?;
    let mut guest = Request::new(StreamBody::new(GuestFrames(request.body)));
    *guest.method_mut() =
        http::Method::from_bytes(request.method.as_bytes()).map_err(|error| invalid("method", &error))?;
    *guest.uri_mut() = uri;
    guest.headers_mut().reserve(request.headers.len());
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| invalid("name of a header", &error))?;
        let value = HeaderValue::from_maybe_shared(value).map_err(|error| invalid("value of a header", &error))?;
        guest.headers_mut().append(name, value);
    }
    Ok((call, guest))
}

fn parsed<T: TryFrom<String>>(what: &str, text: String) -> Result<T, StarError>
where
    T::Error: std::error::Error + 'static,
{
    T::try_from(text).map_err(|error| invalid(what, &error))
}

fn invalid(what: &str, error: &(dyn std::error::Error + 'static)) -> StarError {
    StarError::new(ErrorCode::InvalidArgument, format!("the {what} of the web request is not valid")).because(error)
}
