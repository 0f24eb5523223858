//! A small stand-in of OpenCTI for the quickstart and for tests: it keeps everything in memory.

#[path = "server.rs"]
mod server;

use std::{error::Error, net::SocketAddr, path::PathBuf};

use clap::Parser;
use tokio::net::TcpListener;

/// A small stand-in of OpenCTI: its connectors, in memory.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A token that is taken; may be given several times.
    #[arg(long, required = true)]
    token: Vec<String>,
    /// What the tokens allow; may be given several times.
    #[arg(long, default_values = ["CONNECTORAPI", "MODULES_MODMANAGE"])]
    capability: Vec<String>,
    /// The version it says it has.
    #[arg(long, default_value = "7.260901.0")]
    platform_version: String,
    /// Speak like an older release, which keeps no signs of life apart from changes.
    #[arg(long)]
    older: bool,
    /// Have no enterprise licence, so that it has nobody manage its connectors.
    #[arg(long)]
    without_licence: bool,
    /// Have no default group for the accounts of connectors, so that it makes none.
    #[arg(long)]
    without_ingestion_group: bool,
    /// Keeps only the first of several texts for one value, as some older releases do.
    #[arg(long)]
    first_texts: bool,
    /// The version of the envelopes in which it hands secrets to its manager; without it, that of its release.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=2))]
    envelope: Option<u8>,
    /// A catalog of connectors, as they are published; may be given several times.
    #[arg(long, value_name = "FILE")]
    catalog: Vec<PathBuf>,
    /// A file to write the port to once it is open.
    #[arg(long)]
    port_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen).await?;
    let address = listener.local_addr()?;
    if let Some(file) = arguments.port_file {
        // Moved into place, so that nobody reads half a port.
        let unfinished = file.with_extension("unfinished");
        tokio::fs::write(&unfinished, format!("{}\n", address.port())).await?;
        tokio::fs::rename(&unfinished, &file).await?;
    }
    let mut catalogs = Vec::new();
    for file in &arguments.catalog {
        catalogs.push(serde_json::from_slice(&tokio::fs::read(file).await?)?);
    }
    say(&format!("a stand-in of OpenCTI {} is ready at http://{address}", arguments.platform_version));
    let options = server::Options {
        tokens: arguments.token,
        capabilities: arguments.capability,
        version: arguments.platform_version,
        older: arguments.older,
        licence: !arguments.without_licence,
        envelope: arguments.envelope,
        catalogs,
        ingestion_group: !arguments.without_ingestion_group,
        first_texts: arguments.first_texts,
    };
    server::serve(listener, options).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the one line that says that it is ready")]
fn say(line: &str) {
    println!("{line}");
}
