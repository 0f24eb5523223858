//! One module a command; its doc comment is its help.

mod adopt;
mod apply;
mod apply_saved;
mod catalog;
mod catalog_diff;
mod catalog_pull;
mod completions;
mod doctor;
mod doctor_openaev;
mod doctor_opencti;
mod export;
mod import;
mod import_env_file;
mod import_platform;
mod init;
mod logs;
mod observe;
mod plan;
mod platform;
mod run;
mod schema;
mod secret;
mod show;
mod status;
mod validate;
mod why;

use std::future::Future;

use super::{Cli, CliError, Exit, Global, LogFormat, one_heap};
use crate::telemetry::{self, Scrubber};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Init(init::Init),
    Validate(validate::Validate),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Show(show::Show),
    Adopt(adopt::Adopt),
    Run(run::Run),
    Status(status::Status),
    Logs(logs::Logs),
    Why(why::Why),
    Observe(observe::Observe),
    #[command(subcommand)]
    Secret(secret::Secret),
    #[command(subcommand)]
    Catalog(catalog::Catalog),
    #[command(subcommand)]
    Import(import::Import),
    #[command(subcommand)]
    Platform(platform::Platform),
    #[command(subcommand)]
    Export(export::Export),
    Schema(schema::Schema),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
}

/// What every command gets.
pub(super) struct Session {
    /// The options of every command.
    pub global: Global,
    /// Knows every secret that is read, so that none is logged.
    pub scrubber: Scrubber,
}

/// Runs a command.
///
/// # Errors
/// Whatever kept it from doing its work.
pub(super) fn run(cli: Cli) -> Result<Exit, CliError> {
    let quiet = !matches!(cli.command, Command::Run(_));
    let one_heap = if quiet { Ok(()) } else { one_heap::begin_with_one_heap() };
    let scrubber = Scrubber::default();
    let filter = cli.global.log.clone().unwrap_or_else(|| if quiet { "error" } else { "info" }.to_owned());
    let format = match cli.global.log_format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    };
    telemetry::init(format, &filter, scrubber.clone())
        .map_err(|error| CliError::new(Exit::Usage, telemetry::chain(&error)).with_help("see `--log` in the help"))?;
    telemetry::install_panic_hook();
    if let Err(error) = one_heap {
        tracing::info!(%error, "threads have heaps of their own, which takes more memory");
    }
    let session = Session { global: cli.global, scrubber };
    match cli.command {
        Command::Init(command) => command.run(&session),
        Command::Validate(command) => block_on(command.run(&session)),
        Command::Plan(command) => block_on(command.run(&session)),
        Command::Adopt(command) => block_on(command.run(&session)),
        Command::Apply(command) => block_on(command.run(&session)),
        Command::Show(command) => command.run(&session),
        Command::Run(command) => block_on(command.run(&session)),
        Command::Status(command) => block_on(command.run(&session)),
        Command::Observe(command) => block_on(command.run(&session)),
        Command::Logs(command) => block_on(command.run(&session)),
        Command::Why(command) => command.run(&session),
        Command::Secret(command) => command.run(&session),
        Command::Catalog(command) => block_on(command.run(&session)),
        Command::Import(command) => block_on(command.run(&session)),
        Command::Platform(command) => command.run(),
        Command::Export(command) => block_on(command.run(&session)),
        Command::Schema(command) => block_on(command.run(&session)),
        Command::Doctor(command) => block_on(command.run(&session)),
        Command::Completions(command) => command.run(),
    }
}

fn block_on(work: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::new(Exit::Internal, format!("failed to start the runtime: {error}")))?;
    let outcome = runtime.block_on(work);
    // Whatever still runs in the background, such as a file watcher, must not keep the process.
    runtime.shutdown_background();
    outcome
}
