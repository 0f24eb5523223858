//! Lays what platforms keep of the instances they have us manage over what the source wants.

mod adopt;
mod away;
mod edit;
mod find;
mod memory;
mod name;
mod overlay;
mod people;
mod removal;
mod spec;
mod state;
#[cfg(test)]
mod tests;
mod types;

pub use find::known_ids;
pub use memory::{Memory, Remembered};
pub use name::platform_name;
pub use overlay::{Conditions, Given, Overlaid, overlay};
pub use removal::{Gone, removals};
pub use types::{Away, Listed, ListedValue, Listing, Requested, Site, UiControl, UiInstances, Unreadable};
