//! Plans and findings in every format.

mod bounds;
mod command;
mod golden;
mod hostile;
mod laws;
mod public;
mod renamed;
mod sample;
mod told;
