//! Checks a configuration against its contract's schema, key by key and then as a whole.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{JsonType, error::ValidationErrorKind, paths::LocationSegment};
use serde_json::{Map, Value};

use super::{
    Checked, CheckedOrigin, CheckedValue, Content, coerce, deploy, key_place, plaintext_secret, reserved_key,
    unknown_key, verdict::Verdict,
};
use crate::{
    catalog::{
        contract::{Contract, NotDeployable},
        property::Property,
        quote, reserved,
        schema::Schema,
    },
    manifest::Manifest,
    model::{Code, ConfigValue, Finding, Place, Placed, PlatformKind, Scalar, Severity, is_owned_env},
};

/// Checks every key, fills in defaults and asks for what is missing.
pub(super) fn check(
    contract: &Contract,
    schema: &Schema,
    manifest: &Manifest,
    platform: PlatformKind,
    checked: &mut Checked,
) {
    let Ok(validator) = schema.validator() else {
        checked.findings.push(deploy::finding(contract, manifest, NotDeployable::BadSchema));
        return;
    };
    let mut checker =
        Checker { contract, schema, manifest, platform, checked, clear: BTreeMap::new(), meant: BTreeSet::new() };
    for (key, placed) in &manifest.config {
        checker.key(key, placed);
    }
    checker.judge(validator);
    checker.fill_in();
    checker.ask_for_missing();
}

/// The key that an objection misses.
fn required_name(kind: &ValidationErrorKind) -> Option<String> {
    if let ValidationErrorKind::Required { property } = kind { property.as_str().map(str::to_owned) } else { None }
}

/// What the schema objects to about one key: as a whole, or about items of its list.
type Verdicts = BTreeMap<Option<usize>, Verdict>;

/// What is known while one configuration is checked.
struct Checker<'a> {
    contract: &'a Contract,
    schema: &'a Schema,
    manifest: &'a Manifest,
    platform: PlatformKind,
    checked: &'a mut Checked,
    /// The values in clear that are still to be judged by the schema.
    clear: BTreeMap<&'a str, coerce::Coerced>,
    /// Keys that unknown ones were probably meant to be; they are not asked for a second time.
    meant: BTreeSet<&'a str>,
}

impl<'a> Checker<'a> {
    /// Looks at one key and takes its value, if it is of a right type.
    fn key(&mut self, key: &'a str, placed: &'a Placed<ConfigValue>) {
        let property = self.schema.property(key);
        let owned = property.map_or_else(|| is_owned_env(key), |property| property.owned);
        if let Some(instead) = reserved::instead_of_known(key, owned, self.platform) {
            self.checked.findings.push(reserved_key(self.manifest, key, instead));
            return;
        }
        let Some(property) = property else {
            self.unknown(key);
            return;
        };
        if property.deprecated {
            self.deprecated(property);
        }
        let coerced = match &placed.value {
            ConfigValue::Secret(secret) => {
                self.take(key, Content::Secret(secret.clone()), &placed.place);
                return;
            }
            ConfigValue::Scalar(scalar) if property.secret && !coerce::is_null(scalar) => {
                if scalar.text.is_empty() && property.default.as_deref() == Some("") {
                    self.take(key, Content::Plain(String::new()), &placed.place);
                } else {
                    self.checked.findings.push(plaintext_secret(key, &placed.place));
                }
                return;
            }
            ConfigValue::List(_) if property.secret => {
                self.checked.findings.push(plaintext_secret(key, &placed.place));
                return;
            }
            ConfigValue::Scalar(scalar) => coerce::scalar(property, scalar, &placed.place),
            ConfigValue::List(items) => coerce::list(property, items, &placed.place),
        };
        match coerced {
            Ok(coerced) => {
                self.clear.insert(key, coerced);
            }
            Err(finding) => self.checked.findings.push(finding),
        }
    }

