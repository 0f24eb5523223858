//! Sealing and opening, on identities made by the tests themselves.

mod age_cli;
mod digests;
mod files;
mod identities;
mod memory;
mod values;

use age::secrecy::{ExposeSecret, SecretString};
use lockstep::{
    model::{InstanceName, Sealed},
    secrets::{Binding, BindingPolicy, Keyring, OpenError, Recipients, keygen},
};

/// A plaintext that is easy to find where it must not be.
const CANARY: &str = "S33D-canary-42\"'\\\n ünï";

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn whom(instance: &str, key: &str) -> Binding {
    Binding { instance: InstanceName::try_from(instance).expect("a good name"), key: key.to_owned() }
}

/// A keyring of one new identity, and whom to seal for.
fn new_keyring() -> (Keyring, Recipients) {
    let (file, recipient) = keygen();
    let mut keyring = Keyring::default();
    keyring.add("age.key", file.expose_secret().as_bytes()).expect("an identity of ours");
    (keyring, Recipients::parse(&recipient).expect("a recipient of ours"))
}

fn open(keyring: &Keyring, armored: &str) -> Result<SecretString, OpenError> {
    let sealed = Sealed::recognise(armored).expect("begins as an armored file");
    keyring.open(&sealed, &whom("misp", "MISP_KEY"), BindingPolicy::Optional)
}

fn first_of(recipients: &Recipients) -> age::x25519::Recipient {
    recipients.lines().next().and_then(|line| line.parse().ok()).expect("an X25519 recipient")
}

/// Encrypts bytes as a binary age file, without any of our own rules.
fn encrypt(recipients: &Recipients, plaintext: &[u8]) -> Vec<u8> {
    age::encrypt(&first_of(recipients), plaintext).expect("memory takes it")
}

fn encrypt_armored(recipients: &Recipients, plaintext: &[u8]) -> String {
    age::encrypt_and_armor(&first_of(recipients), plaintext).expect("memory takes it")
}

/// Fails where an error shows anything of what must stay hidden.
fn assert_silent(error: &impl std::error::Error, hidden: &[&str]) {
    let mut text = format!("{error} {error:?} {error:#?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    for part in hidden.iter().flat_map(|hidden| hidden.split(['\n', '"'])).filter(|part| part.len() > 3) {
        assert!(!text.contains(part), "{part:?} stands in {text:?}");
    }
}
