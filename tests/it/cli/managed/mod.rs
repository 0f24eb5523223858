//! Instances that a platform has the real binary manage.

mod canary;
mod people;
mod source;
mod support;
