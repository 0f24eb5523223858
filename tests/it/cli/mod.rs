//! The real binary on the real Docker Engine, end to end.

mod adopt;
mod against;
mod apply;
mod canary;
mod catalogs;
mod connection;
mod cost;
mod drift;
mod drift_fields;
mod environment;
mod exits;
mod guards;
mod healthy;
mod held;
mod managed;
mod manager;
mod openaev;
mod openaev_catalog;
mod openaev_managed;
mod options;
mod platform;
mod run;
mod running;
mod saved;
mod snapshot;
mod why;
