//! Makes single calls to the engine, each with a deadline, and gives its errors our names.

use std::{collections::HashMap, future::Future, time::Duration};

use bollard::{
    API_DEFAULT_VERSION, BollardRequest, ClientVersion, Docker,
    errors::Error as BollardError,
    models::{
        ContainerCreateBody, ContainerInspectResponse, ContainerSummary, ContainerUpdateBody, EndpointSettings,
        ImageInspect, Network, NetworkConnectRequest, NetworkDisconnectRequest, RestartPolicy, SystemInfo,
        SystemVersion,
    },
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, ListImagesOptions, ListNetworksOptions,
        RemoveContainerOptionsBuilder, RenameContainerOptionsBuilder, StopContainerOptionsBuilder,
    },
};

use super::{
    config::{Deadlines, DockerConfig},
    version,
};
use crate::engine::EngineError;

/// The time after which the client itself gives up, in seconds; our own deadlines are shorter.
const CLIENT_TIMEOUT: u64 = 7 * 24 * 3_600;
/// The oldest API that is spoken, that of Engine 20.10.
const OLDEST_API: (usize, usize) = (1, 41);

// The client logs requests and answers below this level, with every secret in them.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Info as usize);

/// A connection to one engine; every call opens its own, so that an engine that was restarted is found again.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) docker: Docker,
    pub(super) host: String,
    pub(super) deadlines: Deadlines,
}

