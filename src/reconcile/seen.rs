//! Writes down what a close look at a container has shown, as far as it may be shown.

use secrecy::ExposeSecret;

use crate::{
    desired::{EnvValue, OpenedEnv, Wanted},
    engine::Inspected,
    plan::ObservedContainer,
};

/// Writes down what a close look has shown, without a secret: those are compared here and now.
pub(super) fn note_look(
    container: &mut ObservedContainer,
    inspected: &Inspected,
    wanted: Option<&Wanted>,
    opened: Option<&OpenedEnv>,
) {
    container.finished = inspected.finished;
    let Some(wanted) = wanted else { return };
    let visible = wanted.visible_fields();
    let mut fields = inspected.fields.clone();
    fields.insert("image".to_owned(), inspected.image.clone());
    // What the image brings is only a difference where something else is wanted.
    fields.extend(inspected.image_fields.iter().filter(|(name, _)| visible.contains_key(*name)).map(owned));
    for (key, value) in &inspected.env {
        match wanted.env.get(key) {
            // It was a secret before: what it was is shown to nobody, even where it is written in clear now.
            Some(EnvValue::Plain(_)) if inspected.sealed.contains(key) => {
                container.sensitive_equal.insert(format!("env.{key}"), false);
            }
            Some(EnvValue::Plain(_)) => {
                fields.insert(format!("env.{key}"), value.expose_secret().to_owned());
            }
            Some(
                EnvValue::Sealed(_)
                | EnvValue::FromFile { .. }
                | EnvValue::ConnectorToken(_)
                | EnvValue::ConnectorProxy(_)
                | EnvValue::FromPlatform(_),
            ) => {}
            // A variable that is wanted no more may have been a secret; only its name is kept.
            None => {
                container.sensitive_equal.insert(format!("env.{key}"), false);
            }
        }
    }
    for (key, value) in &wanted.env {
        let brought = inspected.image_env.get(key);
        if value.is_sensitive() {
            let live = inspected.env.get(key).map(ExposeSecret::expose_secret).or(brought.map(String::as_str));
            let equal = opened.and_then(|env| env.get(key)).is_some_and(|value| Some(value.expose_secret()) == live);
            container.sensitive_equal.insert(format!("env.{key}"), equal);
        } else if let Some(brought) = brought {
            fields.insert(format!("env.{key}"), brought.clone());
        }
    }
    container.fields = Some(fields);
}

fn owned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}
