-- The same checks of a status, said so that SQLite does not build a table in memory for them. For a list of three or
-- more values it does, again in each statement: a third of what it cost to record an item. What is stored is as it was,
-- so the text of the schema is changed in place (https://www.sqlite.org/lang_altertable.html, "making other kinds").
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'CHECK (status IN (''queued'', ''leased'', ''ok'', ''error'', ''cancelled''))',
    'CHECK (status IN (''queued'', ''leased'') OR status IN (''ok'', ''error'') OR status = ''cancelled'')'),
    'CHECK ((status IN (''ok'', ''error'', ''cancelled'')) = (finished_at IS NOT NULL))',
    'CHECK ((status IN (''ok'', ''error'') OR status = ''cancelled'') = (finished_at IS NOT NULL))')
 WHERE type = 'table' AND name = 'job_items';
UPDATE sqlite_schema SET sql = replace(replace(sql,
    'CHECK (status IN (''queued'', ''processing'', ''completed'', ''failed'', ''cancelled''))',
    'CHECK (status IN (''queued'', ''processing'') OR status IN (''completed'', ''failed'') OR status = ''cancelled'')'),
    'CHECK ((status IN (''completed'', ''failed'', ''cancelled'')) = (completed_at IS NOT NULL))',
    'CHECK ((status IN (''completed'', ''failed'') OR status = ''cancelled'') = (completed_at IS NOT NULL))')
 WHERE type = 'table' AND name = 'jobs';
PRAGMA writable_schema = RESET;
