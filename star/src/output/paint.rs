//! Colours, for the few words that have one.

use std::io::IsTerminal;

/// Whether words are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As they are.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

/// When words are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`.
    #[default]
    Auto,
    /// In any case.
    Always,
    /// Not at all.
    Never,
}

impl Paint {
    /// How words on standard error are written.
    pub(crate) fn choose(choice: ColourChoice) -> Paint {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let coloured = match choice {
            ColourChoice::Always => true,
            ColourChoice::Never => false,
            ColourChoice::Auto if set("NO_COLOR") || dumb => false,
            ColourChoice::Auto => set("CLICOLOR_FORCE") || std::io::stderr().is_terminal(),
        };
        if coloured { Paint::Coloured } else { Paint::Plain }
    }

    /// A word that says that something failed.
    pub(crate) fn error(self, text: &str) -> String {
        self.wrap("1;31", text)
    }

    /// A word that says that something is odd.
    pub(crate) fn warning(self, text: &str) -> String {
        self.wrap("1;33", text)
    }

    /// A word that says what to do.
    pub(crate) fn hint(self, text: &str) -> String {
        self.wrap("1;36", text)
    }

    /// A word that says that all is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("1;32", text)
    }

    fn wrap(self, colour: &str, text: &str) -> String {
        match self {
            Paint::Plain => text.to_owned(),
            Paint::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_the_same_with_and_without_colours() {
        assert_eq!(Paint::Plain.error("error"), "error");
        assert_eq!(Paint::Coloured.error("error"), "\u{1b}[1;31merror\u{1b}[0m");
        assert_eq!(Paint::choose(ColourChoice::Never), Paint::Plain);
        assert_eq!(Paint::choose(ColourChoice::Always), Paint::Coloured);
    }
}
