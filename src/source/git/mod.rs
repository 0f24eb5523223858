//! A git repository as a source: fetched into a bare mirror by a child process, and read from its object store.
//!
//! ```text
//! GitSource --job as JSON on stdin--> child: connect, download, read blobs --reply and blobs on stdout--> Snapshot
//! ```
//!
//! libgit2 is C and can hang, so it runs only in the child, which is killed at the deadline and ends when its parent does.

mod blame;
mod checkout;
mod child;
mod known_hosts;
mod local;
mod mirror;
mod process;
mod publish;
mod remote;
mod settings;
mod source;
mod tree;
mod url;
mod wire;

pub use checkout::Checkout;
pub use child::fetch_child_main;
pub(super) use process::{BLAME_PATIENCE, Folder, blame_folder};
pub use settings::{GitAuth, GitConfig, SshKey};
pub use source::GitSource;
pub(super) use url::is_loopback;
