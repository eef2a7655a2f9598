//! The small parts that screens are made of: signals in, callbacks out, no data of their own.

pub(crate) mod amount_field;
pub(crate) mod choice;
pub(crate) mod choices;
pub(crate) mod confirm;
pub(crate) mod icon;
pub(crate) mod in_turn;
pub(crate) mod notes_field;
pub(crate) mod pass_on;
pub(crate) mod qr;
pub(crate) mod retry;
pub(crate) mod scanner;
pub(crate) mod sheet;
pub(crate) mod stepper;
pub(crate) mod text_field;
pub(crate) mod time_field;
