//! Hosts, mechtrons on them, and a world in memory for them to reach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use serde_json::Value;
use star_core::ports::content::{ContentError, ContentRef};
use star_core::ports::mechtron::{
    CallContext, CodeSource, LoadedMechtron, MechtronHost, MechtronLimits, MechtronSpec, Outbox, OutgoingMessage,
    WebRequest, WebResponse,
};
use star_mechtron::WasmHost;
use star_path::{Digest, ResourcePath};
use star_wire::{Agent, Deadline, Envelope, ErrorCode, Method, Reply, StarError};
use tokio::sync::Semaphore;

/// What nothing in these tests takes, unless it hangs.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Limits that a well-behaved guest never meets, on a machine that is busy with other tests.
pub(crate) const AMPLE: MechtronLimits = MechtronLimits {
    respond: Duration::from_secs(30),
    exec: Duration::from_secs(10),
    memory_bytes: 64 * 1024 * 1024,
    concurrent: 16,
    reply_bytes: 1024 * 1024,
};

/// The bytes of a guest.
pub(crate) fn guest(name: &str) -> Bytes {
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../..");
    let folder = std::env::var_os("STAR_TEST_GUESTS").map_or_else(|| root.join(".xtask/guests"), PathBuf::from);
    let file = folder.join(name).with_extension("wasm");
    let bytes = std::fs::read(&file);
    bytes
        .unwrap_or_else(|error| panic!("{}: {error}; build the guests with `cargo xtask guests`", file.display()))
        .into()
}

pub(crate) fn path(text: &str) -> ResourcePath {
    ResourcePath::parse(text).expect("a path")
}

/// The bytes of a component, and how often they were asked for.
pub(crate) struct Source {
    bytes: Bytes,
    asked: AtomicUsize,
}

impl Source {
    pub(crate) fn new(bytes: impl Into<Bytes>) -> Source {
        Source { bytes: bytes.into(), asked: AtomicUsize::new(0) }
    }

    pub(crate) fn content(&self) -> ContentRef {
        // Any name will do that is the same for the same bytes.
        let digest = Digest::sha256(*blake3::hash(&self.bytes).as_bytes());
        ContentRef { digest, size_bytes: self.bytes.len() as u64 }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl CodeSource for Source {
    async fn bytes(&self) -> Result<Bytes, StarError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(self.bytes.clone())
    }
}

/// A host with a world around its mechtrons.
pub(crate) struct Fixture {
    pub(crate) host: Arc<WasmHost>,
    pub(crate) world: Arc<World>,
}

impl Fixture {
    /// On the host that all tests share, so that no component is compiled twice.
    pub(crate) fn new() -> Fixture {
        static SHARED: LazyLock<Arc<WasmHost>> = LazyLock::new(|| {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("compiled-mechtrons");
            Arc::new(WasmHost::start(folder).expect("a host"))
        });
        Fixture { host: Arc::clone(&SHARED), world: Arc::default() }
    }

    /// On a host of its own, whose compiled code is in `folder`.
    pub(crate) fn with_code_in(folder: &Path) -> Fixture {
        let host = WasmHost::start(folder.join("code")).expect("a host");
        Fixture { host: Arc::new(host), world: Arc::default() }
    }

    pub(crate) fn spec(&self, limits: MechtronLimits) -> MechtronSpec {
        MechtronSpec {
            path: path("acme:app:main"),
            name: "main".into(),
            config: BTreeMap::from([("greeting".into(), "Salut".into())]),
            limits,
            outbox: Arc::clone(&self.world) as Arc<dyn Outbox>,
        }
    }

    pub(crate) async fn load_bytes(&self, bytes: impl Into<Bytes>) -> Result<Arc<dyn LoadedMechtron>, StarError> {
        let source = Source::new(bytes);
        self.host.load(&source.content(), &source, self.spec(AMPLE)).await
    }

    pub(crate) async fn mechtron(&self, name: &str, limits: MechtronLimits) -> Arc<dyn LoadedMechtron> {
        let source = Source::new(guest(name));
        self.host.load(&source.content(), &source, self.spec(limits)).await.expect("a mechtron")
    }
}

/// A message with a JSON body, from a user.
pub(crate) fn envelope(method: &str, body: &Value) -> Envelope {
    let mut envelope = Envelope::new(path("acme:app:main"), Method::parse(method).expect("a method"))
        .with_body("application/json", body.to_string().into_bytes())
        .with_deadline(Deadline::within(LONG));
    envelope.from = Some(path("acme:other"));
    envelope
}

/// The user that messages are sent for.
pub(crate) fn ada() -> &'static Agent {
    static ADA: LazyLock<Agent> = LazyLock::new(|| Agent::Resource(path("acme:users:ada")));
    &ADA
}

