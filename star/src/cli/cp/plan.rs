//! From sources and a target to what is to be copied where.

use std::io;
use std::path::{Path, PathBuf};

use star_path::ResourcePath;

use super::place::Place;
use crate::cli::error::CliError;

/// Whether folders are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recursion {
    /// They are refused.
    FilesOnly,
    /// With everything in them.
    Whole,
}

/// One thing to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Job {
    /// A file of this machine.
    Send(PathBuf, ResourcePath),
    /// A folder of this machine.
    SendTree(PathBuf, ResourcePath),
    /// Standard input.
    SendInput(ResourcePath),
    /// A file of the Star.
    Fetch(ResourcePath, PathBuf),
    /// A directory of the Star.
    FetchTree(ResourcePath, PathBuf),
    /// A file of the Star, to standard output.
    Print(ResourcePath),
    /// A file of the Star, to another path of it.
    Pass(ResourcePath, ResourcePath),
    /// A directory of the Star, to another path of it.
    PassTree(ResourcePath, ResourcePath),
}

impl Job {
    /// Whether it copies a folder.
    pub(super) fn is_tree(&self) -> bool {
        matches!(self, Job::SendTree(..) | Job::FetchTree(..) | Job::PassTree(..))
    }

    /// Whether standard output belongs to it.
    pub(super) fn writes_output(&self) -> bool {
        matches!(self, Job::Print(_))
    }

    /// Where from, as the user would write it.
    pub(super) fn from(&self) -> String {
        match self {
            Job::Send(from, _) | Job::SendTree(from, _) => from.display().to_string(),
            Job::SendInput(_) => "-".to_owned(),
            Job::Fetch(from, _)
            | Job::FetchTree(from, _)
            | Job::Print(from)
            | Job::Pass(from, _)
            | Job::PassTree(from, _) => from.to_string(),
        }
    }

    /// Where to, as the user would write it.
    pub(super) fn to(&self) -> String {
        match self {
            Job::Fetch(_, to) | Job::FetchTree(_, to) => to.display().to_string(),
            Job::Print(_) => "-".to_owned(),
            Job::Send(_, to) | Job::SendTree(_, to) | Job::SendInput(to) | Job::Pass(_, to) | Job::PassTree(_, to) => {
                to.to_string()
            }
        }
    }
}

/// What is to be copied. Looks at the files of this machine; nothing is changed.
pub(super) fn jobs(sources: &[Place], target: &Place, recursion: Recursion) -> Result<Vec<Job>, CliError> {
    let several = sources.len() > 1;
    if several {
        check_folder(target)?;
    }
    sources.iter().map(|source| job(source, target, recursion, several)).collect()
}

fn job(source: &Place, target: &Place, recursion: Recursion, several: bool) -> Result<Job, CliError> {
    match (source, target) {
        (Place::Local(file), Place::Star(target)) => send(file, target, recursion, several),
        (Place::Pipe, Place::Star(target)) if is_folder(target) => {
            Err(CliError::usage("standard input has no name").hint(format!("star cp - {}", into(target, "NAME")?)))
        }
        (Place::Pipe, Place::Star(target)) => Ok(Job::SendInput(target.clone())),
        (Place::Star(source), target) => match directory(source, recursion)? {
            Some(directory) => from_directory(directory, target, several),
            None => from_file(source, target),
        },
        (Place::Local(_) | Place::Pipe, Place::Local(_) | Place::Pipe) => {
            Err(CliError::usage("neither of them is a path on a Star")
                .hint("a path has a colon, e.g. localhost:files:/readme.md"))
        }
    }
}

fn send(file: &Path, target: &ResourcePath, recursion: Recursion, several: bool) -> Result<Job, CliError> {
    let metadata = std::fs::metadata(file).map_err(CliError::file("read", file))?;
    if !metadata.is_dir() {
        let to = if is_folder(target) { into(target, name_of(file)?)? } else { target.clone() };
        return Ok(Job::Send(file.to_owned(), to));
    }
    if recursion == Recursion::FilesOnly {
        return Err(is_a_folder(&file.display().to_string()));
    }
    let to = if several { into(target, &format!("{}/", name_of(file)?))? } else { target.clone() };
    Ok(Job::SendTree(file.to_owned(), to))
}

/// The directory of the Star that a source names, if it names one.
fn directory(source: &ResourcePath, recursion: Recursion) -> Result<Option<ResourcePath>, CliError> {
    if !is_folder(source) {
        return Ok(None);
    }
    if recursion == Recursion::FilesOnly {
        return Err(is_a_folder(source.as_str()));
    }
    Ok(Some(if source.is_directory() { source.clone() } else { source.with_files("/")? }))
}

fn from_file(source: &ResourcePath, target: &Place) -> Result<Job, CliError> {
    let name = source.last_decoded();
    Ok(match target {
        Place::Pipe => Job::Print(source.clone()),
        Place::Local(target) if is_local_folder(target) => Job::Fetch(source.clone(), target.join(&*name)),
        Place::Local(target) => Job::Fetch(source.clone(), target.clone()),
        Place::Star(target) => {
            let target = if is_folder(target) { into(target, &name)? } else { target.clone() };
            if target == *source {
                return Err(CliError::usage(format!("{source} would be copied onto itself")));
            }
            Job::Pass(source.clone(), target)
        }
    })
}

