-- A job over one file for a caller that waits for it: it never becomes the active job, and tells of the file when it is done.
ALTER TABLE jobs ADD COLUMN single INTEGER NOT NULL DEFAULT 0 CHECK (single IN (0, 1));
