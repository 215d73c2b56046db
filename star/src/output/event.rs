//! Events as people read them.

use star_client::WatchItem;
use star_client::v1::Event;
use star_path::caret::visible;

use super::{Output, measure};
use crate::cli::error::CliError;

/// Writes an item of a watch or of the log. How far it has come is for programs that keep cursors,
/// and every event carries one.
pub(crate) fn show(output: &Output, item: &WatchItem) -> Result<(), CliError> {
    if !output.is_human() {
        return match item {
            WatchItem::Event(event) => output.item(event),
            WatchItem::Resource(resource) => output.item(&serde_json::json!({ "resource": resource })),
            WatchItem::Gap(gap) => output.item(&serde_json::json!({ "gap": gap })),
            WatchItem::Progress(_) => Ok(()),
        };
    }
    match item {
        WatchItem::Event(event) => output.line(&line(event)),
        WatchItem::Resource(resource) => {
            output.line(&format!("{:<20}  {:<9}  {:<20}  {}", "now", "is there", resource.kind, resource.path))
        }
        WatchItem::Gap(gap) => {
            output.warning(&format!("events between {} and {} are missing", gap.from, gap.to));
            Ok(())
        }
        WatchItem::Progress(_) => Ok(()),
    }
}

/// One line: when, what, which resource, and what belongs to it.
fn line(event: &Event) -> String {
    let time = event.time.as_option().map(|time| measure::moment(time.seconds)).unwrap_or_default();
    let mut line = format!("{time}  {:<9}  {:<20}  {}", event.r#type, event.kind, event.path);
    for (key, value) in &event.detail {
        line.push_str(&format!("  {key}={}", shortened(value)));
    }
    visible(&line).into_owned()
}

/// Values may be as long as a page of text; a line of a log shows their beginning.
fn shortened(value: &str) -> String {
    const SHOWN_CHARS: usize = 60;
    match value.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let event = Event {
            r#type: "created".into(),
            path: "localhost:files".into(),
            kind: "FileSystem".into(),
            detail: [("title".to_owned(), "one\ntwo".to_owned())].into(),
            ..Default::default()
        };
        let text = line(&event);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("created    FileSystem            localhost:files  title=one"), "{text}");
    }

    #[test]
    fn a_long_value_is_cut() {
        assert_eq!(shortened(&"ä".repeat(61)), format!("{}…", "ä".repeat(60)));
        assert_eq!(shortened("short"), "short");
    }
}
