-- Times: `minute` and `hour` count from 1970, `…_ms` are milliseconds since 1970. All are UTC.

-- What comparisons came to. `tenant` and `why` are empty where there is none.
CREATE TABLE verdicts (
    minute INTEGER NOT NULL, route TEXT NOT NULL, tenant TEXT NOT NULL, verdict TEXT NOT NULL, why TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (minute, route, tenant, verdict, why)
) WITHOUT ROWID;

-- How often a system was asked twice, picked without regard to what was found.
CREATE TABLE checks (
    minute INTEGER NOT NULL, route TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (minute, route)
) WITHOUT ROWID;

-- What became of copies of requests: sent, or why not.
CREATE TABLE outcomes (
    minute INTEGER NOT NULL, route TEXT NOT NULL, outcome TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (minute, route, outcome)
) WITHOUT ROWID;

-- Histograms: `what` is `legacy` or `new` (microseconds to the end of the answer) or `ratio` (new's time over legacy's for the
-- same request, in thousandths); `upper` is the largest value of the bucket.
CREATE TABLE times (
    hour INTEGER NOT NULL, route TEXT NOT NULL, what TEXT NOT NULL, upper INTEGER NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (hour, route, what, upper)
) WITHOUT ROWID;

-- Difference signatures: a route, a normalised path and a kind. Accepted while `accepted_ms` is set and `accepted_until_ms`,
-- if any, is not over.
CREATE TABLE signatures (
    id TEXT PRIMARY KEY NOT NULL, route TEXT NOT NULL, path TEXT NOT NULL, kind TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
    accepted_ms INTEGER, accepted_by TEXT, accepted_reason TEXT, accepted_until_ms INTEGER
) WITHOUT ROWID;

-- How often a signature showed (`raw`), in answers of one system asked twice (`noise`), and in confirmations: again, in the
-- answering system itself, or no more.
CREATE TABLE sightings (
    hour INTEGER NOT NULL, signature TEXT NOT NULL,
    raw INTEGER NOT NULL, noise INTEGER NOT NULL, again INTEGER NOT NULL, itself INTEGER NOT NULL, gone INTEGER NOT NULL,
    PRIMARY KEY (hour, signature)
) WITHOUT ROWID;
CREATE INDEX sightings_by_signature ON sightings (signature, hour);

-- Who accepted or reopened a signature, and why; nothing is ever taken from here.
CREATE TABLE acceptances (
    id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, signature TEXT NOT NULL, act TEXT NOT NULL, who TEXT NOT NULL,
    reason TEXT NOT NULL, until_ms INTEGER
);
CREATE INDEX acceptances_by_signature ON acceptances (signature, id);

-- Comparisons that were kept in full, redacted. `answered` is the side that answered the client. `detail` is JSON, compressed
-- with zstd: the request, both answers, all differences; `banyan diffs export --what comparisons` unpacks it.
CREATE TABLE comparisons (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, route TEXT NOT NULL, tenant TEXT NOT NULL,
    request_id TEXT NOT NULL, verdict TEXT NOT NULL, answered TEXT NOT NULL, method TEXT NOT NULL, target TEXT NOT NULL,
    legacy_status INTEGER NOT NULL, new_status INTEGER NOT NULL, legacy_us INTEGER NOT NULL, new_us INTEGER NOT NULL,
    detail BLOB NOT NULL
);
CREATE INDEX comparisons_by_time ON comparisons (at_ms);
CREATE INDEX comparisons_by_request ON comparisons (request_id);

-- Which comparison shows which signature, where exactly, at how many places, and what each side has there. A comparison
-- without differences stands under the signature `ROUTE (VERDICT)`.
CREATE TABLE samples (
    signature TEXT NOT NULL, comparison INTEGER NOT NULL, tenant TEXT NOT NULL, place TEXT NOT NULL, places INTEGER NOT NULL,
    legacy TEXT, new TEXT,
    PRIMARY KEY (signature, comparison)
) WITHOUT ROWID;
CREATE INDEX samples_by_comparison ON samples (comparison);
CREATE INDEX samples_by_tenant ON samples (tenant, signature);

CREATE VIEW route_totals AS
    SELECT route,
        sum(CASE verdict WHEN 'match' THEN count ELSE 0 END) AS matches,
        sum(CASE verdict WHEN 'noise' THEN count ELSE 0 END) AS noise,
        sum(CASE verdict WHEN 'mismatch' THEN count ELSE 0 END) AS mismatches,
        sum(CASE verdict WHEN 'unknown' THEN count ELSE 0 END) AS unknown,
        sum(CASE WHEN verdict <> 'unknown' THEN count ELSE 0 END) AS n,
        1.0 * sum(CASE WHEN verdict IN ('match', 'noise') THEN count ELSE 0 END)
            / nullif(sum(CASE WHEN verdict <> 'unknown' THEN count ELSE 0 END), 0) AS match_share
    FROM verdicts GROUP BY route;

CREATE VIEW signature_totals AS
    SELECT s.id, s.route, s.path, s.kind,
        coalesce(f.raw, 0) AS raw, coalesce(f.noise, 0) AS noise, coalesce(f.again, 0) AS again,
        coalesce(f.itself, 0) AS itself, coalesce(f.gone, 0) AS gone,
        coalesce(r.n, 0) AS compared, coalesce(c.n, 0) AS checked, 1.0 * f.raw / nullif(r.n, 0) AS share,
        s.accepted_ms IS NOT NULL AND coalesce(s.accepted_until_ms > unixepoch() * 1000, 1) AS accepted,
        datetime(s.first_seen_ms / 1000, 'unixepoch') AS first_seen,
        datetime(s.last_seen_ms / 1000, 'unixepoch') AS last_seen,
        (SELECT count(*) FROM samples WHERE samples.signature = s.id) AS samples
    FROM signatures s
    LEFT JOIN (SELECT signature, sum(raw) AS raw, sum(noise) AS noise, sum(again) AS again, sum(itself) AS itself,
        sum(gone) AS gone FROM sightings GROUP BY signature) f ON f.signature = s.id
    LEFT JOIN (SELECT route, n FROM route_totals) r ON r.route = s.route
    LEFT JOIN (SELECT route, sum(count) AS n FROM checks GROUP BY route) c ON c.route = s.route;
