//! Envelopes, replies and errors as they travel to another process, and the commands inside of them.
//!
//! The first byte of an input chooses the form. What is read says the same when it is written and
//! read again; a cut or longer message is refused; whether a message keeps to its limits can be told
//! of any.

use bytes::Bytes;
use star_core::command::{
    Command, Create, Delete, Info, Lock, Manifest, Move, Open, Publish, Put, Restart, Set, Tag, Unlock,
};
use star_path::ResourcePath;
use star_wire::codec::FORMAT;
use star_wire::{Envelope, Reply, StarError, limits};

use crate::check;

/// The version of the encoded forms.
const SCHEMA: u8 = 1;

/// A byte that chooses the form, and bytes that may be a message of it.
pub(crate) fn run(data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let sealed = [&[FORMAT, SCHEMA], data].concat();
    let data = if choice & 0x80 == 0 { data } else { &sealed };
    match choice & 0x0f {
        0..=5 => envelope(data),
        6 | 7 => reply(data),
        8 => drop(check::decodes::<StarError>(SCHEMA, data)),
        9 => manifest(data),
        _ => commands(data),
    }
}

fn envelope(data: &[u8]) {
    let Ok((agent, envelope)) = Envelope::decode(data) else { return };
    let written = envelope.encode(&agent).expect("what was decoded is within the limits of the codec");
    let (agent_again, again) = Envelope::decode(&written).expect("what was written decodes");
    assert_eq!(agent_again, agent);
    assert_eq!(parts(&again), parts(&envelope));
    assert!(envelope.deadline.remaining() <= limits::DEADLINE_MAX);
    assert!(again.deadline.remaining() <= limits::DEADLINE_MAX);
    check::whole_only(&written, |bytes| Envelope::decode(bytes).is_ok());
    match envelope.check() {
        Ok(()) => assert!(envelope.body.len() <= limits::BODY_BYTES && envelope.headers.len() <= limits::HEADERS),
        Err(refused) => assert!(!refused.to_string().is_empty()),
    }
    if let Some((name, _)) = envelope.headers.first() {
        assert!(envelope.header(name).is_some());
    }
}

/// All that a message says, but for the moment until which it is of use.
fn parts(envelope: &Envelope) -> impl PartialEq + std::fmt::Debug + use<> {
    let Envelope { id, from, to, method, headers, content_type, body, deadline: _, hops, chain, request_id } =
        envelope.clone();
    (id, from, to, method, headers, content_type, body, hops, chain, request_id)
}

fn reply(data: &[u8]) {
    let Ok(reply) = Reply::decode(data) else { return };
    let written = reply.encode().expect("what was decoded is within the limits of the codec");
    assert_eq!(Reply::decode(&written).ok(), Some(reply));
    check::whole_only(&written, |bytes| Reply::decode(bytes).is_ok());
}

fn manifest(data: &[u8]) {
    let Ok(manifest) = Manifest::decode(data) else { return };
    let written = manifest.encode().expect("what was decoded is within the limits of the codec");
    let again = Manifest::decode(&written).expect("what was written decodes");
    assert_eq!(again.encode().ok(), Some(written), "a manifest changes when it is written and read");
}

/// The body of a message is taken for each command in turn; whoever takes it writes the same.
fn commands(data: &[u8]) {
    command::<Create>(data);
    command::<Info>(data);
    command::<Set>(data);
    command::<Delete>(data);
    command::<Move>(data);
    command::<Restart>(data);
    command::<Open>(data);
    command::<Put>(data);
    command::<Publish>(data);
    command::<Tag>(data);
    command::<Lock>(data);
    command::<Unlock>(data);
}

fn command<C: Command>(data: &[u8]) {
    let taken = check::decodes::<C>(SCHEMA, data).is_some();
    let to = ResourcePath::root();
    let envelope = Envelope::new(to.clone(), C::METHOD).with_body("", Bytes::copy_from_slice(data));
    let understood = C::of(&envelope);
    assert_eq!(understood.is_ok(), taken, "a message and its codec differ about a body");
    if let Ok(command) = understood {
        let sent = command.envelope(&to).expect("what was read can be sent");
        assert!(C::of(&sent).is_ok(), "what was sent is not understood");
    }
}
