//! What `star` alone says: what it is for, how to begin, and which commands there are.

/// At most 25 lines, so that it fits on every terminal.
pub(crate) const TEXT: &str = "\
star keeps, serves and acts on what a team publishes.

Begin:
  star serve                                        run a Star on this machine
  star create Space localhost                       make the root of a tree
  star publish bundles/hello localhost:hello:1.0.0  publish a folder as a version

Run       serve, status, doctor, gc, fsck, store, backup, restore
Access    login, logout, whoami
Resources create, ls, info, get, set, mv, rm, restart, kinds
Files     cp, cat, du, uploads
Bundles   publish, tag, check
Locks     lock, unlock, with-lock
Messages  ask, tell, watch, events, consumer
Help      explain, completions

`star COMMAND --help` explains a command, with examples; `star explain S0301` an error.
The object of a command is a path: localhost, localhost:files:/readme.md, localhost:hello:1.0.0.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fits_on_a_terminal() {
        assert!(TEXT.lines().count() <= 25);
        assert!(TEXT.lines().all(|line| line.chars().count() <= 100));
    }
}
