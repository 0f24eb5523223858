//! What `lockstep init` writes for editors and CI works: it is what their schemas say, its shell is sound, its commands
//! exist and run.

mod files;
mod jobs;
mod support;
