//! Knows the contracts of a catalog and checks configurations against them.

mod catalogs;
mod check;
mod choose;
mod compare;
mod contract;
mod decimal;
mod dto;
mod editor;
mod editor_range;
mod editor_value;
mod format;
mod property;
mod quote;
mod read;
mod reserved;
mod schema;
mod support;
mod v1;
mod version;
mod view;

pub use catalogs::{Catalogs, For};
pub use check::{Checked, CheckedOrigin, CheckedValue, Content, check};
pub use choose::{Chosen, Doubt};
pub use compare::{Change, Concern, What, concern, differences};
pub use contract::{Contract, NotDeployable};
pub use editor::manifest_schema;
pub use property::Property;
pub use read::{Catalog, CatalogError, CatalogErrorKind};
pub use support::{Fit, Support};
pub use view::{CatalogView, ContractRow, ContractView, KeyView, list, show};
