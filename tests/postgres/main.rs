//! The statements by which PostgreSQL would hold the metadata store, run for real: what ADR 0011 says
//! of each is true of a server. No code of the program speaks to PostgreSQL.
//!
//! [`server`] starts one; [`Batch`] makes the transaction of a commit out of the statements.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

mod server;

use server::{Server, Session, wait_for};

const STATEMENTS: &str = include_str!("../../docs/adr/0011-postgresql.sql");

/// A commit: puts of one shard, with what has to hold.
struct Batch<'a> {
    shard: i16,
    epoch: i64,
    id: u32,
    puts: &'a [(&'a str, &'a str)],
}

impl Batch<'_> {
    /// Up to the moment when it has the shard, and the line of what that says.
    fn begin(&self, session: &mut Session) -> String {
        let said = session.run(&format!("BEGIN; EXECUTE make_shard({0}); EXECUTE lock_shard({0});", self.shard));
        said.join(" ")
    }

    /// What it writes, as a revision of its shard.
    fn write(&self, revision: i64) -> String {
        let (keys, values): (Vec<_>, Vec<_>) = self.puts.iter().copied().unzip();
        format!(
            "EXECUTE put({}, {}, {revision}, {2}); EXECUTE note_batch({2}, {revision}, '{3}', 7);\n\
             EXECUTE note_event({2}, {revision}, 0, 'event of {revision}', NULL);",
            array(&keys),
            array(&values),
            self.shard,
            uuid(self.id),
        )
    }

    /// The end, which says how many rows it changed: none for who is not the owner any more.
    fn end(&self) -> String {
        format!("\\set QUIET off\nEXECUTE end_batch({}, {});\n\\set QUIET on\n", self.shard, self.epoch)
    }

    /// All of it.
    fn commit(&self, session: &mut Session) {
        let said = self.begin(session);
        let revision: i64 = said.split('|').next().unwrap().parse().unwrap();
        let ended = session.run(&format!("{}\n{}COMMIT;", self.write(revision + 1), self.end()));
        assert_eq!(ended, ["UPDATE 1"]);
    }
}

fn uuid(number: u32) -> String {
    format!("00000000-0000-0000-0000-{number:012}")
}

fn array(texts: &[&str]) -> String {
    let texts: Vec<String> = texts.iter().map(|text| format!("'{text}'::bytea")).collect();
    format!("ARRAY[{}]::bytea[]", texts.join(", "))
}

fn sequence(session: &mut Session) {
    let said = session.run("BEGIN; EXECUTE lock_sequencer; EXECUTE give_positions; COMMIT; NOTIFY star_head;");
    assert_eq!(said.len(), 1, "{said:?}");
}

#[test]
fn rows_are_read_in_the_order_asked_for_and_scanned_in_the_order_of_bytes() {
    let Some(server) = Server::start() else { return };
    let mut session = server.session();
    let batch = |id, puts| Batch { shard: 1, epoch: 0, id, puts };
    batch(1, &[("b", "1"), ("a", "2"), ("\\xff", "3"), ("c", "4")]).commit(&mut session);
    batch(2, &[("b", "5")]).commit(&mut session);
    let read = session.run(&format!("EXECUTE read({});", array(&["c", "missing", "b"])));
    assert_eq!(
        read,
        ["1|\\x34|1|1|1", "2||||", "3|\\x35|1|2|1"],
        "b was created by the first and written by the second"
    );
    let scan = session.run("EXECUTE scan('a', NULL, 2);");
    let keys: Vec<&str> = scan.iter().map(|row| row.split('|').next().unwrap()).collect();
    assert_eq!(keys, ["\\x61", "\\x62", "\\x63"], "two, and the next");
    assert_eq!(session.run("EXECUTE scan('b', '\\xff', 9);").len(), 2, "without the end");
}

#[test]
fn a_key_of_two_thousand_bytes_fits_and_one_of_three_thousand_does_not() {
    let Some(server) = Server::start() else { return };
    let mut session = server.session();
    // Bytes that nothing can compress, as the index would otherwise.
    let insert = |blocks: u32| {
        format!(
            "INSERT INTO row SELECT string_agg(sha256(n::text::bytea), ''), '', 1, 1, 1 FROM generate_series(1, {blocks}) n;"
        )
    };
    assert_eq!(session.run(&insert(63)), Vec::<String>::new(), "2,016 bytes");
    let refused = session.run(&insert(94)).join(" ");
    assert!(refused.contains("exceeds btree version"), "3,008 bytes: {refused}");
}

