-- jobs.db: jobs, their items, leases, events, and which job is the active one. This file is the truth about jobs.

CREATE TABLE jobs (
    job_id          TEXT PRIMARY KEY,
    operation       TEXT NOT NULL,
    title           TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('queued', 'processing', 'completed', 'failed', 'cancelled')),
    -- staging: its items are still being written; deleting: its rows are being removed. Neither is shown to anybody.
    phase           TEXT NOT NULL CHECK (phase IN ('staging', 'live', 'deleting')),
    total_items     INTEGER NOT NULL CHECK (total_items > 0),
    processed_items INTEGER NOT NULL DEFAULT 0,
    success_items   INTEGER NOT NULL DEFAULT 0,
    error_items     INTEGER NOT NULL DEFAULT 0,
    cancelled_items INTEGER NOT NULL DEFAULT 0,
    cancelling      INTEGER NOT NULL DEFAULT 0 CHECK (cancelling IN (0, 1)),
    paused          INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    exclusive       INTEGER NOT NULL CHECK (exclusive IN (0, 1)), -- its items are files: a path has one lease
    priority        INTEGER NOT NULL DEFAULT 1 CHECK (priority IN (0, 1, 2)), -- low, normal, high
    version         INTEGER NOT NULL DEFAULT 1,
    created_at      REAL NOT NULL,
    started_at      REAL,
    completed_at    REAL,
    error           TEXT,
    owner           TEXT NOT NULL, -- the worker that made it: "worker 1"
    options         TEXT NOT NULL DEFAULT '{}',
    idempotency_key TEXT,
    staged_by       TEXT,          -- the process that writes its items while phase = 'staging'
    last_event_id   INTEGER NOT NULL DEFAULT 0,
    -- The rate is measured over the last 30 to 60 s: from an older and a newer sample of processed_items.
    rate_at         REAL,
    rate_items      INTEGER NOT NULL DEFAULT 0,
    rate_next_at    REAL,
    rate_next_items INTEGER NOT NULL DEFAULT 0,
    CHECK (success_items >= 0 AND error_items >= 0 AND cancelled_items >= 0),
    CHECK (processed_items = success_items + error_items),
    CHECK (processed_items + cancelled_items <= total_items),
    CHECK ((status IN ('completed', 'failed', 'cancelled')) = (completed_at IS NOT NULL)),
    -- The last item's outcome and the end of the job are one commit: no reader sees "all done" and "processing".
    CHECK (status NOT IN ('queued', 'processing') OR processed_items + cancelled_items < total_items),
    CHECK (status NOT IN ('completed', 'cancelled') OR processed_items + cancelled_items = total_items)
) STRICT;
-- What ended stays as it is; what counts only grows.
CREATE TRIGGER jobs_final BEFORE UPDATE OF status, completed_at, processed_items, cancelled_items ON jobs
WHEN old.completed_at IS NOT NULL
     AND (new.status, new.completed_at, new.processed_items, new.cancelled_items)
         IS NOT (old.status, old.completed_at, old.processed_items, old.cancelled_items)
BEGIN
    SELECT raise(ABORT, 'a job that has ended stays as it is');
END;
CREATE TRIGGER jobs_grow BEFORE UPDATE OF version, status, success_items, error_items, cancelled_items ON jobs
WHEN new.version < old.version OR new.success_items < old.success_items OR new.error_items < old.error_items
     OR new.cancelled_items < old.cancelled_items OR (old.status <> 'queued' AND new.status = 'queued')
BEGIN
    SELECT raise(ABORT, 'version and counters of a job never go down');
END;
CREATE INDEX jobs_created ON jobs (created_at);
CREATE INDEX jobs_unfinished ON jobs (priority, created_at) WHERE completed_at IS NULL;
CREATE INDEX jobs_ended ON jobs (completed_at) WHERE completed_at IS NOT NULL;
CREATE INDEX jobs_not_live ON jobs (phase) WHERE phase <> 'live';
CREATE INDEX jobs_last_event ON jobs (last_event_id);
CREATE UNIQUE INDEX jobs_idempotency ON jobs (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE job_items (
    job_id      TEXT NOT NULL REFERENCES jobs (job_id),
    seq         INTEGER NOT NULL, -- 1 to total_items
    path        TEXT NOT NULL,    -- relative to the library; bytes, perhaps not UTF-8
    status      TEXT NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'leased', 'ok', 'error', 'cancelled')),
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT REFERENCES owners (owner),
    intent      TEXT,             -- what a run said it would change, before it did (JSON)
    target      TEXT,             -- the path that this change makes
    result_no   INTEGER,          -- 1, 2, 3 in the order in which items finished
    message     TEXT,
    details     TEXT,             -- JSON
    started_at  REAL,
    finished_at REAL,
    PRIMARY KEY (job_id, seq),
    CHECK ((status = 'leased') = (lease_owner IS NOT NULL)),
    CHECK ((status IN ('ok', 'error')) = (result_no IS NOT NULL)),
    CHECK ((status IN ('ok', 'error', 'cancelled')) = (finished_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX job_items_queued ON job_items (job_id, seq) WHERE status = 'queued';
CREATE INDEX job_items_queued_path ON job_items (path) WHERE status = 'queued';
CREATE INDEX job_items_leased ON job_items (lease_owner, job_id) WHERE status = 'leased';
CREATE INDEX job_items_leased_job ON job_items (job_id) WHERE status = 'leased';
CREATE UNIQUE INDEX job_items_result ON job_items (job_id, result_no) WHERE result_no IS NOT NULL;

-- A path is in at most one lease at any time, over all jobs, and so is the name it will be renamed to.
CREATE TABLE leased_paths (
    path   TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    seq    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX leased_paths_item ON leased_paths (job_id, seq);

-- Who may hold leases: one row for each worker process. Its leases end when the row does.
CREATE TABLE owners (
    owner               TEXT PRIMARY KEY, -- "<boot id>:<pid>:<start time>:<random>"
    slot                INTEGER NOT NULL,
    started_at          REAL NOT NULL,
    lease_until_boot_ms INTEGER NOT NULL  -- CLOCK_BOOTTIME of the boot that the owner names
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    type   TEXT NOT NULL,
    job_id TEXT,
    at     REAL NOT NULL,
    data   TEXT NOT NULL -- JSON
) STRICT;

-- The job that pages follow by default. preferences.db has a copy in its table active_job.
CREATE TABLE active (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    job_id     TEXT,
    job_title  TEXT,
    updated_at REAL NOT NULL
) STRICT;
INSERT INTO active (id, updated_at) VALUES (1, 0);

CREATE VIEW job_results AS
SELECT result_no AS id,
       job_id,
       replace(path, rtrim(path, replace(path, '/', '')), '') AS item,
       status = 'ok' AS success,
       CASE WHEN status = 'error' THEN message END AS error,
       details
  FROM job_items
 WHERE result_no IS NOT NULL;
