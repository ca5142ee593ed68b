CREATE TABLE hours (
    hour INTEGER NOT NULL,                 -- hours since 1970
    run INTEGER NOT NULL,                  -- which process, by the milliseconds since 1970 at its start
    answered INTEGER NOT NULL,             -- requests that a side answered
    by_new INTEGER NOT NULL,               -- those that new answered
    routes INTEGER NOT NULL,
    routes_thousandths INTEGER NOT NULL,   -- how many of them have migrated
    tenants INTEGER NOT NULL,              -- that had a request answered
    tenants_on_new INTEGER NOT NULL,       -- those all of whose requests went to new
    PRIMARY KEY (hour, run)
) STRICT, WITHOUT ROWID;
