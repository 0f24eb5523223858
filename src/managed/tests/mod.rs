//! What a manifest and a listing make together, case by case.

mod edits;
mod found;
mod gone;
mod listing;
mod people;
mod states;
mod told;
mod unreadable;
mod world;
