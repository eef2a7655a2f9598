-- Passkeys: keys on a person's own devices, which prove who they are beside the password. Only the
-- public half is here, so a copy of this table opens nothing.

create table passkeys (
    id            uuid        not null default gen_random_uuid(),
    user_id       uuid        not null,
    -- By which the device that holds the other half names it.
    credential_id bytea       not null,
    -- Public key, counter and backup state, in the form of the library that reads them.
    credential    jsonb       not null,
    -- By which the person knows it again.
    label         text        not null,
    created_at    timestamptz not null default now(),
    last_used_at  timestamptz,
    constraint passkeys_pkey primary key (id),
    constraint passkeys_credential_key unique (credential_id),
    constraint passkeys_user_fkey foreign key (user_id) references users (id) on delete cascade
);
create index passkeys_user_idx on passkeys (user_id);

-- What the server asked of a browser and waits for: read once, and worth nothing after five minutes.
create table passkey_ceremonies (
    id           uuid        not null default gen_random_uuid(),
    -- The session that is making a passkey, and ends with it; none for a sign-in.
    session_hash bytea,
    state        jsonb       not null,
    created_at   timestamptz not null default now(),
    constraint passkey_ceremonies_pkey primary key (id),
    constraint passkey_ceremonies_session_fkey foreign key (session_hash) references sessions (id_hash) on delete cascade
);
create index passkey_ceremonies_session_idx on passkey_ceremonies (session_hash);
