-- What a person sees of their signed-in devices: enough to know each one again, and a name to end its
-- session by that opens nothing.
alter table sessions
    add column id      uuid not null default gen_random_uuid(),
    -- Out of what the browser said of itself at the sign-in; null for what is not known by name.
    add column browser text,
    add column system  text,
    add constraint sessions_id_key unique (id);

-- The session by which a store was last seen, so that the list can say when a device synced. No
-- reference: sessions belong to people, and come and go.
alter table sync_client
    add column session_id uuid;
