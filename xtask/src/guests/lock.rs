//! The lock file of a shipped component: which sources, which compiler, which bytes.

use serde_json::{Value, json};

use super::sources;

/// What a lock file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lock {
    /// `sha256:` over the sources of the guest and of the library that it is written with.
    pub(super) sources: String,
    /// The first line of the compiler's `--version`.
    pub(super) compiler: String,
    /// `sha256:` over the component.
    pub(super) component: String,
}

impl Lock {
    pub(super) fn of(sources_digest: &str, compiler: &str, component: &[u8]) -> Self {
        Self {
            sources: sources_digest.to_owned(),
            compiler: compiler.to_owned(),
            component: sources::sha256(component),
        }
    }

    pub(super) fn print(&self) -> String {
        let value = json!({
            "sources": self.sources,
            "compiler": self.compiler,
            "component": self.component,
        });
        format!("{value:#}\n")
    }

    /// Reads a lock file; the error says what is missing from it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let field =
            |name: &str| value[name].as_str().map(str::to_owned).ok_or_else(|| format!("it has no text `{name}`"));
        Ok(Self { sources: field("sources")?, compiler: field("compiler")?, component: field("component")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_lock_reads_back() {
        let lock = Lock::of("sha256:00", "rustc 1.0", b"component");
        assert_eq!(Lock::parse(&lock.print()), Ok(lock));
    }

    #[test]
    fn a_lock_without_a_field_is_refused_by_name() {
        let refused = Lock::parse(r#"{"sources": "a", "compiler": "b"}"#).unwrap_err();
        assert_eq!(refused, "it has no text `component`");
    }
}
