//! Asks registries how much pulling images would fetch, with the credentials and the manner in which the engine would.

use std::{collections::BTreeMap, net::Ipv4Addr};

use bollard::models::RegistryServiceConfig;
use futures_util::{StreamExt as _, stream};
use oci_client::{
    Client as Registries, Reference,
    client::{ClientConfig, ClientProtocol},
    manifest::{ImageIndexEntry, OciDescriptor},
    secrets::RegistryAuth as Credentials,
};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout_at};

use super::{adapter::Shared, client::Client, pull::registry};
use crate::{engine::EngineError, plan::Layer};

/// How many images are looked at, or asked about, at the same time.
const AT_ONCE: usize = 16;
/// How many of the engine's images are compared; one that has more is taken to have no others.
const MOST_IMAGES: usize = 1_000;
/// The largest configuration of an image that is read, in bytes.
const MOST_BYTES: usize = 4 << 20;

/// The layers of each image that the engine lacks; nothing for an image whose registry does not tell in time.
pub(super) async fn missing_layers(shared: &Shared, images: &[String]) -> BTreeMap<String, Vec<Layer>> {
    let deadline = Instant::now() + shared.client.deadlines.sizes;
    let Ok(Ok(here)) = timeout_at(deadline, Here::look(&shared.client, images)).await else { return BTreeMap::new() };
    let Ok(registries) = Registries::try_from(here.config()) else { return BTreeMap::new() };
    let one = async |image: &String| {
        let told = timeout_at(deadline, lacking(shared, &registries, &here, image)).await.ok().flatten();
        if told.is_none() {
            tracing::debug!(image, "the registry does not tell how large an image is");
        }
        Some((image.clone(), told?))
    };
    stream::iter(images).map(one).buffer_unordered(AT_ONCE).filter_map(async |told| told).collect().await
}

/// What the engine has and how it speaks to registries.
struct Here {
    os: String,
    architecture: String,
    /// The registries of the images in question that it also reaches without TLS.
    insecure: Vec<String>,
    /// The layers of each of its images, the lowest first.
    layers: Vec<Vec<String>>,
}

impl Here {
    async fn look(client: &Client, images: &[String]) -> Result<Self, EngineError> {
        let (info, version, ids) = tokio::try_join!(client.info(), client.version(), client.images())?;
        let of_image = async |id: String| client.image(&id).await;
        let found: Vec<_> = stream::iter(ids).take(MOST_IMAGES).map(of_image).buffer_unordered(AT_ONCE).collect().await;
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        let layers = found.into_iter().flatten().filter_map(|image| image.root_fs?.layers).collect();
        let config = info.registry_config.unwrap_or_default();
        let hosts = images.iter().filter_map(|image| registry(image));
        let insecure = hosts.filter(|host| is_insecure(host, &config)).map(str::to_owned).collect();
        let (os, architecture) = (version.os.unwrap_or_default(), version.arch.unwrap_or_default());
        Ok(Self { os, architecture, insecure, layers })
    }

    fn config(&self) -> ClientConfig {
        let (os, architecture) = (self.os.clone(), self.architecture.clone());
        let ours = move |entry: &&ImageIndexEntry| {
            let platform = entry.platform.as_ref();
            platform.is_some_and(|is| is.os.to_string() == os && is.architecture.to_string() == architecture)
        };
        ClientConfig {
            protocol: ClientProtocol::HttpsExcept(self.insecure.clone()),
            platform_resolver: Some(Box::new(move |entries| entries.iter().find(&ours).map(|is| is.digest.clone()))),
            ..ClientConfig::default()
        }
    }

    /// How many of these layers, from the lowest on, the engine has in one image: it fetches all that lie above those.
    fn has(&self, layers: &[String]) -> usize {
        let common = |own: &Vec<String>| own.iter().zip(layers).take_while(|(own, layer)| own == layer).count();
        self.layers.iter().map(common).max().unwrap_or_default()
    }
}

/// The part of an image's configuration that names its layers as they lie on a disk.
#[derive(serde::Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(serde::Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

