//! The pages of the first steps: which of them are done, and the command that comes next.
//!
//! They are those of the quick start, with the names that the Space has by now. Names are shown
//! only on this very machine: elsewhere a visitor may be anybody.

use axum::http::StatusCode;
use axum::response::Response;
use star_core::command::{Command, Info, Open};
use star_core::gate::Authority;
use star_core::keys;
use star_core::kind::Kind;
use star_core::stored;
use star_core::tree::Tree;
use star_path::ResourcePath;
use star_wire::{ErrorCode, StarError};
use std::sync::Arc;

use super::accept::prefers_json;
use super::host::LOCAL;
use super::pages::{self, Progress, STYLE, Step, Steps};
use super::refusal;
use super::visit::Visit;
use crate::limits;

/// The page of a host whose Space does not exist.
pub(super) fn without_space(visit: &Visit<'_>) -> Response {
    let space = &visit.site.space;
    let steps = steps(space, Made::default());
    show(visit, format!("There is no Space {space} yet. A host name leads to the Space of that name."), &steps)
}

/// The page of a Space that has no routes.
pub(super) async fn without_routes(visit: &Visit<'_>) -> Response {
    let space = &visit.site.space;
    let made = match found(visit.state.tree(), space).await {
        Ok(made) => made,
        Err(error) => return refusal::error(visit, &error),
    };
    let made = if is_local(space) { made } else { made.without_names() };
    let steps = steps(space, made);
    show(visit, format!("The Space {space} has no routes yet: they say which resource answers which request."), &steps)
}

/// Whether a Space is the one of this very machine.
pub(super) fn is_local(space: &ResourcePath) -> bool {
    let name = space.as_str();
    name == LOCAL || name.strip_suffix(LOCAL).is_some_and(|above| above.ends_with('.'))
}

fn show(visit: &Visit<'_>, lead: String, steps: &[Step]) -> Response {
    let next = steps.iter().find(|step| step.progress == Progress::Next).map_or("star status", |step| &step.command);
    let status = StatusCode::NOT_FOUND;
    if prefers_json(&visit.parts.headers) {
        let error = StarError::new(ErrorCode::NotFound, lead.trim_end_matches('.')).hint(next);
        return refusal::as_json(status, &error, visit.request_id);
    }
    let page = Steps { style: STYLE, title: "Starlane is running", lead, next, steps, request_id: "" };
    pages::answer(status, &page)
}

/// What of the quick start a Space has already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Made {
    space: bool,
    file_system: Option<String>,
    file: bool,
    bundle: Option<Bundle>,
    app: bool,
}

/// A bundle with a version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bundle {
    series: String,
    version: String,
    tag: Option<String>,
    has_app: bool,
    has_routes: bool,
}

impl Made {
    /// The same under the names of the quick start.
    fn without_names(self) -> Made {
        let bundle = self.bundle.map(|bundle| Bundle {
            series: "hello".to_owned(),
            version: "1.0.0".to_owned(),
            tag: Some("latest".to_owned()),
            ..bundle
        });
        Made { file_system: self.file_system.map(|_| "files".to_owned()), bundle, ..self }
    }
}

/// The steps of the quick start. The first that is not done comes next.
fn steps(space: &ResourcePath, made: Made) -> Vec<Step> {
    let files = made.file_system.as_deref().unwrap_or("files");
    let series = made.bundle.as_ref().map_or("hello", |bundle| &bundle.series);
    let version = made.bundle.as_ref().map_or("1.0.0", |bundle| &bundle.version);
    let tag = made.bundle.as_ref().map_or(Some("latest"), |bundle| bundle.tag.as_deref()).unwrap_or(version);
    let mut all = vec![
        (made.space, "A Space, which this host name leads to", format!("star create Space {space}")),
        (
            made.file_system.is_some(),
            "A FileSystem for files that change",
            format!("star create FileSystem {space}:{files}"),
        ),
        (made.file, "A file in it", format!("star cp README.md {space}:{files}:/readme.md")),
        (
            made.bundle.is_some(),
            "A bundle: pages, code and routes, under a version",
            format!("star publish bundles/hello {space}:hello:1.0.0 --tag latest"),
        ),
    ];
    if made.bundle.as_ref().is_none_or(|bundle| bundle.has_app) || made.app {
        let app = format!("star create App {space}:app --from {space}:{series}:{version}:/app.yaml");
        all.push((made.app, "An App, which runs the code of the bundle", app));
    }
    if made.bundle.as_ref().is_some_and(|bundle| !bundle.has_routes) {
        let add = format!("star publish FOLDER {space}:{series}:VERSION --tag latest");
        all.push((false, "A file routes.conf in the bundle, under its next version", add));
    }
    all.push((false, "The routes in force", format!("star set {space}#routes={space}:{series}:{tag}:/routes.conf")));
    let next = all.iter().position(|(done, ..)| !done);
    let progress = |index: usize, done: bool| match (done, next == Some(index)) {
        (true, _) => Progress::Done,
        (false, true) => Progress::Next,
        (false, false) => Progress::Later,
    };
    let step = |(index, (done, about, command))| Step { about, command, progress: progress(index, done) };
    all.into_iter().enumerate().map(step).collect()
}

