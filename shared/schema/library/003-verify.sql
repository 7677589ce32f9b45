-- What verify found. It tells of the file as it was: a change of size or time makes it unknown again.

ALTER TABLE files ADD COLUMN problems INTEGER NOT NULL DEFAULT 0 CHECK (problems >= 0); -- how many
ALTER TABLE files ADD COLUMN checked_at REAL;   -- NULL: not verified, or changed since; so are the next three
ALTER TABLE files ADD COLUMN problem_list TEXT; -- JSON array
ALTER TABLE files ADD COLUMN pages INTEGER;
ALTER TABLE files ADD COLUMN content TEXT;      -- hash of the pages in reading order; NULL: not all could be read
ALTER TABLE totals ADD COLUMN problems INTEGER NOT NULL DEFAULT 0 CHECK (problems >= 0); -- files with problems

DROP INDEX files_name;
CREATE INDEX files_name ON files (path, processed, duplicate, problems) WHERE gone_at IS NULL;
CREATE INDEX files_content ON files (content, path) WHERE gone_at IS NULL AND content IS NOT NULL;

CREATE TRIGGER files_stale AFTER UPDATE OF size, mtime ON files
WHEN new.checked_at IS NOT NULL AND (old.size <> new.size OR old.mtime <> new.mtime)
BEGIN
    UPDATE files SET problems = 0, checked_at = NULL, problem_list = NULL, pages = NULL, content = NULL
     WHERE file_id = new.file_id;
END;
CREATE TRIGGER files_removed_problems AFTER DELETE ON files WHEN old.gone_at IS NULL AND old.problems > 0
BEGIN
    UPDATE totals SET problems = problems - 1;
END;
CREATE TRIGGER files_changed_problems AFTER UPDATE OF gone_at, problems ON files
WHEN (old.gone_at IS NULL AND old.problems > 0) <> (new.gone_at IS NULL AND new.problems > 0)
BEGIN
    UPDATE totals SET problems = problems + (new.gone_at IS NULL AND new.problems > 0)
                                          - (old.gone_at IS NULL AND old.problems > 0);
END;
