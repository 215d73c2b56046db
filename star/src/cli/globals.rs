//! Flags that every command understands.

use std::path::PathBuf;
use std::time::Duration;

use crate::output::Format;
use crate::output::paint::ColourChoice;

/// Flags that every command understands.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Globals {
    /// URL of the Star's API [default: the current context, else the Star of this machine]
    #[arg(long, global = true, value_name = "URL", env = "STAR_URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// File that holds the key; STAR_TOKEN holds the key itself
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Star that you have logged in to, by the name of its context
    #[arg(long, short = 'c', global = true, value_name = "NAME", env = "STAR_CONTEXT", hide_env_values = true)]
    pub(crate) context: Option<String>,
    /// Form of the output
    #[arg(long, short, global = true, value_enum, value_name = "FORM", default_value_t)]
    pub(crate) output: Format,
    /// Say nothing but data and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more; several times for more yet
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Colour the few words that have one
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t)]
    pub(crate) color: ColourChoice,
    /// Draw no bars
    #[arg(long, global = true)]
    pub(crate) no_progress: bool,
    /// Ask no questions: fail where an answer is needed
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// How long a call may take, e.g. 500ms, 30s, 5m
    #[arg(long, global = true, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    /// Fencing tokens of the locks that changes rely on, as `star lock` prints them
    #[arg(long, global = true, value_name = "TOKEN", env = "STAR_FENCE", hide_env_values = true)]
    pub(crate) fence: Option<String>,
}

/// Reads a span of time; a bare number counts seconds.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    let bare = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let with_unit = if bare { format!("{text}s") } else { text.to_owned() };
    match star_kinds::config::quantity::parse_duration(&with_unit) {
        Ok(time) if time.is_zero() => Err("it is longer than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_counts_seconds() {
        assert_eq!(time("30"), Ok(Duration::from_secs(30)));
        assert_eq!(time("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(time("5m"), Ok(Duration::from_secs(300)));
        for bad in ["", "0", "0s", "-1", "x", "1 fortnight"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
