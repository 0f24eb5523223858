//! The `lockstep` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == "internal-git-fetch") {
        return lockstep::source::fetch_child_main();
    }
    lockstep::cli::main()
}
