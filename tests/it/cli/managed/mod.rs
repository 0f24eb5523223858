//! Instances that a platform has the real binary manage.

mod accounts;
mod canary;
mod keys;
mod lists;
mod lost;
mod people;
mod source;
pub(super) mod support;
