//! Finds the contract that a service deploys.

use crate::{
    catalog::{Catalogs, Contract},
    model::{ConnectorKind, Slug},
};

/// An image as a service names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Image<'a> {
    /// Its name without tag and digest.
    pub(super) name: &'a str,
    /// Its tag.
    pub(super) tag: Option<&'a str>,
    /// Its digest, with `sha256:`.
    pub(super) digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// Splits a reference; variables in it are left as they stand.
    pub(super) fn parse(reference: &'a str) -> Self {
        let (rest, digest) = reference.split_once('@').map_or((reference, None), |(rest, digest)| (rest, Some(digest)));
        // A tag may be `${VERSION:-1}` with a `:` of its own.
        let last = rest.rfind("${").map_or(rest, |variable| rest[..variable].trim_end_matches(':'));
        let slash = last.rfind('/').map_or(0, |slash| slash + 1);
        match rest[slash..].find(':') {
            Some(colon) => {
                let colon = slash + colon;
                Self { name: &rest[..colon], tag: Some(&rest[colon + 1..]), digest }
            }
            None => Self { name: rest, tag: None, digest },
        }
    }

    /// The last part of its name.
    pub(super) fn last(&self) -> &'a str {
        self.name.rsplit('/').next().unwrap_or(self.name)
    }

    /// Whether it is the image of a contract, from whatever registry.
    fn is_of(&self, contract: &Contract) -> bool {
        contract.image.as_deref().is_some_and(|image| {
            self.name == image || self.name.strip_suffix(image).is_some_and(|registry| registry.ends_with('/'))
        })
    }

    /// Whether it is called like a contract's image, in another place.
    fn is_called_like(&self, contract: &Contract) -> bool {
        contract.image.as_deref().and_then(|image| image.rsplit('/').next()) == Some(self.last())
    }
}

/// What the catalogs say about a service.
pub(super) enum Choice<'a> {
    /// It deploys this contract.
    Contract(&'a Contract),
    /// Its image belongs to contracts of other kinds only.
    OtherKind(&'a Contract),
    /// No contract has its image; the slug that may be meant.
    None(Option<&'a Slug>),
}

/// Chooses by the image, then by what the service calls itself where it has no image; `kind` is its `CONNECTOR_TYPE`.
pub(super) fn choose<'a>(
    catalogs: &'a Catalogs,
    image: Option<&Image<'_>>,
    service: &str,
    kind: Option<&str>,
) -> Choice<'a> {
    let named = Image::parse(service);
    let wanted = image.unwrap_or(&named);
    let exact = || catalogs.contracts().filter(|contract| image.is_some() && wanted.is_of(contract));
    let alike = || catalogs.contracts().filter(|contract| wanted.is_called_like(contract));
    let mut candidates: Vec<&Contract> = exact().collect();
    if candidates.is_empty() {
        candidates = alike().collect();
    }
    let kind = kind.and_then(ConnectorKind::from_word);
    let Some(first) = candidates.first() else {
        let bare =
            ["connector-", "collector-", "injector-"].iter().find_map(|prefix| wanted.last().strip_prefix(prefix));
        return Choice::None(catalogs.closest(bare.unwrap_or(wanted.last()), None));
    };
    match kind {
        Some(kind) => match candidates.iter().find(|contract| contract.kind == Some(kind)) {
            Some(contract) => Choice::Contract(contract),
            None => Choice::OtherKind(first),
        },
        None => Choice::Contract(first),
    }
}

/// Whether a service looks like a connector by its image's name.
pub(super) fn looks_like_a_connector(image: &Image<'_>) -> bool {
    ["connector-", "collector-", "injector-"].iter().any(|word| image.last().contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_an_image() {
        for (text, name, tag, digest) in [
            ("a/b", "a/b", None, None),
            ("a/b:1", "a/b", Some("1"), None),
            ("reg:5000/a/b", "reg:5000/a/b", None, None),
            ("reg:5000/a/b:1@sha256:00", "reg:5000/a/b", Some("1"), Some("sha256:00")),
            ("a/b:${V:-1}", "a/b", Some("${V:-1}"), None),
            ("a/b:7-${V}", "a/b", Some("7-${V}"), None),
            ("${R}/a/b", "${R}/a/b", None, None),
        ] {
            assert_eq!(Image::parse(text), Image { name, tag, digest }, "{text}");
        }
    }
}
