-- library.db: what is on the disk, the marks, and the processing history. Losing it costs a scan, never a file.

CREATE TABLE files (
    file_id   INTEGER PRIMARY KEY AUTOINCREMENT,
    path      TEXT NOT NULL UNIQUE, -- relative to the library; bytes, perhaps not UTF-8
    folded    TEXT NOT NULL,        -- the path in lower case, for the search; always UTF-8
    size      INTEGER NOT NULL,
    mtime     REAL NOT NULL,        -- Unix seconds
    inode     INTEGER NOT NULL,
    added_at  REAL NOT NULL,
    gone_at   REAL,                 -- not on the disk any more; the marks wait for its return
    processed INTEGER NOT NULL DEFAULT 0 CHECK (processed IN (0, 1)),
    duplicate INTEGER NOT NULL DEFAULT 0 CHECK (duplicate IN (0, 1))
) STRICT;
-- The marks are in it so that a list of few among many reads only the index.
CREATE INDEX files_name ON files (path, processed, duplicate) WHERE gone_at IS NULL;
CREATE INDEX files_mtime ON files (mtime, path) WHERE gone_at IS NULL;
CREATE INDEX files_size ON files (size, path) WHERE gone_at IS NULL;

CREATE TABLE history (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id           TEXT,
    seq              INTEGER,
    filepath         TEXT NOT NULL, -- relative to the library, after the change
    timestamp        REAL NOT NULL,
    operation_type   TEXT NOT NULL,
    before_filename  TEXT, after_filename  TEXT,
    before_title     TEXT, after_title     TEXT,
    before_series    TEXT, after_series    TEXT,
    before_issue     TEXT, after_issue     TEXT,
    before_publisher TEXT, after_publisher TEXT,
    before_year      TEXT, after_year      TEXT,
    before_volume    TEXT, after_volume    TEXT
) STRICT;
-- An item that runs again after a crash is recorded once.
CREATE UNIQUE INDEX history_item ON history (job_id, seq) WHERE job_id IS NOT NULL;
CREATE INDEX history_timestamp ON history (timestamp);

-- How many there are, kept by the triggers below, so that no list has to count.
CREATE TABLE totals (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    files      INTEGER NOT NULL CHECK (files >= 0), -- on the disk; so are the marked ones
    processed  INTEGER NOT NULL CHECK (processed >= 0),
    duplicates INTEGER NOT NULL CHECK (duplicates >= 0),
    history    INTEGER NOT NULL CHECK (history >= 0)
) STRICT;
INSERT INTO totals (id, files, processed, duplicates, history) VALUES (1, 0, 0, 0, 0);

CREATE TRIGGER files_added AFTER INSERT ON files WHEN new.gone_at IS NULL
BEGIN
    UPDATE totals SET files = files + 1, processed = processed + new.processed,
                      duplicates = duplicates + new.duplicate;
END;
CREATE TRIGGER files_removed AFTER DELETE ON files WHEN old.gone_at IS NULL
BEGIN
    UPDATE totals SET files = files - 1, processed = processed - old.processed,
                      duplicates = duplicates - old.duplicate;
END;
CREATE TRIGGER files_changed AFTER UPDATE OF gone_at, processed, duplicate ON files
WHEN (old.gone_at IS NULL) <> (new.gone_at IS NULL) OR old.processed <> new.processed OR old.duplicate <> new.duplicate
BEGIN
    UPDATE totals
       SET files = files + (new.gone_at IS NULL) - (old.gone_at IS NULL),
           processed = processed + (new.gone_at IS NULL AND new.processed) - (old.gone_at IS NULL AND old.processed),
           duplicates = duplicates + (new.gone_at IS NULL AND new.duplicate) - (old.gone_at IS NULL AND old.duplicate);
END;
CREATE TRIGGER history_added AFTER INSERT ON history
BEGIN
    UPDATE totals SET history = history + 1;
END;
CREATE TRIGGER history_removed AFTER DELETE ON history
BEGIN
    UPDATE totals SET history = history - 1;
END;
