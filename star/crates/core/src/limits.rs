//! The numbers that bound core, each with its reason.

use std::time::Duration;

/// Messages that wait for one actor before its senders get `Busy`: deep enough for a burst of
/// two hundred clients, shallow enough that the last of them is still in time.
pub const MAILBOX: usize = 256;

/// How long a turn of an actor may last before it counts as long. Messages that change something
/// end sooner, because they wait for the disk; a mechtron that computes does not. Some ten times
/// what it takes to go to another thread and back.
pub const ACTOR_TURN: Duration = Duration::from_micros(50);

/// Messages of which the turns of one are looked at, until one of them was long.
pub const ACTOR_LOOK: u32 = 8;

/// Messages with a long turn, in a row, after which an actor goes to the workshop: one may be long
/// because the kernel had something else to do.
pub const ACTOR_LONG_MESSAGES: u32 = 2;

/// Messages without a long turn, in a row, after which it comes back.
pub const ACTOR_SHORT_MESSAGES: u32 = 64;

/// Messages under way that nobody waits for and that no mailbox holds, over the whole Star. They
/// run as tasks, so this is what bounds the memory that a flood of them can take.
pub const TELLS: u32 = 1024;

/// Messages from outside under way at the same time, over all Spaces. Each takes some KiB, and at
/// ten thousand answers a second the last of them is still answered within half a second.
pub const IN_FLIGHT: u32 = 4096;

/// How long a Star that ends waits for such messages.
pub const TELLS_DRAIN: Duration = Duration::from_secs(5);

/// Activations that wait for one shard.
pub const SHARD_MAILBOX: usize = 1024;

/// How long an actor may be without work before it is put away.
pub const IDLE: Duration = Duration::from_secs(120);

/// How often a shard looks for idle actors.
pub const SWEEP: Duration = Duration::from_secs(15);

/// How often the router tries again when an actor was put away under its hands.
pub const ROUTE_ATTEMPTS: usize = 4;

/// How long a resource rests after its handler panicked for the first time, before a message wakes
/// it again. Each further panic doubles it.
pub const PANIC_REST: Duration = Duration::from_secs(1);

/// The longest such rest: somebody who mended the cause should not wait for long.
pub const PANIC_REST_MAX: Duration = Duration::from_secs(60);

/// How long a resource must have run before its former panics are forgotten.
pub const PANIC_FORGOTTEN: Duration = Duration::from_secs(300);

/// Statuses that are remembered of each resource, the last one included.
pub const STATUS_HISTORY: usize = 16;

/// Memory that living actors may take before those that were not used for longest are put away.
pub const ACTORS_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// What an actor takes besides what its kind says of it: its task, its mailbox, its place in the
/// directory. A Star with a hundred thousand of them was seen to take 208 MiB, 22 of them before.
pub const ACTOR_BYTES: u64 = 2 * 1024;

/// How long whoever found no room for an actor should wait, and how long those that were put away
/// get to end.
pub const ROOM_RETRY: Duration = Duration::from_millis(20);

/// Dead letters that one Space may tell in a second; more are counted. A person who looks for a
/// mistake needs one of them.
pub const DEAD_LETTERS_PER_S: u32 = 10;

/// Spaces whose dead letters are counted at the same time, before those that fell silent are
/// forgotten.
pub const DEAD_LETTER_SPACES: usize = 10_000;

/// The grain of deadlines: an ask that is late is noticed at most this much later. One timer for
/// all asks costs a few nanoseconds for each; a timer of its own would cost half a microsecond.
pub const DEADLINE_GRAIN: Duration = Duration::from_millis(10);

/// Most properties of one resource.
pub const PROPERTIES: usize = 256;

/// Longest value of a property in bytes.
pub const PROPERTY_BYTES: usize = 16 * 1024;

/// Most labels of one resource.
pub const LABELS: usize = 64;

/// Longest key or value of a label in bytes.
pub const LABEL_BYTES: usize = 256;

/// Resources on one page of a list, when the asker does not say.
pub const PAGE_DEFAULT: usize = 200;

/// Most resources on one page of a list.
pub const PAGE_MAX: usize = 1_000;

/// Most rows that one page of a list may look at before it answers what it found so far.
pub const PAGE_SCAN: usize = 20_000;

/// Fewest rows that a page of a list looks at in one scan, whatever little room it has left: a scan costs
/// as much as some tens of rows.
pub const PAGE_SCAN_MIN: usize = 32;

/// Rows of the answer to how much lies below a path: more than anybody reads, and about 1 MiB.
pub const USAGE_ROWS: usize = 5_000;

