-- A password that an operator made for somebody opens nothing but the choice of another one, and that until
-- this moment. Null for a password that its person chose.
alter table users add column password_reset_until timestamptz;