#[test]
fn preconditions_are_judged_under_the_lock_of_the_shard() {
    let Some(server) = Server::start() else { return };
    let mut session = server.session();
    Batch { shard: 1, epoch: 0, id: 1, puts: &[("r/a", "1"), ("r/b", "1")] }.commit(&mut session);
    Batch { shard: 2, epoch: 0, id: 2, puts: &[("r/c", "1")] }.commit(&mut session);
    let batch = Batch { shard: 1, epoch: 0, id: 3, puts: &[("r/a", "2")] };
    assert_eq!(batch.begin(&mut session), "1|0|0", "revision, epoch and floor");
    assert_eq!(session.run(&format!("EXECUTE find_batch('{}');", uuid(1))), ["1|1|"], "it was sent before");
    assert!(session.run(&format!("EXECUTE find_batch('{}');", uuid(3))).is_empty());
    let guarded = session.run(&format!("EXECUTE guard_keys({});", array(&["r/b", "r/missing", "r/a"])));
    assert_eq!(guarded, ["\\x722f61|1|1", "\\x722f62|1|1"], "present at revision 1; the other is absent");
    let written = |low: &str, since: u32| format!("EXECUTE written_since('{low}', 'r0', {since}, 1);");
    assert_eq!(session.run(&written("r/", 0)).len(), 1, "changed since revision 0");
    assert_eq!(session.run(&written("r/", 1)), ["1"], "another shard wrote in the range");
    assert!(session.run("EXECUTE written_since('r/', 'r/c', 1, 1);").is_empty(), "unchanged but for that");
    // A removal leaves no row to be seen, so it is noted.
    let remove = "EXECUTE remove(ARRAY['r/b'::bytea]); EXECUTE note_erased(1, 2, 'r/b', 'r/b\\000');";
    session.run(&format!("{}\n{remove}\n{}COMMIT;", batch.write(2), batch.end()));
    let erased = |low: &str, high: &str, since: u32| format!("EXECUTE erased_since({low}, {high}, {since}, 1);");
    assert_eq!(session.run(&erased("'r/'", "'r0'", 1)), ["2"]);
    assert_eq!(session.run(&erased("'r/b'", "NULL", 1)), ["2"], "a range without an end");
    for (low, high, since) in [("'r/'", "'r0'", 2), ("'r/'", "'r/b'", 1), ("'r/c'", "'r0'", 1)] {
        assert!(session.run(&erased(low, high, since)).is_empty(), "{low} {high} {since}");
    }
}

#[test]
fn what_must_be_absent_is_a_conflict_where_another_shard_puts_it_meanwhile() {
    let Some(server) = Server::start() else { return };
    let (mut first, mut second) = (server.session(), server.session());
    let batch = |shard, id| Batch { shard, epoch: 0, id, puts: &[] };
    let put =
        |shard: i16| format!("\\set QUIET off\nEXECUTE put_absent('d/x', '{shard}', 1, {shard});\n\\set QUIET on\n");
    batch(1, 1).begin(&mut first);
    batch(2, 2).begin(&mut second);
    assert!(second.run(&format!("EXECUTE guard_keys({});", array(&["d/x"]))).is_empty(), "it looks absent");
    assert_eq!(first.run(&put(1)), ["INSERT 0 1"]);
    second.begin(&put(2));
    waits_for_a_lock(&mut server.session());
    first.run("COMMIT;");
    assert_eq!(second.answer(), ["INSERT 0 0"], "the batch is judged again");
}

#[test]
fn writers_of_a_shard_stand_in_line_and_others_pass() {
    let Some(server) = Server::start() else { return };
    let (mut first, mut second, mut third) = (server.session(), server.session(), server.session());
    let batch = |shard, id| Batch { shard, epoch: 0, id, puts: &[("r/a", "1")] };
    // The one that begins last has the shard first: what it writes has the earlier revision.
    second.run("BEGIN;");
    assert_eq!(batch(1, 1).begin(&mut first), "0|0|0");
    second.begin("EXECUTE make_shard(1); EXECUTE lock_shard(1);");
    waits_for_a_lock(&mut third);
    Batch { puts: &[("r/other", "1")], ..batch(2, 3) }.commit(&mut third);
    first.run(&format!("{}\n{}COMMIT;", batch(1, 1).write(1), batch(1, 1).end()));
    assert_eq!(second.answer(), ["1|0|0"], "it sees what the first did");
    second.run(&format!("{}\n{}COMMIT;", batch(1, 2).write(2), batch(1, 2).end()));
    sequence(&mut third);
    let order = third.run("SELECT revision FROM batch WHERE shard = 1 ORDER BY position;");
    assert_eq!(order, ["1", "2"], "positions keep the order of revisions");
}