async fn lacking(shared: &Shared, registries: &Registries, here: &Here, image: &str) -> Option<Vec<Layer>> {
    let credentials = match shared.pulls.credentials(registry(image)?) {
        Some(auth) => Credentials::Basic(auth.username.clone(), auth.password.read().ok()?.expose_secret().to_owned()),
        None => Credentials::Anonymous,
    };
    let reference: Reference = image.parse().ok()?;
    let (manifest, _) = registries.pull_image_manifest(&reference, &credentials).await.ok()?;
    let config: Config = serde_json::from_slice(&config(registries, &reference, &manifest.config).await?).ok()?;
    if config.rootfs.diff_ids.len() != manifest.layers.len() {
        return None;
    }
    let layer =
        |layer: &OciDescriptor| Some(Layer { digest: layer.digest.clone(), bytes: u64::try_from(layer.size).ok()? });
    manifest.layers.iter().skip(here.has(&config.rootfs.diff_ids)).map(layer).collect()
}

async fn config(registries: &Registries, image: &Reference, described: &OciDescriptor) -> Option<Vec<u8>> {
    let mut parts = registries.pull_blob_stream(image, described).await.ok()?;
    let mut content = Vec::new();
    while let Some(part) = parts.next().await {
        content.extend_from_slice(&part.ok()?);
        if content.len() > MOST_BYTES {
            return None;
        }
    }
    Some(content)
}

/// Whether the engine also reaches a registry without TLS: one that its configuration names, or at such an address.
fn is_insecure(host: &str, config: &RegistryServiceConfig) -> bool {
    if let Some(named) = config.index_configs.as_ref().and_then(|all| all.get(host)) {
        return named.secure == Some(false);
    }
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let address = if name == "localhost" { Some(Ipv4Addr::LOCALHOST) } else { name.parse().ok() };
    let mut ranges = config.insecure_registry_cidrs.iter().flatten();
    address.is_some_and(|address| ranges.any(|range| is_within(address, range)))
}

/// Whether an address lies in a range such as `127.0.0.0/8`.
fn is_within(address: Ipv4Addr, range: &str) -> bool {
    let parts = range.split_once('/').and_then(|(start, length)| Some((start.parse().ok()?, length.parse().ok()?)));
    let Some((start, length)): Option<(Ipv4Addr, u32)> = parts else { return false };
    let differs = address.to_bits() ^ start.to_bits();
    length <= 32 && differs.checked_shr(32 - length).unwrap_or_default() == 0
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use bollard::models::IndexInfo;

    use super::*;

    #[test]
    fn the_engine_says_which_registries_need_no_tls() {
        let named = |secure| IndexInfo { secure: Some(secure), ..IndexInfo::default() };
        let config = RegistryServiceConfig {
            insecure_registry_cidrs: Some(
                ["127.0.0.0/8", "10.1.0.0/16", "::1/128", "nonsense", "1.2.3.4/99"].map(String::from).into(),
            ),
            index_configs: Some(HashMap::from([
                ("lab.example.org:5000".to_owned(), named(false)),
                ("127.0.0.9:5000".to_owned(), named(true)),
            ])),
            ..RegistryServiceConfig::default()
        };
        for host in ["127.0.0.1:5000", "localhost", "localhost:1", "10.1.255.1", "lab.example.org:5000"] {
            assert!(is_insecure(host, &config), "{host}");
        }
        for host in ["docker.io", "10.2.0.1:5000", "lab.example.org", "127.0.0.9:5000", "1.2.3.4"] {
            assert!(!is_insecure(host, &config), "{host}");
        }
        assert!(!is_insecure("127.0.0.1", &RegistryServiceConfig::default()));
    }

    #[test]
    fn what_lies_above_a_missing_layer_is_fetched_again() {
        let texts = |text: &str| text.chars().map(String::from).collect::<Vec<_>>();
        let here = |images: &[&str]| Here {
            os: String::new(),
            architecture: String::new(),
            insecure: Vec::new(),
            layers: images.iter().map(|image| texts(image)).collect(),
        };
        for (images, wanted, has) in [
            (&["abx", "ab"][..], "abc", 2),
            (&["bc"], "abc", 0),
            (&[], "abc", 0),
            (&["abcd"], "abc", 3),
            (&["a"], "", 0),
        ] {
            assert_eq!(here(images).has(&texts(wanted)), has, "{images:?} {wanted}");
        }
    }
}
