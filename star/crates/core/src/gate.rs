//! The only code that says no: who may do what, within which limits, until when.
//!
//! A message becomes a [`Permit`] here or not at all, and the router takes nothing else. What may
//! be done follows from an [`Authority`], which an ingress obtains from [`Gate::authenticate`],
//! the web router from [`Gate::visitor`], and a mechtron from its bind.

use std::future::Future;
use std::sync::Arc;

use star_path::{Candidate, ResourcePath, Selector};
use star_wire::{Agent, Envelope, ErrorCode, Method, StarError, limits as wire_limits};

use crate::builtin::Prepared;
use crate::keys;
use crate::limits;
use crate::once::{self, Attempt};
use crate::ports::meta::{Key, MetaStore};
use crate::record::Record;
use crate::shares::Share;
use crate::stored;

/// What a message asks to be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Right {
    /// See a resource, its properties and its bytes.
    Read,
    /// Change properties and bytes.
    Write,
    /// Make a child.
    Create,
    /// Remove.
    Delete,
    /// Send it a message or a web request.
    Execute,
}

impl Right {
    /// The right that a method needs. The one table of it.
    pub fn of(method: &Method) -> Right {
        match method.as_str() {
            "star.info" | "star.open" => Right::Read,
            "star.set" | "star.put" | "star.copy" | "star.publish" | "star.tag" | "star.lock" | "star.unlock"
            | "star.restart" => Right::Write,
            "star.create" => Right::Create,
            "star.delete" | "star.move" => Right::Delete,
            _ => Right::Execute,
        }
    }

    /// The word for it in a bind or grant.
    pub fn word(self) -> &'static str {
        match self {
            Right::Read => "read",
            Right::Write => "write",
            Right::Create => "create",
            Right::Delete => "delete",
            Right::Execute => "execute",
        }
    }
}

/// A line of a bind's `calls`.
#[derive(Debug, Clone)]
pub struct CallGrant {
    /// What may be called.
    pub to: Selector,
    /// What may be done to it.
    pub can: Vec<Right>,
}

/// In whose name something is done, and what follows from that.
#[derive(Debug, Clone)]
pub enum Authority {
    /// Starlane itself, for what it does on its own account.
    System,
    /// Who holds the admin key.
    Admin(ResourcePath),
    /// Nobody who said who they are.
    Anonymous,
    /// A visitor of a web site, whom the routes of a Space let in.
    Visitor {
        /// The Space.
        space: ResourcePath,
    },
    /// A running mechtron, within its bind.
    Mechtron {
        /// The mechtron.
        path: ResourcePath,
        /// The `calls` of its bind.
        calls: Arc<[CallGrant]>,
    },
}

impl Authority {
    /// The authority of Starlane itself.
    pub fn system() -> Arc<Authority> {
        Arc::new(Authority::System)
    }

    /// The agent that messages and events name.
    pub fn agent(&self) -> Agent {
        match self {
            Authority::System => Agent::Resource(star_space()),
            Authority::Admin(user) => Agent::Resource(user.clone()),
            Authority::Anonymous | Authority::Visitor { .. } => Agent::Anonymous,
            Authority::Mechtron { path, .. } => Agent::Resource(path.clone()),
        }
    }
}

impl Authority {
    /// Whether it may take from others what belongs to `owner`.
    pub(crate) fn owns(&self, owner: &ResourcePath) -> bool {
        match self {
            Authority::System | Authority::Admin(_) => true,
            Authority::Mechtron { path, .. } => path == owner,
            Authority::Anonymous | Authority::Visitor { .. } => false,
        }
    }
}

fn star_space() -> ResourcePath {
    ResourcePath::parse("star").expect("`star` is a path")
}

/// A message that may be delivered. Only the gate makes one.
#[derive(Debug, Clone)]
pub struct Permit {
    envelope: Box<Envelope>,
    authority: Arc<Authority>,
    prepared: Option<Arc<Prepared>>,
    /// Its place among all that is under way; given back when the message is done with.
    share: Option<Arc<Share>>,
    /// The request under its idempotency key, once that is under way.
    attempt: Option<Arc<Attempt>>,
    /// Whether it has a key that nobody has looked at yet.
    is_keyed: bool,
}

impl Permit {
    /// The message.
    pub fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    /// In whose name it is delivered.
    pub fn authority(&self) -> &Arc<Authority> {
        &self.authority
    }

