//! The pages of sites that are set up, but not right: what is wrong, and the command that mends it.
//!
//! Paths and excerpts are shown only on this very machine: elsewhere a visitor may be anybody.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use star_core::kind::Kind;
use star_core::stored;
use star_path::{Release, ResourcePath};
use star_wire::{ErrorCode, StarError};

use super::accept::prefers_json;
use super::host::{BadHost, LOCAL};
use super::pages::{self, Notice, STYLE};
use super::refusal;
use super::steps::is_local;
use super::visit::Visit;
use crate::request_id::RequestId;
use crate::state::ApiState;

/// The page of a host that means no Space.
pub(super) fn bad_host(state: &ApiState, parts: &Parts, request_id: &RequestId, bad: &BadHost) -> Response {
    let (status, code) = match bad {
        BadHost::Missing | BadHost::Malformed => (StatusCode::BAD_REQUEST, ErrorCode::InvalidArgument),
        BadHost::NoName(_) => (StatusCode::NOT_FOUND, ErrorCode::NotFound),
    };
    let port = state.star().web_url.rsplit(':').next().unwrap_or_default().trim_end_matches('/').to_owned();
    let notice = Notice {
        style: STYLE,
        status: status.as_u16(),
        code: code.to_string(),
        title: "This host leads to no Space",
        lead: format!(
            "It seems that {bad}. A host name leads to the Space of that name; on this machine it is http://{LOCAL}:{port}/."
        ),
        excerpt: "",
        remedy: "If this is your Star, make the Space of a host",
        command: format!("star create Space {LOCAL}"),
        request_id: request_id.as_str(),
    };
    send(parts, request_id, status, code, &notice)
}

/// The page of a Space whose `#routes` lead to nothing.
pub(super) async fn missing(visit: &Visit<'_>, error: &StarError) -> Response {
    let lead = match (&visit.site.source, is_local(&visit.site.space)) {
        (Some(source), true) => format!("They should be at {source}: {}.", error.message()),
        _ => "They are not where this Space expects them.".to_owned(),
    };
    set_up(visit, "The routes of this site are missing", lead, error, "").await
}

/// The page of a Space whose `#routes` lead to something that cannot be read.
pub(super) async fn broken(visit: &Visit<'_>, error: &StarError) -> Response {
    let local = is_local(&visit.site.space);
    let lead = match local {
        true => format!("It could not be used: {}.", error.message()),
        false => "There is a mistake in them, and none were in force before.".to_owned(),
    };
    let excerpt = error.excerpt_text().filter(|_| local).unwrap_or_default();
    set_up(visit, "The routes of this site cannot be read", lead, error, excerpt).await
}

async fn set_up(visit: &Visit<'_>, title: &str, lead: String, error: &StarError, excerpt: &str) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let command = match (&visit.site.source, is_local(&visit.site.space)) {
        (Some(source), true) => mended_by(visit.state, source).await,
        _ => format!("star get {}#routes", visit.site.space),
    };
    let notice = Notice {
        style: STYLE,
        status: status.as_u16(),
        code: error.code().to_string(),
        title,
        lead,
        excerpt,
        remedy: "If this is your site, put routes in their place",
        command,
        request_id: visit.request_id.as_str(),
    };
    send(visit.parts, visit.request_id, status, error.code(), &notice)
}

fn send(parts: &Parts, request_id: &RequestId, status: StatusCode, code: ErrorCode, notice: &Notice<'_>) -> Response {
    if !prefers_json(&parts.headers) {
        return pages::answer(status, notice);
    }
    let error = StarError::new(code, notice.lead.trim_end_matches('.')).hint(notice.command.clone());
    let error = if notice.excerpt.is_empty() { error } else { error.excerpt(notice.excerpt) };
    refusal::as_json(status, &error, request_id)
}

/// The command that puts routes where a Space expects them.
async fn mended_by(state: &ApiState, source: &ResourcePath) -> String {
    let holder = source.without_files();
    let kind = async |path: &ResourcePath| {
        let loaded = stored::load(&state.tree().ports.meta, path).await;
        loaded.ok().flatten().map(|resource| resource.record.kind)
    };
    let is_file = kind(&holder).await == Some(Kind::FileSystem);
    publishing(source, is_file)
}

fn publishing(source: &ResourcePath, is_file: bool) -> String {
    let holder = source.without_files();
    let file = source.files_decoded().unwrap_or_default();
    let name = file.rsplit('/').next().unwrap_or_default();
    if is_file {
        return format!("star cp {name} {source}");
    }
    match (holder.release(), holder.parent()) {
        (Some(Release::Version(_)), _) => format!("star publish FOLDER {holder}"),
        (Some(_), _) => format!("star publish FOLDER {}:VERSION", holder.without_release()),
        (None, Some(series)) if holder.names().count() > 1 => {
            format!("star publish FOLDER {series}:VERSION --tag {}", holder.last())
        }
        (None, _) => format!("star create FileSystem {holder}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_puts_routes_where_they_are_expected() {
        for (source, is_file, command) in [
            ("acme:site:latest:/routes.conf", false, "star publish FOLDER acme:site:VERSION --tag latest"),
            ("acme:site:1.2.0:/routes.conf", false, "star publish FOLDER acme:site:1.2.0"),
            ("acme:site:(^1):/routes.conf", false, "star publish FOLDER acme:site:VERSION"),
            ("acme:files:/a/routes.conf", true, "star cp routes.conf acme:files:/a/routes.conf"),
            ("acme:files:/routes.conf", false, "star create FileSystem acme:files"),
        ] {
            assert_eq!(publishing(&ResourcePath::parse(source).unwrap(), is_file), command, "{source}");
        }
    }
}
