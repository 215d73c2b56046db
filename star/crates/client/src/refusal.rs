//! Reading errors: of Connect calls, of the plain HTTP surfaces, and of what is no Star at all.

use buffa::Message as _;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use star_api::v1::ErrorDetail;
use star_path::ResourcePath;

use crate::error::{ApiError, ClientError};

/// The header that names the code of an error.
const CODE: &str = "star-error";

/// How much of an answer that is not ours is shown.
const SHOWN_CHARS: usize = 200;

/// The error of a Connect call, in the body of a unary answer or at the end of a stream.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ConnectError {
    code: String,
    message: String,
    details: Vec<ConnectDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConnectDetail {
    r#type: String,
    #[serde(with = "buffa::json_helpers::bytes")]
    value: Vec<u8>,
}

/// The error that a body with a status of failure stands for.
pub(crate) fn read(url: &str, status: StatusCode, media_type: &str, body: &[u8]) -> ClientError {
    let error = (media_type == "application/json").then(|| serde_json::from_slice::<ConnectError>(body).ok());
    match error.flatten() {
        Some(error) if is_code(&error.code) => match serde_json::from_slice::<ErrorDetail>(body) {
            Ok(detail) => api(detail, status.as_u16()),
            Err(_) => foreign(url, status, body),
        },
        Some(error) if !error.code.is_empty() => error.into_client_error(Some(status.as_u16())),
        _ => foreign(url, status, body),
    }
}

impl ConnectError {
    /// The error of the call; `status` is derived from the code where there is none, at the end
    /// of a stream.
    pub(crate) fn into_client_error(self, status: Option<u16>) -> ClientError {
        let status = status.unwrap_or_else(|| http_status(&self.code));
        let detail = self.details.iter().find(|detail| {
            let name = detail.r#type.rsplit('/').next();
            name == Some(star_api::ERROR_DETAIL)
        });
        match detail.and_then(|detail| ErrorDetail::decode_from_slice(&detail.value).ok()) {
            Some(detail) => api(detail, status),
            None => {
                let message = if self.message.is_empty() { self.code.replace('_', " ") } else { self.message };
                api(ErrorDetail { message, ..Default::default() }, status)
            }
        }
    }
}

/// An answer without a body, to a HEAD of `path`, of which only the status and the code are known.
pub(crate) fn bare(path: &ResourcePath, status: StatusCode, headers: &HeaderMap) -> ClientError {
    let code = headers.get(CODE).and_then(|code| code.to_str().ok()).filter(|code| is_code(code)).unwrap_or_default();
    let message = match status {
        StatusCode::NOT_FOUND => format!("there is no resource {path}"),
        status => format!("{path}: {}", words(status)),
    };
    let (code, path) = (code.to_owned(), path.to_string());
    api(ErrorDetail { code, message, path, ..Default::default() }, status.as_u16())
}

fn api(detail: ErrorDetail, status: u16) -> ClientError {
    ApiError { detail: Box::new(detail), status }.into()
}

fn foreign(url: &str, status: StatusCode, body: &[u8]) -> ClientError {
    let text = String::from_utf8_lossy(body);
    let first_line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let shown: String = first_line.chars().filter(|c| !c.is_control()).take(SHOWN_CHARS).collect();
    let reason = match shown.as_str() {
        "" => words(status),
        shown => format!("{}: {shown}", words(status)),
    };
    ClientError::Protocol { url: url.to_owned(), status: Some(status.as_u16()), reason }
}

fn words(status: StatusCode) -> String {
    format!("HTTP {} {}", status.as_u16(), status.canonical_reason().unwrap_or_default()).trim_end().to_owned()
}

