//! A directory of this machine as a list of files to send.
//!
//! Owns what may be sent: regular files with names that every Star can keep, in an order that
//! depends on the names alone. A symbolic link counts as what it leads to, as long as that lies
//! within the tree. How the files travel is not known here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ClientError;
use crate::limits;

/// What keeps a directory from being sent. Each names the entry to mend.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is something else at the path.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// A link that would carry files of elsewhere into the tree.
    #[error("{} is a symbolic link that leaves the tree: it leads to {}", link.display(), target.display())]
    LeavesTree {
        /// The link.
        link: PathBuf,
        /// What it leads to, as far as it is there.
        target: PathBuf,
    },
    /// A link to a directory that holds it.
    #[error("{} is a symbolic link to a directory that holds it", .0.display())]
    Loop(PathBuf),
    /// A socket, a pipe, a device.
    #[error("{} is neither a file nor a directory", .0.display())]
    SpecialFile(PathBuf),
    /// A name that is not UTF-8 or holds a control character.
    #[error("the name of {} cannot be part of a path", .0.display())]
    BadName(PathBuf),
    /// Directories in directories in directories.
    #[error("{} lies more than {max} directories deep", path.display())]
    TooDeep {
        /// The directory.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
    /// More entries than any tree that is meant to be sent.
    #[error("{} holds more than {max} files and directories", path.display())]
    TooMany {
        /// The root of the tree.
        path: PathBuf,
        /// The limit.
        max: usize,
    },
}

/// A file to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TreeFile {
    /// Name relative to the root, with slashes.
    pub(crate) name: String,
    /// Where its bytes are; never a symbolic link.
    pub(crate) source: PathBuf,
    /// Length when it was listed.
    pub(crate) bytes: u64,
}

/// All files of a directory and of the directories in it, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    pub(crate) files: Vec<TreeFile>,
}

impl Tree {
    /// Lists `root`, off the threads that serve others.
    pub(crate) async fn list(root: &Path) -> Result<Tree, ClientError> {
        let root = root.to_owned();
        let listing = tokio::task::spawn_blocking(move || Tree::list_blocking(&root));
        listing.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    fn list_blocking(root: &Path) -> Result<Tree, ClientError> {
        let real_root = fs::canonicalize(root).map_err(ClientError::io(root))?;
        if !real_root.is_dir() {
            return Err(TreeError::NotADirectory(root.to_owned()).into());
        }
        let mut walk = Walk { shown_root: root, above: vec![real_root.clone()], entries: 0, files: Vec::new() };
        walk.directory(&real_root, "")?;
        let mut files = walk.files;
        files.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        Ok(Tree { files })
    }

    /// Length of all files together.
    pub(crate) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

struct Walk<'a> {
    /// The root as the user wrote it: errors name entries below it.
    shown_root: &'a Path,
    /// The directories being listed, outermost (the root) first, without links in their paths.
    above: Vec<PathBuf>,
    entries: usize,
    files: Vec<TreeFile>,
}

impl Walk<'_> {
    fn directory(&mut self, directory: &Path, name: &str) -> Result<(), ClientError> {
        let unreadable = || ClientError::io(self.shown_root.join(name));
        for entry in fs::read_dir(directory).map_err(unreadable())? {
            let entry = entry.map_err(unreadable())?;
            self.count()?;
            let shown = self.shown_root.join(name).join(entry.file_name());
            let entry_name = match entry.file_name().into_string() {
                Ok(text) if !text.chars().any(char::is_control) => join(name, &text),
                _ => return Err(TreeError::BadName(shown).into()),
            };
            self.entry(&entry, entry_name, shown)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &fs::DirEntry, name: String, shown: PathBuf) -> Result<(), ClientError> {
        let mut source = entry.path();
        let is_link = entry.file_type().map_err(ClientError::io(&shown))?.is_symlink();
        if is_link {
            source = self.follow(&source, &shown)?;
        }
        let metadata = fs::metadata(&source).map_err(ClientError::io(&shown))?;
        if metadata.is_file() {
            self.files.push(TreeFile { name, source, bytes: metadata.len() });
            return Ok(());
        }
        if !metadata.is_dir() {
            return Err(TreeError::SpecialFile(shown).into());
        }
        if is_link && self.above.contains(&source) {
            return Err(TreeError::Loop(shown).into());
        }
        if self.above.len() > limits::TREE_DEPTH {
            return Err(TreeError::TooDeep { path: shown, max: limits::TREE_DEPTH }.into());
        }
        self.above.push(source.clone());
        self.directory(&source, &name)?;
        self.above.pop();
        Ok(())
    }

    /// What a link leads to, which must lie within the tree.
    fn follow(&self, link: &Path, shown: &Path) -> Result<PathBuf, ClientError> {
        let leaves = |target| TreeError::LeavesTree { link: shown.to_owned(), target };
        match fs::canonicalize(link) {
            Ok(target) if target.starts_with(&self.above[0]) => Ok(target),
            Ok(target) => Err(leaves(target).into()),
            // A link to nothing: what it would lead to decides nothing, and sending it is refused.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(leaves(fs::read_link(link).map_err(ClientError::io(shown))?).into())
            }
            Err(source) => Err(ClientError::Io { path: shown.to_owned(), source }),
        }
    }

