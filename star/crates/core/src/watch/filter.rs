//! Which events a watcher is told, and what they mean to it.
//!
//! Path and kind are judged by the event. The filters of a selector (`[labels.env=prod]`) are
//! judged by the resource as it stands when the event is read, which is at least what the event
//! made of it, with three rules for what that cannot tell:
//!
//! - an event that changed an attribute which a filter asks for is told, because the resource may
//!   just have ceased to meet it; a change of status is told if the filters are met by the status
//!   before or after;
//! - of a resource that is gone everything is told: whoever keeps a list must learn of its end;
//! - removing a resource removes all below it, so `deleted` is also told to those who watch
//!   something that may have been there; `moved`, which is told at both places, likewise.

use std::sync::Arc;

use star_path::{ResourcePath, Selector};
use star_wire::{ErrorCode, StarError};

use crate::event::{Event, EventType};
use crate::kind::Kind;
use crate::ports::meta::MetaStore;
use crate::stored;

/// What happened to the children of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChildChange {
    /// A child was made.
    Added,
    /// A child was removed, with everything below it.
    Removed,
}

/// What an event is called by those who are told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// The type that it has in the log.
    Type(EventType),
    /// What it means to those who watch the children of a resource.
    Child(ChildChange),
}

impl Word {
    /// The word, as clients see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Word::Type(what) => what.word(),
            Word::Child(ChildChange::Added) => "child-added",
            Word::Child(ChildChange::Removed) => "child-removed",
        }
    }

    /// Every word there is.
    pub fn all() -> impl Iterator<Item = Word> {
        let types = EventType::ALL.into_iter().map(Word::Type);
        types.chain([Word::Child(ChildChange::Added), Word::Child(ChildChange::Removed)])
    }

    /// Reads a word.
    pub fn parse(text: &str) -> Result<Word, StarError> {
        Word::all().find(|word| word.as_str() == text).ok_or_else(|| {
            let known: Vec<&str> = Word::all().map(Word::as_str).collect();
            let shown: String = text.chars().take(32).collect();
            StarError::new(ErrorCode::InvalidArgument, format!("`{}` is no type of event", shown.escape_debug()))
                .hint(format!("the types are: {}", known.join(", ")))
        })
    }
}

/// Whose events are told.
#[derive(Debug, Clone, Default)]
enum Scope {
    #[default]
    Everything,
    Selected(Box<Selector>),
    ChildrenOf(ResourcePath),
}

/// Which events a watcher is told.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    scope: Scope,
    /// None of them stands for all.
    words: Vec<Word>,
    only: Option<fn(&Event) -> bool>,
}

impl From<Selector> for Filter {
    fn from(selector: Selector) -> Filter {
        Filter { scope: Scope::Selected(Box::new(selector)), ..Filter::default() }
    }
}

impl Filter {
    /// Every event of the log.
    pub fn everything() -> Filter {
        Filter::default()
    }

    /// That a resource got or lost a child, and that it was removed itself, with all of them.
    pub fn children_of(parent: ResourcePath) -> Filter {
        Filter { scope: Scope::ChildrenOf(parent), ..Filter::default() }
    }

    /// Of these, only those that are called one of some words; without words, all.
    #[must_use]
    pub fn called(mut self, words: Vec<Word>) -> Filter {
        self.words = words;
        self
    }

    /// Of these, only those that a function chooses.
    #[must_use]
    pub fn only(mut self, chosen: fn(&Event) -> bool) -> Filter {
        self.only = Some(chosen);
        self
    }

    /// The deepest path that everything told is at or below, as far as nothing above is removed.
    pub fn prefix(&self) -> ResourcePath {
        match &self.scope {
            Scope::Everything => ResourcePath::root(),
            Scope::Selected(selector) => selector.literal_prefix().clone(),
            Scope::ChildrenOf(parent) => parent.clone(),
        }
    }

