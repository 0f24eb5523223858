//! The platforms.

use std::{collections::BTreeMap, time::Duration};

use url::Url;
use uuid::Uuid;

use super::{Converter, Here};
use crate::{
    managed::{UiControl, UiInstances},
    model::{Code, PlatformKind, PlatformName, Registration},
    settings::{
        dto::{
            ManagerDto, PlatformDto, PlatformKindDto, ProxiesDto, ProxyAuthDto, RegistrationDto, UiControlDto,
            UiInstancesDto,
        },
        types::{Manager, PlatformSettings, Proxies, ProxyAuth},
        urls::PlainHttp,
    },
};

/// The longest that a request to a platform may take, unless the settings say otherwise.
const TIMEOUT: Duration = Duration::from_secs(30);

pub(super) fn platforms(
    converter: &mut Converter,
    map: BTreeMap<String, PlatformDto>,
    here: &Here<'_>,
) -> Option<BTreeMap<PlatformName, PlatformSettings>> {
    let mut all = Vec::new();
    for (name, dto) in map {
        let here = here.field(&name);
        let name = PlatformName::try_from(name.as_str());
        let name = name
            .map_err(|error| converter.refuse(&here, Code::BadName, error, "choose another name, such as `opencti`"))
            .ok();
        let platform = platform(converter, dto, &here);
        all.push(name.zip(platform));
    }
    all.into_iter().collect()
}

fn platform(converter: &mut Converter, dto: PlatformDto, here: &Here<'_>) -> Option<PlatformSettings> {
    let kind = dto.kind.map(|kind| match kind {
        PlatformKindDto::OpenCti => PlatformKind::OpenCti,
        PlatformKindDto::OpenAev => PlatformKind::OpenAev,
    });
    let registration = match dto.registration {
        None | Some(RegistrationDto::Itself) => Registration::Itself,
        Some(RegistrationDto::Managed) => Registration::Managed,
    };
    let url = dto.url.and_then(|url| converter.web(&url, PlainHttp::Anywhere, &here.field("url")));
    let connector_url = optional_url(converter, dto.connector_url.as_deref(), &here.field("connectorUrl"));
    let proxy = optional_url(converter, dto.proxy.as_deref(), &here.field("proxy"));
    let token = dto.token.and_then(|token| converter.secret(&token, &here.field("token")));
    let connector_token = match dto.connector_token {
        Some(token) => converter.secret(&token, &here.field("connectorToken")).map(Some),
        None => Some(None),
    };
    let has_connector_proxy = dto.connector_proxy.is_some();
    let connector_proxy = match dto.connector_proxy {
        Some(proxies) => self::proxies(converter, proxies, &here.field("connectorProxy")).map(Some),
        None => Some(None),
    };
    let ca = match dto.ca {
        Some(ca) => converter.path(&ca, &here.field("ca")).map(Some),
        None => Some(None),
    };
    let connector_ca = match dto.connector_ca {
        Some(path) if !path.starts_with('/') || path.contains(['\0', ':']) => {
            let help = "write the absolute path that the file has on the engine's host, without a `:` in it";
            converter.refuse(&here.field("connectorCa"), Code::BadFormat, "is not an absolute path", help);
            None
        }
        path => Some(path),
    };
    let proxy_auth = self::proxy_auth(converter, dto.proxy_auth, dto.proxy.is_some(), here, ["proxy", "proxyAuth"]);
    let names = ["connectorProxy", "connectorProxyAuth"];
    let connector_proxy_auth = self::proxy_auth(converter, dto.connector_proxy_auth, has_connector_proxy, here, names);
    let bounds = Some((Duration::from_secs(1), Duration::from_mins(5)));
    let timeout = converter.duration(dto.timeout.as_deref(), TIMEOUT, bounds, &here.field("timeout"));
    let manager = manager(converter, dto.manager, registration, here);
    let ui_control = dto.ui_control.map(|control| match control {
        UiControlDto::Honour => UiControl::Honour,
        UiControlDto::Override => UiControl::Override,
    });
    let ui_instances = dto.ui_instances.map(|instances| match instances {
        UiInstancesDto::Run => UiInstances::Run,
        UiInstancesDto::Ignore => UiInstances::Ignore,
    });
    let named = [("uiControl", ui_control.is_some()), ("uiInstances", ui_instances.is_some())];
    for (field, _) in named.into_iter().filter(|(_, named)| *named && registration == Registration::Itself) {
        let help = "leave it out, or write `registration: managed`";
        converter.refuse(&here.field(field), Code::NotAllowed, "is for `registration: managed`", help);
    }
    let tenant = match dto.tenant {
        Some(_) if kind == Some(PlatformKind::OpenCti) => {
            let help = "leave it out; OpenCTI has no tenants";
            converter.refuse(&here.field("tenant"), Code::NotAllowed, "is for OpenAEV", help);
            None
        }
        Some(tenant) => uuid(converter, &tenant, &here.field("tenant")).map(Some),
        None => Some(None),
    };
    Some(PlatformSettings {
        kind: kind?,
        url: url?,
        token: token?,
        connector_token: connector_token?,
        connector_url: connector_url?,
        registration,
        manager: manager?,
        ui_control: ui_control.unwrap_or_default(),
        ui_instances: ui_instances.unwrap_or_default(),
        proxy: proxy?,
        connector_proxy: connector_proxy?,
        connector_proxy_auth: connector_proxy_auth?,
        connector_ca: connector_ca?,
        proxy_auth: proxy_auth?,
        timeout: timeout?,
        ca: ca?,
        tenant: tenant?,
    })
}

