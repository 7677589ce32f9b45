-- New and changed books that the watcher has still to hand to a job.

ALTER TABLE files ADD COLUMN arrived INTEGER NOT NULL DEFAULT 0 CHECK (arrived IN (0, 1));
CREATE INDEX files_arrived ON files (path) WHERE arrived = 1 AND gone_at IS NULL;

-- Has a scan ever been through the whole library? What the first one finds was there before, and is not new.
ALTER TABLE totals ADD COLUMN scanned INTEGER NOT NULL DEFAULT 0 CHECK (scanned IN (0, 1));
UPDATE totals SET scanned = files > 0;