/// Looks what a Space has. Only what lies right below it counts, and of that only the first page.
async fn found(tree: &Arc<Tree>, space: &ResourcePath) -> Result<Made, StarError> {
    let mut made = Made { space: true, ..Made::default() };
    let page = tree.ports.meta.scan(keys::children(space), limits::STEP_CHILDREN).await;
    let page = page.map_err(|error| stored::read_failed(space, &error))?;
    let mut looked_into = 0;
    for (key, row) in page.rows {
        let Some(path) = keys::path_of_child(space, &key) else { continue };
        match row.value.first().copied().and_then(Kind::from_number) {
            Some(Kind::FileSystem) if !made.file => {
                made.file = stored::has_children(&tree.ports.meta, &path.with_files("/")?).await?;
                if made.file || made.file_system.is_none() {
                    made.file_system = Some(path.last().to_owned());
                }
            }
            Some(Kind::ArtifactBundleSeries) if looked_into < limits::STEP_BUNDLES => {
                looked_into += 1;
                let routed = made.bundle.as_ref().is_some_and(|bundle| bundle.has_routes);
                if !routed && let Some(bundle) = bundle(tree, &path).await? {
                    made.bundle = Some(bundle);
                }
            }
            Some(Kind::App) => made.app = true,
            _ => {}
        }
    }
    Ok(made)
}

/// What a series has to offer, if it has a version.
async fn bundle(tree: &Arc<Tree>, series: &ResourcePath) -> Result<Option<Bundle>, StarError> {
    let permit = tree.gate.admit(&Authority::system(), Info.envelope(series)?).await?;
    let facts = Info::answer(&tree.ask(permit).await?)?.facts;
    let words =
        |key: &str| facts.get(key).map(|text| text.split(' ').filter(|word| !word.is_empty())).into_iter().flatten();
    let tags: Vec<(&str, &str)> = words("tags").filter_map(|tag| tag.split_once('=')).collect();
    let tagged = tags.iter().find(|(tag, _)| *tag == "latest").or(tags.first()).copied();
    let newest = words("versions").last();
    let Some(version) = tagged.map(|(_, version)| version).or(newest) else { return Ok(None) };
    let path = ResourcePath::parse(&format!("{series}:{version}"))?;
    Ok(Some(Bundle {
        series: series.last().to_owned(),
        version: version.to_owned(),
        tag: tagged.map(|(tag, _)| tag.to_owned()),
        has_app: exists(tree, &path.with_files("/app.yaml")?).await?,
        has_routes: exists(tree, &path.with_files("/routes.conf")?).await?,
    }))
}

async fn exists(tree: &Arc<Tree>, path: &ResourcePath) -> Result<bool, StarError> {
    let permit = tree.gate.admit(&Authority::system(), Open.envelope(path)?).await?;
    match tree.open(permit).await {
        Ok(_) => Ok(true),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space(name: &str) -> ResourcePath {
        ResourcePath::parse(name).unwrap()
    }

    fn hello(tag: Option<&str>) -> Bundle {
        Bundle {
            series: "hello".into(),
            version: "1.0.0".into(),
            tag: tag.map(str::to_owned),
            has_app: true,
            has_routes: true,
        }
    }

    fn next(made: Made) -> String {
        let steps = steps(&space("localhost"), made);
        let mut next = steps.iter().filter(|step| step.progress == Progress::Next);
        let command = next.next().expect("a page that is shown has a next step").command.clone();
        assert_eq!(next.next(), None);
        command
    }

    #[test]
    fn the_commands_are_those_of_the_quick_start_in_its_order() {
        let mut made = Made::default();
        assert_eq!(next(made.clone()), "star create Space localhost");
        made.space = true;
        assert_eq!(next(made.clone()), "star create FileSystem localhost:files");
        made.file_system = Some("files".into());
        assert_eq!(next(made.clone()), "star cp README.md localhost:files:/readme.md");
        made.file = true;
        assert_eq!(next(made.clone()), "star publish bundles/hello localhost:hello:1.0.0 --tag latest");
        made.bundle = Some(hello(Some("latest")));
        assert_eq!(next(made.clone()), "star create App localhost:app --from localhost:hello:1.0.0:/app.yaml");
        made.app = true;
        assert_eq!(next(made), "star set localhost#routes=localhost:hello:latest:/routes.conf");
    }

    #[test]
    fn the_commands_follow_what_is_there() {
        let bundle = Bundle { series: "site".into(), version: "2.0.0".into(), has_app: false, ..hello(None) };
        let made = Made { space: true, file_system: Some("docs".into()), file: true, bundle: Some(bundle), app: false };
        assert_eq!(next(made.clone()), "star set localhost#routes=localhost:site:2.0.0:/routes.conf");
        let bare = Bundle { has_routes: false, ..made.bundle.clone().unwrap() };
        let without_routes = Made { bundle: Some(bare), ..made.clone() };
        assert_eq!(next(without_routes), "star publish FOLDER localhost:site:VERSION --tag latest");
        let told = format!("{:?}", steps(&space("acme.example"), made.without_names()));
        assert!(!told.contains("docs") && !told.contains("site") && !told.contains("2.0.0"), "{told}");
    }

    #[test]
    fn names_are_for_this_machine() {
        for (name, local) in
            [("localhost", true), ("a.localhost", true), ("notlocalhost", false), ("acme.example", false)]
        {
            assert_eq!(is_local(&space(name)), local, "{name}");
        }
    }
}