    /// What the watcher calls an event, if it is told of it; filters of a selector left aside.
    pub(super) fn word_for(&self, event: &Event) -> Option<Word> {
        let word = match &self.scope {
            Scope::Everything => Word::Type(event.what),
            Scope::Selected(selector) => {
                let below = || took_more_along(event) && selector.reaches_below(&event.path);
                (selector.covers(&event.path, &event.kind.to_string()) || below()).then_some(Word::Type(event.what))?
            }
            Scope::ChildrenOf(parent) => as_parent(parent, event)?,
        };
        let called = self.words.is_empty() || self.words.contains(&word);
        let chosen = self.only.is_none_or(|only| only(event));
        (called && chosen).then_some(word)
    }

    /// Whether the filters of the selector let an event through that the rest lets through.
    pub(super) async fn judge(&self, meta: &Arc<dyn MetaStore>, event: &Event) -> Result<bool, StarError> {
        let Scope::Selected(selector) = &self.scope else { return Ok(true) };
        let mut asked = selector.filter_keys().peekable();
        if asked.peek().is_none() || told_to_all(event) || asked.any(|key| event.detail.contains_key(key)) {
            return Ok(true);
        }
        let Some(resource) = stored::load(meta, &event.path).await? else { return Ok(true) };
        let met = |status: Option<&String>| {
            selector.filters_met(&|key| match (key, status) {
                ("status", Some(status)) => Some(status.clone()),
                _ => resource.attribute(key),
            })
        };
        Ok(match event.what {
            EventType::Status => met(event.detail.get("from")) || met(event.detail.get("to")),
            _ => met(None),
        })
    }
}

/// Whether an event is told whatever the filters of a selector say.
fn told_to_all(event: &Event) -> bool {
    matches!(event.what, EventType::Deleted | EventType::Moved)
}

/// Whether something below a resource may have been removed or moved with it.
fn took_more_along(event: &Event) -> bool {
    let alone = event.detail.get("resources").is_some_and(|count| count == "1");
    // Artifacts are no resources of their own, and are not counted.
    told_to_all(event) && (!alone || event.kind == Kind::ArtifactBundle)
}

/// What an event means to those who watch the children of a resource.
fn as_parent(parent: &ResourcePath, event: &Event) -> Option<Word> {
    let is_child = || event.path.parent().as_ref() == Some(parent);
    match event.what {
        what @ (EventType::Deleted | EventType::Moved) if parent.is_within(&event.path) => Some(Word::Type(what)),
        // The root directory of a FileSystem is emptied, and stays.
        EventType::Deleted if event.path.files() == Some("/") => None,
        _ if event.takes_its_resource_away() => is_child().then_some(Word::Child(ChildChange::Removed)),
        _ => (event.makes_its_resource() && is_child()).then_some(Word::Child(ChildChange::Added)),
    }
}

#[cfg(test)]
mod tests {
    use star_wire::Agent;

    use super::*;

    fn event(what: EventType, path: &str, kind: Kind) -> Event {
        Event::new(what, &ResourcePath::parse(path).unwrap(), kind, &Agent::Anonymous)
    }

