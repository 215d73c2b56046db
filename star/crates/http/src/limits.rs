//! The numbers that bound what comes in over HTTP, each with its reason.

use std::time::Duration;

/// Connections of one listener. More wait in the backlog of the kernel: an idle connection costs
/// about 10 KiB, and a Star should stay below 64 MiB of them.
pub const CONNECTIONS: usize = 4096;

/// Quiet connections that make room when there is none: enough for a burst of newcomers, few of
/// those who may want to ask again.
pub const MADE_ROOM: usize = 64;

/// How long a newcomer waits before it is looked again who is quiet, when nobody was.
pub const ROOM_AGAIN: Duration = Duration::from_millis(100);

/// How long a client may take for the head of a request, and how long an idle connection of
/// HTTP/1 is kept.
pub const HEADER_READ: Duration = Duration::from_secs(30);

/// How long a client may leave an answer unread before it is cut off: it holds a connection, and
/// what is read for it.
pub const WRITE_STALL: Duration = Duration::from_secs(60);

/// Most bytes of the head of a request; the headers of a message alone may have as many as this.
pub const HEAD_BYTES: usize = 64 * 1024;

/// How often an HTTP/2 connection without traffic is asked whether anybody is there.
pub const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long the answer to that may take.
pub const KEEP_ALIVE_ANSWER: Duration = Duration::from_secs(20);

/// Requests beside each other on one HTTP/2 connection.
pub const STREAMS: u32 = 256;

/// How long a listener rests when the system has no more file descriptors.
pub const ACCEPT_REST: Duration = Duration::from_millis(50);

/// How long connections may take to finish what they have when the Star shuts down.
pub const DRAIN: Duration = Duration::from_secs(10);

/// Longest `x-request-id` that is taken over from a client or proxy.
pub const REQUEST_ID_BYTES: usize = 128;

/// Most bytes of a call in the encoding of protobuf: the longest body of a message, and room for
/// what stands around it.
pub const CALL_BYTES: usize = 1024 * 1024 + 64 * 1024;

/// Most bytes of a call in JSON. Parsed JSON takes up to thirty times its length in memory, so it
/// gets a quarter of what protobuf gets; larger bodies travel as protobuf.
pub const CALL_JSON_BYTES: usize = 256 * 1024;

/// Memory that the elements of one call may take while it is decoded.
pub const CALL_ELEMENT_BYTES: usize = 8 * 1024 * 1024;

/// How long a call may take at most, whatever its sender says.
pub const CALL_MAX: Duration = star_wire::limits::DEADLINE_MAX;

/// How long a call may take when its sender does not say.
pub const CALL_DEFAULT: Duration = star_wire::limits::DEADLINE_DEFAULT;

/// Resources of one kind below another that are counted for `Info`; a folder of millions must not
/// make looking at it slow.
pub const CHILDREN_COUNTED: usize = 10_000;

/// Bytes of one page of a list, so that a client can hold it: a record may have 64 KiB.
pub const PAGE_BYTES: usize = 1024 * 1024;

/// Most events in one answer of `/events` that does not follow.
pub const EVENTS_MAX: usize = 10_000;

/// Longest wait for the first event.
pub const EVENTS_WAIT: Duration = Duration::from_secs(300);

/// Bytes after which a piece of a body of events is sent. What a reader that is slow has not taken
/// is at most this and one event.
pub const EVENTS_PIECE_BYTES: usize = 64 * 1024;

/// Memory for events as they were told last, so that a thousand readers of the same thing get the
/// same bytes: some seconds of a thousand events each.
pub const EVENTS_RECENT_BYTES: usize = 2 * 1024 * 1024;

/// What a small event takes of that, besides what it says.
pub const EVENTS_RECENT_EACH_BYTES: usize = 512;

/// How long a browser waits before it comes back after a lost connection.
pub const EVENTS_RETRY: Duration = Duration::from_secs(1);

/// How long a check of readiness may take.
pub const READY_CHECK: Duration = Duration::from_secs(2);

