//! Every number that bounds what people write into the documents of a bundle, and how Files are
//! written, with its reason.

use std::time::Duration;

use crate::config::quantity::ByteSize;

/// Longest YAML document. A hundred times the largest one seen; small enough to parse in an actor.
pub const DOCUMENT_BYTES: usize = 64 * 1024;
/// Deepest nesting of a YAML document. The deepest document of the grammar has four levels.
pub const DOCUMENT_DEPTH: usize = 16;
/// Most values in one YAML document; bounds the memory that one byte of input can cost.
pub const DOCUMENT_NODES: usize = 8_192;

/// Longest name in a document (of a bundle, mechtron, or message), as in a path.
pub const NAME_BYTES: usize = 128;
/// Longest piece of text for people (a description, an author).
pub const PROSE_BYTES: usize = 4_096;
/// Most entries of a list for people (authors, keywords).
pub const PROSE_ENTRIES: usize = 64;
/// Most entries in the `config` of a mechtron.
pub const CONFIG_ENTRIES: usize = 256;
/// Longest value in the `config` of a mechtron; the whole document is bounded anyway.
pub const CONFIG_VALUE_BYTES: usize = 16 * 1024;
/// Most messages in one bind.
pub const BIND_MESSAGES: usize = 256;
/// Most entries under `calls` of a bind: each is tried in turn on every outgoing call.
pub const BIND_CALLS: usize = 128;

/// Time until the answer when a bind does not say.
pub const RESPOND_DEFAULT: Duration = Duration::from_secs(2);
/// Longest time until the answer: whoever waits in a browser has gone by then.
pub const RESPOND_MAX: Duration = Duration::from_secs(60);
/// Time on a processor when a bind does not say.
pub const EXEC_DEFAULT: Duration = Duration::from_millis(250);
/// Longest time on a processor: one call may not hold a core for longer.
pub const EXEC_MAX: Duration = Duration::from_secs(10);
/// Memory of one call when a bind does not say.
pub const MEMORY_DEFAULT: ByteSize = ByteSize::mebibytes(64);
/// Least memory of one call: what an empty component of an ordinary language needs to start.
pub const MEMORY_MIN: ByteSize = ByteSize::mebibytes(1);
/// Most memory of one call: every slot of the pool reserves address space for it.
pub const MEMORY_MAX: ByteSize = ByteSize::mebibytes(256);
/// Calls beside each other when a bind does not say.
pub const CONCURRENT_DEFAULT: u32 = 16;
/// Most calls beside each other: times the memory above this must fit into one machine.
pub const CONCURRENT_MAX: u32 = 256;
/// Longest reply when a bind does not say.
pub const REPLY_DEFAULT: ByteSize = ByteSize::mebibytes(8);
/// Longest reply: replies to messages are held whole.
pub const REPLY_MAX: ByteSize = ByteSize::mebibytes(64);

/// Longest file of routes.
pub const ROUTES_BYTES: usize = 256 * 1024;
/// Most rules in one table; beyond that, a mechtron should decide.
pub const ROUTES_RULES: usize = 2_000;
/// Longest regular expression of a rule, in bytes.
pub const ROUTE_REGEX_BYTES: usize = 512;
/// Most rules with a regular expression in one table: these are tried one after the other.
pub const ROUTE_REGEXES: usize = 128;
/// Memory that one compiled regular expression may take; refuses `(.{1000}){1000}`.
pub const ROUTE_REGEX_COMPILED_BYTES: usize = 256 * 1024;
/// Groups and repetitions within each other in one regular expression: the compiler goes down into each
/// of them, and the few hundred that it allows by itself are more than the stack of a thread bears.
pub const ROUTE_REGEX_NESTING: u32 = 32;
/// Most segments in the pattern of a rule, and in the path of a request, as in a path of files.
pub const ROUTE_SEGMENTS: usize = 64;
/// Longest path of a request that is looked up; servers commonly stop at this line length.
pub const REQUEST_PATH_BYTES: usize = 8 * 1024;
/// Most `header.NAME` options of one rule.
pub const ROUTE_HEADERS: usize = 32;
/// Longest value of a `header.NAME` option.
pub const ROUTE_HEADER_BYTES: usize = 4_096;
/// Longest `timeout` of a rule, as for a bind.
pub const ROUTE_TIMEOUT_MAX: Duration = RESPOND_MAX;
/// Largest `limit` of a rule: bodies of this size are streamed, never held.
pub const ROUTE_BODY_MAX: ByteSize = ByteSize::mebibytes(64 * 1024);
/// Longest `cache` of a rule; more than a year is not honoured by anyone.
pub const ROUTE_CACHE_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Longest component. A program with a runtime of its own has a tenth of that; compiling costs
/// time and memory in proportion.
pub const COMPONENT_BYTES: u64 = 64 * 1024 * 1024;
/// Most findings that are told about a body that does not fit its schema.
pub const SCHEMA_FINDINGS: usize = 8;

/// Longest path of a File, in the form in which it is stored: its text is a part of keys of the
/// metadata store, which have at most 2,000 bytes and some tens of their own. Within it a name has at
/// most 255 bytes and there are at most 64 levels of directories, as the grammar of paths says.
pub const FILE_PATH_BYTES: usize = 1_900;
/// Turns that the paths of Files share to be written one after the other: with 64 writers at the same
/// time, one in sixteen waits for somebody who writes another File. Each takes some forty bytes.
pub const WRITE_TURNS: usize = 1_024;
/// Directories that a FileSystem knows to exist without a look, some hundred bytes each; more than the
/// writers of a Star have open at the same time.
pub const DIRECTORIES_KNOWN: usize = 4_096;
