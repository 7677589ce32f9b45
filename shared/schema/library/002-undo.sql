-- What is needed to put a change back. A table of its own, because it is larger than all else in the history, and only
-- for the newest 100,000 rows.

CREATE TABLE history_undo (
    history_id    INTEGER PRIMARY KEY REFERENCES history (id),
    file_id       INTEGER,          -- files.file_id: where the book is now
    before_path   TEXT NOT NULL,    -- relative to the library; bytes, perhaps not UTF-8
    was_processed INTEGER CHECK (was_processed IN (0, 1)), -- NULL: the change left this mark alone
    was_duplicate INTEGER CHECK (was_duplicate IN (0, 1)),
    undo_of       INTEGER,          -- the row of history that this one put back
    data          TEXT NOT NULL     -- JSON: the tags that changed, ComicInfo.xml before, its checksum after
) STRICT;
CREATE INDEX history_undo_file ON history_undo (file_id) WHERE file_id IS NOT NULL;
CREATE INDEX history_undo_of ON history_undo (undo_of) WHERE undo_of IS NOT NULL;
-- Rows from before this table: their books are found by their paths.
CREATE INDEX history_filepath ON history (filepath);

CREATE TRIGGER history_undo_bounded AFTER INSERT ON history_undo
BEGIN
    DELETE FROM history_undo WHERE history_id <= new.history_id - 100000;
END;