/// Free space of the data directory below which the Star calls itself not ready: room for a
/// segment of the journal, so that what is under way can still be finished.
pub const READY_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// How long the next bytes of an upload may take. Longer than most pauses of a mobile network; an
/// upload that stands still for longer holds a place on the disk for nothing.
pub const UPLOAD_STALL: Duration = Duration::from_secs(60);

/// How long the rest of an upload that was refused is read and thrown away, so that its sender
/// finds the answer and not a broken connection.
pub const UPLOAD_LINGER: Duration = Duration::from_secs(5);

/// Most bytes that are thrown away like that.
pub const UPLOAD_LINGER_BYTES: usize = 64 * 1024 * 1024;

/// Most bytes of one File. A backstop, far above what one body can sensibly carry.
pub const FILE_BYTES: u64 = 1024 * 1024 * 1024 * 1024;

/// Bytes after which what came to an upload is made durable and written down. A Star that is killed loses at
/// most this much of what was sent; each time costs a sync and a batch.
pub const UPLOAD_PART_BYTES: u64 = 64 * 1024 * 1024;

/// How long a request waits for the one before it that continues the same upload: that one stops at the next
/// bytes, unless it has all of them and makes the File.
pub const UPLOAD_TURN: Duration = Duration::from_secs(30);

/// When whoever waited in vain should ask again.
pub const UPLOAD_AGAIN: Duration = Duration::from_secs(2);

/// Most files of one bundle: a manifest has to fit into one value of the codec, and an entry with
/// a name of usual length takes about 150 bytes.
pub const BUNDLE_FILES: usize = 20_000;

/// Most bytes of the files of one bundle.
pub const BUNDLE_BYTES: u64 = 16 * 1024 * 1024 * 1024;

/// Most bytes of an archive between two files: the header, a long name, extensions.
pub const BUNDLE_HEADER_BYTES: u64 = 256 * 1024;

/// Longest document of a bundle that is looked at before it is published; longer ones are refused
/// by whoever uses them.
pub const BUNDLE_DOCUMENT_BYTES: u64 = 256 * 1024;

/// Files of a bundle that are made durable beside each other, so that they share the disk's syncs.
pub const BUNDLE_SYNCS: usize = 16;

/// Warnings that are told about one bundle.
pub const BUNDLE_WARNINGS: usize = 100;

/// Sites of the web router that are kept in memory, hosts without a Space included, because
/// visitors choose the host.
pub const SITES: usize = 4096;

/// Events of the log that a site is compared with when it was loaded while they happened.
pub const SITE_EVENTS: usize = 1024;

/// How long a web request waits for the router to read the log up to now, before it reads the
/// routes itself.
pub const SITE_WAIT: Duration = Duration::from_secs(2);

/// How long the router rests when the log cannot be read.
pub const SITE_REST: Duration = Duration::from_millis(500);

/// Longest host name of a web request, as DNS has it, with room for a port.
pub const HOST_BYTES: usize = 253 + 6;

/// How long a mechtron may take for a web request when its route does not say; its bind may say
/// less.
pub const WEB_TIMEOUT: Duration = star_wire::limits::DEADLINE_DEFAULT;

/// How much longer than that a request waits, for the word of what ended the mechtron.
pub const WEB_GRACE: Duration = Duration::from_secs(1);

/// Longest body of a web request when its route does not say.
pub const WEB_BODY_BYTES: u64 = 10 * 1024 * 1024;

/// Most headers in the answer of a mechtron.
pub const WEB_HEADERS: usize = 128;

/// Most bytes of the headers in the answer of a mechtron.
pub const WEB_HEADER_BYTES: usize = 32 * 1024;

/// Children of a Space that are looked at for the page of the first steps.
pub const STEP_CHILDREN: usize = 200;

/// Bundles of a Space that are looked into for it.
pub const STEP_BUNDLES: usize = 8;

/// Files of a site whose routes need not be looked at again: most of what is asked for again and
/// again, in less than a hundred kilobytes.
pub const REMEMBERED_FILES: usize = 256;

/// Longest path of a request that is remembered with them.
pub const REMEMBERED_PATH_BYTES: usize = 256;

/// How often what was measured is summed up: a histogram keeps 24 bytes of every request until
/// then, so the busiest Star keeps a few megabytes.
pub const SUM_UP: Duration = Duration::from_secs(2);
