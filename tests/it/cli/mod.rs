//! The real binary on the real Docker Engine, end to end.

mod apply;
mod canary;
mod catalogs;
mod connection;
mod environment;
mod exits;
mod guards;
mod healthy;
mod held;
mod options;
mod platform;
mod run;
mod running;
