//! Instances that a platform has the real binary manage.

mod people;
mod source;
mod support;
