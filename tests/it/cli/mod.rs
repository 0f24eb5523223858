//! The real binary on the real Docker Engine, end to end.

mod apply;
mod canary;
mod environment;
mod exits;
mod guards;
mod held;
mod managed;
mod openaev;
mod openaev_managed;
mod options;
mod platform;
mod run;
mod running;
