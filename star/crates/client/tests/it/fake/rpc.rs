//! The services of the fake, served by the same library that the real one uses.
#![expect(refining_impl_trait, reason = "a handler that names its answer reads better than what it may return")]

use std::sync::Arc;
use std::time::Duration;

use connectrpc::{ConnectError, ConnectRpcService, ErrorCode, ErrorDetail, RequestContext, Response};
use connectrpc::{Router, ServiceRequest, ServiceResult, ServiceStream};
use futures::StreamExt as _;
use star_api::{oneof, v1};

use super::locks::Locks;
use super::{KEY, Shared};

pub(crate) fn resources(kept: Shared) -> ConnectRpcService {
    ConnectRpcService::new(Router::new().add_service(Arc::new(Resources(kept))))
}

pub(crate) fn locks(kept: Shared) -> ConnectRpcService {
    ConnectRpcService::new(Router::new().add_service(Arc::new(Locks(kept))))
}

pub(crate) fn messages() -> ConnectRpcService {
    ConnectRpcService::new(Router::new().add_service(Arc::new(Messages)))
}

pub(crate) fn watch() -> ConnectRpcService {
    ConnectRpcService::new(Router::new().add_service(Arc::new(Watch)))
}

pub(crate) fn stars() -> ConnectRpcService {
    ConnectRpcService::new(Router::new().add_service(Arc::new(Stars)))
}

pub(super) fn refuse(code: ErrorCode, star_code: &str, path: &str) -> ConnectError {
    let detail = v1::ErrorDetail {
        code: star_code.into(),
        message: format!("not {path}"),
        path: path.into(),
        causes: vec!["because".into()],
        outcome: "rejected".into(),
        ..Default::default()
    };
    ConnectError::new(code, "in other words").with_detail(ErrorDetail::from_message(star_api::ERROR_DETAIL, &detail))
}

struct Resources(Shared);

fn resource(path: &str) -> v1::Resource {
    v1::Resource { path: path.into(), kind: "FileSystem".into(), revision: 7, ..Default::default() }
}

impl v1::Resources for Resources {
    async fn create(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::CreateRequest>,
    ) -> ServiceResult<v1::CreateResponse> {
        if request.path == "localhost:taken" {
            return Err(refuse(ErrorCode::AlreadyExists, "S0401", request.path));
        }
        let resource = v1::Resource { kind: request.kind.into(), ..resource(request.path) };
        Response::ok(v1::CreateResponse { resource: resource.into(), created: true, ..Default::default() })
    }

    async fn info(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::InfoRequest>,
    ) -> ServiceResult<v1::InfoResponse> {
        if request.path == "localhost:missing" {
            return Err(refuse(ErrorCode::NotFound, "S0301", request.path));
        }
        if request.path == "localhost:slow" {
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        Response::ok(v1::InfoResponse { resource: resource(request.path).into(), ..Default::default() })
    }

    /// Five resources on pages of two; a page of `localhost:loop:*` leads to itself, and what lies below
    /// a directory comes on one.
    async fn list(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::ListRequest>,
    ) -> ServiceResult<v1::ListResponse> {
        if request.selector == "localhost:loop:*" {
            return Response::ok(v1::ListResponse { next_cursor: "again".into(), ..Default::default() });
        }
        if let Some(directory) = request.selector.strip_suffix("**").filter(|directory| directory.ends_with('/')) {
            let resources = super::bytes::below(&self.0, directory);
            return Response::ok(v1::ListResponse { resources, ..Default::default() });
        }
        let first: u32 = request.cursor.parse().unwrap_or_default();
        let resources = (first..5).take(2).map(|n| resource(&format!("localhost:r{n}"))).collect();
        let next_cursor = if first + 2 < 5 { (first + 2).to_string() } else { String::new() };
        Response::ok(v1::ListResponse { resources, next_cursor, ..Default::default() })
    }

    async fn get(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::GetRequest>,
    ) -> ServiceResult<v1::GetResponse> {
        Response::ok(v1::GetResponse {
            value: format!("{}#{}", request.path, request.key),
            revision: 7,
            ..Default::default()
        })
    }

    async fn restart(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::RestartRequest>,
    ) -> ServiceResult<v1::RestartResponse> {
        Response::ok(v1::RestartResponse { resource: resource(request.path).into(), ..Default::default() })
    }

    async fn set(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::SetRequest>,
    ) -> ServiceResult<v1::SetResponse> {
        let request = request.to_owned_message();
        let resource = v1::Resource { properties: request.properties, ..resource(&request.path) };
        Response::ok(v1::SetResponse { resource: resource.into(), warnings: request.removals, ..Default::default() })
    }

    async fn delete(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::DeleteRequest>,
    ) -> ServiceResult<v1::DeleteResponse> {
        let mut kept = self.0.lock();
        kept.requests.push(format!("delete {} under {}", request.path, request.fence));
        Response::ok(v1::DeleteResponse { deleted: if request.recursive { 3 } else { 1 }, ..Default::default() })
    }

    async fn r#move(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::MoveRequest>,
    ) -> ServiceResult<v1::MoveResponse> {
        self.0.lock().requests.push(format!("move {} under {}", request.from, request.fence));
        Response::ok(v1::MoveResponse { resource: resource(request.to).into(), moved: 2, ..Default::default() })
    }

