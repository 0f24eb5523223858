//! Reads a catalog file, and refuses one that is not whole.

use std::collections::HashSet;

use serde_json::error::Category;

use super::{
    contract::Contract,
    dto::{CatalogDto, ContractDto},
    quote,
    schema::{BadSchema, Schema},
};
use crate::model::{ConnectorKind, InvalidName, Slug};

/// The contracts that a platform publishes, from one file.
#[derive(Debug)]
pub struct Catalog {
    name: String,
    id: Option<String>,
    version: Option<String>,
    contracts: Vec<Contract>,
}

/// Why a file is no catalog that can be used.
#[derive(Debug, thiserror::Error)]
#[error("catalog `{name}` {kind}")]
pub struct CatalogError {
    /// The catalog, by the name that the settings give it.
    pub name: String,
    /// What is wrong with it.
    pub kind: CatalogErrorKind,
}

/// What is wrong with a catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogErrorKind {
    /// It passes the bound on a catalog's size.
    #[error("has {size} bytes, more than the {max} allowed")]
    TooLarge {
        /// Its size, in bytes.
        size: usize,
        /// The bound, in bytes.
        max: usize,
    },
    /// It has more contracts than any catalog may have.
    #[error("has {count} contracts, more than the {max} allowed")]
    TooManyContracts {
        /// How many it has.
        count: usize,
        /// The bound.
        max: usize,
    },
    /// It is not JSON.
    #[error("is not JSON: {reason}, at line {line} column {column}")]
    NotJson {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What the parser says.
        reason: String,
    },
    /// It is JSON, and not a catalog.
    #[error("is not a catalog: {reason}, at line {line} column {column}")]
    NotACatalog {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What does not fit.
        reason: String,
    },
    /// It is in the format with `manifest_schema_version`, which is not read yet.
    #[error("is in the format with `manifest_schema_version`, which this version of Lockstep does not read")]
    NewerFormat,
    /// A contract's slug breaks the rule for slugs.
    #[error("has a contract with the slug {slug}, which {reason}")]
    BadSlug {
        /// The slug, made printable.
        slug: String,
        /// The rule it breaks.
        reason: InvalidName,
    },
    /// Two contracts have the same slug.
    #[error("has two contracts with the slug `{0}`")]
    DuplicateSlug(Slug),
    /// A contract's schema is no JSON Schema, or one that can't be used.
    #[error("has an invalid schema for contract `{slug}`: {reason}")]
    BadSchema {
        /// The contract.
        slug: Slug,
        /// What is wrong with its schema, and where.
        reason: BadSchema,
    },
}

impl Catalog {
    /// The largest catalog that is read, in bytes; the platforms' own are below 2 MiB with all logos.
    pub const MAX_SIZE: usize = 16 << 20;
    /// The most contracts that a catalog may have.
    pub const MAX_CONTRACTS: usize = 4_096;

    /// Reads a catalog; `name` is what errors call it. Nesting is bounded by the JSON parser (128 levels).
    pub fn read(name: &str, content: &[u8]) -> Result<Self, CatalogError> {
        let fail = |kind| CatalogError { name: name.to_owned(), kind };
        if content.len() > Self::MAX_SIZE {
            return Err(fail(CatalogErrorKind::TooLarge { size: content.len(), max: Self::MAX_SIZE }));
        }
        let dto: CatalogDto = serde_json::from_slice(content).map_err(|error| fail(not_a_catalog(&error)))?;
        if dto.manifest_schema_version.is_some() {
            return Err(fail(CatalogErrorKind::NewerFormat));
        }
        let count = dto.contracts.len();
        if count > Self::MAX_CONTRACTS {
            return Err(fail(CatalogErrorKind::TooManyContracts { count, max: Self::MAX_CONTRACTS }));
        }
        let mut slugs = HashSet::with_capacity(count);
        let mut contracts = Vec::with_capacity(count);
        for entry in dto.contracts {
            let contract = contract(entry).map_err(fail)?;
            if !slugs.insert(contract.slug.clone()) {
                return Err(fail(CatalogErrorKind::DuplicateSlug(contract.slug)));
            }
            contracts.push(contract);
        }
        contracts.sort_by(|a, b| a.slug.cmp(&b.slug));
        Ok(Self { name: name.to_owned(), id: filled(dto.id), version: dto.version, contracts })
    }

    /// The name that errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the platform knows it by.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The version that it gives itself, such as `rolling`.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Its contracts, sorted by slug.
    pub fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// The contract of a slug.
    pub fn contract(&self, slug: &Slug) -> Option<&Contract> {
        self.contracts.binary_search_by(|contract| contract.slug.cmp(slug)).ok().map(|index| &self.contracts[index])
    }
}

/// Turns what one entry says into what it means.
fn contract(dto: ContractDto) -> Result<Contract, CatalogErrorKind> {
    let slug = Slug::try_from(dto.slug.as_str())
        .map_err(|reason| CatalogErrorKind::BadSlug { slug: quote::quoted(&dto.slug), reason })?;
    let schema = match dto.config_schema {
        None => None,
        Some(value) if value.as_object().is_some_and(serde_json::Map::is_empty) => None,
        Some(value) => {
            Some(Schema::new(value).map_err(|reason| CatalogErrorKind::BadSchema { slug: slug.clone(), reason })?)
        }
    };
    let kind_word = dto.container_type.unwrap_or_default();
    Ok(Contract {
        title: filled(dto.title).unwrap_or_else(|| slug.to_string()),
        short_description: dto.short_description.unwrap_or_default(),
        kind: ConnectorKind::from_word(&kind_word),
        kind_word,
        image: filled(dto.container_image),
        version: filled(dto.container_version),
        manager_supported: dto.manager_supported.unwrap_or(false),
        verified: dto.verified.unwrap_or(false),
        playbook_supported: dto.playbook_supported.unwrap_or(false),
        source_code: filled(dto.source_code),
        class_name: filled(dto.class_name),
        schema,
        slug,
    })
}

/// A text that says something; OpenAEV writes empty ones where OpenCTI writes null.
fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

fn not_a_catalog(error: &serde_json::Error) -> CatalogErrorKind {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let reason = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    let reason = quote::printable(reason);
    match error.classify() {
        Category::Data => CatalogErrorKind::NotACatalog { line, column, reason },
        Category::Io | Category::Syntax | Category::Eof => CatalogErrorKind::NotJson { line, column, reason },
    }
}
