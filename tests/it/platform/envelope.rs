//! Envelopes that openssl made, opened with keys that openssl made.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use lockstep::platform::{EnvelopeError, KeyError, ManagerKey};
use secrecy::{ExposeSecret as _, SecretString};

const SECRET: &str = "s3cret – with a dash";
const OAEP: [&str; 3] = ["rsa_padding_mode:oaep", "rsa_oaep_md:sha256", "rsa_mgf1_md:sha256"];
const PKCS1: [&str; 1] = ["rsa_padding_mode:pkcs1"];

fn openssl(directory: &Path, arguments: &[&str]) {
    let run = Command::new("openssl").args(arguments).current_dir(directory).stdin(Stdio::null()).output();
    let output = run.expect("openssl can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two keys, `ours.pem` and `theirs.pem`, with their public halves, made once.
fn keys() -> &'static Path {
    static KEYS: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = KEYS.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        for name in ["ours", "theirs"] {
            let (private, public) = (format!("{name}.pem"), format!("{name}.pub"));
            let size = "rsa_keygen_bits:4096";
            openssl(directory.path(), &["genpkey", "-algorithm", "RSA", "-pkeyopt", size, "-out", &private]);
            openssl(directory.path(), &["pkey", "-in", &private, "-pubout", "-out", &public]);
        }
        directory
    });
    made.path()
}

fn key(file: &str) -> Result<ManagerKey, KeyError> {
    ManagerKey::from_pem(&SecretString::from(fs::read_to_string(keys().join(file)).unwrap()))
}

/// An envelope as the platform makes it: its bytes.
fn envelope(version: u8, public: &str, secret: &[u8]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    openssl(here, &["rand", "-out", "inner", "44"]);
    let public = keys().join(public);
    let padding: &[&str] = if version == 1 { &PKCS1 } else { &OAEP };
    let options = padding.iter().flat_map(|&option| ["-pkeyopt", option]);
    let wrap = ["pkeyutl", "-encrypt", "-pubin", "-inkey", public.to_str().unwrap(), "-in", "inner", "-out", "wrapped"];
    openssl(here, &wrap.into_iter().chain(options).collect::<Vec<_>>());
    let inner = fs::read(here.join("inner")).unwrap();
    let sealed = aes_gcm(&inner[..32], &inner[32..], secret);
    [vec![version], fs::read(here.join("wrapped")).unwrap(), sealed].concat()
}