    async fn usage(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::UsageRequest>,
    ) -> ServiceResult<v1::UsageResponse> {
        let usage = v1::Usage { path: request.path.into(), files: 3, bytes: 30, ..Default::default() };
        Response::ok(v1::UsageResponse { usage: usage.into(), distinct_bytes: 20, ..Default::default() })
    }

    async fn tag(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::TagRequest>,
    ) -> ServiceResult<v1::TagResponse> {
        Response::ok(v1::TagResponse { previous: request.if_version.unwrap_or("none").into(), ..Default::default() })
    }

    async fn kinds(
        &self,
        _context: RequestContext,
        _request: ServiceRequest<'_, v1::KindsRequest>,
    ) -> ServiceResult<v1::KindsResponse> {
        let kinds = vec![v1::Kind { name: "Space".into(), ..Default::default() }];
        Response::ok(v1::KindsResponse { kinds, ..Default::default() })
    }
}

struct Messages;

impl v1::Messages for Messages {
    /// Sends back what came, in the arm in which it came.
    async fn ask(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::AskRequest>,
    ) -> ServiceResult<v1::AskResponse> {
        let request = request.to_owned_message();
        if request.method == "sleep" {
            tokio::time::sleep(Duration::from_millis(request.timeout_ms)).await;
            return Err(refuse(ErrorCode::DeadlineExceeded, "S0601", &request.to));
        }
        let body = request.body.map(|body| match body {
            oneof::ask_request::Body::Raw(bytes) => oneof::ask_response::Body::Raw(bytes),
            oneof::ask_request::Body::Json(value) => oneof::ask_response::Body::Json(value),
        });
        let content_type = request.content_type;
        let headers = request.headers;
        Response::ok(v1::AskResponse { code: 200, headers, content_type, body, ..Default::default() })
    }

    async fn tell(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::TellRequest>,
    ) -> ServiceResult<v1::TellResponse> {
        Response::ok(v1::TellResponse { message_id: format!("id of {}", request.method), ..Default::default() })
    }
}

struct Watch;

fn item(item: impl Into<oneof::watch_response::Item>) -> v1::WatchResponse {
    v1::WatchResponse { item: Some(item.into()), ..Default::default() }
}

impl v1::Watch for Watch {
    /// Two events and how far it came. Then: `**` ends, `broken` fails, all else stays open.
    async fn watch(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, v1::WatchRequest>,
    ) -> ServiceResult<ServiceStream<v1::WatchResponse>> {
        if request.selector == "refused" {
            return Err(refuse(ErrorCode::InvalidArgument, "S0101", "refused"));
        }
        let event =
            |n: u32| v1::Event { cursor: n.to_string(), path: "a".repeat(n as usize * 50_000), ..Default::default() };
        let items = [
            Ok(item(event(1))),
            Ok(v1::WatchResponse::default()),
            Ok(item(event(2))),
            Ok(item(v1::Progress { cursor: "5".into(), ..Default::default() })),
        ];
        let items = futures::stream::iter(items);
        Ok(match request.selector {
            "**" => Response::stream(items),
            "broken" => {
                let fault = refuse(ErrorCode::Unavailable, "S0602", "broken");
                Response::stream(items.chain(futures::stream::iter([Err(fault)])))
            }
            _ => Response::stream(items.chain(futures::stream::pending())),
        })
    }
}

struct Stars;

impl v1::Stars for Stars {
    async fn status(
        &self,
        _context: RequestContext,
        _request: ServiceRequest<'_, v1::StatusRequest>,
    ) -> ServiceResult<v1::StatusResponse> {
        Response::ok(v1::StatusResponse { name: "fake".into(), spaces: 2, ..Default::default() })
    }

    async fn who_am_i(
        &self,
        context: RequestContext,
        _request: ServiceRequest<'_, v1::WhoAmIRequest>,
    ) -> ServiceResult<v1::WhoAmIResponse> {
        let known = context.header("authorization").is_some_and(|value| value == format!("Bearer {KEY}").as_str());
        let agent = if known { "star:users:admin".into() } else { String::new() };
        Response::ok(v1::WhoAmIResponse { agent, ..Default::default() })
    }
}