fn from_directory(source: ResourcePath, target: &Place, several: bool) -> Result<Job, CliError> {
    // Beside others a directory keeps its name; the root of the files has that of its resource.
    let last = source.last_decoded().into_owned();
    let name = if last == "/" { source.without_files().last().to_owned() } else { last };
    match target {
        Place::Pipe => Err(CliError::usage("a folder cannot be written to standard output")),
        Place::Local(target) if several => Ok(Job::FetchTree(source, target.join(name))),
        Place::Local(target) => Ok(Job::FetchTree(source, target.clone())),
        Place::Star(target) if target.is_within(&source) => {
            Err(CliError::usage(format!("{target} lies within {source}")))
        }
        Place::Star(target) if several => {
            let to = into(target, &format!("{name}/"))?;
            Ok(Job::PassTree(source, to))
        }
        Place::Star(target) => Ok(Job::PassTree(source, target.clone())),
    }
}

/// Whether a path of a Star is one that files are put into.
fn is_folder(path: &ResourcePath) -> bool {
    path.is_directory() || path.files().is_none()
}

fn is_local_folder(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().ends_with('/') || path.is_dir()
}

/// The path of `name` in a directory.
fn into(directory: &ResourcePath, name: &str) -> Result<ResourcePath, CliError> {
    let files = directory.files_decoded().unwrap_or_else(|| "/".to_owned());
    Ok(directory.with_files(&format!("{files}{name}"))?)
}

fn name_of(file: &Path) -> Result<&str, CliError> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| {
        CliError::usage(format!("{} has no name of its own", file.display())).hint("name the target in full")
    })
}

fn check_folder(target: &Place) -> Result<(), CliError> {
    let folder = match target {
        Place::Star(path) => is_folder(path),
        Place::Local(path) if !path.exists() => {
            return Err(CliError::file("copy into", path)(io::ErrorKind::NotFound.into()));
        }
        Place::Local(path) => path.is_dir(),
        Place::Pipe => true,
    };
    match folder {
        true => Ok(()),
        false => Err(CliError::usage(format!("several files do not fit into the one file {target}"))
            .hint(format!("a folder ends with a slash: {target}/"))),
    }
}

fn is_a_folder(name: &str) -> CliError {
    CliError::usage(format!("{name} is a folder")).hint("star cp -r copies it with everything in it")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(sources: &[&str], target: &str, recursion: Recursion) -> Result<Vec<(String, String)>, CliError> {
        let places =
            |texts: &[&str]| -> Vec<Place> { texts.iter().map(|text| Place::parse(text).ok().unwrap()).collect() };
        let jobs = jobs(&places(sources), &places(&[target])[0], recursion)?;
        Ok(jobs.iter().map(|job| (job.from(), job.to())).collect())
    }

    fn to(source: &str, target: &str) -> String {
        let recursion = Recursion::Whole;
        plan(&[source], target, recursion).ok().unwrap().remove(0).1
    }

    #[test]
    fn a_file_keeps_its_name_in_a_folder_and_gets_the_name_of_the_target_else() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a b.txt");
        std::fs::write(&file, "x").unwrap();
        let file = file.to_str().unwrap();
        assert_eq!(to(file, "x:files:/c.txt"), "x:files:/c.txt");
        assert_eq!(to(file, "x:files:/d/"), "x:files:/d/a%20b.txt");
        assert_eq!(to(file, "x:files"), "x:files:/a%20b.txt");
        assert_eq!(to("x:files:/a%20b.txt", folder.path().to_str().unwrap()), file);
        assert_eq!(to("x:files:/a.txt", "b.txt"), "b.txt");
        for itself in ["x:files:/a.txt", "x:files:/", "x:files"] {
            assert!(plan(&["x:files:/a.txt"], itself, Recursion::FilesOnly).is_err(), "{itself}");
        }
        assert_eq!(to("x:files:/a.txt", "y:files:/"), "y:files:/a.txt");
        assert_eq!(to("x:files:/a.txt", "-"), "-");
        assert_eq!(to("-", "x:files:/a.txt"), "x:files:/a.txt");
    }

    #[test]
    fn the_files_of_a_folder_appear_below_the_target() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("docs")).unwrap();
        let docs = folder.path().join("docs");
        let docs = docs.to_str().unwrap();
        assert_eq!(to(docs, "x:files:/docs/"), "x:files:/docs/");
        assert_eq!(to("x:files", "out"), "out");
        assert_eq!(to("x:b:1.0.0:/sub/", "y:files:/"), "y:files:/");
        let several = plan(&[docs, "x:files:/a/"], "y:files:/", Recursion::Whole).ok().unwrap();
        assert_eq!(several.into_iter().map(|job| job.1).collect::<Vec<_>>(), ["y:files:/docs/", "y:files:/a/"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_copied() {
        for (sources, target, recursion) in [
            (&["a.txt"][..], "b.txt", Recursion::Whole),
            (&["/"], "x:files:/", Recursion::FilesOnly),
            (&["x:files:/a/"], "out", Recursion::FilesOnly),
            (&["x:files"], "out", Recursion::FilesOnly),
            (&["x:files:/a/"], "-", Recursion::Whole),
            (&["-"], "x:files:/", Recursion::Whole),
            (&["x:files:/a", "x:files:/b"], "x:files:/c", Recursion::Whole),
            (&["x:files:/a/"], "x:files:/a/b/", Recursion::Whole),
            (&["no-such-file"], "x:files:/", Recursion::Whole),
        ] {
            assert!(plan(sources, target, recursion).is_err(), "{sources:?} {target}");
        }
    }
}
