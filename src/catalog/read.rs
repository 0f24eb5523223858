//! Reads a catalog file, and refuses one that is not whole.

use serde_json::{Value, error::Category};

use super::{
    contract::Contract,
    dto::{CatalogDto, ContractDto, FormatDto},
    quote,
    schema::{BadSchema, Schema},
    support::Support,
    v1,
};
use crate::model::{ConnectorKind, InvalidName, Slug};

/// The contracts that a platform publishes, from one file.
#[derive(Debug)]
pub struct Catalog {
    name: String,
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
    /// It is in a format that is newer than those that are known.
    #[error("has the `manifest_schema_version` {0}, which this version of Lockstep does not read")]
    NewerFormat(String),
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
    /// One version of a contract stands in it twice.
    #[error("has version {version} of contract `{slug}` twice")]
    DuplicateVersion {
        /// The contract.
        slug: Slug,
        /// The version, made printable.
        version: String,
    },
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
        let no_catalog = |error: serde_json::Error| fail(not_a_catalog(&error));
        let format = format(content).map_err(no_catalog)?;
        let (id, version, entries) = match &format {
            Format::Today => {
                let dto: CatalogDto = serde_json::from_slice(content).map_err(no_catalog)?;
                (filled(dto.id), dto.version, dto.contracts.into_iter().map(of_today).collect::<Vec<_>>())
            }
            Format::V1 => {
                let dto: v1::CatalogDto = serde_json::from_slice(content).map_err(no_catalog)?;
                (filled(dto.id.clone()), dto.version(), dto.contracts.into_iter().map(v1::VersionDto::split).collect())
            }
            Format::Newer(version) => return Err(fail(CatalogErrorKind::NewerFormat(version.clone()))),
        };
        let count = entries.len();
        if count > Self::MAX_CONTRACTS {
            return Err(fail(CatalogErrorKind::TooManyContracts { count, max: Self::MAX_CONTRACTS }));
        }
        let entries = entries.into_iter().map(|(entry, support)| contract(entry, support, id.as_deref()));
        let mut contracts = entries.collect::<Result<Vec<_>, _>>().map_err(fail)?;
        contracts.sort_by(v1::order);
        if let Some(twice) = contracts.windows(2).find(|pair| same(&pair[0], &pair[1], &format)) {
            let Contract { slug, version, .. } = &twice[0];
            return Err(fail(match format {
                Format::Today | Format::Newer(_) => CatalogErrorKind::DuplicateSlug(slug.clone()),
                Format::V1 => CatalogErrorKind::DuplicateVersion {
                    slug: slug.clone(),
                    version: quote::quoted(version.as_deref().unwrap_or_default()),
                },
            }));
        }
        Ok(Self { name: name.to_owned(), version, contracts })
    }

    /// The name that errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version that it gives itself, such as `rolling`.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Its contracts, sorted by slug; of several versions of one, the newest comes first.
    pub fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// The contract of a slug; the newest version of it where there are several.
    pub fn contract(&self, slug: &Slug) -> Option<&Contract> {
        self.versions(slug).first()
    }

    /// Every version of a contract, the newest first.
    pub fn versions(&self, slug: &Slug) -> &[Contract] {
        let begin = self.contracts.partition_point(|contract| contract.slug < *slug);
        let length = self.contracts[begin..].partition_point(|contract| contract.slug == *slug);
        &self.contracts[begin..begin + length]
    }
}

/// The formats of catalogs.
enum Format {
    /// One version of each contract.
    Today,
    /// Several versions of each contract.
    V1,
    /// Another, by the version that it gives itself.
    Newer(String),
}

/// Which format a catalog is in; most do not hold the field that says so, and are not read for it.
fn format(content: &[u8]) -> Result<Format, serde_json::Error> {
    const FIELD: &[u8] = b"\"manifest_schema_version\"";
    if !content.windows(FIELD.len()).any(|window| window == FIELD) {
        return Ok(Format::Today);
    }
    let dto: FormatDto = serde_json::from_slice(content)?;
    Ok(match dto.manifest_schema_version {
        None => Format::Today,
        Some(Value::String(version)) if version == v1::VERSION => Format::V1,
        Some(other) => Format::Newer(quote::printable(&other.to_string())),
    })
}

/// Whether two neighbours are what may stand in a catalog only once.
fn same(left: &Contract, right: &Contract, format: &Format) -> bool {
    let same_version = match format {
        Format::Today | Format::Newer(_) => true,
        Format::V1 => left.version == right.version,
    };
    left.slug == right.slug && same_version
}

fn of_today(mut dto: ContractDto) -> (ContractDto, Support) {
    let support = Support::range(filled(dto.support_version.take()));
    (dto, support)
}

/// Turns what one entry says into what it means; `catalog` is the id of the catalog around it.
fn contract(dto: ContractDto, support: Support, catalog: Option<&str>) -> Result<Contract, CatalogErrorKind> {
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
        catalog: filled(dto.catalog_id).or_else(|| catalog.map(str::to_owned)),
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
        support,
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
