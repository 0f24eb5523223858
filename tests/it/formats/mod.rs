//! Plans and findings in every format.

mod command;
mod golden;
mod hostile;
mod laws;
mod renamed;
mod sample;
