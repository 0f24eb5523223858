//! One function for each part: settings in, the part out.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use super::{
    connection::http_config,
    credentials::{Identities, Opening, credential, openers},
    maker,
    managers::managed_client,
    openaev::openaev_client,
};
use crate::{
    cli::{CliError, Exit, Global, commands::Session},
    desired::{self, Context, DesiredState, PlatformFacts},
    engine::{DockerConfig, DockerEngine, Engine, NoEngine, RECOMMENDED_CONCURRENCY, RegistryAuth, read_adopted},
    model::{PlatformKind, PlatformName, Registration},
    plan::PruneRules,
    platform::{Intervals, OpenCtiClient, Platform, Reporter},
    reconcile::{
        self, CatalogLoader, CatalogPlace, KeptCatalogs, Lock, Managers, Pipeline, PlatformGate, PlatformLink,
        QuietRegistration,
    },
    settings::{CatalogSettings, GitAuth, LoadError, PlatformSettings, Settings, SourceSettings},
    source::{self, AnySource, DirectoryConfig, DirectorySource, GitConfig, GitSource, Source, SshKey},
    telemetry,
};

/// How long one reading of a git repository may take.
const GIT_DEADLINE: Duration = Duration::from_secs(60);

/// A pipeline over real parts.
pub(crate) type Parts<E = DockerEngine> = Pipeline<AnySource, E>;

/// Finds and reads the settings.
///
/// # Errors
/// Where they are missing or invalid.
pub(crate) fn settings(global: &Global) -> Result<Settings, CliError> {
    let path = global.settings.clone().unwrap_or_else(|| PathBuf::from("lockstep.yaml"));
    Settings::load(&path).map_err(|error| match error {
        LoadError::Invalid(findings) => {
            CliError::invalid(format!("the settings `{}` are invalid", path.display()), findings)
        }
        error @ (LoadError::Io { .. } | LoadError::TooLarge { .. }) => {
            CliError::new(Exit::Invalid, telemetry::chain(&error))
                .with_help("name the settings file with `--settings`, or begin with `lockstep init`")
        }
    })
}

/// The folder for the git mirror, the lock and what is remembered.
pub(crate) fn state_folder(settings: &Settings) -> PathBuf {
    settings.state.clone()
}

/// The machine's folder for locks.
pub(crate) fn lock_folder() -> PathBuf {
    let runtime = PathBuf::from("/run/lock");
    if runtime.is_dir() { runtime } else { std::env::temp_dir() }
}

/// The engine's address.
pub(crate) fn engine_host(settings: &Settings) -> &str {
    &settings.engine.host
}

/// How many steps at a time: what the settings say, or what was measured to serve Docker best.
pub(crate) fn concurrency(settings: &Settings) -> usize {
    settings.engine.concurrency.unwrap_or(RECOMMENDED_CONCURRENCY)
}

/// Connects to the engine.
///
/// # Errors
/// Where it can't be reached, or a credential can't be read.
pub(crate) async fn engine(settings: &Settings) -> Result<DockerEngine, CliError> {
    let registries = settings.engine.registries.iter().map(|registry| {
        let password = credential(&registry.password, "engine.docker.registries")?;
        Ok(RegistryAuth { host: registry.host.clone(), username: registry.username.clone(), password })
    });
    let adopted = read_adopted(&settings.state).map_err(|error| {
        let message = format!("failed to read `adopted.json` in `{}`: {error}", settings.state.display());
        CliError::new(Exit::Guard, message).with_help("mend or remove the file; then run `lockstep adopt` once more")
    })?;
    let at_host = DockerConfig::at(&settings.engine.host);
    let config = DockerConfig {
        adopted,
        maker: maker::known(&settings.state).unwrap_or(at_host.maker),
        network: settings.engine.network.clone(),
        registries: registries.collect::<Result<_, CliError>>()?,
        ..at_host
    };
    Ok(DockerEngine::connect(config).await?)
}

