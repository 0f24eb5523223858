//! One value in one manifest.

use age::secrecy::ExposeSecret;
use lockstep::{
    model::Sealed,
    secrets::{BindingPolicy, Keyring, MAX_VALUE, OpenErrorKind, RecipientErrorKind, Recipients, SealError, seal},
};

use super::{CANARY, assert_silent, encrypt_armored, new_keyring, open, secret, whom};

#[test]
fn what_is_sealed_opens_as_it_was() {
    let (keyring, recipients) = new_keyring();
    for value in ["x", " spaces and end \n\n", CANARY, &"é".repeat(MAX_VALUE / 2)] {
        let armored = seal(&secret(value), &recipients, None).unwrap();
        assert_eq!(open(&keyring, &armored).unwrap().expose_secret(), value);
        assert_ne!(armored, seal(&secret(value), &recipients, None).unwrap());
    }
}

#[test]
fn every_recipient_opens_alone() {
    let (first, first_recipient) = new_keyring();
    let (second, second_recipient) = new_keyring();
    let both = first_recipient.clone().and(second_recipient).and(first_recipient);
    assert_eq!(both.lines().count(), 2);
    let armored = seal(&secret(CANARY), &both, None).unwrap();
    for keyring in [first, second] {
        assert_eq!(open(&keyring, &armored).unwrap().expose_secret(), CANARY);
        assert_eq!(keyring.recipients().lines().count(), 1);
    }
}

#[test]
fn a_value_for_someone_else_does_not_open() {
    let (keyring, recipients) = new_keyring();
    let (other, _) = new_keyring();
    let armored = seal(&secret(CANARY), &recipients, None).unwrap();
    let error = open(&other, &armored).unwrap_err();
    assert_eq!(error.kind, OpenErrorKind::NotForUs);
    assert_eq!(error.to_string(), "failed to open secret `MISP_KEY` of instance `misp`: it is sealed for someone else");
    assert!(error.help().contains("secrets.identities"));
    assert_silent(&error, &[CANARY, &armored]);
    assert_eq!(open(&Keyring::default(), &armored).unwrap_err().kind, OpenErrorKind::NoIdentity);
    assert!(Keyring::default().is_empty() && !keyring.is_empty());
}

#[test]
fn nothing_that_was_cut_opens() {
    let (keyring, recipients) = new_keyring();
    let armored = seal(&secret(&CANARY.repeat(20)), &recipients, None).unwrap();
    let begin = Sealed::HEADER.len();
    for end in begin..armored.trim_end().len() {
        let error = open(&keyring, &armored[..end]).unwrap_err();
        assert_eq!(error.kind, OpenErrorKind::Truncated, "cut at {end}");
        assert_silent(&error, &[CANARY, &armored[begin..]]);
    }
    // Whole lines taken out of the middle, so that both marks are there.
    let lines: Vec<&str> = armored.lines().collect();
    for gone in 1..lines.len() - 1 {
        let kept: Vec<&str> =
            lines.iter().enumerate().filter(|(line, _)| *line != gone).map(|(_, text)| *text).collect();
        let error = open(&keyring, &kept.join("\n")).unwrap_err();
        assert!(!matches!(error.kind, OpenErrorKind::Empty), "{error}");
        assert_silent(&error, &[CANARY, &armored[begin..]]);
    }
}

#[test]
fn nothing_that_was_changed_opens() {
    let (keyring, recipients) = new_keyring();
    let armored = seal(&secret(CANARY), &recipients, None).unwrap();
    let begin = Sealed::HEADER.len();
    let mut corrupt = 0;
    for position in begin..armored.trim_end().len() {
        let mut changed = armored.clone().into_bytes();
        changed[position] = if changed[position] == b'A' { b'B' } else { b'A' };
        let error = open(&keyring, std::str::from_utf8(&changed).unwrap()).unwrap_err();
        assert_silent(&error, &[CANARY, &armored[begin..]]);
        corrupt += usize::from(error.kind == OpenErrorKind::Corrupt);
    }
    assert!(corrupt > 50, "{corrupt} of them were called corrupt");
}

#[test]
fn a_passphrase_is_refused_without_work() {
    let (keyring, _) = new_keyring();
    let mut recipient = age::scrypt::Recipient::new(secret("correct horse"));
    recipient.set_work_factor(4);
    let armored = age::encrypt_and_armor(&recipient, CANARY.as_bytes()).unwrap();
    assert_eq!(open(&keyring, &armored).unwrap_err().kind, OpenErrorKind::Passphrase);
}

#[test]
fn content_that_is_no_value_is_refused() {
    let (keyring, recipients) = new_keyring();
    let cases: [(&[u8], OpenErrorKind); 5] = [
        (b"", OpenErrorKind::Empty),
        (b"S33D\0canary", OpenErrorKind::NotText),
        (b"S33D\xffcanary", OpenErrorKind::NotText),
        (&[b'x'; MAX_VALUE + 1], OpenErrorKind::TooLarge { limit: MAX_VALUE }),
        (&[b'x'; 3 * MAX_VALUE], OpenErrorKind::TooLarge { limit: 3 * MAX_VALUE }),
    ];
    for (plaintext, kind) in cases {
        let error = open(&keyring, &encrypt_armored(&recipients, plaintext)).unwrap_err();
        assert_eq!(error.kind, kind);
        assert_silent(&error, &["S33D", "canary", "xxxx"]);
    }
}

