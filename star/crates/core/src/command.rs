//! The bodies of the messages that Starlane itself understands.
//!
//! They travel encoded inside an [`Envelope`], so that the same message can cross to another
//! Star one day; [`Command::of`] reads them back.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use semver::Version;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use star_path::{Digest, PropertyKey, ResourcePath};
use star_wire::{Envelope, ErrorCode, Method, Reply, StarError, codec};

use crate::kind::Kind;
use crate::lock::{FencingToken, Held};
use crate::ports::clock::UnixMillis;
use crate::ports::content::ContentRef;
use crate::ports::meta::Revision;
use crate::record::Body;
use crate::status::Status;

/// The content type of encoded commands and their answers.
pub const CONTENT_TYPE: &str = "application/vnd.starlane.command";

/// The version of the encoded form of all of them.
const SCHEMA: u8 = 1;

/// A body that belongs to one method.
pub trait Command: Serialize + DeserializeOwned {
    /// The method.
    const METHOD: Method;
    /// What it is answered with.
    type Answer: Serialize + DeserializeOwned;

    /// The message that carries it.
    fn envelope(&self, to: &ResourcePath) -> Result<Envelope, StarError> {
        let body = codec::encode(SCHEMA, self).map_err(|error| {
            StarError::new(ErrorCode::TooLarge, "the request cannot be sent").at(to).because(&error)
        })?;
        Ok(Envelope::new(to.clone(), Self::METHOD).with_body(CONTENT_TYPE, body))
    }

    /// Reads the body of a message.
    fn of(envelope: &Envelope) -> Result<Self, StarError> {
        codec::decode(SCHEMA, &envelope.body).map_err(|error| {
            StarError::new(ErrorCode::InvalidMessage, format!("the body of `{}` cannot be read", envelope.method))
                .at(&envelope.to)
                .because(&error)
        })
    }

    /// The reply that carries an answer.
    fn reply(answer: &Self::Answer) -> Result<Reply, StarError> {
        let body = codec::encode(SCHEMA, answer)
            .map_err(|error| StarError::new(ErrorCode::Internal, "the answer cannot be written").because(&error))?;
        Ok(Reply::new(CONTENT_TYPE, body))
    }

    /// Reads the answer out of a reply.
    fn answer(reply: &Reply) -> Result<Self::Answer, StarError> {
        codec::decode(SCHEMA, &reply.body)
            .map_err(|error| StarError::new(ErrorCode::Internal, "the answer cannot be read").because(&error))
    }
}

macro_rules! commands {
    ($($command:ident => $method:ident -> $answer:ty;)*) => {
        $(impl Command for $command {
            const METHOD: Method = Method::$method;
            type Answer = $answer;
        })*
    };
}

commands! {
    Create => CREATE -> Changed;
    Info => INFO -> Described;
    Set => SET -> Changed;
    Delete => DELETE -> Deleted;
    Move => MOVE -> Moved;
    Restart => RESTART -> Changed;
    Open => OPEN -> Opened;
    Put => PUT -> Changed;
    Copy => COPY -> Changed;
    Publish => PUBLISH -> Published;
    Tag => TAG -> Tagged;
    Lock => LOCK -> Held;
    Unlock => UNLOCK -> Unlocked;
}

/// What happens when the resource that is to be made exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// It is an error.
    Create,
    /// It is left as it is, if it is of the same kind.
    Ensure,
    /// It is brought to the properties and labels that are asked for, if it is of the same kind;
    /// others that it has stay.
    Apply,
}

/// Makes a child. Sent to the parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// The path of the child.
    pub path: ResourcePath,
    /// Its kind.
    pub kind: Kind,
    /// Its properties.
    pub properties: BTreeMap<PropertyKey, String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Who shall own it. When it is not said: the User who makes it, and where a resource makes it
    /// the owner of the parent.
    pub owner: Option<ResourcePath>,
    /// What if it exists.
    pub strategy: Strategy,
}

/// A resource after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The resource.
    pub resource: Described,
    /// What the one who asked should know, though it is no error.
    pub warnings: Vec<String>,
    /// Whether anything was changed.
    pub changed: bool,
}

impl Changed {
    /// Whether the resource is there since this change.
    pub fn was_made(&self) -> bool {
        self.changed && self.resource.created == self.resource.modified
    }
}

/// Asks for everything about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info;

/// Everything about a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Its path, with tags and requirements resolved.
    pub path: ResourcePath,
    /// What is stored of it.
    pub record: crate::record::Record,
    /// The revision that made it.
    pub created: Revision,
    /// The revision that last changed it.
    pub modified: Revision,
    /// More that its kind has to say, e.g. the tags of a series.
    pub facts: BTreeMap<String, String>,
    /// The statuses that it had before, oldest first; told by [`Info`] alone.
    pub history: Vec<Status>,
    /// The lock that guards it, if somebody holds it.
    pub lock: Option<Held>,
}