/// Asks and reads the answer.
pub(crate) async fn ask(mechtron: &Arc<dyn LoadedMechtron>, method: &str, body: &Value) -> Result<Value, StarError> {
    let reply = mechtron.message(ada(), &envelope(method, body)).await?.expect("an answer");
    assert_eq!(reply.content_type, "application/json");
    Ok(serde_json::from_slice(&reply.body).expect("JSON"))
}

/// A web request without a body.
pub(crate) fn get(target: &str) -> WebRequest {
    request("GET", target, Vec::new())
}

pub(crate) fn request(method: &str, target: &str, body: Vec<Result<Bytes, ContentError>>) -> WebRequest {
    WebRequest {
        method: method.into(),
        scheme: "http".into(),
        authority: "acme.example:8080".into(),
        path_and_query: target.into(),
        headers: vec![("x-probe".into(), Bytes::from_static(b"seen"))],
        body: Box::pin(futures::stream::iter(body)),
        deadline: tokio::time::Instant::now() + LONG,
        sender: path("acme"),
        agent: None,
        request_id: "request-1".into(),
    }
}

/// All of an answer's body, or the error in the middle of it after what came before.
pub(crate) async fn body(response: WebResponse) -> (Vec<u8>, Option<ContentError>) {
    let mut body = response.body;
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Some(error)),
        }
    }
    (bytes, None)
}

/// Everything outside of the mechtrons: files, properties, and three resources. `acme:echo`
/// answers what it is asked, `acme:slow` when it is let, and nothing else is granted.
pub(crate) struct World {
    pub(crate) files: Mutex<BTreeMap<String, Bytes>>,
    pub(crate) properties: Mutex<BTreeMap<(String, String), String>>,
    pub(crate) told: Mutex<Vec<OutgoingMessage>>,
    pub(crate) causes: Mutex<Vec<CallContext>>,
    pub(crate) asked_slow: Semaphore,
    pub(crate) let_slow: Semaphore,
}

impl Default for World {
    fn default() -> World {
        World {
            files: Mutex::default(),
            properties: Mutex::default(),
            told: Mutex::default(),
            causes: Mutex::default(),
            asked_slow: Semaphore::new(0),
            let_slow: Semaphore::new(0),
        }
    }
}

impl World {
    fn check(&self, cause: &CallContext, to: &str) -> Result<(), StarError> {
        self.causes.lock().unwrap().push(cause.clone());
        if ["acme:echo", "acme:slow", "acme:files:"].iter().any(|granted| to.starts_with(granted)) {
            return Ok(());
        }
        Err(StarError::new(ErrorCode::CallNotGranted, format!("the bind does not grant a call to {to}"))
            .hint(format!("add to `calls`: {{ to: \"{to}\", can: [ask] }}")))
    }
}

#[async_trait]
impl Outbox for World {
    async fn ask(&self, cause: &CallContext, message: OutgoingMessage) -> Result<Reply, StarError> {
        self.check(cause, &message.to)?;
        if message.to == "acme:slow" {
            self.asked_slow.add_permits(1);
            self.let_slow.acquire().await.expect("it is never closed").forget();
            return Ok(Reply::new("application/json", "\"done\""));
        }
        Ok(Reply::new(message.content_type, message.body))
    }

    async fn tell(&self, cause: &CallContext, message: OutgoingMessage) -> Result<(), StarError> {
        self.check(cause, &message.to)?;
        self.told.lock().unwrap().push(message);
        Ok(())
    }

    async fn get_property(&self, cause: &CallContext, path: &str, key: &str) -> Result<Option<String>, StarError> {
        self.check(cause, path)?;
        Ok(self.properties.lock().unwrap().get(&(path.into(), key.into())).cloned())
    }

    async fn set_property(
        &self,
        cause: &CallContext,
        path: &str,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), StarError> {
        self.check(cause, path)?;
        let mut properties = self.properties.lock().unwrap();
        match value {
            Some(value) => properties.insert((path.into(), key.into()), value.into()),
            None => properties.remove(&(path.into(), key.into())),
        };
        Ok(())
    }

    async fn read_file(
        &self,
        cause: &CallContext,
        at: &str,
        offset: u64,
        limit_bytes: u64,
    ) -> Result<Bytes, StarError> {
        self.check(cause, at)?;
        let files = self.files.lock().unwrap();
        let bytes = files.get(at).ok_or_else(|| StarError::not_found(&path(at)))?;
        let start = bytes.len().min(offset as usize);
        Ok(bytes.slice(start..bytes.len().min(start + limit_bytes as usize)))
    }

    async fn write_file(
        &self,
        cause: &CallContext,
        path: &str,
        _content_type: Option<&str>,
        bytes: Bytes,
    ) -> Result<(), StarError> {
        self.check(cause, path)?;
        self.files.lock().unwrap().insert(path.into(), bytes);
        Ok(())
    }
}
