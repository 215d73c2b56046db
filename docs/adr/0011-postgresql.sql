-- The tables and statements of ADR 0011, as `tests/postgres` runs them.
-- Each statement is prepared under the name of what it does; a commit is made of those from
-- `lock_shard` to `end_batch`, in this order, in one transaction (READ COMMITTED).

CREATE TABLE installation (one bool PRIMARY KEY DEFAULT true CHECK (one), id bytea NOT NULL, schema int NOT NULL);
CREATE TABLE shard (
  shard int2 PRIMARY KEY, revision int8 NOT NULL DEFAULT 0,
  owner text, epoch int8 NOT NULL DEFAULT 0,          -- who may write it, and the fencing token
  floor int8 NOT NULL DEFAULT 0);                     -- removals up to here may be forgotten
CREATE TABLE row (
  key bytea PRIMARY KEY, value bytea NOT NULL,
  created int8 NOT NULL, modified int8 NOT NULL, shard int2 NOT NULL);
CREATE TABLE batch (
  shard int2, revision int8, id uuid NOT NULL, at int8 NOT NULL, position int8,
  committed timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (shard, revision));
CREATE UNIQUE INDEX batch_position ON batch (position) WHERE position IS NOT NULL;
CREATE INDEX batch_waiting ON batch (shard, revision) WHERE position IS NULL;
CREATE UNIQUE INDEX batch_id ON batch (id);
CREATE TABLE event (
  shard int2, revision int8, number int2, body bytea NOT NULL, leaf bytea, PRIMARY KEY (shard, revision, number));
CREATE TABLE erased (
  shard int2, revision int8, low bytea NOT NULL, high bytea, PRIMARY KEY (shard, revision, low));
CREATE TABLE sequencer (one bool PRIMARY KEY DEFAULT true CHECK (one), position int8 NOT NULL);
CREATE TABLE consumer (name text PRIMARY KEY, position int8 NOT NULL, moved timestamptz NOT NULL DEFAULT now());
INSERT INTO sequencer (position) VALUES (0);
-- statements

-- read(keys): one statement, so one moment.
PREPARE read (bytea[]) AS
  SELECT k.n, r.value, r.created, r.modified, r.shard
  FROM unnest($1) WITH ORDINALITY k(key, n) LEFT JOIN row r USING (key) ORDER BY k.n;

-- scan(low, high or null, limit): the row too many is `next`.
PREPARE scan (bytea, bytea, int) AS
  SELECT key, value, created, modified, shard FROM row
  WHERE key >= $1 AND ($2 IS NULL OR key < $2) ORDER BY key LIMIT $3 + 1;

-- (1) The writers of a shard stand in line.
PREPARE make_shard (int2) AS INSERT INTO shard (shard) VALUES ($1) ON CONFLICT DO NOTHING;
PREPARE lock_shard (int2) AS SELECT revision, epoch, floor FROM shard WHERE shard = $1 FOR UPDATE;
-- (2) A batch that was sent twice happens once.
PREPARE find_batch (uuid) AS SELECT shard, revision, position FROM batch WHERE id = $1;
-- (3) Absent, Present and ModifiedAt, locked in the order of keys.
PREPARE guard_keys (bytea[]) AS
  SELECT key, modified, shard FROM row WHERE key = ANY($1) ORDER BY key FOR UPDATE;
-- (4) RangeUnchangedSince(low, high or null, since) of a shard.
PREPARE written_since (bytea, bytea, int8, int2) AS
  SELECT modified FROM row
  WHERE key >= $1 AND ($2 IS NULL OR key < $2) AND (shard <> $4 OR modified > $3) LIMIT 1;
PREPARE erased_since (bytea, bytea, int8, int2) AS
  SELECT revision FROM erased
  WHERE shard = $4 AND revision > $3 AND ($2 IS NULL OR low < $2) AND (high IS NULL OR high > $1) LIMIT 1;

