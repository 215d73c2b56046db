//! The numbers that bound a message, each with its reason.

use std::time::Duration;

/// Most bytes that the codec reads or writes for one value: a message body and room for the
/// envelope around it. Bounds what a length field out of a broken file can make us allocate.
pub const CODEC_BYTES: usize = 4 * 1024 * 1024;

/// Longest body of a message. Larger things are contents, and travel as bytes beside messages.
pub const BODY_BYTES: usize = 1024 * 1024;

/// Most headers of a message.
pub const HEADERS: usize = 64;

/// Most bytes of one header, name and value together.
pub const HEADER_BYTES: usize = 8 * 1024;

/// Hops after which a message is taken for one that goes in circles.
pub const HOPS: u8 = 16;

/// How long an ask waits when its sender does not say.
pub const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);

/// How long an ask may wait at most: longer work is a task of its own, not an open question.
pub const DEADLINE_MAX: Duration = Duration::from_secs(300);

/// Longest name of a method.
pub const METHOD_BYTES: usize = 64;

/// Most causes kept of an error: more than any chain of ours, less than a log line can bear.
pub const CAUSES: usize = 16;