    fn word(filter: &Filter, event: &Event) -> Option<&'static str> {
        filter.word_for(event).map(Word::as_str)
    }

    #[test]
    fn a_parent_is_told_of_children_that_come_and_go_and_of_its_own_end() {
        use EventType::{Changed, Created, Deleted, Published, Tagged, Written};
        let written = event(Written, "acme:web:/a", Kind::File);
        let made = written.clone().with("created", "true");
        for (parent, event, told) in [
            ("acme", event(Created, "acme:b", Kind::Base), Some("child-added")),
            ("acme", event(Created, "acme:b:c", Kind::Base), None),
            ("acme", event(Changed, "acme:b", Kind::Base), None),
            ("acme", event(Deleted, "acme:b", Kind::Base), Some("child-removed")),
            ("acme", event(Deleted, "acme:b:c", Kind::Base), None),
            ("acme:b", event(Deleted, "acme:b", Kind::Base), Some("deleted")),
            ("acme:b", event(Deleted, "acme", Kind::Space), Some("deleted")),
            ("acme:web", event(Deleted, "acme:web:/", Kind::File), None),
            ("acme:web:/", event(Deleted, "acme:web:/", Kind::File), Some("deleted")),
            ("acme:web:/", written, None),
            ("acme:web:/", made, Some("child-added")),
            ("acme:web:/", event(Created, "acme:web:/docs/", Kind::File), Some("child-added")),
            ("acme:site", event(Published, "acme:site:1.0.0", Kind::ArtifactBundle), Some("child-added")),
            ("acme:site", event(Tagged, "acme:site", Kind::ArtifactBundleSeries), None),
            ("ROOT", event(Created, "acme", Kind::Space), Some("child-added")),
        ] {
            let filter = Filter::children_of(ResourcePath::parse(parent).unwrap());
            assert_eq!(word(&filter, &event), told, "{} {} seen from {parent}", event.what.word(), event.path);
        }
    }

    #[test]
    fn what_is_removed_is_told_to_those_who_watch_something_below_it() {
        let app = event(EventType::Deleted, "acme:app", Kind::App);
        for (selector, told) in [
            ("acme:app", true),
            ("acme:app:greeter", true),
            ("acme:**<Mechtron>", true),
            ("acme:*<Mechtron>", false),
            ("acme:web:**", false),
        ] {
            let filter = Filter::from(Selector::parse(selector).unwrap());
            assert_eq!(word(&filter, &app).is_some(), told, "{selector}");
            let alone = app.clone().with("resources", "1");
            assert_eq!(word(&filter, &alone).is_some(), selector == "acme:app", "{selector}");
            let changed = Event { what: EventType::Changed, ..app.clone() };
            assert_eq!(word(&filter, &changed).is_some(), selector == "acme:app", "{selector}");
        }
    }

    #[test]
    fn a_move_is_told_at_both_places() {
        let at = |path: &str| {
            let moved = event(EventType::Moved, path, Kind::Base);
            moved.with("from", "acme:a:x").with("to", "acme:b:y").with("resources", "2")
        };
        let children = |parent: &str| Filter::children_of(ResourcePath::parse(parent).unwrap());
        let selected = |selector: &str| Filter::from(Selector::parse(selector).unwrap());
        for (filter, left, came) in [
            (children("acme:a"), Some("child-removed"), None),
            (children("acme:b"), None, Some("child-added")),
            (children("acme:a:x"), Some("moved"), None),
            (children("acme:b:y"), None, Some("moved")),
            (selected("acme:a:**"), Some("moved"), None),
            (selected("acme:b:**"), None, Some("moved")),
            (selected("acme:a:x:inner"), Some("moved"), None),
            (selected("acme:b:y:inner"), None, Some("moved")),
            (selected("acme:c:**"), None, None),
        ] {
            assert_eq!((word(&filter, &at("acme:a:x")), word(&filter, &at("acme:b:y"))), (left, came), "{filter:?}");
        }
    }

    #[test]
    fn words_choose_among_what_is_told() {
        let created = event(EventType::Created, "acme:b", Kind::Base);
        let deleted = event(EventType::Deleted, "acme:b", Kind::Base);
        let filter = Filter::everything().called(vec![Word::parse("deleted").unwrap()]);
        assert_eq!((word(&filter, &created), word(&filter, &deleted)), (None, Some("deleted")));
        let children = Filter::children_of(ResourcePath::parse("acme").unwrap());
        let children = children.called(vec![Word::parse("child-added").unwrap()]);
        assert_eq!((word(&children, &created), word(&children, &deleted)), (Some("child-added"), None));
        let error = Word::parse("exploded").unwrap_err();
        assert!(error.hint_text().is_some_and(|hint| hint.contains("child-removed")), "{error:?}");
    }
}