-- Operations: keys and values of one revision of a shard. What has a row keeps when it was created.
PREPARE put (bytea[], bytea[], int8, int2) AS
  INSERT INTO row (key, value, created, modified, shard)
  SELECT k, v, $3, $3, $4 FROM unnest($1, $2) u(k, v)
  ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, modified = EXCLUDED.modified, shard = EXCLUDED.shard;
-- Keys that a precondition wants absent: one that appeared meanwhile is a conflict (0 rows).
PREPARE put_absent (bytea, bytea, int8, int2) AS
  INSERT INTO row (key, value, created, modified, shard) VALUES ($1, $2, $3, $3, $4) ON CONFLICT (key) DO NOTHING;
PREPARE remove (bytea[]) AS DELETE FROM row WHERE key = ANY($1);
PREPARE remove_range (bytea, bytea) AS DELETE FROM row WHERE key >= $1 AND ($2 IS NULL OR key < $2);
-- A key that was removed is the range from it to its successor, which is the key and a zero.
PREPARE note_erased (int2, int8, bytea, bytea) AS
  INSERT INTO erased VALUES ($1, $2, $3, $4) ON CONFLICT (shard, revision, low) DO UPDATE SET
    high = CASE WHEN erased.high IS NULL OR EXCLUDED.high IS NULL THEN NULL ELSE greatest(erased.high, EXCLUDED.high) END;
PREPARE note_batch (int2, int8, uuid, int8) AS INSERT INTO batch (shard, revision, id, at) VALUES ($1, $2, $3, $4);
PREPARE note_event (int2, int8, int2, bytea, bytea) AS INSERT INTO event VALUES ($1, $2, $3, $4, $5);
-- (5) Changes no row where somebody else has the shard by now.
PREPARE end_batch (int2, int8) AS UPDATE shard SET revision = revision + 1 WHERE shard = $1 AND epoch = $2;

-- Positions, by one sequencer at a time. A batch comes behind those of its shard before it, even where
-- the clock went back in between.
PREPARE lock_sequencer AS SELECT position FROM sequencer FOR UPDATE;
PREPARE give_positions AS
  WITH waiting AS (
    SELECT shard, revision, max(committed) OVER (PARTITION BY shard ORDER BY revision) AS moment
    FROM batch WHERE position IS NULL),
  next AS (
    SELECT shard, revision, row_number() OVER (ORDER BY moment, shard, revision) AS n
    FROM waiting ORDER BY moment, shard, revision LIMIT 512),
  given AS (
    UPDATE batch b SET position = s.position + n FROM next, sequencer s
    WHERE (b.shard, b.revision) = (next.shard, next.revision) RETURNING b.position)
  UPDATE sequencer SET position = position + (SELECT count(*) FROM given);

-- events(after, limit): at most so many batches.
PREPARE oldest AS SELECT min(position) FROM batch;
PREPARE events (int8, int) AS
  SELECT b.position, b.shard, b.revision, e.number, e.body, e.leaf
  FROM batch b LEFT JOIN event e USING (shard, revision)
  WHERE b.position > $1 AND b.position <= $1 + $2 ORDER BY b.position, e.number;

PREPARE register_consumer (text, int8) AS
  INSERT INTO consumer (name, position) VALUES ($1, $2)
  ON CONFLICT (name) DO UPDATE SET name = EXCLUDED.name RETURNING position;
PREPARE advance_consumer (text, int8) AS
  UPDATE consumer SET position = greatest(position, $2), moved = now() WHERE name = $1;
PREPARE drop_consumer (text) AS DELETE FROM consumer WHERE name = $1;

-- Trimming up to what retention allows, and no further than the slowest consumer has read.
PREPARE trim (int8) AS
  WITH gone AS (
    DELETE FROM batch WHERE position <= least($1, (SELECT min(position) FROM consumer)) RETURNING shard, revision)
  DELETE FROM event USING gone WHERE (event.shard, event.revision) = (gone.shard, gone.revision);
