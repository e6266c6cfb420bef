-- The trail's tables. Position in a log is given at sealing, never at insert: an entry and its `pending` row are
-- written in one transaction, and the sealer consumes the pending row exactly once.

CREATE SCHEMA audit;
REVOKE ALL ON SCHEMA audit FROM PUBLIC;
GRANT USAGE ON SCHEMA audit TO scp_app;

CREATE TABLE audit.retention_class (
    retention_class smallint PRIMARY KEY,
    name text NOT NULL UNIQUE,
    keep interval NOT NULL
);
INSERT INTO audit.retention_class VALUES (1, 'short', '1 year'), (2, 'standard', '3 years'), (3, 'long', '7 years');

CREATE TABLE audit.log (
    log_id integer PRIMARY KEY,
    tenant_id text,                                     -- null: the platform's own log
    origin text NOT NULL UNIQUE,
    epoch integer NOT NULL CHECK (epoch >= 1),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'frozen', 'tombstoned')),
    retention_class smallint NOT NULL DEFAULT 2 REFERENCES audit.retention_class
);

CREATE TABLE audit.entry (
    retention_class smallint NOT NULL,
    entry_id uuid NOT NULL,                             -- version 7: sorts by time, and the month is in it
    log_id integer NOT NULL,
    tenant_id text,
    recorded_at timestamptz NOT NULL,
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    request_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('request', 'intent', 'result', 'denied', 'auth_failure', 'admin', 'prune',
                                       'erase', 'key', 'epoch', 'incident', 'export')),
    vertical text NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'machine', 'system')),
    actor_id text NOT NULL,
    action text NOT NULL CHECK (action <> ''),
    result text NOT NULL CHECK (result IN ('success', 'failure', 'denied', 'unknown')),
    subject text NOT NULL,
    data_categories text[] NOT NULL,
    body bytea NOT NULL CHECK (octet_length(body) <= 65535),  -- the exact leaf bytes; C2SP bundles count in 16 bits
    PRIMARY KEY (retention_class, entry_id)
) PARTITION BY LIST (retention_class);
CREATE INDEX entry_by_tenant ON audit.entry (tenant_id, entry_id);
CREATE INDEX entry_by_subject ON audit.entry (subject, entry_id) WHERE subject <> '';

CREATE TABLE audit.pending (
    log_id integer NOT NULL,
    recorded_at timestamptz NOT NULL,
    entry_id uuid NOT NULL,
    retention_class smallint NOT NULL,
    leaf_hash bytea NOT NULL,
    PRIMARY KEY (log_id, recorded_at, entry_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

CREATE TABLE audit.leaf (
    log_id integer NOT NULL REFERENCES audit.log,
    leaf_index bigint NOT NULL CHECK (leaf_index >= 0),
    leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
    entry_id uuid NOT NULL,
    retention_class smallint NOT NULL,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (log_id, leaf_index),
    UNIQUE (log_id, entry_id)
);
CREATE TABLE audit.tile (
    log_id integer NOT NULL REFERENCES audit.log,
    level smallint NOT NULL,
    idx bigint NOT NULL,
    data bytea NOT NULL CHECK (octet_length(data) = 8192),   -- full tiles only
    PRIMARY KEY (log_id, level, idx)
);
CREATE TABLE audit.head (
    log_id integer PRIMARY KEY REFERENCES audit.log,
    size bigint NOT NULL CHECK (size >= 0),
    frontier bytea[] NOT NULL CHECK (cardinality(frontier) <= 63),
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    sealed_at timestamptz NOT NULL
);
CREATE TABLE audit.tree_state (
    log_id integer NOT NULL REFERENCES audit.log,
    size bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    committed_at timestamptz NOT NULL,
    PRIMARY KEY (log_id, size)
);
CREATE TABLE audit.checkpoint (
    log_id integer NOT NULL REFERENCES audit.log,
    size bigint NOT NULL,
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    PRIMARY KEY (log_id, size)
);
CREATE TABLE audit.cosignature (
    log_id integer NOT NULL,
    size bigint NOT NULL,
    key_id text NOT NULL,
    line text NOT NULL,
    PRIMARY KEY (log_id, size, key_id),
    FOREIGN KEY (log_id, size) REFERENCES audit.checkpoint
);
CREATE TABLE audit.anchor (
    anchor_id uuid PRIMARY KEY,
    log_id integer NOT NULL,
    size bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('tsa', 'object_lock', 'email', 'witness')),
    state text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    token bytea,
    created_at timestamptz NOT NULL,
    settled_at timestamptz,
    FOREIGN KEY (log_id, size) REFERENCES audit.checkpoint
);
CREATE TABLE audit.quarantine (
    log_id integer NOT NULL,
    entry_id uuid NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (log_id, entry_id, reason)
);

-- Personal values live here only, under a key per subject; destroying the key erases them and leaves the log whole.
CREATE TABLE audit.subject_key (
    tenant_id text NOT NULL,
    subject_key_id uuid PRIMARY KEY,
    wrapped_dek bytea,
    destroyed_at timestamptz
);
CREATE TABLE audit.disclosure (
    tenant_id text NOT NULL,
    entry_id uuid NOT NULL,
    slot text NOT NULL,
    subject_key_id uuid NOT NULL REFERENCES audit.subject_key,
    nonce bytea NOT NULL,
    ct bytea NOT NULL,
    PRIMARY KEY (entry_id, slot)
);
CREATE TABLE audit.subject_index (
    tenant_id text NOT NULL,
    blind bytea NOT NULL,
    subject_key_id uuid NOT NULL REFERENCES audit.subject_key,
    PRIMARY KEY (tenant_id, blind)
);
