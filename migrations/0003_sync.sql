-- What a baby's caregivers recorded, and the log of how it came to be.

-- Every recorded thing of every registered type. `data` holds the fields by their wire names; the
-- server adds one readable view per type (feed_log, sleep_log and so on), made from the registry,
-- so a new type needs no migration.
create table entity (
    baby_id     uuid        not null,
    id          uuid        not null,
    entity_type text        not null,
    data        jsonb       not null,
    -- By field group, the last change: its clock reading, its mutation and its version.
    groups      jsonb       not null,
    -- The baby's version (sync_events.id) at which the row last changed.
    row_version bigint      not null,
    -- When it happened, out of data, for queries by time; null for what does not happen (a baby).
    started_at  timestamptz,
    -- A deleted row stays as a tombstone, so that a late edit finds what it lost to.
    deleted_at  timestamptz,
    created_by  uuid        not null,
    created_at  timestamptz not null,
    updated_by  uuid        not null,
    updated_at  timestamptz not null,
    constraint entity_pkey primary key (baby_id, id)
);
create index entity_started_idx on entity (baby_id, started_at) where deleted_at is null;

-- The log. `id` is the baby's own version: 1, 2, 3 without gaps, in commit order. `payload` is the
-- whole row after the change, as the JSON text that is sent.
create table sync_events (
    baby_id        uuid         not null,
    id             bigint       not null,
    entity_type    text         not null,
    entity_id      uuid         not null,
    op             sync_op_enum not null,
    payload        text         not null,
    schema_version integer      not null default 1,
    actor_id       uuid         not null,
    client_id      uuid         not null,
    mutation_id    uuid         not null,
    created_at     timestamptz  not null,
    constraint sync_events_pkey primary key (baby_id, id)
);
-- The history of one thing.
create index sync_events_entity_idx on sync_events (baby_id, entity_id, id);

-- The memory of what was already judged: the same mutation again gets the same answer.
create table sync_mutation (
    baby_id     uuid        not null,
    mutation_id uuid        not null,
    client_id   uuid        not null,
    seq         bigint,
    -- The same id with another body is another intent, and is refused.
    body_sha256 bytea       not null,
    status      text        not null,
    -- The verdict as JSON.
    result      text        not null,
    event_id    bigint,
    created_at  timestamptz not null,
    constraint sync_mutation_pkey primary key (baby_id, mutation_id)
);

-- One device's store as the server last heard of it.
create table sync_client (
    baby_id    uuid        not null,
    client_id  uuid        not null,
    user_id    uuid        not null,
    last_seq   bigint      not null default 0,
    -- Verdicts up to this seq are kept by the device, so the memory of them may go.
    acked_seq  bigint      not null default 0,
    cursor     bigint      not null default 0,
    app_schema integer     not null default 1,
    seen_at    timestamptz not null,
    constraint sync_client_pkey primary key (baby_id, client_id)
);
create index sync_client_user_idx on sync_client (baby_id, user_id, seen_at);