#[test]
fn who_lost_a_shard_changes_nothing() {
    let Some(server) = Server::start() else { return };
    let (mut owner, mut former) = (server.session(), server.session());
    Batch { shard: 1, epoch: 0, id: 1, puts: &[("r/a", "1")] }.commit(&mut former);
    assert!(owner.run("UPDATE shard SET owner = 'another', epoch = epoch + 1 WHERE shard = 1;").is_empty());
    let late = Batch { shard: 1, epoch: 0, id: 2, puts: &[("r/a", "late")] };
    assert_eq!(late.begin(&mut former), "1|1|0", "it can see that the epoch is not its own");
    assert_eq!(former.run(&format!("{}\n{}ROLLBACK;", late.write(2), late.end())), ["UPDATE 0"]);
    assert_eq!(owner.run("EXECUTE read(ARRAY['r/a'::bytea]);"), ["1|\\x31|1|1|1"]);
    Batch { epoch: 1, id: 3, ..late }.commit(&mut owner);
}

#[test]
fn positions_have_no_gap_and_nothing_appears_behind_a_larger_one() {
    let Some(server) = Server::start() else { return };
    let (mut slow, mut quick) = (server.session(), server.session());
    let late = Batch { shard: 1, epoch: 0, id: 1, puts: &[("r/late", "1")] };
    late.begin(&mut slow);
    slow.run(&late.write(1));
    for id in 2..5 {
        Batch { shard: 2, epoch: 0, id, puts: &[("r/x", "1")] }.commit(&mut quick);
    }
    sequence(&mut quick);
    assert_eq!(quick.run("EXECUTE lock_sequencer;"), ["3"]);
    slow.run(&format!("{}COMMIT;", late.end()));
    sequence(&mut quick);
    // A clock that went back does not bring a batch before those of its shard.
    for (id, committed) in [(5, "2030-01-01"), (6, "2029-01-01")] {
        Batch { shard: 3, epoch: 0, id, puts: &[("r/y", "1")] }.commit(&mut quick);
        quick.run(&format!("UPDATE batch SET committed = '{committed}' WHERE id = '{}';", uuid(id)));
    }
    sequence(&mut quick);
    let events = quick.run("EXECUTE events(0, 100);");
    let places: Vec<String> = events.iter().map(|row| row.split('|').take(3).collect::<Vec<_>>().join("|")).collect();
    assert_eq!(places, ["1|2|1", "2|2|2", "3|2|3", "4|1|1", "5|3|1", "6|3|2"], "position, shard, revision");
    assert_eq!(quick.run("EXECUTE events(2, 2);").len(), 2, "a page of two batches");
}

#[test]
fn consumers_move_forward_only_and_hold_back_what_they_have_not_read() {
    let Some(server) = Server::start() else { return };
    let mut session = server.session();
    for id in 1..=5 {
        Batch { shard: 1, epoch: 0, id, puts: &[("r/x", "1")] }.commit(&mut session);
    }
    sequence(&mut session);
    assert_eq!(session.run("EXECUTE register_consumer('mirror', 2);"), ["2"]);
    assert_eq!(session.run("EXECUTE register_consumer('mirror', 4);"), ["2"], "it is known, and goes on where it was");
    session.run("EXECUTE advance_consumer('mirror', 3); EXECUTE advance_consumer('mirror', 1);");
    assert_eq!(session.run("SELECT position FROM consumer;"), ["3"]);
    assert!(session.run("EXECUTE trim(5);").is_empty());
    assert_eq!(session.run("EXECUTE oldest;"), ["4"], "the consumer has read three");
    assert_eq!(session.run("SELECT count(*) FROM event;"), ["2"], "events go with their batches");
    session.run("EXECUTE drop_consumer('mirror'); EXECUTE trim(4);");
    assert_eq!(session.run("EXECUTE oldest;"), ["5"]);
}

/// Waits until another session waits for a lock.
fn waits_for_a_lock(session: &mut Session) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock';";
    wait_for("a session to wait for a lock", || session.run(waiting) == ["1"]);
}
