-- A baby, who may see it, and its one line of history.
-- Every key and unique index of a baby's tables begins with baby_id, no foreign key leaves the
-- baby, and there is no global sequence: the tables can be split by baby over many machines.

create type access_level as enum ('viewer', 'editor', 'owner');
-- What a change did to its row. Undoing a delete writes the row again, hence no fourth word.
create type sync_op_enum as enum ('create', 'update', 'delete');

-- The head of a baby's history: one narrow row, locked by each push until it commits. That lock is
-- what makes event ids gapless and their order the order of commits.
create table sync_head (
    baby_id   uuid    not null,
    version   bigint  not null default 0,
    -- Events at or below the floor may be gone; a cursor below it must start over.
    floor     bigint  not null default 0,
    -- Sum over the live rows of hash(id, row version) modulo 2^64, kept as the signed twin.
    checksum  bigint  not null default 0,
    live_rows bigint  not null default 0,
    -- Changes when history is replaced (a restored backup): cursors of another epoch mean nothing.
    epoch     uuid    not null,
    constraint sync_head_pkey primary key (baby_id),
    constraint sync_head_bounds check (floor >= 0 and version >= floor and live_rows >= 0)
) with (fillfactor = 50);

-- Who may do what. A removal deletes the row, so that the next statement already finds nothing.
create table baby_access (
    baby_id    uuid         not null,
    user_id    uuid         not null,
    level      access_level not null,
    -- What the family calls this caregiver: "Grandma".
    label      text,
    granted_at timestamptz  not null default now(),
    constraint baby_access_pkey primary key (baby_id, user_id)
);

-- The same facts by person, written in the same transaction: "which babies are mine".
create table user_baby (
    user_id uuid not null,
    baby_id uuid not null,
    constraint user_baby_pkey primary key (user_id, baby_id)
);

-- An invitation by a code that a person can read aloud. Only a slow salted hash of it is kept.
create table invites (
    baby_id    uuid         not null,
    id         uuid         not null,
    code_hash  bytea        not null,
    level      access_level not null,
    label      text,
    created_by uuid         not null,
    created_at timestamptz  not null default now(),
    expires_at timestamptz  not null,
    used_by    uuid,
    used_at    timestamptz,
    revoked_at timestamptz,
    constraint invites_pkey primary key (baby_id, id),
    constraint invites_level check (level in ('viewer', 'editor')),
    constraint invites_used check ((used_by is null) = (used_at is null))
);
-- Looked up by hash across babies; not unique, so it may be split like the table.
create index invites_code_idx on invites (code_hash);
