//! Sets up who takes log events, for the whole process.

use std::{io, io::Write, panic};

use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::{SubscriberInitExt, TryInitError},
};

use super::{Scrubber, writer::ScrubbingMaker};

/// What a log line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The filter is none.
    #[error("`{filter}` is not a log filter, such as `info` or `warn,lockstep=debug`")]
    Filter {
        /// What was given.
        filter: String,
        /// Why it is none.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// It was set up before.
    #[error("failed to set up logging")]
    Twice(#[from] TryInitError),
}

/// What libraries say as errors that our own errors say too, with where and what to do.
const QUIET: &str = "rustls_platform_verifier=off";

/// Sends the events of this process that pass `filter` to standard error, scrubbed, and panics with them.
///
/// `filter` is a level (`info`) or a list of them for targets (`warn,lockstep=debug`).
///
/// # Errors
/// The filter is none, or this was called before.
pub fn init(format: Format, filter: &str, scrubber: Scrubber) -> Result<(), InitError> {
    subscriber(format, filter, scrubber, io::stderr)?.try_init()?;
    install_panic_hook();
    Ok(())
}

/// Makes panics say where they happened and nothing else: their message may quote what must not be shown.
pub fn install_panic_hook() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(location, "internal error");
        } else {
            // Where standard error is closed, nobody is left to be told that.
            writeln!(io::stderr(), "internal error at {location}").ok();
        }
    }));
}

/// What `init` sets, with another place for the lines to go.
pub(super) fn subscriber<M>(
    format: Format,
    filter: &str,
    scrubber: Scrubber,
    inner: M,
) -> Result<impl Subscriber + Send + Sync, InitError>
where
    M: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let levels = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .map_err(|source| InitError::Filter { filter: filter.to_owned(), source })?;
    // Where a line can't be written, the layer would say so on standard error, and panic where that is what is closed or full.
    let lines = fmt::layer().log_internal_errors(false);
    let lines = lines.with_writer(ScrubbingMaker { inner, format, scrubber }).with_ansi(false);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    Ok(Registry::default().with(lines.with_filter(levels)))
}
