-- Guests: access that ends by itself. Nothing has to happen for it to end: whoever asks who may do what
-- asks `access_now`. The row stays for a while, for the summary and for what the guest could not send.
alter table baby_access
    -- The end; null for access that lasts.
    add column until timestamptz,
    -- A baby always has an owner, so no owner's time runs out.
    add constraint baby_access_until check (until is null or level <> 'owner');

-- Who has access at this very moment. The clock and not the transaction's beginning decides: a push that
-- waited for a lock while the access ended is looked at once more, and must find it gone.
create view access_now as
select baby_id, user_id, level, label, granted_at, until
from baby_access
where until is null or until > clock_timestamp();

-- Invited for so many hours, counted from the acceptance; null for good.
alter table invites
    add column hours smallint,
    add constraint invites_hours check (hours is null or (hours between 1 and 12 and level = 'editor'));

-- What a guest's device could not send in time, until an owner says yes or no. Nothing of it is in the log.
create table guest_tray (
    baby_id     uuid        not null,
    mutation_id uuid        not null,
    user_id     uuid        not null,
    client_id   uuid        not null,
    entity_id   uuid        not null,
    -- The device's own number: the order in which things were done.
    seq         bigint      not null,
    -- The mutation as it was sent.
    body        text        not null,
    received_at timestamptz not null default now(),
    decided_by  uuid,
    decided_at  timestamptz,
    kept        boolean     not null default false,
    constraint guest_tray_pkey primary key (baby_id, mutation_id),
    constraint guest_tray_decided check ((decided_by is null) = (decided_at is null))
);
