//! Whether a manager's keys open what its platform has sealed.

use super::ManagerKeys;
use crate::{
    cli::{CliError, Exit, render},
    desired::OpensEnvelopes as _,
    platform::{ManagedListing, ManagedValue},
};

/// Whether our keys open what a platform sealed.
///
/// # Errors
/// Where they don't, naming the instances.
pub(crate) fn opens(keys: &ManagerKeys, listing: &ManagedListing) -> Result<String, CliError> {
    let ManagedListing { instances, unreadable } = listing;
    let having = |is: &dyn Fn(&str) -> bool| {
        let sealed = |value: &ManagedValue| matches!(value, ManagedValue::Sealed(envelope) if is(envelope.as_str()));
        let instances = instances.iter().filter(|instance| instance.configuration.values().any(sealed));
        instances.map(|instance| format!("`{}`", instance.name)).collect::<Vec<_>>()
    };
    let shut = having(&|envelope| keys.open(envelope).is_err());
    let count = render::count(instances.len(), "managed connector");
    if !shut.is_empty() {
        let message = format!("{count}; the key does not open the secrets of {}", shut.join(", "));
        let help = "use the private key that they were sealed for, or name it in `manager.formerKey` beside a new one; where it is \
                    lost, set each of these secrets at the platform once more after this manager has registered";
        return Err(CliError::new(Exit::Secret, message).with_help(help));
    }
    if let [first, ..] = &unreadable[..] {
        let count = render::count(unreadable.len(), "managed connector");
        let message = format!("it lists {count} in a way that makes no sense; of `{}`, {}", first.id, first.why);
        let help = "what runs of them stays as it is; look at them in the platform's pages";
        return Err(CliError::new(Exit::Platform, message).with_help(help));
    }
    let former = having(&|envelope| keys.is_of_former(envelope));
    if former.is_empty() {
        return Ok(format!("{count}, every secret opens"));
    }
    Ok(format!(
        "{count}, every secret opens, but those of {} only with the former key, which has to stay",
        former.join(", ")
    ))
}