/// What openssl's command can't do alone is done by the Python that the tests have anyway, over openssl's library.
fn aes_gcm(key: &[u8], nonce: &[u8], secret: &[u8]) -> Vec<u8> {
    let hex = [key, nonce, secret].map(hex::encode);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/platform/aes_gcm.py");
    let output = Command::new("python3").arg(script).args(hex).output().expect("python3 can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    hex::decode(String::from_utf8(output.stdout).unwrap().trim()).unwrap()
}

fn open(bytes: &[u8]) -> Result<String, EnvelopeError> {
    key("ours.pem").unwrap().open(&STANDARD.encode(bytes)).map(|secret| secret.expose_secret().to_owned())
}

#[test]
fn both_versions_open() {
    for version in [1, 2] {
        let bytes = envelope(version, "ours.pub", SECRET.as_bytes());
        assert_eq!(open(&bytes).as_deref(), Ok(SECRET), "version {version}");
        let empty = envelope(version, "ours.pub", b"");
        assert_eq!(open(&empty).as_deref(), Ok(""));
    }
    let long = "x".repeat(50_000);
    assert_eq!(open(&envelope(2, "ours.pub", long.as_bytes())), Ok(long));
}

#[test]
fn an_envelope_that_is_not_as_it_was_made_stays_shut() {
    for version in [1, 2] {
        let whole = envelope(version, "ours.pub", SECRET.as_bytes());
        for length in [1, 100, 512, 513, 528] {
            let error = open(&whole[..length]).unwrap_err();
            assert_eq!(error, EnvelopeError::TooShort { bytes: length }, "cut to {length}");
        }
        assert_eq!(open(&whole[..whole.len() - 1]), Err(EnvelopeError::Shut));
        // A bit of the wrapped key, of the secret and of what shows that nothing was changed.
        for place in [1, 300, 512, 513, whole.len() - 1] {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            assert_eq!(open(&changed), Err(EnvelopeError::Shut), "byte {place}");
        }
        let mut other_version = whole.clone();
        other_version[0] = 3 - version;
        assert_eq!(open(&other_version), Err(EnvelopeError::Shut), "opened as version {}", 3 - version);
        assert_eq!(open(&envelope(version, "theirs.pub", SECRET.as_bytes())), Err(EnvelopeError::Shut));
        assert_eq!(open(&envelope(version, "ours.pub", b"\xff\xfe")), Err(EnvelopeError::NotText));
        let mut newer = whole;
        newer[0] = 3;
        assert_eq!(open(&newer), Err(EnvelopeError::Version(3)));
    }
    assert_eq!(open(b""), Err(EnvelopeError::TooShort { bytes: 0 }));
    let ours = key("ours.pem").unwrap();
    assert_eq!(ours.open("not base64!").unwrap_err(), EnvelopeError::NotBase64);
}

#[test]
fn a_key_shows_its_public_half_in_both_forms_as_openssl_does() {
    let identity = key("ours.pem").unwrap().identity("lockstep-1", "edge");
    assert_eq!(identity.public_spki, fs::read_to_string(keys().join("ours.pub")).unwrap());
    openssl(keys(), &["rsa", "-pubin", "-in", "ours.pub", "-RSAPublicKey_out", "-out", "ours.pkcs1.pub"]);
    assert_eq!(identity.public_pkcs1, fs::read_to_string(keys().join("ours.pkcs1.pub")).unwrap());
    assert_eq!((identity.id.as_str(), identity.name.as_str()), ("lockstep-1", "edge"));
}

#[test]
fn a_key_that_is_made_here_is_one_that_openssl_takes() {
    let text = ManagerKey::generate().unwrap();
    fs::write(keys().join("made.pem"), text.expose_secret()).unwrap();
    openssl(keys(), &["pkey", "-in", "made.pem", "-check", "-noout"]);
    openssl(keys(), &["pkey", "-in", "made.pem", "-pubout", "-out", "made.pub"]);
    let spki = key("made.pem").unwrap().public_spki().to_owned();
    assert_eq!(spki, fs::read_to_string(keys().join("made.pub")).unwrap());
    let bytes = envelope(2, "made.pub", SECRET.as_bytes());
    let opened = key("made.pem").unwrap().open(&STANDARD.encode(bytes)).unwrap();
    assert_eq!(opened.expose_secret(), SECRET);
}

#[test]
fn any_other_key_is_refused_with_what_to_do() {
    let directory = keys();
    openssl(directory, &["rsa", "-in", "ours.pem", "-traditional", "-out", "pkcs1.pem"]);
    let locked = ["pkcs8", "-topk8", "-in", "ours.pem", "-out", "locked.pem", "-passout", "pass:x"];
    openssl(directory, &locked);
    let size = "rsa_keygen_bits:2048";
    openssl(directory, &["genpkey", "-algorithm", "RSA", "-pkeyopt", size, "-out", "small.pem"]);
    openssl(directory, &["genpkey", "-algorithm", "ED25519", "-out", "curve.pem"]);
    let refused = |file: &str| key(file).unwrap_err();
    assert_eq!(refused("pkcs1.pem"), KeyError::Pkcs1);
    assert!(KeyError::Pkcs1.help().contains("openssl pkcs8"));
    assert_eq!(refused("locked.pem"), KeyError::Locked);
    assert_eq!(refused("small.pem"), KeyError::Size { bits: 2048 });
    assert!(refused("small.pem").help().contains("lockstep platform keygen"));
    assert_eq!(refused("curve.pem"), KeyError::NotRsa);
    assert_eq!(refused("ours.pub"), KeyError::Other("PUBLIC KEY".to_owned()));
    for text in [
        "",
        "nonsense",
        "-----BEGIN PRIVATE KEY-----\nAAAA",
        "-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n",
    ] {
        let error = ManagerKey::from_pem(&SecretString::from(text)).unwrap_err();
        assert_eq!(error, KeyError::NotPem, "{text}");
    }
    let pem = fs::read_to_string(directory.join("ours.pem")).unwrap();
    let cut = "-----BEGIN PRIVATE KEY-----\nMIIJ\n-----END PRIVATE KEY-----\n";
    assert_eq!(ManagerKey::from_pem(&SecretString::from(cut)).unwrap_err(), KeyError::NotRsa);
    let commented = SecretString::from(format!("Bag Attributes\n    friendlyName: x\n{}", pem.replace('\n', "\r\n")));
    ManagerKey::from_pem(&commented).unwrap();
    let shown = format!("{:?}", key("ours.pem").unwrap());
    assert_eq!(shown, "ManagerKey { .. }");
}
