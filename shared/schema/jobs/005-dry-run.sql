-- Previews: jobs whose items say what they would change, and change nothing.

ALTER TABLE jobs ADD COLUMN dry_run INTEGER NOT NULL DEFAULT 0 CHECK (dry_run IN (0, 1));

-- Which names the items of a preview would take (taken = 1) and leave: the next item sees the folder as it would be
-- then. The newest word about a path counts. Rows go with their items.
CREATE TABLE planned_names (
    job_id TEXT NOT NULL,
    path   TEXT NOT NULL, -- relative to the library; bytes, perhaps not UTF-8
    seq    INTEGER NOT NULL,
    taken  INTEGER NOT NULL CHECK (taken IN (0, 1)),
    PRIMARY KEY (job_id, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX planned_names_item ON planned_names (job_id, seq);
CREATE TRIGGER job_items_planned AFTER DELETE ON job_items
BEGIN
    DELETE FROM planned_names WHERE job_id = old.job_id AND seq = old.seq;
END;