/// `S` and four digits.
fn is_code(text: &str) -> bool {
    text.strip_prefix('S').is_some_and(|rest| rest.len() == 4 && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The status that Connect gives a code in a unary answer.
fn http_status(code: &str) -> u16 {
    match code {
        "canceled" => 499,
        "invalid_argument" | "failed_precondition" | "out_of_range" => 400,
        "deadline_exceeded" => 504,
        "not_found" => 404,
        "already_exists" | "aborted" => 409,
        "permission_denied" => 403,
        "resource_exhausted" => 429,
        "unimplemented" => 501,
        "unavailable" => 503,
        "unauthenticated" => 401,
        _ => 500,
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;
    use crate::error::Class;

    const URL: &str = "http://127.0.0.1:4343";

    fn json(status: u16, body: &str) -> ClientError {
        read(URL, StatusCode::from_u16(status).unwrap(), "application/json", body.as_bytes())
    }

    #[test]
    fn a_plain_error_is_read_whole() {
        let error = json(
            404,
            r#"{"code":"S0301","message":"there is no resource a:b","causes":["x"],"path":"a:b","hint":"star ls a","retryable":true,"excerpt":"a:b\n  ^"}"#,
        );
        let detail = error.detail().unwrap();
        assert_eq!(detail.code, "S0301");
        assert_eq!(detail.causes, ["x"]);
        assert_eq!(detail.hint, "star ls a");
        assert!(detail.retryable);
        assert_eq!(error.class(), Class::NotFound);
    }

    #[test]
    fn nulls_of_a_plain_error_are_as_good_as_nothing() {
        let error = json(400, r#"{"code":"S0101","message":"m","path":null,"hint":null,"excerpt":null}"#);
        assert_eq!(error.detail().unwrap().code, "S0101");
    }

    #[test]
    fn the_detail_of_a_connect_error_is_preferred_to_its_message() {
        let detail = ErrorDetail { code: "S0402".into(), message: "it exists".into(), ..Default::default() };
        let error = connectrpc::ConnectError::new(connectrpc::ErrorCode::AlreadyExists, "other words")
            .with_detail(connectrpc::ErrorDetail::from_message(star_api::ERROR_DETAIL, &detail));
        let error = json(409, std::str::from_utf8(&error.to_json()).unwrap());
        assert_eq!(error.detail(), Some(&detail));
        assert_eq!(error.class(), Class::Conflict);
    }

    #[test]
    fn a_connect_error_without_a_detail_keeps_its_message() {
        let error = json(401, r#"{"code":"unauthenticated","message":"no key"}"#);
        assert_eq!(error.to_string(), "no key");
        assert_eq!(error.class(), Class::LoginNeeded);
        let error = json(501, r#"{"code":"unimplemented"}"#);
        assert_eq!(error.to_string(), "unimplemented");
    }

    #[test]
    fn an_answer_of_something_else_is_no_refusal_of_a_star() {
        let status = StatusCode::NOT_FOUND;
        let error = read(URL, status, "text/html", b"\n <h1>\x1b[31mnothing here</h1>\nmore");
        assert_eq!(
            error.to_string(),
            "the answer of http://127.0.0.1:4343 is not that of a Star: HTTP 404 Not Found: <h1>[31mnothing here</h1>"
        );
        assert_eq!(error.class(), Class::Unexpected);
        assert_eq!(read(URL, StatusCode::BAD_GATEWAY, "", b"").class(), Class::Unavailable);
    }

    #[test]
    fn json_of_something_else_is_no_refusal_of_a_star() {
        for body in ["{}", "[]", "", "{\"code\":7}", "{\"error\":\"x\"}", "nonsense"] {
            assert!(matches!(json(500, body), ClientError::Protocol { .. }), "{body}");
        }
    }

    #[test]
    fn an_error_without_a_body_has_the_code_of_its_header() {
        let head = |code: &'static str| {
            let headers = HeaderMap::from_iter([(HeaderName::from_static(CODE), HeaderValue::from_static(code))]);
            bare(&ResourcePath::parse("acme:fs:/a").unwrap(), StatusCode::LOCKED, &headers)
        };
        assert_eq!((head("S0408").detail().unwrap().code.as_str(), head("S0408").class()), ("S0408", Class::Conflict));
        assert_eq!(head("none").detail().unwrap().code, "");
    }
}