    fn unknown(&mut self, key: &str) {
        let free = |property: &&Property| !self.is_reserved(property);
        // A key that has to be set and is not comes first, since it is the likeliest.
        let (missing, other): (Vec<_>, Vec<_>) =
            self.schema.properties().iter().filter(free).partition(|property| self.is_missing(property));
        let known = missing.into_iter().chain(other).map(|property| property.key.as_str());
        let (finding, meant) = unknown_key(self.contract, self.manifest, key, known);
        self.checked.findings.push(finding);
        self.meant.extend(meant);
    }

    fn deprecated(&mut self, property: &Property) {
        let message = format!("`{}` is deprecated in contract `{}`", property.key, self.contract.slug);
        let place = key_place(self.manifest, &property.key).clone();
        let help = if property.description.is_empty() {
            format!("`lockstep catalog show {}` lists the keys that stay", self.contract.slug)
        } else {
            quote::printable(&property.description)
        };
        self.checked.findings.push(Finding::warning(Code::DeprecatedKey, place, message).with_help(help));
    }

    /// Lets the schema judge what is in clear, and takes what it does not object to.
    fn judge(&mut self, validator: &jsonschema::Validator) {
        let instance = self.instance();
        let mut verdicts: BTreeMap<&str, Verdicts> = BTreeMap::new();
        let mut rules = Vec::new();
        // Saying whether there is an objection is much cheaper than saying which.
        let errors = (!validator.is_valid(&instance)).then(|| validator.iter_errors(&instance));
        for error in errors.into_iter().flatten() {
            let mut path = error.instance_path().segments();
            let Some(LocationSegment::Property(key)) = path.next() else {
                rules.push(self.broken_rule(error.kind()));
                continue;
            };
            let item = match path.next() {
                Some(LocationSegment::Index(index)) => Some(index),
                Some(LocationSegment::Property(_)) | None => None,
            };
            let known = self.clear.get_key_value(&*key).map(|(&key, _)| key).zip(self.schema.property(&key));
            let Some(((key, property), (scalar, _))) = known.zip(self.written(&key, item)) else { continue };
            let Some(verdict) = Verdict::of(error.kind(), property, item, scalar) else { continue };
            let of_key = verdicts.entry(key).or_default();
            if of_key.get(&item).is_none_or(|other| verdict.rank < other.rank) {
                of_key.insert(item, verdict);
            }
        }
        for (key, coerced) in std::mem::take(&mut self.clear) {
            self.conclude(key, coerced, verdicts.remove(key).unwrap_or_default());
        }
        if !self.checked.findings.iter().any(|finding| finding.severity == Severity::Error) {
            self.checked.findings.extend(rules);
        }
    }

    /// What the schema looks at: values in clear, and, where it has rules across keys, a stand-in for everything else.
    fn instance(&mut self) -> Value {
        let mut instance = Map::new();
        if let Some(defaults) = self.schema.defaults_for_rules() {
            instance = defaults;
            let stand_in = |key: &str| (key.to_owned(), Value::String(String::new()));
            let given = self.checked.values.keys().map(String::as_str);
            let reserved = self.schema.properties().iter().filter(|property| self.is_reserved(property));
            let reserved = reserved.map(|property| property.key.as_str());
            instance.extend(given.chain(reserved).map(stand_in));
        }
        instance.extend(self.clear.iter_mut().map(|(&key, coerced)| (key.to_owned(), coerced.json.take())));
        Value::Object(instance)
    }

    /// Says what is wrong with a value, or takes it; about a list as a whole only where its items are right.
    fn conclude(&mut self, key: &'a str, coerced: coerce::Coerced, mut verdicts: Verdicts) {
        let whole = verdicts.remove(&None);
        let (seen, mut bad): (Vec<usize>, Vec<Finding>) = coerced.bad_items.into_iter().unzip();
        for (item, verdict) in verdicts {
            let known = item.is_some_and(|index| seen.contains(&index));
            bad.extend(
                self.written(key, item)
                    .filter(|_| !known)
                    .map(|(_, place)| verdict.finding(&self.contract.slug, place)),
            );
        }
        if bad.is_empty() {
            bad.extend(
                whole
                    .zip(self.written(key, None))
                    .map(|(verdict, (_, place))| verdict.finding(&self.contract.slug, place)),
            );
        }
        if let (true, Some(text), Some(placed)) = (bad.is_empty(), coerced.text, self.manifest.config.get(key)) {
            self.take(key, Content::Plain(text), &placed.place);
        }
        self.checked.findings.extend(bad);
    }

