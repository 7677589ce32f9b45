-- Who started a job: 'page', 'command line', 'api', 'old api', 'retry', 'undo', 'follow-up', or what a program says of itself.
ALTER TABLE jobs ADD COLUMN source TEXT NOT NULL DEFAULT 'api' CHECK (length(source) BETWEEN 1 AND 40);