#[test]
fn a_bound_value_opens_at_its_place_only() {
    let (keyring, recipients) = new_keyring();
    let place = whom("misp", "MISP_KEY");
    let bound = seal(&secret(CANARY), &recipients, Some(&place)).unwrap();
    let free = seal(&secret(CANARY), &recipients, None).unwrap();
    let try_open = |armored: &str, place: &_, policy| {
        keyring.open(&Sealed::recognise(armored).unwrap(), place, policy).map_err(|error| {
            assert_silent(&error, &[CANARY]);
            error.kind
        })
    };
    for policy in [BindingPolicy::Optional, BindingPolicy::Required] {
        assert_eq!(try_open(&bound, &place, policy).unwrap().expose_secret(), CANARY);
        for other in [whom("misp2", "MISP_KEY"), whom("misp", "MISP_KEY2"), whom("misp", "MISP"), whom("misp", "")] {
            assert_eq!(try_open(&bound, &other, policy).unwrap_err(), OpenErrorKind::WrongBinding, "{other:?}");
        }
    }
    assert_eq!(try_open(&free, &place, BindingPolicy::Optional).unwrap().expose_secret(), CANARY);
    assert_eq!(try_open(&free, &place, BindingPolicy::Required).unwrap_err(), OpenErrorKind::Unbound);
    let newer = encrypt_armored(&recipients, b"lockstep-binding: v2 misp MISP_KEY\nS33D");
    assert_eq!(try_open(&newer, &place, BindingPolicy::Optional).unwrap_err(), OpenErrorKind::UnknownBinding);
    let empty = encrypt_armored(&recipients, b"lockstep-binding: v1 misp MISP_KEY\n");
    assert_eq!(try_open(&empty, &place, BindingPolicy::Optional).unwrap_err(), OpenErrorKind::Empty);
}

#[test]
fn others_learn_nothing_from_a_failure() {
    let (keyring, recipients) = new_keyring();
    let (other, _) = new_keyring();
    let bound = seal(&secret("x"), &recipients, Some(&whom("other", "K"))).unwrap();
    let foreign = open(&other, &bound).unwrap_err();
    let wrong = open(&keyring, &bound).unwrap_err();
    assert_eq!(foreign.public_message(), wrong.public_message());
    assert_ne!(foreign.to_string(), wrong.to_string());
}

#[test]
fn what_can_not_be_opened_again_is_not_sealed() {
    let (_, recipients) = new_keyring();
    assert!(matches!(seal(&secret("x"), &Recipients::default(), None), Err(SealError::NoRecipient)));
    assert!(matches!(seal(&secret(""), &recipients, None), Err(SealError::Empty)));
    assert!(matches!(seal(&secret("a\0"), &recipients, None), Err(SealError::Nul)));
    assert!(matches!(seal(&secret(&"x".repeat(MAX_VALUE + 1)), &recipients, None), Err(SealError::TooLarge)));
    assert!(matches!(seal(&secret("lockstep-binding: v1 a b\nx"), &recipients, None), Err(SealError::LooksBound)));
    for key in ["", "A B", "A\nB", &"K".repeat(300)] {
        let sealed = seal(&secret("x"), &recipients, Some(&whom("misp", key)));
        assert!(matches!(sealed, Err(SealError::BadKey(_))), "{key:?}");
    }
}

#[test]
fn recipients_are_read_by_line() {
    let (_, recipients) = new_keyring();
    let age = recipients.lines().next().unwrap();
    let text = format!("\u{feff}# who\r\n\r\n {age} \r\n");
    assert_eq!(Recipients::parse(&text).unwrap().lines().collect::<Vec<_>>(), [age.as_str()]);
    assert!(Recipients::parse("# nobody\n").unwrap().is_empty());
    let cases = [
        ("AGE-SECRET-KEY-1QQQQ", RecipientErrorKind::Identity),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", RecipientErrorKind::Identity),
        ("ssh-rsa AAAAB3NzaC1yc2E=", RecipientErrorKind::SshKind),
        ("ecdsa-sha2-nistp256 AAAA", RecipientErrorKind::SshKind),
        ("age1yubikey1qqqq", RecipientErrorKind::Unsupported),
        ("age1qqqq", RecipientErrorKind::Damaged),
        ("ssh-ed25519 AAAA", RecipientErrorKind::Damaged),
        ("hello", RecipientErrorKind::Damaged),
    ];
    for (line, kind) in cases {
        let error = Recipients::parse(&format!("{age}\n\n{line}\n")).unwrap_err();
        assert_eq!((error.line, error.kind), (3, kind), "{line}");
        assert_silent(&error, &["QQQQ", "AAAA", "qqqq"]);
    }
    let many = format!("{age}\n").repeat(65);
    assert_eq!(Recipients::parse(&many).unwrap_err().kind, RecipientErrorKind::TooMany);
}
