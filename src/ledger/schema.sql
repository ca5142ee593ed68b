CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 0), -- there is one row
    commits INTEGER NOT NULL,              -- grows with each transaction
    last_generation INTEGER NOT NULL,      -- the highest number ever, also when its row is gone
    seal TEXT NOT NULL                     -- over everything in pins, ramps and hold, and last_generation
) STRICT;
CREATE TABLE pins (
    scope TEXT PRIMARY KEY,                -- all, orders-read, group:orders, tenant:acme, orders-read tenant:acme
    source TEXT NOT NULL,                  -- start, file, signal, api, guard, ramp, timer
    name TEXT NOT NULL,                    -- of the token, if there was one
    why TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    for_ms INTEGER                         -- NULL: until it is lifted
) STRICT, WITHOUT ROWID;
CREATE TABLE ramps (
    unit TEXT PRIMARY KEY,                 -- orders-read, group:orders
    percent INTEGER NOT NULL,              -- in thousandths of a percent
    paused INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE hold (
    id INTEGER PRIMARY KEY CHECK (id = 0), -- there is one at most
    generation INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    why TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    bundle TEXT NOT NULL                   -- bundles.digest
) STRICT;
CREATE TABLE generations (
    number INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    changes TEXT NOT NULL,                 -- a JSON array of sentences
    bundle TEXT NOT NULL                   -- bundles.digest
) STRICT;
CREATE TABLE bundles (
    digest TEXT PRIMARY KEY,               -- XXH3-128 of the text
    text BLOB NOT NULL                     -- zstd
) STRICT;
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    what TEXT NOT NULL,
    subject TEXT NOT NULL,                 -- a scope, a unit, a signature; empty: everything
    was TEXT NOT NULL,
    now TEXT NOT NULL,
    why TEXT NOT NULL,
    request_id TEXT NOT NULL,
    generation INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_subject ON audit (subject, id);
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = new.id)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