    /// The message with the body that the caller has only now; path, method and rights stay.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: bytes::Bytes) -> Permit {
        self.envelope.content_type = content_type.to_owned();
        self.envelope.body = body;
        self
    }

    /// The same message for a resource below the one it was admitted to, e.g. the main mechtron
    /// of an App; none for any other.
    pub fn passed_down(&self, to: &ResourcePath) -> Option<Permit> {
        let below = to.is_within(&self.envelope.to) && self.envelope.hops < wire_limits::HOPS;
        below.then(|| {
            let mut permit = self.clone();
            permit.envelope.to = to.clone();
            permit.envelope.hops += 1;
            permit
        })
    }

    /// With what was prepared for a resource that is to be made. Travels beside the message,
    /// where nobody from outside can write.
    pub(crate) fn with_prepared(mut self, prepared: Prepared) -> Permit {
        self.prepared = Some(Arc::new(prepared));
        self
    }

    /// With a place among all that is under way.
    pub(crate) fn sharing(mut self, share: Share) -> Permit {
        self.share = Some(Arc::new(share));
        self
    }

    /// As part of a request that is done once.
    pub(crate) fn attempting(mut self, attempt: &Arc<Attempt>) -> Permit {
        self.attempt = Some(Arc::clone(attempt));
        self.without_key()
    }

    /// As a message whose key was looked at.
    pub(crate) fn without_key(mut self) -> Permit {
        self.is_keyed = false;
        self
    }

    /// Whether it has an idempotency key that was not looked at yet.
    pub(crate) fn is_keyed(&self) -> bool {
        self.is_keyed
    }

    pub(crate) fn attempt(&self) -> Option<&Arc<Attempt>> {
        self.attempt.as_ref()
    }

    pub(crate) fn prepared(&self) -> Option<Arc<Prepared>> {
        self.prepared.clone()
    }

    pub(crate) fn resolved_to(&mut self, to: ResourcePath) {
        self.envelope.to = to;
    }
}

/// The gate.
pub struct Gate {
    meta: Arc<dyn MetaStore>,
    anonymous: Arc<Authority>,
    admin: Arc<Authority>,
    admin_key: Box<[u8]>,
}

impl Gate {
    /// A gate that knows one key: whoever shows it acts as `admin`.
    pub fn new(meta: Arc<dyn MetaStore>, admin: ResourcePath, admin_key: &str) -> Gate {
        Gate {
            meta,
            anonymous: Arc::new(Authority::Anonymous),
            admin: Arc::new(Authority::Admin(admin)),
            admin_key: admin_key.as_bytes().into(),
        }
    }

    /// Who shows this key. Nobody is [`Authority::Anonymous`]; a wrong key is an error, so that
    /// nobody takes a typing mistake for an empty Star.
    pub fn authenticate(&self, key: Option<&str>) -> Result<Arc<Authority>, StarError> {
        match key {
            None => Ok(Arc::clone(&self.anonymous)),
            Some(key) if equal_in_constant_time(key.as_bytes(), &self.admin_key) => Ok(Arc::clone(&self.admin)),
            Some(_) => Err(StarError::new(ErrorCode::LoginNeeded, "the key is not valid").hint(
                "on the machine of the Star the command line finds its key by itself; elsewhere: `star login URL`",
            )),
        }
    }

    /// What a visitor of a Space's web sites may do: what the routes of that Space lead to.
    pub fn visitor(&self, space: &ResourcePath) -> Arc<Authority> {
        Arc::new(Authority::Visitor { space: space.clone() })
    }

    /// Lets a message through, or says why not.
    ///
    /// No `async fn`, because the envelope is large: it is boxed before it can become part of a
    /// future that is moved about.
    pub fn admit(
        &self,
        authority: &Arc<Authority>,
        envelope: Envelope,
    ) -> impl Future<Output = Result<Permit, StarError>> + Send {
        let mut envelope = Box::new(envelope);
        async move {
            check_delivery(&envelope)?;
            self.allow(authority, Right::of(&envelope.method), &envelope.to).await?;
            let is_keyed = envelope.header(once::key::HEADER).is_some();
            if is_keyed {
                once::give_lasting_id(&mut envelope, authority);
            }
            let authority = Arc::clone(authority);
            Ok(Permit { envelope, authority, prepared: None, share: None, attempt: None, is_keyed })
        }
    }

