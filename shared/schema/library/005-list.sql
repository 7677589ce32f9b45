-- A window far down a list that is filtered and in another order than by name is found in the index alone.

DROP INDEX files_mtime;
DROP INDEX files_size;
CREATE INDEX files_mtime ON files (mtime, path, processed, duplicate, problems) WHERE gone_at IS NULL;
CREATE INDEX files_size ON files (size, path, processed, duplicate, problems) WHERE gone_at IS NULL;