/// Changes properties and labels: all of it or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Set {
    /// Properties to write.
    pub properties: BTreeMap<PropertyKey, String>,
    /// Properties to take away.
    pub remove: Vec<PropertyKey>,
    /// Labels to write.
    pub labels: BTreeMap<String, String>,
    /// Labels to take away.
    pub remove_labels: Vec<String>,
    /// Only if the resource was last changed at this revision.
    pub if_revision: Option<Revision>,
}

/// Removes a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// Also what is below it.
    pub recursive: bool,
    /// Only if its body has this digest.
    pub if_digest: Option<Digest>,
}

/// What was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// How many resources, the one asked for included.
    pub resources: u64,
}

/// Moves a resource with everything below it to another place of its Space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Its path from then on; nothing is there yet, but what shall hold it is.
    pub to: ResourcePath,
}

/// What was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The resource at its new place.
    pub resource: Described,
    /// How many resources moved, itself included.
    pub resources: u64,
    /// What still names the former place.
    pub warnings: Vec<String>,
}

/// Begins the actor of a resource anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart;

/// Asks which content is behind a File or Artifact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open;

/// A File or Artifact that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Its path, with tags and requirements resolved.
    pub path: ResourcePath,
    /// Which bytes.
    pub content: ContentRef,
    /// Their media type.
    pub content_type: Arc<str>,
    /// When they were written.
    pub modified_ms: UnixMillis,
}

/// What must be true of a File for it to be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PutIf {
    /// Nothing.
    Any,
    /// It does not exist.
    Absent,
    /// It exists.
    Present,
    /// Its body has one of these digests.
    Digest(Vec<Digest>),
    /// Its body has none of these digests, or it does not exist.
    Unless(Vec<Digest>),
}

/// Makes a content, which is durable already, the body of a File. Directories on the way are
/// made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Put {
    /// The body; none makes a directory.
    pub body: Option<Body>,
    /// Only if this is true.
    pub only_if: PutIf,
}

/// Makes what a File or Artifact holds the body of another File, with its properties and labels. No
/// bytes move; directories on the way are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The path of the source, which the sender may read.
    pub from: ResourcePath,
    /// Only if the source holds this content.
    pub digest: Option<Digest>,
    /// The media type of the copy; none for that of the source.
    pub content_type: Option<Arc<str>>,
    /// Only if this is true of the copy.
    pub only_if: PutIf,
}

/// One file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Its bytes and their media type.
    pub body: Body,
}

/// The files of a bundle by their canonical path, which begins with `/`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The files.
    pub files: BTreeMap<String, ManifestEntry>,
}

impl Manifest {
    /// The stored bytes. Their digest is the digest of the bundle.
    pub fn encode(&self) -> Result<Bytes, StarError> {
        codec::encode(SCHEMA, self)
            .map(Bytes::from)
            .map_err(|error| StarError::new(ErrorCode::TooLarge, "the bundle has too many files").because(&error))
    }

    /// Reads stored bytes.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, StarError> {
        codec::decode(SCHEMA, bytes).map_err(|error| {
            StarError::new(ErrorCode::Corrupt, "the manifest of the bundle cannot be read").because(&error)
        })
    }
}

/// Adds a version to a series. Everything that it names is durable already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The version.
    pub version: Version,
    /// The manifest, as a content.
    pub manifest: ContentRef,
    /// Properties out of `bundle.yaml`.
    pub properties: BTreeMap<PropertyKey, String>,
    /// Tags to point at it in the same moment.
    pub tags: Vec<String>,
}

/// A version that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Its path.
    pub path: ResourcePath,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The tags that point at it now.
    pub tags: Vec<String>,
}

/// Points a tag at a version. Sent to the series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The tag.
    pub tag: String,
    /// The version; none takes the tag away.
    pub version: Option<Version>,
    /// Only if the tag names this version now; an inner none stands for a tag that is not there.
    pub if_version: Option<Option<Version>>,
}

/// A tag that was moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tagged {
    /// Where it pointed before.
    pub before: Option<Version>,
    /// Where it points now.
    pub now: Option<Version>,
    /// The revision of the change.
    pub revision: Revision,
}

/// How a lock is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// If it is free, by a holder with this id.
    IfFree(String),
    /// Whoever holds it, by a holder with this id; for the owner of the resource.
    Steal(String),
    /// On, by whom it was given this token.
    Renew(FencingToken),
}

/// Takes, renews or steals the lock of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lock {
    /// By whom, and how.
    pub claim: Claim,
    /// How long it is held unless it is renewed, in milliseconds.
    pub ttl_ms: u64,
    /// What for, in the holder's words; a renewal leaves it as it is.
    pub note: String,
}

/// Gives the lock of a resource back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlock {
    /// The token that came with it.
    pub token: FencingToken,
}

/// A lock that was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlocked {
    /// The revision of the change.
    pub revision: Revision,
}
