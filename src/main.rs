//! The `lockstep` command.

use std::process::ExitCode;

/// Most of the work is many short texts and small trees, which this gives out and takes back faster than the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "internal-git-fetch") {
        return lockstep::source::fetch_child_main();
    }
    lockstep::cli::main()
}
