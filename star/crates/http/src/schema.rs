//! Values of core in the words of the client schema.

use std::collections::BTreeMap;

use buffa::{Inline, MessageField};
use buffa_types::google::protobuf::{Duration as ProtoDuration, Timestamp};
use star_api::v1;
use star_core::command::{Described, Opened};
use star_core::event::Happened;
use star_core::kind::Kind;
use star_core::lock::Held;
use star_core::lock::fence::guardian;
use star_core::ports::clock::UnixMillis;
use star_core::record::{Body, Resource};
use star_core::status::{State, Status};
use star_core::watch::Word;
use star_path::ResourcePath;
use star_wire::Agent;

use crate::events::Cursor;

/// A moment.
pub(crate) fn timestamp(at_ms: UnixMillis) -> Timestamp {
    Timestamp { seconds: seconds(at_ms), nanos: nanos(at_ms), ..Default::default() }
}

/// A span of time.
pub(crate) fn duration(span_ms: u64) -> ProtoDuration {
    ProtoDuration { seconds: seconds(span_ms), nanos: nanos(span_ms), ..Default::default() }
}

fn seconds(ms: u64) -> i64 {
    i64::try_from(ms / 1000).unwrap_or(i64::MAX)
}

fn nanos(ms: u64) -> i32 {
    (ms % 1000) as i32 * 1_000_000
}

/// An event under the word that its reader has for it.
pub(crate) fn event(word: Word, happened: &Happened) -> v1::Event {
    let event = &happened.event;
    let mut detail = event.detail.clone();
    if let (Word::Child(_), Some(parent)) = (word, event.path.parent()) {
        detail.insert("parent".to_owned(), parent.to_string());
    }
    v1::Event {
        cursor: Cursor::after(happened).to_string(),
        shard: u32::from(happened.shard),
        revision: happened.revision,
        index: u32::from(happened.index),
        time: timestamp(happened.at_ms).into(),
        r#type: word.as_str().to_owned(),
        path: event.path.to_string(),
        kind: event.kind.to_string(),
        agent: agent(&event.agent),
        detail,
        ..Default::default()
    }
}

/// An agent; empty for nobody.
pub(crate) fn agent(agent: &Agent) -> String {
    match agent {
        Agent::Anonymous => String::new(),
        Agent::Resource(path) => path.to_string(),
    }
}

/// A resource as it is stored.
pub(crate) fn resource(resource: &Resource) -> v1::Resource {
    let record = &resource.record;
    v1::Resource {
        path: resource.path.to_string(),
        kind: record.kind.to_string(),
        owner: record.owner.to_string(),
        status: status(&record.status).into(),
        properties: record.properties.iter().map(|(key, value)| (key.to_string(), value.clone())).collect(),
        labels: record.labels.clone(),
        revision: resource.modified,
        created: timestamp(record.created_ms).into(),
        modified: timestamp(record.modified_ms).into(),
        content: content(record.body.as_ref()),
        ..Default::default()
    }
}

/// A resource as its actor describes it. What its kind has to say beyond what is stored reads
/// like properties, except the tags of a series, which have a place of their own.
pub(crate) fn described(described: Described) -> v1::Resource {
    let Described { path, record, created, modified, mut facts, history, lock } = described;
    let tags = facts.remove("tags").map(|tags| pairs(&tags)).unwrap_or_default();
    let guarded_by = guardian(&path);
    let mut told = resource(&Resource { path, record, created, modified });
    told.tags = tags;
    told.history = history.iter().map(status).collect();
    if let Some(held) = lock {
        told.lock = self::lock(&guarded_by, &held).into();
    }
    for (key, value) in facts {
        told.properties.entry(key).or_insert(value);
    }
    told
}

/// A lock that somebody holds.
pub(crate) fn lock(path: &ResourcePath, held: &Held) -> v1::Lock {
    let lease = &held.lease;
    v1::Lock {
        path: path.to_string(),
        token: held.token,
        holder: agent(&lease.holder.agent),
        taken: timestamp(lease.taken_ms).into(),
        until: timestamp(lease.until_ms).into(),
        ttl_ms: lease.ttl_ms,
        note: lease.note.clone(),
        ..Default::default()
    }
}

