-- Jobs that a client drives item by item, and what is to run after a job.

-- Who takes the items: the pools of the server, or a client, one with each call.
ALTER TABLE jobs ADD COLUMN drive TEXT NOT NULL DEFAULT 'server' CHECK (drive IN ('server', 'client'));
-- Operations to run, one after the other, over the items that succeed: a JSON array of names; NULL: none. The first of
-- them is due when the job completes, until its job is there or there is nothing to run it over.
ALTER TABLE jobs ADD COLUMN follow_up TEXT;
ALTER TABLE jobs ADD COLUMN follow_up_due INTEGER NOT NULL DEFAULT 0
    CHECK (follow_up_due = 0 OR (follow_up_due = 1 AND follow_up IS NOT NULL));
-- The jobs that were made to follow this one: a JSON object, operation to job id. They may be gone by now.
ALTER TABLE jobs ADD COLUMN follow_ups TEXT;
CREATE INDEX jobs_follow_up_due ON jobs (completed_at) WHERE follow_up_due = 1 AND status = 'completed';
-- Where the file is after its item, when that is not `path`; '': not in the library any more.
ALTER TABLE job_items ADD COLUMN final_path TEXT;
