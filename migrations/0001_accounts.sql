-- Accounts: who a person is, and what proves it. Nothing here belongs to a baby.
-- Every constraint has a name, because the server turns some of them into the person's sentence.

create table users (
    id            uuid        not null,
    -- Lower-cased by the server; the only place an address is kept.
    email         text        not null,
    display_name  text        not null,
    -- A PHC string: algorithm, cost and salt travel with the hash.
    password_hash text        not null,
    created_at    timestamptz not null default now(),
    constraint users_pkey primary key (id),
    constraint users_email_key unique (email),
    constraint users_email_lower check (email = lower(email))
);

-- One row for each signed-in device. The cookie holds 256 random bits; only their SHA-256 is kept,
-- so a copy of this table opens nothing.
create table sessions (
    id_hash      bytea       not null,
    user_id      uuid        not null,
    created_at   timestamptz not null default now(),
    -- Touched at most once an hour: a poll every five seconds must not be a write every five seconds.
    last_seen_at timestamptz not null default now(),
    constraint sessions_pkey primary key (id_hash),
    constraint sessions_user_fkey foreign key (user_id) references users (id) on delete cascade
);
create index sessions_user_idx on sessions (user_id);

-- Failed attempts by account, by address and by invite guesser, shared by all server processes.
-- `key` is a hash: neither addresses nor e-mails are readable here.
create table throttle (
    scope         text        not null,
    key           bytea       not null,
    failures      integer     not null,
    blocked_until timestamptz not null,
    updated_at    timestamptz not null default now(),
    constraint throttle_pkey primary key (scope, key)
);

-- Random values the server makes for itself once, such as the salt of invite codes.
create table server_secret (
    name  text  not null,
    value bytea not null,
    constraint server_secret_pkey primary key (name)
);