/// Contents that are told apart exactly when the bytes below a path are counted; beyond it every
/// second of them stands for two, and so on. With 32 bytes each they take 8 MiB, and what is estimated
/// from half of them is right to about one in three hundred where contents are alike in length.
pub const USAGE_CONTENTS: usize = 256 * 1024;

/// Rows that are looked at to compare one way to answer a selector with another.
pub const PLAN_LOOK: usize = 100;

/// A way with fewer rows than this is taken without a look at others: two scans cost as much.
pub const PLAN_LOOK_ENOUGH: usize = 16;

/// Operations of a batch of rows by which resources are found, when those of a whole store are made.
pub const FOUND_BATCH: usize = 480;

/// Rows by which resources are found that are removed with their tree; more are removed afterwards.
pub const FOUND_WITH_TREE: usize = 256;

/// Batches of events that a watcher reads at once.
pub const WATCH_BATCHES: usize = 256;

/// Bytes of events, in their stored form, after which a watcher has read enough at once. A batch is
/// read whole, and may have up to 1 MiB by the limits of the store.
pub const WATCH_STRETCH_BYTES: usize = 256 * 1024;

/// Events at the end of the log that are kept decoded for all watchers: some seconds of the fastest
/// writing, so that a watcher which was busy for a moment still finds them.
pub const WATCH_TAIL_EVENTS: usize = 16 * 1024;

/// Bytes of such events in their stored form; decoded they take about three times as much.
pub const WATCH_TAIL_BYTES: usize = 8 * 1024 * 1024;

/// How long a reader waits for the end of the log to be decoded before it reads the store itself.
pub const WATCH_CATCH_UP: Duration = Duration::from_secs(2);

/// How long the one who decodes the log rests when the store cannot be read.
pub const WATCH_REST: Duration = Duration::from_millis(500);

/// How long an event is held back until the actor that committed it has ended its turn. Turns end
/// within microseconds, except where a change compiles a mechtron.
pub const WATCH_SETTLE: Duration = Duration::from_secs(5);

/// What one watcher that writes to a connection takes of a round: waking it, writing to its socket,
/// and what the machine does to deliver that take about fifteen microseconds on one core. Twice and a half of that leaves the processors to others.
pub const WATCH_ROUND_EACH: Duration = Duration::from_micros(40);

/// Longest time between two rounds: what people and programs that watch do not notice.
pub const WATCH_ROUND: Duration = Duration::from_millis(100);

/// Shortest time between two rounds that is worth a timer, which goes by milliseconds.
pub const WATCH_ROUND_LEAST: Duration = Duration::from_millis(1);

/// How often a watcher that sees nothing is told how far it has come.
pub const WATCH_PROGRESS: Duration = Duration::from_secs(5);

/// How often a commit is tried again when somebody else changed the same resource in between.
pub const COMMIT_ATTEMPTS: usize = 8;

/// How often a number for a name is looked for when others take them, or when names were written by
/// hand; each time that it fails, somebody else was given theirs.
pub const NUMBER_ATTEMPTS: usize = 64;

/// Most numbers that are taken from the store at once, for as many as wait: what a crash can skip.
pub const NUMBERS_AT_ONCE: u64 = 256;

/// Most rows that a move takes along: what a batch of the store holds, less what removes them from
/// the former place. A File has two and any other resource three, with two more for each label.
pub const MOVE_ROWS: usize = 480;

/// Calls that may lead to each other; a longer chain is a mistake.
pub const CHAIN: usize = 8;

/// Longest body of a broadcast, which is kept in the log for as long as events are.
pub const BROADCAST_BYTES: usize = 16 * 1024;

/// Shortest time that a lock is held: a renewal at a third of it must pass a busy disk.
pub const LOCK_TTL_MIN: Duration = Duration::from_millis(200);

/// Longest time that a lock is held without a renewal: what a holder that vanished costs others.
pub const LOCK_TTL_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a lock is held when its holder does not say.
pub const LOCK_TTL_DEFAULT: Duration = Duration::from_secs(30);

/// Longest note on a lock in bytes: a sentence, because it stands in the error of those who wait.
pub const LOCK_NOTE_BYTES: usize = 256;

/// Longest id of a holder in bytes: twice a UUID with its dashes.
pub const LOCK_HOLDER_BYTES: usize = 72;

/// Longest time that one request waits for a lock: below any timeout of proxies. Who waits longer
/// asks again.
pub const LOCK_WAIT: Duration = Duration::from_secs(30);

/// How often somebody who waits for a lock looks at least, because the clock by which it runs out
/// may jump.
pub const LOCK_LOOK: Duration = Duration::from_secs(5);

/// How often somebody who waits for a lock looks at most: with every look a message.
pub const LOCK_LOOK_MIN: Duration = Duration::from_millis(20);

/// Longest idempotency key in bytes: a UUID, or a name with a number, several times over.
pub const KEY_BYTES: usize = 128;

