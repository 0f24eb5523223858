//! Identity files.

use age::secrecy::ExposeSecret;
use lockstep::secrets::{IdentityErrorKind, Keyring, Recipients, keygen, seal};

use super::{CANARY, assert_silent, open, secret};

#[test]
fn a_file_holds_several_identities_and_comments() {
    let (first, first_recipient) = keygen();
    let (second, second_recipient) = keygen();
    assert!(first.expose_secret().starts_with(&format!("# public key: {first_recipient}\nAGE-SECRET-KEY-1")));
    let text = format!("\u{feff}# made today\r\n\r\n{}\n  {}", first.expose_secret(), second.expose_secret());
    let mut keyring = Keyring::default();
    keyring.add("both", text.as_bytes()).unwrap();
    assert_eq!(keyring.recipients().lines().collect::<Vec<_>>(), [first_recipient, second_recipient.clone()]);
    let armored = seal(&secret(CANARY), &Recipients::parse(&second_recipient).unwrap(), None).unwrap();
    assert_eq!(open(&keyring, &armored).unwrap().expose_secret(), CANARY);
    assert_eq!(format!("{keyring:?}"), "Keyring(2 identities)");
}

#[test]
fn what_is_no_identity_is_refused_by_line() {
    let (file, recipient) = keygen();
    let key = file.expose_secret().lines().nth(1).unwrap().to_owned();
    let many = format!("{key}\n").repeat(65);
    let damaged = key.replace("KEY-1", "KEY-1Q");
    let cases: Vec<(Vec<u8>, Option<usize>, IdentityErrorKind)> = vec![
        (b"".to_vec(), None, IdentityErrorKind::Empty),
        (b"# nothing\n".to_vec(), None, IdentityErrorKind::Empty),
        (vec![b'#'; 70_000], None, IdentityErrorKind::TooLarge),
        (many.into_bytes(), Some(65), IdentityErrorKind::TooMany),
        (vec![0xff, 0xfe], None, IdentityErrorKind::NotText),
        (format!("{key}\n{damaged}").into_bytes(), Some(2), IdentityErrorKind::Damaged),
        (recipient.into_bytes(), Some(1), IdentityErrorKind::Recipient),
        (b"AGE-PLUGIN-YUBIKEY-1QQQQ".to_vec(), Some(1), IdentityErrorKind::Plugin),
        (b"age-encryption.org/v1\n-> scrypt".to_vec(), None, IdentityErrorKind::Passphrase),
        (b"-----BEGIN AGE ENCRYPTED FILE-----\n".to_vec(), None, IdentityErrorKind::Passphrase),
        (b"-----BEGIN RSA PRIVATE KEY-----\n".to_vec(), None, IdentityErrorKind::OtherFormat),
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA".to_vec(), None, IdentityErrorKind::Damaged),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----".to_vec(),
            None,
            IdentityErrorKind::Damaged,
        ),
    ];
    for (content, line, kind) in cases {
        let mut keyring = Keyring::default();
        let error = keyring.add("age.key", &content).unwrap_err();
        assert_eq!((error.line, error.kind), (line, kind));
        assert!(error.to_string().starts_with("failed to read identity file `age.key`"), "{error}");
        assert!(!error.help().is_empty());
        assert_silent(&error, &[&key, &damaged, "b3BlbnNz"]);
        assert!(keyring.is_empty());
    }
}
