//! Decisions as tables, and the laws that hold for every plan.

mod drift;
mod gate;
mod laws;
mod steps;
mod world;
