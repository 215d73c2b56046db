//! How much lies below a path.

use star_api::v1;
use star_core::command::{Command, Info};
use star_core::usage::Row;
use star_path::ResourcePath;
use star_wire::StarError;

use super::call::Call;

pub(super) async fn usage(call: &Call<'_>, request: &v1::UsageRequest) -> Result<v1::UsageResponse, StarError> {
    let path = ResourcePath::parse(&request.path)?;
    let deadline = call.deadline(0);
    // Held to the end: it is what counts this among all that is under way.
    let permit = call.caller.admit(call.state, Info.envelope(&path)?.with_deadline(deadline)).await?;
    let path = call.state.tree().resolve(permit.clone()).await?;
    let depth = usize::try_from(request.depth).unwrap_or(usize::MAX);
    let usage = call.state.tree().usage(permit.authority(), &path, depth, deadline).await?;
    Ok(v1::UsageResponse {
        usage: row(&usage.whole).into(),
        parts: usage.parts.iter().map(row).collect(),
        distinct_bytes: usage.distinct_bytes,
        is_estimate: usage.is_estimate,
        ..Default::default()
    })
}

fn row(row: &Row) -> v1::Usage {
    v1::Usage {
        path: row.path.to_string(),
        files: row.files,
        directories: row.directories,
        bytes: row.bytes,
        ..Default::default()
    }
}
