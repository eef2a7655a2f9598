-- Invitations by link beside those by code. A link carries 256 random bits, which nobody can search,
-- so `code_hash` holds their plain SHA-256; of a code it holds the slow salted hash as before.

alter table invites add column kind text not null default 'code';
alter table invites add constraint invites_kind check (kind in ('code', 'link'));

-- Who asked to be let in by a link that had run out: the first to ask, until an owner answers. Yes uses
-- the invitation, no takes it back.
alter table invites add column asked_by uuid;
alter table invites add constraint invites_asked check (asked_by is null or kind = 'link');