/// Bytes that the name of a further step of the same request adds to it.
pub const KEY_STEP_BYTES: usize = 16;

/// How long an idempotency key is kept when its sender does not say, and at most: whoever finds a
/// request unanswered on the next morning may still send it again.
pub const KEY_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A key that is kept for at most this long makes room for others like it: it is that of a client
/// that sends again by itself, and does so for as long as somebody waits for the command.
pub const KEY_SHORT: Duration = Duration::from_secs(10 * 60);

/// Most keys of one caller in one Space that are kept for longer; more are refused. A write every
/// nine seconds, day and night; with their answers, usually half a KiB, they take some MiB.
pub const KEYS_LONG: usize = 10_000;

/// Most keys of one caller in one Space that are kept for a short time; the oldest makes room. The
/// writes of half a minute at a thousand a second.
pub const KEYS_SHORT: usize = 32_768;

/// Keys of either sort that have run out and that one write takes with it: more than one, so that
/// there are fewer of them with every write.
pub const KEYS_GOING: usize = 4;

/// Longest answer that is kept whole; of a longer one, the resource is told as it then is. The store
/// takes values of up to 64 KiB, and most answers have a few hundred bytes.
pub const KEY_ANSWER_BYTES: usize = 16 * 1024;

/// How often the rows of keys are swept where nobody writes.
pub const KEYS_SWEEP: Duration = Duration::from_secs(60 * 60);

/// Rows that one batch of the sweep removes: half of what a batch may do.
pub const KEYS_SWEPT: usize = 256;

/// Keys that are known in memory, over all callers, before callers that were not there for longest
/// are forgotten; about 64 bytes each.
pub const KEYS_IN_MEMORY: usize = 500_000;

/// What a caller counts among them besides its keys.
pub const SCOPE_KEYS: usize = 8;

/// How long whoever meets a key that is just being removed should wait.
pub const KEY_RETRY: Duration = Duration::from_millis(50);

/// How long an outcome that no batch keeps is remembered in memory: longer than clients try again.
pub const WINDOW: Duration = Duration::from_secs(2 * 60);

/// Most such outcomes of one caller in one Space; more keys are refused. A hundred asks a second.
pub const WINDOW_KEYS: usize = 16 * 1024;

/// Most bytes of such outcomes over all callers: sixty-four of the longest.
pub const WINDOW_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that an outcome takes besides its body.
pub const WINDOW_ENTRY_BYTES: usize = 512;

/// Most fencing tokens that one message names: locks inside of locks inside of locks.
pub const FENCES: usize = 16;

/// How long a content stays that nobody refers to, counted while the Star runs: whoever removed something
/// by mistake has a day, and so has a backup that is restored to an earlier moment of it.
pub const COLLECT_GRACE: Duration = Duration::from_secs(24 * 60 * 60);

/// Bytes that nobody refers to below which a Star does not ask whether they are too large a share of all: what
/// one pack holds.
pub const COLLECT_FREELY_BYTES: u64 = 64 << 20;

/// How often a Star takes away what nobody refers to.
pub const COLLECT_EVERY: Duration = Duration::from_secs(60 * 60);

/// Uploads of one Space that are under way at the same time. A team that sends a large folder has some tens;
/// one that lost its connection may leave hundreds behind, which run out within a day.
pub const UPLOADS_OF_SPACE: usize = 500;

/// Uploads under way over the whole Star; each has a row of some hundred bytes, and bytes on the disk.
pub const UPLOADS: u64 = 10_000;

/// How long an upload is kept to which nothing comes: whoever finds it cut off on the next morning may
/// still go on.
pub const UPLOAD_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an upload may take in all, so that a byte a day does not hold a place for ever. A terabyte
/// takes as long at 400 KiB/s.
pub const UPLOAD_LIFE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How long it is remembered that an upload was finished: for those who did not get the answer.
pub const UPLOAD_TOLD: Duration = Duration::from_secs(60 * 60);

/// Most bytes of what a sender wants to be told again: a name, a media type, a digest, several times over. The
/// row has to fit into a value of the store.
pub const UPLOAD_METADATA_BYTES: usize = 8 * 1024;

/// Most parts of an upload: the largest File in pieces of 16 MiB, or one of 320 GiB in pieces of the 5 MiB
/// that many clients send. All of them are read when it is finished, at some hundred bytes each.
pub const UPLOAD_PARTS: u32 = 65_536;

/// Parts that are let go in one batch: two operations each, of the 512 that a batch may have.
pub const UPLOAD_PARTS_GOING: usize = 200;

/// How often uploads that have run out are removed.
pub const UPLOADS_SWEEP: Duration = Duration::from_secs(60 * 60);
