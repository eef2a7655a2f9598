-- Another caregiver's entry that looks like the same happening, noted when this one was created. It
-- is advice: people decide, and the other entry may be gone by then.
alter table entity add column possible_duplicate_of uuid;
