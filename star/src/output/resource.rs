//! Resources as people read them.

use star_client::v1::{Resource, Status};

use super::measure;
use super::table::{Align, Table, facts};

/// The table of `star ls -l`.
pub(crate) fn long_list(resources: &[Resource]) -> String {
    let columns = [
        ("KIND", Align::Left),
        ("STATUS", Align::Left),
        ("SIZE", Align::Right),
        ("CHANGED", Align::Left),
        ("TYPE", Align::Left),
        ("PATH", Align::Left),
    ];
    let mut table = Table::new(&columns);
    for resource in resources {
        let size = resource.content.as_option().map(|content| measure::bytes(content.size)).unwrap_or_default();
        table.row(vec![
            resource.kind.clone(),
            resource.status.state.clone(),
            size,
            resource.modified.as_option().map(|time| measure::moment(time.seconds)).unwrap_or_default(),
            form(resource),
            resource.path.clone(),
        ]);
    }
    table.render()
}

/// The media type of a file; what others have in its place.
fn form(resource: &Resource) -> String {
    let is_directory = resource.path.contains(":/") && resource.path.ends_with('/');
    match resource.properties.get("content-type").filter(|_| !is_directory) {
        Some(given) => given.clone(),
        None if is_directory => "directory".to_owned(),
        None => resource.content.as_option().map(|content| content.media_type.clone()).unwrap_or_default(),
    }
}

/// All that is known about a resource, a fact per line.
pub(crate) fn description(resource: &Resource) -> String {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut fact = |name: &str, value: String| {
        if !value.is_empty() {
            rows.push((name.to_owned(), value));
        }
    };
    fact("path", resource.path.clone());
    fact("kind", resource.kind.clone());
    fact("status", status(resource));
    fact("owner", resource.owner.clone());
    let moment = |time: Option<i64>| time.map(measure::moment).unwrap_or_default();
    fact("created", moment(resource.created.as_option().map(|time| time.seconds)));
    fact("changed", moment(resource.modified.as_option().map(|time| time.seconds)));
    fact("revision", resource.revision.to_string());
    if let Some(content) = resource.content.as_option() {
        fact("size", format!("{} ({})", measure::bytes(content.size), measure::count(content.size, "byte", "bytes")));
        fact("type", content.media_type.clone());
        fact("digest", content.digest.clone());
    }
    for (key, value) in &resource.properties {
        fact(&format!("#{key}"), value.clone());
    }
    for (name, value) in &resource.labels {
        fact(&format!("#labels.{name}"), value.clone());
    }
    for (tag, version) in &resource.tags {
        fact(&format!("tag {tag}"), version.clone());
    }
    fact("lock", lock(resource));
    let children: Vec<String> = resource.children.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    fact("children", children.join(", "));
    facts(&rows)
}

/// The statuses that a resource had, oldest first, the present one last.
pub(crate) fn history(resource: &Resource) -> String {
    let mut table = Table::new(&[("SINCE", Align::Left), ("STATUS", Align::Left)]);
    for status in resource.history.iter().chain(resource.status.as_option()) {
        let since = status.since.as_option().map(|time| measure::moment(time.seconds)).unwrap_or_default();
        table.row(vec![since, reasons(status)]);
    }
    table.render()
}

/// `Panic since 2026-…: the words, code=S0706`.
fn status(resource: &Resource) -> String {
    let Some(status) = resource.status.as_option() else { return String::new() };
    match status.since.as_option().filter(|_| status.state != "Ready") {
        Some(since) => {
            let told = reasons(status);
            let reasons = told.strip_prefix(status.state.as_str()).unwrap_or_default();
            format!("{} since {}{reasons}", status.state, measure::moment(since.seconds))
        }
        None => reasons(status),
    }
}

/// `Panic: the words, code=S0706`.
fn reasons(status: &Status) -> String {
    let mut text = status.state.clone();
    if !status.message.is_empty() {
        text.push_str(&format!(": {}", status.message));
    }
    for (key, value) in &status.detail {
        text.push_str(&format!(", {key}={value}"));
    }
    text
}

/// `star:users:ada until 2026-…, token 17: the note`.
fn lock(resource: &Resource) -> String {
    let Some(lock) = resource.lock.as_option() else { return String::new() };
    let until = lock.until.as_option().map(|until| measure::moment(until.seconds)).unwrap_or_default();
    let text = format!("{} until {until}, token {}", lock.holder, lock.token);
    if lock.note.is_empty() { text } else { format!("{text}: {}", lock.note) }
}

#[cfg(test)]
mod tests {
    use star_client::v1;

    use super::*;

    fn resource() -> Resource {
        Resource {
            path: "localhost:files:/readme.md".into(),
            kind: "File".into(),
            status: v1::Status { state: "Ready".into(), ..Default::default() }.into(),
            properties: [("title".to_owned(), "Read me".to_owned())].into(),
            labels: [("team".to_owned(), "red".to_owned())].into(),
            content: v1::Content { size: 2048, media_type: "text/markdown".into(), ..Default::default() }.into(),
            revision: 7,
            ..Default::default()
        }
    }

    #[test]
    fn a_description_leaves_out_what_is_not_there() {
        let expected = "path          localhost:files:/readme.md\n\
                        kind          File\n\
                        status        Ready\n\
                        revision      7\n\
                        size          2.0 KiB (2048 bytes)\n\
                        type          text/markdown\n\
                        #title        Read me\n\
                        #labels.team  red";
        assert_eq!(description(&resource()), expected);
    }

    #[test]
    fn a_long_list_has_a_line_for_each_resource() {
        let text = long_list(&[resource()]);
        let expected = "KIND  STATUS     SIZE  CHANGED  TYPE           PATH\n\
                        File  Ready   2.0 KiB           text/markdown  localhost:files:/readme.md";
        assert_eq!(text, expected);
        let directory = Resource { path: "localhost:files:/docs/".into(), ..Default::default() };
        assert_eq!((form(&directory).as_str(), form(&Resource::default()).as_str()), ("directory", ""));
        let set = [("content-type".to_owned(), "text/x-set".to_owned())];
        assert_eq!(form(&Resource { properties: set.into(), ..resource() }), "text/x-set");
    }

    #[test]
    fn a_lock_says_who_holds_it_until_when_and_why() {
        let lock = serde_json::json!({
            "holder": "star:users:ada", "token": "17", "until": "2023-11-14T22:13:20Z", "note": "deploy",
        });
        let lock: v1::Lock = serde_json::from_value(lock).unwrap();
        let text = description(&Resource { lock: lock.into(), ..resource() });
        assert!(text.contains("star:users:ada until 2023-11-14T22:13:20Z, token 17: deploy"), "{text}");
    }

    #[test]
    fn a_panic_says_since_when_and_why() {
        let status = v1::Status { state: "Panic".into(), message: "it fell over".into(), ..Default::default() };
        let text = description(&Resource { status: status.into(), ..resource() });
        assert!(text.contains("Panic: it fell over"), "{text}");
    }
}
