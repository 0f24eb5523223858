//! What two revisions can't tell of their sealed values by themselves.

use std::sync::Arc;

use crate::{
    cli::{CliError, output, render},
    desired::{DesiredState, EnvValue, Openers, Wanted},
    model::InstanceName,
    plan,
    reconcile::Planned,
};

/// Whether a variable that holds a secret on both sides is sealed otherwise on one.
pub(super) fn is_resealed(base: &DesiredState, new: &DesiredState) -> bool {
    let other = |(before, after): (&Arc<Wanted>, &Arc<Wanted>)| {
        let sealed = |key| before.env.get(key).filter(|value| value.is_sensitive());
        after.env.iter().any(|(key, value)| value.is_sensitive() && sealed(key).is_some_and(|before| before != value))
    };
    new.wanted.values().filter_map(|after| Some((base.wanted.get(&after.name)?, after))).any(other)
}

/// Says where nobody can tell whether a secret changed.
///
/// # Errors
/// Where standard error can't be written.
pub(super) fn note_resealed(
    base: &DesiredState,
    new: &DesiredState,
    same: &dyn Fn(&Wanted, &Wanted, &str) -> Option<bool>,
) -> Result<(), CliError> {
    let untold = |(before, after): (&Wanted, &Wanted)| {
        let both = after.env.iter().filter_map(|(key, value)| Some((key, value, before.env.get(key)?)));
        let sealed = both.filter(|(_, value, before)| value != before && value.is_sensitive() && before.is_sensitive());
        sealed.filter(|(key, ..)| same(before, after, key).is_none()).count()
    };
    let pairs = new.wanted.values().filter_map(|after| Some((&**base.wanted.get(&after.name)?, &**after)));
    let count: usize = pairs.map(untold).sum();
    if count == 0 {
        return Ok(());
    }
    output::note(&format!(
        "{} {}, and without an identity nobody can tell whether the value changed or only its seal\n",
        render::yellow("note:"),
        match count {
            1 => "1 sensitive value is sealed anew".to_owned(),
            count => format!("{count} sensitive values are sealed anew"),
        }
    ))
}

/// A sealed value that an instance takes with it to another name.
struct Taken<'a> {
    from: &'a InstanceName,
    before: &'a Wanted,
    after: &'a Wanted,
    key: &'a String,
}

/// Says which sealed values of renamed instances are bound to the former name, or that nobody can tell: the binding is part
/// of what is sealed, and a value with one opens under no other name.
///
/// # Errors
/// Where an identity can't be read, or standard error can't be written.
pub(super) fn note_renamed(
    base: &DesiredState,
    planned: &Planned,
    read: impl FnOnce() -> Result<Openers, CliError>,
) -> Result<(), CliError> {
    let renames = plan::renames(&planned.plan, &planned.observed);
    let mut taken = Vec::new();
    for rename in &renames {
        let sides = (base.wanted.get(&rename.from), planned.desired.wanted.get(&rename.to));
        let (Some(before), Some(after)) = sides else { continue };
        let sealed = |value: &EnvValue| matches!(value, EnvValue::Sealed(_) | EnvValue::FromFile { .. });
        let keys = after.env.iter().filter(|(key, value)| sealed(value) && before.env.get(*key) == Some(*value));
        taken.extend(keys.map(|(key, _)| Taken { from: &rename.from, before, after, key }));
    }
    if taken.is_empty() {
        return Ok(());
    }
    let openers = read()?;
    for Taken { from, before, after, key } in taken {
        let (to, opens) = (&after.name, |wanted: &Wanted| wanted.open_one(key, &openers).is_ok());
        let why = match (opens(before), opens(after)) {
            (_, true) => continue,
            (true, false) => "is bound to that name",
            (false, false) => "may be bound to that name, which nobody can tell without an identity that opens it",
        };
        output::note(&format!(
            "{} `{to}` was `{from}`, and its sealed value of `{key}` {why}; a value that is bound opens under no other \
             name, and the instance is held: seal it anew with `lockstep secret seal --instance {to} --key {key}`\n",
            render::yellow("note:")
        ))?;
    }
    Ok(())
}