    fn count(&mut self) -> Result<(), TreeError> {
        self.entries += 1;
        if self.entries > limits::TREE_ENTRIES {
            return Err(TreeError::TooMany { path: self.shown_root.to_owned(), max: limits::TREE_ENTRIES });
        }
        Ok(())
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        root
    }

    fn names(root: &Path) -> Vec<String> {
        Tree::list_blocking(root).unwrap().files.into_iter().map(|file| file.name).collect()
    }

    fn refusal(root: &Path) -> TreeError {
        match Tree::list_blocking(root).unwrap_err() {
            ClientError::Tree(error) => error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn files_come_sorted_by_their_whole_name() {
        let root = tree(&["b/z", "b.txt", "a", "b/a/c", ".hidden"]);
        fs::create_dir(root.path().join("empty")).unwrap();
        assert_eq!(names(root.path()), [".hidden", "a", "b.txt", "b/a/c", "b/z"]);
        assert_eq!(Tree::list_blocking(root.path()).unwrap().bytes(), 7 + 1 + 5 + 5 + 3);
    }

    #[test]
    fn a_link_within_the_tree_counts_as_what_it_leads_to() {
        let root = tree(&["real/page", "other"]);
        symlink("real", root.path().join("alias")).unwrap();
        symlink("../other", root.path().join("real/up")).unwrap();
        assert_eq!(names(root.path()), ["alias/page", "alias/up", "other", "real/page", "real/up"]);
    }

    #[test]
    fn a_link_out_of_the_tree_is_refused_by_name() {
        let outside = tree(&["secret"]);
        let root = tree(&["inner/a"]);
        let link = root.path().join("inner/leak");
        symlink(outside.path().join("secret"), &link).unwrap();
        let error = refusal(root.path());
        assert!(matches!(&error, TreeError::LeavesTree { link: named, .. } if *named == link), "{error}");
    }

    #[test]
    fn a_neighbour_whose_name_begins_alike_is_outside() {
        let parent = tree(&["site/a", "site-secret/b"]);
        symlink("../site-secret/b", parent.path().join("site/leak")).unwrap();
        assert!(matches!(refusal(&parent.path().join("site")), TreeError::LeavesTree { .. }));
    }

    #[test]
    fn a_link_to_nothing_is_refused() {
        let root = tree(&["a"]);
        symlink("gone", root.path().join("broken")).unwrap();
        assert!(matches!(refusal(root.path()), TreeError::LeavesTree { .. }));
    }

    #[test]
    fn a_link_to_a_directory_above_is_refused() {
        let root = tree(&["inner/a"]);
        symlink("..", root.path().join("inner/up")).unwrap();
        assert!(matches!(refusal(root.path()), TreeError::Loop(_)));
    }

    #[test]
    fn a_socket_is_refused_by_name() {
        let root = tree(&["a"]);
        let path = root.path().join("door");
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(matches!(refusal(root.path()), TreeError::SpecialFile(named) if named == path));
    }

    #[test]
    fn a_name_that_no_path_can_hold_is_refused() {
        use std::os::unix::ffi::OsStrExt as _;
        for name in [&b"bad\xff"[..], b"line\nend"] {
            let root = tree(&["a"]);
            fs::write(root.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
            assert!(matches!(refusal(root.path()), TreeError::BadName(_)), "{name:?}");
        }
    }

    #[test]
    fn a_file_is_no_directory() {
        let root = tree(&["a"]);
        assert!(matches!(refusal(&root.path().join("a")), TreeError::NotADirectory(_)));
        let missing = Tree::list_blocking(&root.path().join("missing")).unwrap_err();
        assert!(matches!(missing, ClientError::Io { .. }));
    }
}