/// The source of the settings.
///
/// # Errors
/// Where its settings can't work or a credential can't be read.
pub(super) fn source(settings: &Settings) -> Result<AnySource, CliError> {
    match &settings.source {
        SourceSettings::Directory { path, poll } => {
            let source = DirectorySource::new(DirectoryConfig { root: path.clone(), poll: *poll })?;
            Ok(AnySource::Directory(source.refusing_hidden().with_git(own_program()?)))
        }
        SourceSettings::Git(git) => {
            let auth = match &git.auth {
                GitAuth::None => source::GitAuth::None,
                GitAuth::Token { token } => source::GitAuth::Token(credential(token, "source.git.auth.token")?),
                GitAuth::Basic { username, password } => source::GitAuth::Basic {
                    username: username.clone(),
                    password: credential(password, "source.git.auth.password")?,
                },
                GitAuth::Ssh { key, known_hosts } => {
                    source::GitAuth::Ssh { key: SshKey::File(key.clone()), known_hosts: known_hosts.clone() }
                }
            };
            let config = GitConfig {
                url: git.url.clone(),
                reference: git.reference.clone(),
                path: git.path.clone(),
                interval: git.interval,
                auth,
                ca: git.ca.clone(),
                mirror: settings.state.join("mirror"),
                deadline: GIT_DEADLINE,
                fetch_program: own_program()?,
            };
            Ok(AnySource::Git(GitSource::new(config)?))
        }
    }
}

fn own_program() -> Result<PathBuf, CliError> {
    std::env::current_exe()
        .map_err(|error| CliError::new(Exit::Internal, format!("failed to find our own program: {error}")))
}

/// The catalogs of the settings.
pub(super) fn catalogs(settings: &Settings) -> Vec<CatalogPlace> {
    let place = |catalog: &CatalogSettings| match catalog {
        CatalogSettings::Source { path } => CatalogPlace::Source(path.clone()),
        CatalogSettings::File { path } => CatalogPlace::File(path.clone()),
        CatalogSettings::Url { url, sha256, ca } => CatalogPlace::Url {
            url: url.to_string(),
            sha256: sha256.clone(),
            ca: ca.clone(),
            cache: settings.state.join("catalogs"),
        },
        CatalogSettings::Platform { name } => CatalogPlace::Platform(name.clone()),
    };
    settings.catalogs.iter().map(place).collect()
}

/// A loader of catalogs that knows what is kept of the platforms of the settings.
pub(super) fn loader(settings: &Settings, places: Vec<CatalogPlace>) -> CatalogLoader {
    let platforms = settings.platforms.keys().cloned().collect();
    CatalogLoader::new(places).with_platforms(KeptCatalogs::new(&state_folder(settings)), platforms)
}

/// What the settings say about containers.
pub(super) fn context(settings: &Settings) -> Context {
    let facts = |platform: &PlatformSettings| {
        let url = platform.connector_url.as_ref().unwrap_or(&platform.url);
        let (mut env, mut secret_env) = (BTreeMap::new(), BTreeSet::new());
        if let Some(proxies) = &platform.connector_proxy {
            for (key, proxy) in proxies.by_variable() {
                if platform.connector_proxy_auth.is_some() {
                    secret_env.insert(key.to_owned());
                } else {
                    env.insert(key.to_owned(), proxy.to_string());
                }
            }
            env.extend((!proxies.no.is_empty()).then(|| ("NO_PROXY".to_owned(), proxies.no.join(","))));
        }
        PlatformFacts {
            kind: platform.kind,
            registration: platform.registration,
            connector_url: url.as_str().trim_end_matches('/').to_owned(),
            has_connector_token: true,
            env,
            secret_env,
            ca: platform.connector_ca.clone(),
            tenant: platform.tenant.map(|tenant| tenant.to_string()),
        }
    };
    Context {
        platforms: settings.platforms.iter().map(|(name, platform)| (name.clone(), facts(platform))).collect(),
        any_platform: false,
        policy: settings.policy.clone(),
        network: settings.engine.network.clone(),
        pull: settings.engine.pull,
    }
}

/// What the source wants, with every secret left sealed: no key, token or engine is needed.
///
/// # Errors
/// Where the source or a catalog can't be read.
pub(crate) async fn desired(settings: &Settings) -> Result<DesiredState, CliError> {
    let snapshot = source(settings)?.snapshot().await?;
    let loader = loader(settings, catalogs(settings));
    let (reading, catalogs) = reconcile::read(&snapshot, &loader).await;
    Ok(desired::assemble(reading, &snapshot, &catalogs?, &context(settings)))
}

/// The whole pipeline over the engine of the settings.
///
/// # Errors
/// Whatever keeps one of its parts from being built.
pub(crate) async fn pipeline(
    settings: &Settings,
    session: &Session,
    identities: Identities,
) -> Result<Parts, CliError> {
    let source = source(settings)?;
    let opening = openers(settings, session, identities)?;
    let engine = engine(settings).await?;
    Ok(assemble(settings, source, opening, engine))
}

