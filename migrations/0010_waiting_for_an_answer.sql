-- Whether somebody still waits for an owner's answer is asked with each of their lists of babies.
create index invites_asked_idx on invites (asked_by) where asked_by is not null;
