//! Turns the keys that Lockstep sets itself into `spec.id` and `spec.token`, or leaves them out.

use super::{
    convert::{Converter, named},
    draft::Part,
    environment::Variable,
    placeholder::is_placeholder,
    scalar,
};
use crate::model::{Code, ConnectorId};

impl Converter<'_> {
    /// A key that Lockstep sets itself.
    pub(super) fn reserved(&mut self, variable: &Variable, instead: &'static str) {
        let key = variable.key.as_str();
        let own_id = self.contract.kind.is_some_and(|kind| key == format!("{}_ID", kind.env_prefix()));
        match key {
            _ if own_id => self.id(variable),
            "OPENCTI_TOKEN" | "OPENAEV_TOKEN" => self.token(variable),
            "OPENCTI_URL" | "OPENCTI_URI" | "OPENAEV_URL" => {
                self.log.note(
                    &variable.place,
                    format!("`{key}` is left out: the url is that of the platform in the settings"),
                );
            }
            "CONNECTOR_TYPE" => {
                self.log.note(&variable.place, format!("`{key}` is left out: the contract decides it"));
            }
            _ => {
                self.log.warn(
                    Code::ReservedKey,
                    &variable.place,
                    format!("`{key}` is set by Lockstep and left out"),
                    instead,
                );
            }
        }
    }

    fn id(&mut self, variable: &Variable) {
        let expanded = self.expanded(variable);
        let key = &variable.key;
        if !expanded.unknown.is_empty() || expanded.broken {
            let names = named(&expanded.unknown);
            self.made.head.push(Part::comment("id", format!("id: fill in, was {names}"), &variable.place));
            self.log.need(
                Code::BadId,
                &variable.place,
                format!("`{key}` uses {names}, which has no value"),
                "fill in `spec.id`, so that the platform knows the connector again; left out, a new one is derived",
            );
            return;
        }
        let text = expanded.text.trim().to_ascii_lowercase();
        match ConnectorId::try_from(text.as_str()) {
            Ok(id) => {
                self.log.note(&variable.place, format!("`{key}` is `spec.id` now"));
                self.made.head.push(Part::active(
                    "id",
                    vec![format!("id: {}", scalar::string(&id.to_string()))],
                    &variable.place,
                ));
            }
            Err(why) => {
                let was =
                    if text.is_empty() { "empty".to_owned() } else { scalar::string(&self.harmless(&expanded.text)) };
                self.made.head.push(Part::comment("id", format!("id: fill in, was {was}"), &variable.place));
                self.log.warn(
                    Code::BadId,
                    &variable.place,
                    format!("`{key}` {why}"),
                    "nothing for a new connector: an id is derived from its name; for an old one, fill in `spec.id`",
                );
            }
        }
    }

    fn token(&mut self, variable: &Variable) {
        const HELP: &str =
            "nothing, if the platform's `connectorToken` may be used; otherwise seal one into `spec.token`";
        let expanded = self.expanded(variable);
        let key = &variable.key;
        let (was, why) = if !expanded.unknown.is_empty() || expanded.broken {
            let names = named(&expanded.unknown);
            (format!(", was {names}"), format!("uses {names}, which has no value"))
        } else if expanded.text.is_empty() || is_placeholder(&expanded.text) {
            (String::new(), "only holds the place of a value".to_owned())
        } else {
            match self.seal("token", "token", &expanded.text) {
                Some(Ok(lines)) => {
                    let mut part = Part::active("token", lines, &variable.place);
                    part.fallback = "token: fill in (a sealed value)".to_owned();
                    self.made.head.push(part);
                    self.log.note(&variable.place, format!("`{key}` is sealed into `spec.token`"));
                    return;
                }
                Some(Err(why)) => (String::new(), format!("could not be sealed: {why}")),
                None => (String::new(), "is a secret and was not sealed".to_owned()),
            }
        };
        let text = format!("token: fill in (a sealed value){was}");
        self.made.head.push(Part::comment("token", text, &variable.place));
        self.log.warn(Code::MissingKey, &variable.place, format!("`{key}` {why}"), HELP);
    }
}
