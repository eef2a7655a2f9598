//! The server as its callers meet it: every test here goes through the whole router, against a real
//! Postgres with a database of its own.

mod access;
mod accounts;
mod any_input;
mod app;
mod authenticator;
mod bad_input;
mod caregivers;
mod compact;
mod concurrency;
mod conflict;
mod demo;
mod devices;
mod docs;
mod exchange;
mod export;
mod far_end;
mod gate;
mod guests;
mod hints;
mod history;
mod inspect;
mod invites;
mod leases;
mod leaving;
mod logs;
mod metrics;
mod passkeys;
mod password;
mod pull;
mod push;
mod scale;
mod schema;
mod sign_up;
mod snapshot;
mod status;
