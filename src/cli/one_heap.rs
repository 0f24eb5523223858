//! Has a command that runs for months begin with one heap for all its threads.

use std::{os::unix::process::CommandExt as _, process::Command};

/// Where the C library is told how to give out memory; it looks there only before a program begins.
const VARIABLE: &str = "GLIBC_TUNABLES";
/// One heap, where each thread would have one and most of it would lie idle; and what is free goes back at once, not
/// only above the largest piece that ever was: measured at a third of the memory less.
const VALUE: &str = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072";

/// Begins this program anew as the same process, with the same arguments, before it has done anything; returns where that
/// was done already, or the operator has told the C library something of their own. Another C library takes no notice.
///
/// # Errors
/// Where it can't begin anew: it can go on as it is.
#[expect(clippy::disallowed_methods, reason = "what the C library was told stands in the environment alone")]
pub(super) fn begin_with_one_heap() -> std::io::Result<()> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok(());
    }
    let mut arguments = std::env::args_os();
    let mut again = Command::new(std::env::current_exe()?);
    again.env(VARIABLE, VALUE);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    Err(again.args(arguments).exec())
}
