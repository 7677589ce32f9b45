-- What people may change of a job that is there, and which job another one came from.

-- So many of its items are leased at most at any time, over all workers; NULL: no limit.
ALTER TABLE jobs ADD COLUMN max_threads INTEGER CHECK (max_threads BETWEEN 1 AND 1024);
-- The job whose failed items this one takes again ('retry'). That job may be gone by now.
ALTER TABLE jobs ADD COLUMN parent TEXT;
ALTER TABLE jobs ADD COLUMN parent_kind TEXT CHECK ((parent IS NULL) = (parent_kind IS NULL));
CREATE UNIQUE INDEX jobs_parent ON jobs (parent, parent_kind) WHERE parent IS NOT NULL;
