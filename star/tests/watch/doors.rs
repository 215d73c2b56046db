//! A Star on a real listener, and the doors through which its log is read.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use star_client::v1::WatchRequest;
use star_client::{
    AtEnd, Class, Client, ClientError, Endpoint, EventsForm, EventsQuery, Token, WatchItem, WatchStream, cursor_of,
};
use star_core::command::{Delete, Set};
use star_core::kind::Kind;
use star_http::api;
use star_http::server::{self, Listener, Surface};
use star_http::state::{ApiState, StarInfo};
use star_testkit::{TestTree, path};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The key that the gate of a test tree knows.
const KEY: &str = "star_test";

/// How long anything of these tests may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A Star that listens.
pub(crate) struct Star {
    pub(crate) tree: TestTree,
    url: String,
    shutdown: CancellationToken,
    _server: AbortOnDropHandle<()>,
}

impl Star {
    /// A Star with the Space `acme`.
    pub(crate) async fn start() -> Star {
        let tree = TestTree::start(star_kinds::behaviours()).await;
        tree.create(Kind::Space, &path("acme")).await.unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), "--listen").await.unwrap();
        let url = listener.url();
        let info = StarInfo {
            name: "test".into(),
            version: "0.0.0".into(),
            pid: 7,
            started_ms: 0,
            data_dir: std::env::temp_dir(),
            api_url: url.clone(),
            web_url: "http://localhost:2".into(),
        };
        let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
        let shutdown = CancellationToken::new();
        let state = ApiState::new(Arc::clone(&tree.tree), info, metrics, shutdown.clone());
        let serving = async move { server::serve(&state, listener, api::router(&state), Surface::Api).await };
        Star { tree, url, shutdown, _server: AbortOnDropHandle::new(tokio::spawn(serving)) }
    }

    /// A client that holds the admin key.
    pub(crate) fn admin(&self) -> Client {
        self.client(Some(Token::new(KEY)))
    }

    /// A client that says nothing of who it is.
    pub(crate) fn nobody(&self) -> Client {
        self.client(None)
    }

    fn client(&self, token: Option<Token>) -> Client {
        Client::new(Endpoint { url: self.url.clone(), token }).unwrap()
    }

    pub(crate) async fn create(&self, kind: Kind, at: &str) {
        self.tree.create(kind, &path(at)).await.unwrap();
    }

    pub(crate) async fn label(&self, at: &str, key: &str, value: &str) {
        let labels = [(key.to_owned(), value.to_owned())].into();
        let set = Set {
            properties: BTreeMap::new(),
            remove: Vec::new(),
            labels,
            remove_labels: Vec::new(),
            if_revision: None,
        };
        self.tree.send(&path(at), &set).await.unwrap();
    }

    pub(crate) async fn public(&self, at: &str, value: &str) {
        let properties = [("public".parse().unwrap(), value.to_owned())].into();
        let set = Set {
            properties,
            remove: Vec::new(),
            labels: BTreeMap::new(),
            remove_labels: Vec::new(),
            if_revision: None,
        };
        self.tree.send(&path(at), &set).await.unwrap();
    }

    pub(crate) async fn delete(&self, at: &str) {
        self.tree.send(&path(at), &Delete { recursive: true, if_digest: None }).await.unwrap();
    }

    pub(crate) fn head(&self) -> u64 {
        self.tree.tree.log.head()
    }
}

impl Drop for Star {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// What a reader wants, in the words that all doors share.
#[derive(Debug, Clone, Default)]
pub(crate) struct Want {
    pub(crate) selector: &'static str,
    pub(crate) children_of: &'static str,
    pub(crate) types: &'static [&'static str],
    pub(crate) since: String,
}

/// A way to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Connect,
    Lines,
    LongPoll,
    ServerSent,
}

impl Door {
    pub(crate) const ALL: [Door; 4] = [Door::Connect, Door::Lines, Door::LongPoll, Door::ServerSent];

    /// Everything that is told behind `want.since`, without an end.
    pub(crate) async fn open(self, client: &Client, want: &Want) -> WatchStream {
        let form = if self == Door::ServerSent { EventsForm::ServerSent } else { EventsForm::Lines };
        match self {
            Door::Connect => {
                let request = WatchRequest {
                    selector: want.selector.into(),
                    children_of: want.children_of.into(),
                    types: want.types.iter().map(|name| (*name).to_owned()).collect(),
                    since: Some(want.since.clone()),
                    ..Default::default()
                };
                client.watch(request).await.unwrap()
            }
            Door::Lines | Door::ServerSent => client.events(&query(want, form, AtEnd::Follow)).await.unwrap(),
            Door::LongPoll => polling(client.clone(), want.clone()),
        }
    }
}

fn query(want: &Want, form: EventsForm, at_end: AtEnd) -> EventsQuery {
    EventsQuery {
        since: Some(want.since.clone()),
        selector: Some(want.selector).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap()),
        children_of: Some(want.children_of).filter(|text| !text.is_empty()).map(path),
        types: want.types.iter().map(|name| (*name).to_owned()).collect(),
        at_end,
        form,
        ..EventsQuery::default()
    }
}

/// One long poll after the other, each from where the last one ended.
fn polling(client: Client, want: Want) -> WatchStream {
    let polls = futures::stream::try_unfold((client, want), |(client, mut want)| async move {
        let poll = query(&want, EventsForm::Lines, AtEnd::Wait(Duration::from_secs(1)));
        let items: Vec<WatchItem> = client.events(&poll).await?.try_collect().await?;
        want.since = items.last().and_then(cursor_of).expect("an answer says where to go on").to_owned();
        Ok::<_, ClientError>(Some((futures::stream::iter(items.into_iter().map(Ok)), (client, want))))
    });
    polls.try_flatten().boxed()
}

/// What is told, up to a place that is set when it is known; that place itself comes as progress.
/// Who asks anew after the door was closed, as a poll does, is refused, and told nothing more either.
pub(crate) async fn told_until(mut items: WatchStream, end: Arc<AtomicU64>) -> Vec<Value> {
    let mut told = Vec::new();
    let reading = async {
        loop {
            let item = match items.next().await.expect("a watch has no end") {
                Err(error) if error.class() == Class::LoginNeeded => return,
                item => item.unwrap(),
            };
            match item {
                WatchItem::Event(event) => told.push(json!({ "event": event })),
                WatchItem::Gap(gap) => told.push(json!({ "gap": gap })),
                WatchItem::Progress(progress) => {
                    let reached: u64 = progress.cursor.split('.').next().unwrap().parse().unwrap();
                    if reached >= end.load(Ordering::SeqCst) {
                        return;
                    }
                }
                WatchItem::Resource(resource) => panic!("nobody asked for {resource:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.expect("the end is told as progress");
    told
}

/// The items, in short: `created acme:a`, or `gap 0 5`.
pub(crate) fn short(told: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let line = |item: &Value| match (&item["event"], &item["gap"]) {
        (Value::Null, gap) => format!("gap {} {}", text(&gap["from"]), text(&gap["to"])),
        (event, _) => format!("{} {}", text(&event["type"]), text(&event["path"])),
    };
    told.iter().map(line).collect()
}
