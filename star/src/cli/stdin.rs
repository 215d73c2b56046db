//! Reading from standard input.

use std::io::IsTerminal;

use tokio::io::AsyncReadExt;

use super::error::CliError;

/// Reads standard input to its end, at most `limit` bytes.
pub(super) async fn read(limit: u64) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let mut input = tokio::io::stdin().take(limit + 1);
    input.read_to_end(&mut bytes).await.map_err(CliError::file("read", "standard input"))?;
    if bytes.len() as u64 > limit {
        return Err(CliError::usage(format!("standard input has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// Whether somebody types.
pub(super) fn is_terminal() -> bool {
    std::io::stdin().is_terminal()
}
