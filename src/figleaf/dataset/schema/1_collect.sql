-- The ledger of a data set: what collecting needs. Times are seconds since 1970, UTC; hashes are bytes.

-- A list within a source: what one category, label or folder of it is called, and what that comes to.
CREATE TABLE listings (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,       -- the source's name, without the folders that it lies in
    listing TEXT NOT NULL,      -- the list within it; '' where the source is one list
    filed TEXT NOT NULL,        -- the category or label that the source gives; '' for none
    part TEXT NOT NULL,         -- the split that the source has it in; '' for none
    label TEXT,                 -- the class that this comes to
    reason TEXT,                -- denied, unmapped, or NULL
    detail TEXT NOT NULL,       -- why
    UNIQUE (source, listing, filed, part)
);

-- Every URL, file and member of a shard that a source names, from the start.
CREATE TABLE items (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,   -- BLAKE2b-128 of kind and locator: short, and in no order that hosts have
    kind TEXT NOT NULL,
    label TEXT,                 -- the class that all lists agree on
    state TEXT NOT NULL,
    reason TEXT,
    detail TEXT NOT NULL DEFAULT '',
    http_status INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    sha256 BLOB,                -- of what was received, which is not kept of a moving picture
    updated REAL
);
CREATE INDEX items_by_state ON items (state, reason, label);
CREATE INDEX items_pending ON items (kind, key) WHERE state = 'pending';

-- Where the items are: text, or bytes where it is not valid Unicode; NULL once it is withheld. In a
-- table of their own, for a row that grows may be moved to another page, and a copy stay behind in
-- the first. These rows are only ever added at the end and emptied in place, so that what is
-- withheld is nowhere in the file.
CREATE TABLE locators (
    item_id INTEGER PRIMARY KEY REFERENCES items (id),
    locator TEXT
);

-- Which list names which item: the same URL may stand in many.
CREATE TABLE mentions (
    item_id INTEGER NOT NULL REFERENCES items (id),
    listing_id INTEGER NOT NULL REFERENCES listings (id),
    denied TEXT,                -- the denied word in what the source calls the item, or NULL
    PRIMARY KEY (item_id, listing_id)
) WITHOUT ROWID;

-- One row for each content. The file's name is the hash.
CREATE TABLE images (
    id INTEGER PRIMARY KEY,
    sha256 BLOB NOT NULL UNIQUE,
    format TEXT NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    pdq BLOB,
    pdq_quality INTEGER,
    label TEXT,                 -- that of the last event in labels
    quarantine TEXT,            -- why it is set aside, or NULL
    added REAL NOT NULL
);
CREATE INDEX images_by_label ON images (quarantine, label, bytes);

-- Which item gave which image; a moving picture gives several, each at its time.
CREATE TABLE origins (
    item_id INTEGER NOT NULL REFERENCES items (id),
    image_id INTEGER NOT NULL REFERENCES images (id),
    seconds REAL,
    UNIQUE (item_id, image_id, seconds) -- no two NULLs are equal: the writer looks first
);
CREATE INDEX origins_by_image ON origins (image_id);

-- Labels are events: the last one holds, none is ever changed.
CREATE TABLE labels (
    id INTEGER PRIMARY KEY,
    image_id INTEGER NOT NULL REFERENCES images (id),
    before TEXT,
    after TEXT,
    who TEXT NOT NULL,          -- a tool or a person
    why TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX labels_by_image ON labels (image_id, id);
CREATE TRIGGER label_holds AFTER INSERT ON labels BEGIN
    UPDATE images SET label = NEW.after WHERE id = NEW.image_id;
END;
CREATE TRIGGER labels_are_new BEFORE INSERT ON labels
WHEN EXISTS (SELECT 1 FROM labels WHERE id = NEW.id) BEGIN -- else REPLACE would delete without a word
    SELECT RAISE(ABORT, 'label events are never replaced');
END;
CREATE TRIGGER labels_stay BEFORE UPDATE ON labels BEGIN
    SELECT RAISE(ABORT, 'label events are never changed');
END;
CREATE TRIGGER labels_remain BEFORE DELETE ON labels BEGIN
    SELECT RAISE(ABORT, 'label events are never deleted');
END;

-- What was run. A run without an end was cut short.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    version TEXT NOT NULL,      -- figleaf's
    arguments TEXT NOT NULL,    -- JSON
    hashes TEXT NOT NULL,       -- JSON: name -> SHA-256 of the rules that held
    started REAL NOT NULL,
    ended REAL,
    outcome TEXT
);

-- What of a source became no item, when it was named last: lines that cannot be read, for example.
CREATE TABLE problems (
    source TEXT NOT NULL,       -- its name, as in listings
    kind TEXT NOT NULL,         -- what it was, in words for people
    count INTEGER NOT NULL,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    PRIMARY KEY (source, kind)
) WITHOUT ROWID;

-- Exemption files that were ever used, each name for one content.
CREATE TABLE exemptions (
    name TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    reason TEXT NOT NULL,
    date TEXT NOT NULL,
    terms TEXT NOT NULL,        -- JSON
    recorded REAL NOT NULL
);
