//! Secrets that the settings refer to, and files that can't be read.

use std::os::unix::fs::PermissionsExt;

use age::secrecy::ExposeSecret;
use lockstep::settings::{LoadError, ResolveError, SecretRef, Settings, read_secret_file};

fn with_file(content: &[u8], mode: u32) -> (tempfile::TempDir, SecretRef) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("token");
    std::fs::write(&path, content).expect("a writable folder");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("our own file");
    (folder, SecretRef::File(path))
}

#[test]
fn a_file_is_read_without_its_last_line_break() {
    for (content, expected) in
        [(&b"S33D"[..], "S33D"), (b"S33D\n", "S33D"), (b"S33D\r\n", "S33D"), (b" S33D \n", " S33D ")]
    {
        let (_folder, secret) = with_file(content, 0o640);
        let (value, warning) = secret.resolve().unwrap();
        assert_eq!((value.expose_secret(), warning), (expected, None));
    }
}

#[test]
fn a_file_that_others_can_read_is_warned_about() {
    let (folder, secret) = with_file(b"S33D", 0o604);
    let warning = secret.resolve().unwrap().1.unwrap();
    let path = folder.path().join("token").display().to_string();
    assert_eq!(warning, format!("everybody on this host can read `{path}`; run `chmod o-r {path}`"));
}

#[test]
fn what_can_not_be_a_secret_is_refused() {
    let refused = |content: &[u8]| {
        let (_folder, secret) = with_file(content, 0o600);
        let error = secret.resolve().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("S33D"));
        error
    };
    assert!(matches!(refused(b""), ResolveError::Empty { .. }));
    assert!(matches!(refused(b"\n"), ResolveError::Empty { .. }));
    assert!(matches!(refused(b"S33D\ncanary\n"), ResolveError::NotText { .. }));
    assert!(matches!(refused(b"S33D\xff"), ResolveError::NotText { .. }));
    assert!(matches!(refused(&[b'S'; 64 * 1024 + 1]), ResolveError::TooLarge { .. }));
    let folder = tempfile::tempdir().unwrap();
    let gone = SecretRef::File(folder.path().join("gone")).resolve().unwrap_err();
    assert!(matches!(gone, ResolveError::Io { .. }));
    let directory = SecretRef::File(folder.path().to_owned()).resolve().unwrap_err();
    assert!(matches!(directory, ResolveError::NotAFile { .. }));
}

#[test]
fn a_variable_is_read() {
    let (name, value) =
        std::env::vars().find(|(_, value)| !value.is_empty() && !value.contains(char::is_control)).unwrap();
    assert_eq!(SecretRef::Env(name).resolve().unwrap().0.expose_secret(), value);
    let unset = SecretRef::Env("LOCKSTEP_TEST_UNSET".to_owned()).resolve().unwrap_err();
    assert_eq!(unset.to_string(), "the environment variable `LOCKSTEP_TEST_UNSET` is not set");
}

#[test]
fn a_secret_file_is_bounded() {
    let (folder, _) = with_file(b"12345", 0o600);
    let path = folder.path().join("token");
    assert_eq!(*read_secret_file(&path, 5).unwrap().content, b"12345");
    let error = read_secret_file(&path, 4).unwrap_err();
    assert_eq!(error.to_string(), format!("the secret in the file `{}` is larger than 4 bytes", path.display()));
}

#[test]
fn settings_that_can_not_be_loaded_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lockstep.yaml");
    let gone = Settings::load(&path).unwrap_err();
    assert_eq!(gone.to_string(), format!("failed to read the settings `{}`", path.display()));
    std::fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
    assert!(matches!(Settings::load(&path), Err(LoadError::TooLarge { .. })));
    std::fs::write(&path, "owner: 1\n").unwrap();
    let Err(LoadError::Invalid(findings)) = Settings::load(&path) else { panic!("these settings are bad") };
    assert!(findings.iter().all(|finding| *finding.place.file == *path.to_string_lossy()));
}
