//! Asks an engine which version of its API it speaks.

use bollard::ClientVersion;
use hyper::{Request, client::conn::http1, header::HOST};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, UnixStream},
};

/// In the head of every answer of Docker: the newest version that it speaks.
const VERSION_HEADER: &str = "api-version";

/// The newest version that the engine at an address speaks, by the head of its answer to a ping: for `/version`, Docker
/// starts programs to ask them for theirs, which takes longer than a list of a hundred containers.
///
/// None where the head does not say, as behind some proxies, and where the engine can't be asked: `/version` then says it,
/// or why not.
pub(super) async fn newest(host: &str) -> Option<ClientVersion> {
    match ping(host).await {
        Ok(version) => version.as_deref().and_then(parse),
        Err(error) => {
            tracing::debug!(host, error, "the engine does not answer a ping");
            None
        }
    }
}

async fn ping(host: &str) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
    match host.split_once("://") {
        Some(("unix", path)) => head(UnixStream::connect(path).await?).await,
        Some((_, authority)) => head(TcpStream::connect(authority.trim_end_matches('/')).await?).await,
        None => Ok(None),
    }
}

async fn head<S>(stream: S) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let served = tokio::spawn(connection);
    let answer = sender.send_request(Request::get("/_ping").header(HOST, "docker").body(String::new())?).await;
    served.abort();
    let version = answer?.headers().get(VERSION_HEADER).cloned();
    Ok(version.map(|version| version.to_str().map(ToOwned::to_owned)).transpose()?)
}

fn parse(version: &str) -> Option<ClientVersion> {
    let (major, minor) = version.split_once('.')?;
    Some(ClientVersion { major_version: major.parse().ok()?, minor_version: minor.parse().ok()? })
}
