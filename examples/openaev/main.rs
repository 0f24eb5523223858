//! A small stand-in of OpenAEV for people and for tests: it keeps everything in memory.

#[path = "server.rs"]
mod server;

use std::{error::Error, net::SocketAddr, path::PathBuf};

use clap::Parser;
use tokio::net::TcpListener;

/// A small stand-in of OpenAEV: its collectors, injectors, executors and managed instances, in memory.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A token that is taken; may be given several times.
    #[arg(long, required = true)]
    token: Vec<String>,
    /// What the tokens allow; may be given several times.
    #[arg(long, default_values = ["DELETE_TENANT_SETTINGS", "MANAGE_ASSETS"])]
    capability: Vec<String>,
    /// The version it says it has.
    #[arg(long, default_value = "3.260901.0")]
    platform_version: String,
    /// Speak like an older release, which names the time of a sign of life after the kind of connector, gives no reason
    /// where it does not know a manager, and removes instances that run.
    #[arg(long)]
    older: bool,
    /// The only tenant it has; left out, it takes any.
    #[arg(long)]
    tenant: Option<String>,
    /// Refuse what needs the enterprise licence.
    #[arg(long)]
    without_licence: bool,
    /// A file with the catalog that it publishes.
    #[arg(long)]
    catalog: Option<PathBuf>,
    /// A file to write the port to once it is open.
    #[arg(long)]
    port_file: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let catalog = match &arguments.catalog {
        Some(path) => serde_json::from_slice(&tokio::fs::read(path).await?)?,
        None => serde_json::json!({ "contracts": [] }),
    };
    let listener = TcpListener::bind(arguments.listen).await?;
    let address = listener.local_addr()?;
    if let Some(file) = arguments.port_file {
        // Moved into place, so that nobody reads half a port.
        let unfinished = file.with_extension("unfinished");
        tokio::fs::write(&unfinished, format!("{}\n", address.port())).await?;
        tokio::fs::rename(&unfinished, &file).await?;
    }
    say(&format!("a stand-in of OpenAEV {} is ready at http://{address}", arguments.platform_version));
    let options = server::Options {
        tokens: arguments.token,
        capabilities: arguments.capability,
        version: arguments.platform_version,
        older: arguments.older,
        tenant: arguments.tenant,
        licence: !arguments.without_licence,
        catalog,
    };
    server::serve(listener, options).await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the one line that says that it is ready")]
fn say(line: &str) {
    println!("{line}");
}