/// An Artifact, which has no record of its own: its bundle tells of it, and owns it.
pub(crate) fn artifact(opened: &Opened, bundle: &Resource) -> v1::Resource {
    let body = Body { content: opened.content.clone(), content_type: opened.content_type.clone() };
    v1::Resource {
        path: opened.path.to_string(),
        kind: Kind::Artifact.to_string(),
        owner: bundle.record.owner.to_string(),
        status: status(&Status::ready(opened.modified_ms)).into(),
        revision: bundle.modified,
        created: timestamp(opened.modified_ms).into(),
        modified: timestamp(opened.modified_ms).into(),
        content: content(Some(&body)),
        ..Default::default()
    }
}

/// `latest=1.2.0 next=2.0.0`, as a map.
fn pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |word: &str| word.split_once('=').map(|(tag, version)| (tag.to_owned(), version.to_owned()));
    text.split(' ').filter_map(pair).collect()
}

fn content(body: Option<&Body>) -> MessageField<v1::Content, Inline<v1::Content>> {
    let content = body.map(|body| v1::Content {
        digest: body.content.digest.to_string(),
        size: body.content.size_bytes,
        media_type: body.content_type.to_string(),
        ..Default::default()
    });
    content.map(MessageField::from).unwrap_or_default()
}

fn status(status: &Status) -> v1::Status {
    v1::Status {
        state: status.state.word().to_owned(),
        message: status.message.clone(),
        since: timestamp(status.since_ms).into(),
        detail: state_detail(&status.state),
        ..Default::default()
    }
}

fn state_detail(state: &State) -> BTreeMap<String, String> {
    let of = |pairs: &[(&str, String)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    match state {
        State::Creating { step, total } => of(&[("step", step.to_string()), ("total", total.to_string())]),
        State::Paused { by } => of(&[("by", by.clone())]),
        State::Tripped { until_ms } => of(&[("until", until_ms.to_string())]),
        State::Panic { code } => of(&[("code", code.to_string())]),
        State::Done { code } => of(&[("code", code.to_string())]),
        State::Unknown | State::Pending | State::Ready | State::Destroying | State::Destroyed => BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use star_core::event::{Event, EventType};
    use star_core::record::Record;
    use star_wire::ErrorCode;

    use super::*;

    fn path(text: &str) -> ResourcePath {
        ResourcePath::parse(text).unwrap()
    }

    #[test]
    fn an_event_reads_as_one_line() {
        let what = Event::new(EventType::Tagged, &path("acme:site"), Kind::ArtifactBundleSeries, &Agent::Anonymous)
            .with("tag", "latest")
            .with("version", "1.2.0");
        let happened = Happened {
            position: 17,
            shard: 3,
            revision: 9,
            index: 1,
            is_last: true,
            encoded_bytes: 0,
            at_ms: 1_700_000_000_250,
            event: what,
        };
        assert_eq!(
            serde_json::to_string(&event(Word::Type(EventType::Tagged), &happened)).unwrap(),
            r#"{"cursor":"17","shard":3,"revision":"9","index":1,"time":"2023-11-14T22:13:20.250Z","type":"tagged","path":"acme:site","kind":"ArtifactBundleSeries","detail":{"tag":"latest","version":"1.2.0"}}"#
        );
    }

    #[test]
    fn the_tags_of_a_series_are_a_map_and_other_facts_read_like_properties() {
        let record = Record::new(Kind::ArtifactBundleSeries, path("star:users:admin"), 0);
        let facts = [("tags", "latest=1.0.0 next=2.0.0"), ("versions", "1.0.0 2.0.0")];
        let facts = facts.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let told = described(Described {
            path: path("acme:site"),
            record,
            created: 1,
            modified: 2,
            facts,
            history: Vec::new(),
            lock: None,
        });
        assert_eq!(told.tags, pairs("latest=1.0.0 next=2.0.0"));
        assert_eq!(told.tags["next"], "2.0.0");
        assert_eq!(told.properties["versions"], "1.0.0 2.0.0");
        assert_eq!(pairs(""), BTreeMap::new());
    }

    #[test]
    fn a_status_carries_what_belongs_to_its_state() {
        let told = status(&Status::panicked(ErrorCode::Panicked, "it fell over".into(), 0));
        assert_eq!((told.state.as_str(), told.message.as_str()), ("Panic", "it fell over"));
        assert_eq!(told.detail["code"], "S0706");
    }
}