/// The outer option is about whether it is sound, the inner about whether it is there.
fn proxy_auth(
    converter: &mut Converter,
    dto: Option<ProxyAuthDto>,
    has_proxy: bool,
    platform: &Here<'_>,
    [proxy, auth]: [&str; 2],
) -> Option<Option<ProxyAuth>> {
    let Some(dto) = dto else { return Some(None) };
    let here = platform.field(auth);
    if !has_proxy {
        let (why, help) = (format!("is for `{proxy}`, which is not there"), format!("add `{proxy}`, or leave it out"));
        converter.refuse(&here, Code::NotAllowed, why, &help);
        return None;
    }
    let password = dto.password.and_then(|password| converter.secret(&password, &here.field("password")));
    Some(Some(ProxyAuth { username: dto.username?, password: password? }))
}

/// The outer option is about whether it is sound, the inner about whether it is there.
fn manager(
    converter: &mut Converter,
    dto: Option<ManagerDto>,
    registration: Registration,
    platform: &Here<'_>,
) -> Option<Option<Manager>> {
    let here = platform.field("manager");
    match (dto, registration) {
        (None, Registration::Itself) => Some(None),
        (Some(_), Registration::Itself) => {
            let help = "leave it out, or write `registration: managed`";
            converter.refuse(&here, Code::NotAllowed, "is for `registration: managed`", help);
            None
        }
        (None, Registration::Managed) => {
            if !platform.is_broken() {
                let help = "add `manager: {id: ID, name: NAME, key: FILE}`";
                let why = "lacks `manager`, which `registration: managed` needs";
                converter.refuse(platform, Code::MissingField, why, help);
            }
            None
        }
        (Some(dto), Registration::Managed) => {
            let id = dto.id.and_then(|id| manager_id(converter, id, &here.field("id")));
            let key = dto.key.and_then(|key| converter.path(&key, &here.field("key")));
            let former = dto.former_key.map(|key| converter.path(&key, &here.field("formerKey")));
            let former_key = former.map_or(Some(None), |path| path.map(Some));
            Some(Some(Manager { id: id?, name: dto.name?, key: key?, former_key: former_key? }))
        }
    }
}

/// Managers of other makes choose their id freely, and it has to be theirs to stand in their place.
fn manager_id(converter: &mut Converter, id: String, here: &Here<'_>) -> Option<String> {
    let count = id.chars().count();
    if !(1..=200).contains(&count) || id.chars().any(char::is_control) || id.trim() != id {
        let help = "write 1 to 200 characters that can be seen: the id that the platform's manager has, or a new UUID";
        converter.refuse(here, Code::BadId, "is not an id", help);
        return None;
    }
    Some(id)
}

fn proxies(converter: &mut Converter, dto: ProxiesDto, here: &Here<'_>) -> Option<Proxies> {
    let http = optional_url(converter, dto.http.as_deref(), &here.field("http"));
    let https = optional_url(converter, dto.https.as_deref(), &here.field("https"));
    let before = converter.count();
    for (index, host) in dto.no.iter().enumerate() {
        if host.is_empty() || host.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control()) {
            let here = here.field("no").item(index);
            converter.refuse(&here, Code::BadFormat, "is not one host", "write each host as an item of its own");
        }
    }
    let sound = converter.count() == before;
    Some(Proxies { http: http?, https: https?, no: sound.then_some(dto.no)? })
}

fn optional_url(converter: &mut Converter, text: Option<&str>, here: &Here<'_>) -> Option<Option<Url>> {
    match text {
        Some(text) => converter.web(text, PlainHttp::Anywhere, here).map(Some),
        None => Some(None),
    }
}

fn uuid(converter: &mut Converter, text: &str, here: &Here<'_>) -> Option<Uuid> {
    let id = Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text);
    if id.is_none() {
        let help = "write 32 hexadecimal digits in lower case, with hyphens";
        converter.refuse(here, Code::BadId, "is not a UUID", help);
    }
    id
}