    /// Whether something may be done, without a message.
    pub async fn allow(&self, authority: &Authority, right: Right, to: &ResourcePath) -> Result<(), StarError> {
        match authority {
            Authority::System | Authority::Admin(_) => Ok(()),
            Authority::Anonymous => self.public_or(right, to, login_needed).await,
            Authority::Visitor { space } => {
                let routed = matches!(right, Right::Read | Right::Execute) && to.space_path().as_ref() == Some(space);
                if routed { Ok(()) } else { self.public_or(right, to, StarError::not_found).await }
            }
            Authority::Mechtron { path, calls } => {
                let own_space = to.space() == path.space();
                if own_space && calls.iter().any(|grant| grant.allows(right, to)) {
                    return Ok(());
                }
                self.public_or(right, to, |to| call_not_granted(path, right, to, own_space)).await
            }
        }
    }

    async fn public_or(
        &self,
        right: Right,
        to: &ResourcePath,
        refusal: impl FnOnce(&ResourcePath) -> StarError,
    ) -> Result<(), StarError> {
        if right == Right::Read && self.is_public(to).await? { Ok(()) } else { Err(refusal(to)) }
    }

    /// Whether `#public` of the resource, or of the nearest ancestor that has it, says `read`.
    async fn is_public(&self, to: &ResourcePath) -> Result<bool, StarError> {
        let lineage: Vec<Key> =
            std::iter::successors(Some(to.clone()), ResourcePath::parent).map(|path| keys::record(&path)).collect();
        for row in self.meta.read(&lineage).await.map_err(|error| stored::unreadable(to, &error))?.into_iter().flatten()
        {
            let record = Record::decode(&row.value).map_err(|error| stored::unreadable(to, &error))?;
            if let Some(public) = record.property("public") {
                return Ok(public == "read");
            }
        }
        Ok(false)
    }
}

impl CallGrant {
    fn allows(&self, right: Right, to: &ResourcePath) -> bool {
        let no_attributes = |_: &str| None;
        let candidate = Candidate { path: to, kind: "", attribute: &no_attributes };
        self.can.contains(&right) && self.to.matches(&candidate).is_some()
    }
}

/// What holds for every message, whoever sends it. Its deadline is looked at where it is delivered,
/// because it may wait until then.
fn check_delivery(envelope: &Envelope) -> Result<(), StarError> {
    let to = &envelope.to;
    if envelope.hops >= wire_limits::HOPS {
        return Err(StarError::new(
            ErrorCode::TooManyHops,
            format!("the message was passed on {} times", envelope.hops),
        )
        .at(to));
    }
    if envelope.chain.len() >= limits::CHAIN {
        return Err(StarError::new(
            ErrorCode::TooManyHops,
            format!("{} calls led to each other", envelope.chain.len()),
        )
        .at(to));
    }
    if envelope.chain.contains(to) {
        let chain: Vec<&str> = envelope.chain.iter().map(ResourcePath::as_str).collect();
        return Err(StarError::new(ErrorCode::Reentrant, format!("the call leads back to {to}"))
            .at(to)
            .hint(format!("the chain of calls is {} -> {to}", chain.join(" -> "))));
    }
    envelope.check().map_err(|error| StarError::new(ErrorCode::TooLarge, error.to_string()).at(to))
}

fn login_needed(to: &ResourcePath) -> StarError {
    StarError::new(ErrorCode::LoginNeeded, "this needs a key")
        .at(to)
        .hint("`star login URL`, or send `Authorization: Bearer KEY`")
}

fn call_not_granted(mechtron: &ResourcePath, right: Right, to: &ResourcePath, own_space: bool) -> StarError {
    let error = StarError::new(ErrorCode::CallNotGranted, format!("{mechtron} may not {} {to}", right.word())).at(to);
    if own_space {
        error.hint(format!("add to `calls` in its bind.yaml:  - {{ to: \"{to}\", can: [ {} ] }}", right.word()))
    } else {
        error.hint(format!("a bind grants calls within its own Space; resources of another Space can be read when they have `#public=read` ({to} has not)"))
    }
}

/// Compares without telling by its duration how much is equal.
fn equal_in_constant_time(given: &[u8], known: &[u8]) -> bool {
    let differing = given.iter().zip(known).fold(0u8, |sum, (a, b)| sum | (a ^ b));
    given.len() == known.len() && differing == 0
}
