//! Turns wanted instances into files of other tools, and says what those have no word for.
//!
//! No secret is opened: each becomes a reference to something that whoever uses the file has to give.

mod compose;
mod kubernetes;
mod kubernetes_pod;
mod types;
mod yaml;

pub use compose::compose;
pub use kubernetes::kubernetes;
pub use types::{Blank, Cluster, Exported, Lost};
