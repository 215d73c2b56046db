//! The pages that the web router itself shows, and how they are sent.
//!
//! They need nothing but themselves: no script, no font, one style whose hash is all that their
//! policy lets in. Everything in them is escaped by the templates.

use std::sync::LazyLock;

use askama::Template;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The style of all pages.
pub(super) const STYLE: &str = include_str!("../../templates/style.css");

/// What went wrong, and what to do about it.
#[derive(Debug, Template)]
#[template(path = "notice.html")]
pub(super) struct Notice<'p> {
    pub(super) style: &'static str,
    pub(super) status: u16,
    /// The code of the error; may be empty.
    pub(super) code: String,
    pub(super) title: &'p str,
    pub(super) lead: String,
    /// A text with a caret under its mistake; may be empty.
    pub(super) excerpt: &'p str,
    /// What the command is for.
    pub(super) remedy: &'p str,
    pub(super) command: String,
    pub(super) request_id: &'p str,
}

/// The first steps, up to a page of one's own.
#[derive(Debug, Template)]
#[template(path = "steps.html")]
pub(super) struct Steps<'p> {
    pub(super) style: &'static str,
    pub(super) title: &'p str,
    pub(super) lead: String,
    /// The command to run now.
    pub(super) next: &'p str,
    pub(super) steps: &'p [Step],
    pub(super) request_id: &'p str,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// What it brings.
    pub(super) about: &'static str,
    /// The command.
    pub(super) command: String,
    /// How far it is.
    pub(super) progress: Progress,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It is done.
    Done,
    /// It comes now.
    Next,
    /// Its time will come.
    Later,
}

impl Progress {
    pub(super) fn word(self) -> &'static str {
        match self {
            Progress::Done => "done",
            Progress::Next => "next",
            Progress::Later => "later",
        }
    }
}

/// The answer that carries a page.
pub(super) fn answer(status: StatusCode, page: &impl Template) -> Response {
    let text = page.render().expect("text is written into memory, which does not fail");
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().extend(HEADERS.clone());
    response
}

static HEADERS: LazyLock<[(HeaderName, HeaderValue); 6]> = LazyLock::new(|| {
    let plain = HeaderValue::from_static;
    [
        (CONTENT_TYPE, plain("text/html; charset=utf-8")),
        (CACHE_CONTROL, plain("no-store")),
        (VARY, plain("accept")),
        (X_CONTENT_TYPE_OPTIONS, plain("nosniff")),
        (REFERRER_POLICY, plain("no-referrer")),
        (CONTENT_SECURITY_POLICY, policy()),
    ]
});

fn policy() -> HeaderValue {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).expect("words and base64")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn notice(lead: &str) -> Notice<'static> {
        Notice {
            style: STYLE,
            status: 404,
            code: "S0301".into(),
            title: "There is nothing here",
            lead: lead.into(),
            excerpt: "",
            remedy: "See what is",
            command: "star ls acme".into(),
            request_id: "r-1",
        }
    }

    #[tokio::test]
    async fn what_a_visitor_wrote_is_escaped() {
        let response = answer(StatusCode::NOT_FOUND, &notice("<script>alert('&')</script>"));
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(!text.contains("<script>"), "{text}");
        assert!(text.contains("404") && text.contains("S0301") && text.contains("r-1"), "{text}");
    }

    #[test]
    fn the_policy_lets_in_just_the_style_that_is_sent() {
        let text = notice("x").render().unwrap();
        let (_, rest) = text.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style));
        assert!(policy().to_str().unwrap().contains(&format!("'sha256-{hash}'")));
    }

    #[test]
    fn every_step_shows_its_command() {
        let step = |command: &str, progress| Step { about: "Something", command: command.into(), progress };
        let steps = [step("star create Space a", Progress::Done), step("star set 'a#title=b'", Progress::Next)];
        let page = Steps {
            style: STYLE,
            title: "Starlane is running",
            lead: String::new(),
            next: &steps[1].command,
            steps: &steps,
            request_id: "",
        };
        let text = page.render().unwrap();
        assert!(text.contains("star create Space a") && text.contains("class=\"next\""), "{text}");
        assert!(!text.contains("<footer>"), "{text}");
    }
}
