//! The account that a managed connector runs as.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    super::client::OpenCtiClient,
    dialect::Dialect,
    documents::{ADD, EDIT, USERS},
    wire::UsersWire,
};
use crate::platform::{AccountOf, Failure, OutgoingInstance, PlatformError, words};

impl OpenCtiClient {
    /// The fields of a new connector's input that say whom it runs as. An account that is there already is taken as it is:
    /// it may be the one of an answer that was lost.
    pub(super) async fn account_of_new(
        &self,
        dialect: Dialect,
        instance: &OutgoingInstance,
    ) -> Result<Map<String, Value>, PlatformError> {
        let AccountOf { name, create, confidence } = &instance.account;
        // Platforms name the accounts that they make for connectors so.
        let (name, create) = match name {
            Some(name) => (name.clone(), *create),
            None => (format!("[C] {}", instance.title), true),
        };
        let field = if dialect.accounts { "user_id" } else { "connector_user_id" };
        if let Some(id) = self.account(&name).await? {
            return Ok(Map::from_iter([(field.to_owned(), json!(id))]));
        }
        if !create {
            let why = format!("no user of it is named `{}`; make one, or write `create: true`", words(&name, 100));
            return Err(self.error(ADD, Failure::Settings(why)));
        }
        if !dialect.accounts {
            let why = format!(
                "make accounts for connectors; make the user `{}` by hand, and name it in `serviceAccount`",
                words(&name, 100)
            );
            return Err(self.error(ADD, Failure::Unsupported(why)));
        }
        let mut fields = Map::from_iter([(field.to_owned(), json!(name)), ("automatic_user".to_owned(), json!(true))]);
        if let Some(confidence) = confidence {
            fields.insert("confidence_level".to_owned(), json!(confidence.to_string()));
        }
        Ok(fields)
    }

    /// The id of the account that a connector is to run as from now on; the one it has where none is named.
    pub(super) async fn account_of_changed(
        &self,
        instance: &OutgoingInstance,
        current: Option<String>,
    ) -> Result<String, PlatformError> {
        let Some(name) = &instance.account.name else {
            let none = "the connector has no account at the platform; name one in `serviceAccount`";
            return current.ok_or_else(|| self.error(EDIT, Failure::Settings(none.to_owned())));
        };
        let why = || {
            let name = words(name, 100);
            format!(
                "no user of it is named `{name}`, and it makes accounts only with new connectors; make the user by hand"
            )
        };
        self.account(name).await?.ok_or_else(|| self.error(EDIT, Failure::Settings(why())))
    }

    /// The id of the account that is named, or whose id is given; none where there is none of that name.
    async fn account(&self, name: &str) -> Result<Option<String>, PlatformError> {
        if Uuid::try_parse(name).is_ok() {
            return Ok(Some(name.to_owned()));
        }
        let filters = json!({
            "mode": "and",
            "filters": [{ "key": ["name"], "values": [name], "operator": "eq", "mode": "or" }],
            "filterGroups": [],
        });
        let found: UsersWire = self.read(USERS, "users", json!({ "filters": filters })).await?;
        let mut ids =
            found.edges.into_iter().map(|edge| edge.node).filter(|user| user.name == name).map(|user| user.id);
        match (ids.next(), ids.next()) {
            (Some(_), Some(_)) => {
                let why =
                    format!("several users of it are named `{}`; give the account's id instead", words(name, 100));
                Err(self.error(USERS, Failure::Settings(why)))
            }
            (first, _) => Ok(first),
        }
    }
}
