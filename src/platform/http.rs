//! Sends one HTTP request to a platform and reads its answer, every wait and every read bounded.

use std::{error::Error, fmt, io, time::Duration};

use futures_util::StreamExt as _;
use jiff::fmt::rfc2822;
use reqwest::{
    Certificate, Client, Method, Proxy, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{Failure, words};
use crate::model::{Credential, PlatformName};

/// The longest answer that is read, in bytes: thousands of connectors fit.
const LIMIT: usize = 16 << 20;
/// The longest text of an error that is kept, in characters.
const TEXT: usize = 300;
/// The HTTP library's words where a proxy answers the request for a tunnel with HTTP 407.
const TUNNEL_REFUSED: &str = "tunnel error: proxy authorization required";
/// The longest time a platform can make us wait: it forgets by then how its connectors are.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Where a platform is and how it is reached.
pub struct HttpConfig {
    /// Its key in the settings.
    pub name: PlatformName,
    /// Its address, to which the paths of its interface are added.
    pub url: Url,
    /// The token of Lockstep's own user.
    pub token: Credential,
    /// Certificates in PEM of the authorities that are trusted; none means those of the system.
    pub ca: Option<Vec<u8>>,
    /// The proxy that requests go through; those of the environment are not used.
    pub proxy: Option<Url>,
    /// Deadline of one request.
    pub timeout: Duration,
    /// Deadline of the connection within it.
    pub connect_timeout: Duration,
}

impl fmt::Debug for HttpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The proxy's URL may hold credentials.
        f.debug_struct("HttpConfig").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The way to one platform.
pub(super) struct Http {
    client: Client,
    base: Url,
    token: Credential,
    timeout: Duration,
}

/// An answer that says neither that the token is unknown nor that the platform fails.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    /// What it calls itself, bounded and escaped.
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
    /// By how many milliseconds the platform's clock is ahead.
    pub(super) clock_ahead: i64,
    token: SecretString,
}

impl Reply {
    /// Words of the other side, which might repeat what we sent.
    pub(super) fn scrubbed(&self, text: &str) -> String {
        scrubbed(text, &self.token)
    }
}

impl Http {
    pub(super) fn new(config: HttpConfig) -> Result<Self, Failure> {
        let base = base(&config.url)?;
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let mut builder = Client::builder()
            .default_headers(headers)
            .user_agent(concat!("lockstep/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(config.connect_timeout)
            .pool_idle_timeout(Duration::from_secs(20));
        if let Some(proxy) = config.proxy {
            let proxy = Proxy::all(proxy).map_err(|error| settings("`proxy` can't be used", error))?;
            builder = builder.proxy(proxy);
        }
        if let Some(pem) = config.ca {
            let certificates =
                Certificate::from_pem_bundle(&pem).map_err(|error| settings("`ca` can't be read", error))?;
            if certificates.is_empty() {
                return Err(Failure::Settings("`ca` holds no certificate in PEM".to_owned()));
            }
            builder = builder.tls_certs_only(certificates);
        } else if base.scheme() == "http" {
            // A machine without any trusted authority can still talk to a platform without TLS.
            builder = builder.tls_certs_only([]);
        }
        let client = builder.build().map_err(|error| settings("no HTTP client can be made", error))?;
        Ok(Self { client, base, token: config.token, timeout: config.timeout })
    }

    /// A request for a path below the platform's address, given by its segments.
    pub(super) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.client.request(method, url)
    }

    /// Sends a request with the token that is there now; the deadline is the platform's usual one, or longer where `longer` says so.
    pub(super) async fn send(&self, request: RequestBuilder, longer: Option<Duration>) -> Result<Reply, Failure> {
        let deadline = longer.unwrap_or_default().max(self.timeout);
        let token = self.token.read().map_err(Failure::NoToken)?;
        let sent = request.header(AUTHORIZATION, bearer(&token)?).timeout(deadline).send().await;
        let response = sent.map_err(|error| transport(error, deadline, &token))?;
        if let Some(failure) = of_status(&response) {
            return Err(failure);
        }
        let status = response.status();
        let clock_ahead = clock_ahead(response.headers());
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = words(content_type.unwrap_or("no content type"), 80);
        let body = read(response, deadline, &token).await?;
        Ok(Reply { status, content_type, body, clock_ahead, token })
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Failure> {
    let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Failure::NoToken("it has characters that no token has".to_owned()))?;
    authorization.set_sensitive(true);
    Ok(authorization)
}

async fn read(response: Response, deadline: Duration, token: &SecretString) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| transport(error, deadline, token))?;
        if bytes.len() + chunk.len() > LIMIT {
            return Err(Failure::TooLarge { limit: LIMIT });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn transport(error: reqwest::Error, deadline: Duration, token: &SecretString) -> Failure {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let mut why = String::new();
    let mut tls = false;
    let mut cause: Option<&(dyn Error + 'static)> = error.source();
    while let Some(error) = cause {
        tls |= error.downcast_ref::<io::Error>().is_some_and(is_of_tls);
        why = error.to_string();
        cause = error.source();
    }
    if why == TUNNEL_REFUSED {
        return Failure::ProxyRefused;
    }
    let why = scrubbed(if why.is_empty() { "the connection broke" } else { &why }, token);
    if timed_out {
        Failure::Timeout(deadline)
    } else if tls {
        Failure::Tls(why)
    } else {
        Failure::Unreachable(why)
    }
}

fn scrubbed(text: &str, token: &SecretString) -> String {
    let token = token.expose_secret();
    let scrubbed = if token.is_empty() { text.to_owned() } else { text.replace(token, "(token)") };
    words(&scrubbed, TEXT)
}

/// Whether the TLS library is behind an error: it reports what it rejects as invalid data, which others wrap once more.
fn is_of_tls(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
        || error.get_ref().and_then(|inner| inner.downcast_ref::<io::Error>()).is_some_and(is_of_tls)
}

fn settings(what: &str, error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let why = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    Failure::Settings(format!("{what}: {}", words(&why, TEXT)))
}

fn base(url: &Url) -> Result<Url, Failure> {
    let bad = |why: &str| Err(Failure::Settings(why.to_owned()));
    if !matches!(url.scheme(), "http" | "https") {
        return bad("the URL must begin with `http://` or `https://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return bad("the URL must not hold credentials");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return bad("the URL must have no query and no fragment");
    }
    Ok(url.clone())
}

fn of_status(response: &Response) -> Option<Failure> {
    let status = response.status();
    match status {
        StatusCode::UNAUTHORIZED => Some(Failure::Unauthorized(format!("HTTP {status}"))),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => Some(Failure::ProxyRefused),
        StatusCode::TOO_MANY_REQUESTS => Some(Failure::RateLimited { retry_after: retry_after(response.headers()) }),
        status if status.is_redirection() => Some(Failure::Redirected { status: status.as_u16() }),
        status if status.is_server_error() => Some(Failure::Server { status: status.as_u16() }),
        _ => None,
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(until.duration_since(jiff::Timestamp::now())).ok()?
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// By how much the clock of the answer's `Date` is ahead of ours, in milliseconds; zero for less than a network's delay.
fn clock_ahead(headers: &HeaderMap) -> i64 {
    let date = headers.get(DATE).and_then(|date| date.to_str().ok());
    let theirs = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok());
    let ahead = theirs.map_or(0, |theirs| theirs.as_millisecond() - jiff::Timestamp::now().as_millisecond());
    if ahead.abs() < 5_000 { 0 } else { ahead }
}