impl Client {
    /// Reaches an engine and agrees on a version of the API.
    pub(super) async fn connect(config: &DockerConfig) -> Result<Self, EngineError> {
        let host = config.host.clone();
        let unreachable =
            |source: BollardError| EngineError::Unreachable { host: host.clone(), source: Box::new(source) };
        let open = |version: &ClientVersion| match host.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => {
                Docker::connect_with_unix(&host, CLIENT_TIMEOUT, version).map_err(unreachable)
            }
            Some(("tcp" | "http", _)) => {
                Docker::connect_with_http(host.trim_end_matches('/'), CLIENT_TIMEOUT, version).map_err(unreachable)
            }
            Some(_) | None => Err(EngineError::Settings(format!(
                "`{host}` is no address of an engine; `unix:///PATH`, `tcp://HOST:PORT` and `http://HOST:PORT` are"
            ))),
        };
        let unversioned = Self { docker: open(API_DEFAULT_VERSION)?, host: host.clone(), deadlines: config.deadlines };
        let docker = match unversioned.agree(async { Ok(version::newest(&host).await) }).await? {
            Some(newest) if newest < *API_DEFAULT_VERSION => open(&newest)?,
            Some(_) => unversioned.docker.clone(),
            None => unversioned.agree(unversioned.docker.clone().negotiate_version()).await?,
        };
        let version = docker.client_version();
        if (version.major_version, version.minor_version) < OLDEST_API {
            return Err(EngineError::Settings(format!(
                "the engine at `{host}` speaks API {}.{}, the oldest that works is {}.{} (Engine 20.10)",
                version.major_version, version.minor_version, OLDEST_API.0, OLDEST_API.1
            )));
        }
        let prefix = format!("/v{}.{}", version.major_version, version.minor_version);
        let docker = docker.with_request_modifier(move |request| amend(request, &prefix));
        Ok(Self { docker, ..unversioned })
    }

    async fn agree<T>(&self, call: impl Future<Output = Result<T, BollardError>>) -> Result<T, EngineError> {
        self.call("agree on a version", self.deadlines.look, call).await
    }

    /// Waits for one call, no longer than its deadline.
    pub(super) async fn call<T>(
        &self,
        what: impl Into<String>,
        limit: Duration,
        call: impl Future<Output = Result<T, BollardError>>,
    ) -> Result<T, EngineError> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.named(what.into(), error)),
            Err(_) => Err(EngineError::Deadline { what: what.into(), seconds: limit.as_secs() }),
        }
    }

    /// Gives a client's error our name. Answers are never quoted, since those about containers hold secrets.
    pub(super) fn named(&self, what: String, error: BollardError) -> EngineError {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the client's errors differ by its features and versions")]
        match error {
            BollardError::DockerResponseServerError { status_code: 404, message } if says_no_container(&message) => {
                EngineError::NoSuchContainer(message.rsplit(": ").next().unwrap_or(&message).to_owned())
            }
            BollardError::DockerResponseServerError { status_code, message } => {
                EngineError::Refused { what, status: status_code, message: message.trim().to_owned() }
            }
            BollardError::JsonDataError { column, .. } => {
                EngineError::Answer { what, why: format!("not the JSON that was expected, at column {column}") }
            }
            BollardError::JsonSerdeError { err } => {
                EngineError::Answer { what, why: format!("broken JSON at line {} column {}", err.line(), err.column()) }
            }
            other => EngineError::Unreachable { host: self.host.clone(), source: Box::new(other) },
        }
    }

    pub(super) async fn version(&self) -> Result<SystemVersion, EngineError> {
        self.call("tell its version", self.deadlines.look, self.docker.version()).await
    }

    /// Lists containers, running or not, that have a label; all of them where none is given.
    pub(super) async fn list(&self, label: Option<String>) -> Result<Vec<ContainerSummary>, EngineError> {
        let filters: HashMap<&str, Vec<String>> = label.map(|label| ("label", vec![label])).into_iter().collect();
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        self.call("list containers", self.deadlines.look, self.docker.list_containers(Some(options))).await
    }

    pub(super) async fn networks(&self) -> Result<Vec<Network>, EngineError> {
        let call = self.docker.list_networks(None::<ListNetworksOptions>);
        self.call("list networks", self.deadlines.look, call).await
    }

    /// Looks at a container by id or name.
    pub(super) async fn look(&self, container: &str) -> Result<ContainerInspectResponse, EngineError> {
        let call = self.docker.inspect_container(container, None);
        self.call(format!("inspect container `{container}`"), self.deadlines.look, call).await
    }

    /// Looks at a container; none where there is no such container.
    pub(super) async fn find(&self, container: &str) -> Result<Option<ContainerInspectResponse>, EngineError> {
        absent_is_none(self.look(container).await)
    }

    /// Looks at an image by reference or id; none where the engine does not have it.
    pub(super) async fn image(&self, image: &str) -> Result<Option<ImageInspect>, EngineError> {
        let call = self.docker.inspect_image(image);
        match self.call(format!("inspect image `{image}`"), self.deadlines.look, call).await {
            Ok(image) => Ok(Some(image)),
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The ids of all images, also of those without a name.
    pub(super) async fn images(&self) -> Result<Vec<String>, EngineError> {
        let call = self.docker.list_images(None::<ListImagesOptions>);
        let listed = self.call("list images", self.deadlines.look, call).await?;
        Ok(listed.into_iter().map(|image| image.id).collect())
    }

    /// What the engine says of itself.
    pub(super) async fn info(&self) -> Result<SystemInfo, EngineError> {
        self.call("tell about itself", self.deadlines.look, self.docker.info()).await
    }

    /// Creates a container and gives its id.
    pub(super) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, EngineError> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let call = self.docker.create_container(Some(options), body);
        let made = self.call(format!("create container `{name}`"), self.deadlines.change, call).await?;
        Ok(made.id)
    }

    pub(super) async fn connect_network(
        &self,
        network: &str,
        container: &str,
        endpoint: EndpointSettings,
    ) -> Result<(), EngineError> {
        let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: Some(endpoint) };
        let call = self.docker.connect_network(network, request);
        let what = format!("connect container `{container}` with network `{network}`");
        self.call(what, self.deadlines.change, call).await
    }

    pub(super) async fn start(&self, container: &str) -> Result<(), EngineError> {
        let call = self.docker.start_container(container, None);
        self.call(format!("start container `{container}`"), self.deadlines.change, call).await
    }

    pub(super) async fn unpause(&self, container: &str) -> Result<(), EngineError> {
        let call = self.docker.unpause_container(container);
        self.call(format!("unpause container `{container}`"), self.deadlines.change, call).await
    }

    /// Stops a container and waits for its end.
    pub(super) async fn stop(&self, container: &str, grace: Duration) -> Result<(), EngineError> {
        let seconds = i32::try_from(crate::plan::stop_seconds(Some(grace))).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(seconds).build();
        let call = self.docker.stop_container(container, Some(options));
        let limit = grace.saturating_add(self.deadlines.stop_margin);
        self.call(format!("stop container `{container}`"), limit, call).await
    }

    /// Removes a container, never its volumes.
    pub(super) async fn remove(&self, container: &str, force: bool) -> Result<(), EngineError> {
        let options = RemoveContainerOptionsBuilder::new().v(false).force(force).build();
        let call = self.docker.remove_container(container, Some(options));
        self.call(format!("remove container `{container}`"), self.deadlines.change, call).await
    }

    pub(super) async fn rename(&self, container: &str, name: &str) -> Result<(), EngineError> {
        let options = RenameContainerOptionsBuilder::new().name(name).build();
        let call = self.docker.rename_container(container, options);
        self.call(format!("rename container `{container}` to `{name}`"), self.deadlines.look, call).await
    }

    pub(super) async fn restart_policy(&self, container: &str, policy: RestartPolicy) -> Result<(), EngineError> {
        let body = ContainerUpdateBody { restart_policy: Some(policy), ..ContainerUpdateBody::default() };
        let call = self.docker.update_container(container, body);
        self.call(format!("set the restart policy of container `{container}`"), self.deadlines.look, call).await
    }

    pub(super) async fn update(&self, container: &str, body: ContainerUpdateBody) -> Result<(), EngineError> {
        let call = self.docker.update_container(container, body);
        self.call(format!("update container `{container}`"), self.deadlines.look, call).await
    }

    pub(super) async fn disconnect_network(&self, network: &str, container: &str) -> Result<(), EngineError> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(false) };
        let call = self.docker.disconnect_network(network, request);
        let what = format!("disconnect container `{container}` from network `{network}`");
        self.call(what, self.deadlines.change, call).await
    }
}

/// Whether an engine's 404 means the container, and not a network or image.
fn says_no_container(message: &str) -> bool {
    message.to_ascii_lowercase().contains("no such container")
}

/// Takes "there is no such container" as an answer.
pub(super) fn absent_is_none<T>(answer: Result<T, EngineError>) -> Result<Option<T>, EngineError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(EngineError::NoSuchContainer(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Mends what the client gets wrong: it leaves the version out of paths, and engines read credentials only in the alphabet
/// for URLs (they take others for none at all).
fn amend(mut request: BollardRequest, prefix: &str) -> BollardRequest {
    let uri = request.uri();
    if let (Some(scheme), Some(authority), Some(rest)) = (uri.scheme_str(), uri.authority(), uri.path_and_query())
        && !rest.as_str().starts_with("/v1.")
        && let Ok(versioned) = format!("{scheme}://{authority}{prefix}{rest}").parse()
    {
        *request.uri_mut() = versioned;
    }
    if let Some(credentials) = request.headers_mut().get_mut("x-registry-auth")
        && let Some(amended) = credentials.to_str().ok().map(|text| text.replace('+', "-").replace('/', "_"))
        && let Ok(amended) = amended.parse()
    {
        *credentials = amended;
        credentials.set_sensitive(true);
    }
    request
}
