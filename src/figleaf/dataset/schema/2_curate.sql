-- What curating adds: images measured, set aside and brought back, grouped, scored and split.

-- Setting aside and bringing back are events, as labels are; images.quarantine follows the last one.
CREATE TABLE quarantines (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES images (id),
    before TEXT,                -- the reason until then, or NULL for in use
    after TEXT,
    who TEXT NOT NULL,          -- a tool or a person
    why TEXT NOT NULL,
    at REAL NOT NULL
);
INSERT INTO quarantines (image_id, after, who, why, at)
SELECT id, quarantine, 'collect', 'set aside before such events were kept', added
FROM images WHERE quarantine IS NOT NULL;
CREATE INDEX quarantines_by_image ON quarantines (image_id, id);
CREATE TRIGGER quarantine_holds AFTER INSERT ON quarantines BEGIN
    UPDATE images SET quarantine = NEW.after WHERE id = NEW.image_id;
END;
CREATE TRIGGER quarantines_are_new BEFORE INSERT ON quarantines
WHEN EXISTS (SELECT 1 FROM quarantines WHERE id = NEW.id) BEGIN
    SELECT RAISE(ABORT, 'quarantine events are never replaced');
END;
CREATE TRIGGER quarantines_stay BEFORE UPDATE ON quarantines BEGIN
    SELECT RAISE(ABORT, 'quarantine events are never changed');
END;
CREATE TRIGGER quarantines_remain BEFORE DELETE ON quarantines BEGIN
    SELECT RAISE(ABORT, 'quarantine events are never deleted');
END;

-- What was measured of an image's file, once: rules may change, a file named by its hash does not.
CREATE TABLE examinations (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    status TEXT NOT NULL,       -- ok, or why it is no usable image
    detail TEXT NOT NULL,
    format TEXT,                -- by content; images.format, and the file's name, are brought in line
    spread REAL,                -- the largest standard deviation of a channel, 0..127.5
    mirrored BLOB,              -- the PDQ hash of its mirror image
    inner_pdq BLOB,             -- likewise, without a border of one colour; NULL where there is none
    inner_mirrored BLOB,
    inner_quality INTEGER,
    has_others INTEGER,         -- whether the file holds further pictures, which none of this is of
    at REAL NOT NULL
);

-- Near duplicates, found anew by each cleaning.
CREATE TABLE clusters (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    representative INTEGER NOT NULL REFERENCES images (id),
    distance INTEGER NOT NULL,  -- to the representative, in bits of PDQ
    group_id INTEGER NOT NULL   -- the same for all that chains of near duplicates connect
);
CREATE INDEX clusters_by_representative ON clusters (representative);
CREATE INDEX clusters_by_group ON clusters (group_id);

-- The run whose rules the clusters were found under: a cleaning may be stopped behind them.
CREATE TABLE compared (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    run_id INTEGER NOT NULL REFERENCES runs (id)
);

-- What a model says of an image.
CREATE TABLE scores (
    image_id INTEGER NOT NULL REFERENCES images (id),
    model TEXT NOT NULL,        -- name@version, precision
    status TEXT NOT NULL,       -- ok, or why there are no scores
    scores TEXT NOT NULL,       -- JSON: class -> probability
    PRIMARY KEY (image_id, model)
) WITHOUT ROWID;

-- Images that a person should look at, and how much so; what is looked at goes, as a label event.
CREATE TABLE doubts (
    image_id INTEGER NOT NULL REFERENCES images (id),
    who TEXT NOT NULL,          -- the tool that doubts
    kind TEXT NOT NULL,
    doubt REAL NOT NULL,        -- 0..1
    detail TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (image_id, who)
) WITHOUT ROWID;
CREATE INDEX doubts_by_doubt ON doubts (who, doubt);

-- The split. Rows of images that are set aside later stay, so that they come back to the same part.
CREATE TABLE splits (
    image_id INTEGER PRIMARY KEY REFERENCES images (id),
    part TEXT NOT NULL,         -- train, validation or test
    fold INTEGER,               -- of train alone, from 0
    run_id INTEGER NOT NULL REFERENCES runs (id)
);
CREATE INDEX splits_by_part ON splits (part, fold);
