//! Where contracts come from.

use std::collections::BTreeMap;

use super::{Converter, Here};
use crate::{
    model::{Code, PlatformName},
    settings::{
        dto::CatalogDto,
        types::{CatalogSettings, PlatformSettings},
        urls::PlainHttp,
    },
};

pub(super) fn catalogs(
    converter: &mut Converter,
    list: Vec<CatalogDto>,
    here: &Here<'_>,
) -> Option<Vec<CatalogSettings>> {
    let all: Vec<_> = list.iter().enumerate().map(|(index, dto)| catalog(converter, dto, &here.item(index))).collect();
    all.into_iter().collect()
}

fn catalog(converter: &mut Converter, dto: &CatalogDto, here: &Here<'_>) -> Option<CatalogSettings> {
    if dto.url.is_none() && (dto.sha256.is_some() || dto.ca.is_some()) && !here.is_broken() {
        converter.refuse(here, Code::NotAllowed, "has `sha256` or `ca`, which are for `url`", "leave them out");
        return None;
    }
    match dto {
        CatalogDto { source: Some(path), file: None, url: None, platform: None, .. } => {
            let path = converter.path_in_source(path, &here.field("source"))?;
            if path.is_empty() {
                converter.refuse(
                    &here.field("source"),
                    Code::BadFormat,
                    "names no file",
                    "write catalog/opencti.json, say",
                );
                return None;
            }
            Some(CatalogSettings::Source { path })
        }
        CatalogDto { source: None, file: Some(path), url: None, platform: None, .. } => {
            Some(CatalogSettings::File { path: converter.path(path, &here.field("file"))? })
        }
        CatalogDto { source: None, file: None, url: Some(url), platform: None, sha256, ca } => {
            let url = converter.web(url, PlainHttp::Loopback, &here.field("url"));
            let ca = match ca {
                Some(ca) => converter.path(ca, &here.field("ca")).map(Some),
                None => Some(None),
            };
            if sha256.is_none() && !here.is_broken() {
                let help = "add the SHA-256 of the file, so that only a change of the settings changes the catalog";
                converter.refuse(here, Code::MissingField, "lacks `sha256`, which `url` needs", help);
            }
            Some(CatalogSettings::Url { url: url?, sha256: sha256.clone()?, ca: ca? })
        }
        CatalogDto { source: None, file: None, url: None, platform: Some(name), .. } => {
            let here = here.field("platform");
            let name = PlatformName::try_from(name.as_str());
            let name = name
                .map_err(|error| converter.refuse(&here, Code::BadName, error, "name a platform of `platforms`"))
                .ok()?;
            Some(CatalogSettings::Platform { name })
        }
        CatalogDto { .. } => {
            if !here.is_broken() {
                let help = "write one of `source`, `file`, `url`, `platform`";
                converter.refuse(here, Code::NotAllowed, "names no catalog, or several", help);
            }
            None
        }
    }
}

/// Checks that catalogs of platforms are of platforms that there are.
pub(super) fn of_known_platforms(
    converter: &mut Converter,
    catalogs: Vec<CatalogSettings>,
    platforms: &BTreeMap<PlatformName, PlatformSettings>,
    here: &Here<'_>,
) -> Option<Vec<CatalogSettings>> {
    let before = converter.count();
    for (index, catalog) in catalogs.iter().enumerate() {
        match catalog {
            CatalogSettings::Platform { name } if !platforms.contains_key(name) => {
                let here = here.item(index).field("platform");
                let help = "name a platform of `platforms`";
                converter.refuse(&here, Code::UnknownPlatform, "is a platform that is not in these settings", help);
            }
            CatalogSettings::Platform { .. }
            | CatalogSettings::Source { .. }
            | CatalogSettings::File { .. }
            | CatalogSettings::Url { .. } => {}
        }
    }
    (converter.count() == before).then_some(catalogs)
}