    /// What the manifest holds for a key, or for an item of its list, and where; no text for a list as a whole.
    fn written(&self, key: &str, item: Option<usize>) -> Option<(Option<&'a Scalar>, &'a Place)> {
        let placed = self.manifest.config.get(key)?;
        match (&placed.value, item) {
            (ConfigValue::List(items), Some(index)) => items.get(index).map(|item| (Some(&item.value), &item.place)),
            (ConfigValue::Scalar(scalar), _) => Some((Some(scalar), &placed.place)),
            (ConfigValue::List(_), None) | (ConfigValue::Secret(_), _) => Some((None, &placed.place)),
        }
    }

    /// The finding for a rule across keys that is broken.
    fn broken_rule(&self, kind: &ValidationErrorKind) -> Finding {
        let place = self.manifest.config_place.clone();
        let slug = &self.contract.slug;
        let missing: Option<Vec<String>> =
            if let ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } = kind {
                context.iter().flatten().map(|error| required_name(error.kind())).collect()
            } else {
                required_name(kind).map(|name| vec![name])
            };
        let missing = missing.unwrap_or_default();
        let finding = if missing.is_empty() {
            let message = format!("the configuration breaks the rule `{}` of contract `{slug}`", kind.keyword());
            Finding::error(Code::NotAllowed, place, message)
        } else {
            let message = format!("contract `{slug}` requires {} beside the keys given", quote::any_of(&missing));
            Finding::error(Code::MissingKey, place, message)
        };
        finding.with_help(format!("`lockstep catalog show {slug}` lists its keys"))
    }

    /// Puts every default of the contract into the environment, but for keys that the manifest names.
    fn fill_in(&mut self) {
        for property in self.schema.properties() {
            let Some(default) = &property.default else { continue };
            if self.manifest.config.contains_key(&property.key) || self.is_reserved(property) {
                continue;
            }
            let value = CheckedValue { value: Content::Plain(default.clone()), origin: CheckedOrigin::Default };
            self.checked.values.insert(property.key.clone(), value);
        }
    }

    fn ask_for_missing(&mut self) {
        for property in self.schema.properties() {
            if !self.is_missing(property) || self.meant.contains(property.key.as_str()) {
                continue;
            }
            let message = format!("contract `{}` requires `{}`", self.contract.slug, property.key);
            let what = if property.secret { "a sealed value".to_owned() } else { property.type_words() };
            let help = match property.description.as_str() {
                "" => format!("add it below `spec.config` ({what})"),
                text => format!("add it below `spec.config` ({what}): {}", quote::printable(text)),
            };
            let place = self.manifest.config_place.clone();
            self.checked.findings.push(Finding::error(Code::MissingKey, place, message).with_help(help));
        }
    }

    /// Whether a key has to be set by the manifest and is not.
    fn is_missing(&self, property: &Property) -> bool {
        let given = self.manifest.config.get(&property.key).is_some_and(|placed| match &placed.value {
            ConfigValue::Scalar(scalar) => !(coerce::is_null(scalar) && property.types.contains(JsonType::Null)),
            ConfigValue::List(_) | ConfigValue::Secret(_) => true,
        });
        property.required && property.default.is_none() && !given && !self.is_reserved(property)
    }

    fn is_reserved(&self, property: &Property) -> bool {
        reserved::instead_of_known(&property.key, property.owned, self.platform).is_some()
    }

    fn take(&mut self, key: &str, value: Content, place: &Place) {
        let origin = CheckedOrigin::Manifest(place.clone());
        self.checked.values.insert(key.to_owned(), CheckedValue { value, origin });
    }
}
