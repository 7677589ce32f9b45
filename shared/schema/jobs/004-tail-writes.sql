-- Files whose end is being written in place (shared/tail_write.h): how to make them whole after a crash. A row is
-- committed before the first byte is written and goes in the commit that says what came of the item.
CREATE TABLE tail_writes (
    id           INTEGER PRIMARY KEY,
    path         TEXT NOT NULL,    -- relative to the library
    target       TEXT,             -- the name it will get, NULL: none
    job_id       TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    made_by      TEXT NOT NULL,    -- the owner (table owners) that wrote; its items wait until the file is whole
    owner        TEXT NOT NULL,    -- who answers for it now: the one that writes or recovers; '': nobody
    recovering   INTEGER NOT NULL DEFAULT 0 CHECK (recovering IN (0, 1)),
    kept         INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)), -- tried often: nothing waits for it any more
    tries        INTEGER NOT NULL DEFAULT 0,
    retry_at     REAL NOT NULL DEFAULT 0,
    device       INTEGER NOT NULL,
    inode        INTEGER NOT NULL,
    old_size     INTEGER NOT NULL,
    old_mtime_ns INTEGER NOT NULL,
    tail_at      INTEGER NOT NULL,
    append_at    INTEGER NOT NULL,
    tail_len     INTEGER NOT NULL,
    old_sum      INTEGER NOT NULL,
    append_sum   INTEGER NOT NULL,
    place_sum    INTEGER NOT NULL
) STRICT;
