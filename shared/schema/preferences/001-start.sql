-- preferences.db: what the users chose, and a copy of the active job (jobs.db has the truth of that).

CREATE TABLE preferences (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL, -- JSON
    updated_at REAL NOT NULL
) STRICT;

CREATE TABLE settings (
    key        TEXT PRIMARY KEY,
    value      TEXT NOT NULL, -- JSON
    updated_at REAL NOT NULL
) STRICT;

CREATE TABLE active_job (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    job_id     TEXT,
    job_title  TEXT,
    updated_at REAL NOT NULL
) STRICT;
INSERT INTO active_job (id, updated_at) VALUES (1, 0);