/// The whole pipeline over another engine.
///
/// # Errors
/// Whatever keeps one of its parts from being built.
pub(crate) fn pipeline_with<E: Engine>(
    settings: &Settings,
    session: &Session,
    identities: Identities,
    engine: E,
) -> Result<Parts<E>, CliError> {
    let opening = openers(settings, session, identities)?;
    Ok(assemble(settings, source(settings)?, opening, engine))
}

/// The whole pipeline without an engine, over the folder of a checkout instead of the source of the settings.
///
/// # Errors
/// Whatever keeps one of its parts from being built.
pub(crate) fn pipeline_over(
    folder: PathBuf,
    settings: &Settings,
    session: &Session,
) -> Result<Parts<NoEngine>, CliError> {
    let opening = Opening { managers: Managers::default(), ..openers(settings, session, Identities::Optional)? };
    let source = AnySource::Directory(DirectorySource::new(DirectoryConfig { root: folder, poll: None })?);
    Ok(assemble(settings, source, opening, NoEngine))
}

fn assemble<E: Engine>(settings: &Settings, source: AnySource, opening: Opening, engine: E) -> Parts<E> {
    let Opening { openers, secrets, managers, credentials } = opening;
    Pipeline {
        owner: settings.owner.clone(),
        source: Arc::new(source),
        engine: Arc::new(engine),
        catalogs: loader(settings, catalogs(settings)),
        context: context(settings),
        openers: Arc::new(openers),
        secrets,
        rules: prune_rules(settings),
        managers,
        credentials,
        unrestartable: BTreeSet::new(),
    }
}

/// The rules for removals.
pub(super) fn prune_rules(settings: &Settings) -> PruneRules {
    PruneRules {
        enabled: settings.prune.enabled,
        allow_empty: settings.prune.allow_empty,
        max_percent: settings.prune.max_percent,
        retain: settings.prune.retain,
    }
}

/// The client of one platform.
///
/// # Errors
/// Where its token or certificates can't be read.
pub(crate) fn platform_client(name: &PlatformName, platform: &PlatformSettings) -> Result<Arc<dyn Platform>, CliError> {
    Ok(match platform.kind {
        PlatformKind::OpenCti => Arc::new(opencti_client(name, platform)?),
        PlatformKind::OpenAev => Arc::new(openaev_client(name, platform)?),
    })
}

/// The client of an OpenCTI.
///
/// # Errors
/// Where its token or certificates can't be read.
pub(crate) fn opencti_client(name: &PlatformName, platform: &PlatformSettings) -> Result<OpenCtiClient, CliError> {
    Ok(OpenCtiClient::new(http_config(name, platform)?)?)
}

/// A reporter for every platform of the settings.
///
/// # Errors
/// What [`platform_client`] gives.
pub(crate) fn platforms(settings: &Settings) -> Result<Vec<PlatformLink>, CliError> {
    let heartbeat = settings.intervals.heartbeat;
    let every = Intervals { health: heartbeat, list: heartbeat, ..Intervals::default() };
    let link = |(name, platform): (&PlatformName, &PlatformSettings)| {
        let client: Arc<dyn Platform> = match platform.registration {
            Registration::Itself => platform_client(name, platform)?,
            Registration::Managed => Arc::new(QuietRegistration(managed_client(name, platform)?)),
        };
        Ok(PlatformLink { name: name.clone(), reporter: Reporter::spawn(client, every) })
    };
    settings.platforms.iter().map(link).collect()
}

/// Everything that a command which changes containers works with.
pub(crate) struct Whole {
    /// The settings.
    pub(crate) settings: Settings,
    /// The folder for what is remembered.
    pub(crate) state: PathBuf,
    /// The pipeline, with secrets to be opened.
    pub(crate) pipeline: Parts,
    /// The platforms that are told.
    pub(crate) platforms: Vec<PlatformLink>,
    /// Keeps another Lockstep away as long as it lives.
    pub(crate) _lock: Lock,
}

/// Takes the lock, and builds everything that a command which changes containers works with.
///
/// # Errors
/// Where another Lockstep is at work, or one of the parts can't be built.
pub(crate) async fn whole(session: &Session) -> Result<Whole, CliError> {
    let settings = settings(&session.global)?;
    let state = state_folder(&settings);
    let lock = Lock::take(&settings.owner, engine_host(&settings), &state, &lock_folder())?;
    maker::keep(&state);
    let pipeline = pipeline(&settings, session, Identities::Required).await?;
    let platforms = platforms(&settings)?;
    pipeline.engine.set_gate(Arc::new(PlatformGate::new(&platforms)));
    Ok(Whole { settings, state, pipeline, platforms, _lock: lock })
}
