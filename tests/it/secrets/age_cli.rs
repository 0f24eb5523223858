//! Files of Debian's `age` open with ours, and ours with `age`.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use age::secrecy::ExposeSecret;
use lockstep::secrets::{IdentityErrorKind, Keyring, OpenErrorKind, Recipients, keygen, seal};

use super::{CANARY, open, secret, whom};

#[expect(clippy::print_stdout, reason = "whoever runs the tests is to see that some were left out")]
fn have(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !found {
        println!("skipped: no {program}");
    }
    found
}

fn run(program: &str, arguments: &[&str], folder: &Path) {
    let output = Command::new(program).args(arguments).current_dir(folder).output().expect("the program starts");
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn keyring_of(files: &[&Path]) -> Keyring {
    let mut keyring = Keyring::default();
    for file in files {
        let content = std::fs::read(file).expect("the file is there");
        keyring.add(&file.display().to_string(), &content).expect("an identity file");
    }
    keyring
}

/// A folder with an X25519 identity of ours, an ed25519 one of OpenSSH, their recipients, and a plaintext.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path();
    let (file, recipient) = keygen();
    std::fs::write(path.join("x25519"), file.expose_secret()).expect("a writable folder");
    std::fs::write(path.join("x25519.pub"), recipient).expect("a writable folder");
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "a comment", "-f", "ssh"], path);
    std::fs::write(path.join("plain"), CANARY).expect("a writable folder");
    std::fs::write(path.join("map"), "A='S33D'\n").expect("a writable folder");
    folder
}

#[test]
fn ours_open_with_age() {
    if !have("age") || !have("ssh-keygen") {
        return;
    }
    let folder = folder();
    let path = folder.path();
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    let recipients = Recipients::parse(&format!("{}\n{}", read("x25519.pub"), read("ssh.pub"))).unwrap();
    let keyring = keyring_of(&[&path.join("x25519"), &path.join("ssh")]);
    assert_eq!(keyring.recipients().lines().collect::<Vec<_>>(), recipients.lines().collect::<Vec<_>>());
    std::fs::write(path.join("sealed"), seal(&secret(CANARY), &recipients, None).unwrap()).unwrap();
    std::fs::write(path.join("bound"), seal(&secret(CANARY), &recipients, Some(&whom("misp", "K"))).unwrap()).unwrap();
    for identity in ["x25519", "ssh"] {
        run("age", &["-d", "-i", identity, "-o", "opened", "sealed"], path);
        assert_eq!(read("opened"), CANARY, "{identity}");
        run("age", &["-d", "-i", identity, "-o", "opened", "bound"], path);
        assert_eq!(read("opened"), format!("lockstep-binding: v1 misp K\n{CANARY}"), "{identity}");
    }
}

#[test]
fn files_of_age_open_with_ours() {
    if !have("age") || !have("ssh-keygen") {
        return;
    }
    let folder = folder();
    let path = folder.path();
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", "other"], path);
    let for_whom: [(&[&str], &[&str]); 3] = [
        (&["-R", "x25519.pub"], &["x25519"]),
        (&["-R", "ssh.pub"], &["ssh"]),
        (&["-R", "other.pub", "-R", "ssh.pub", "-R", "x25519.pub"], &["x25519", "ssh", "other"]),
    ];
    for (recipients, identities) in for_whom {
        let sealed_as = |armor: &[&str], from: &str, to: &str| {
            run("age", &[recipients, armor, &["-o", to, from]].concat(), path);
            std::fs::read(path.join(to)).unwrap()
        };
        let value = sealed_as(&["-a"], "plain", "value");
        let armored = sealed_as(&["-a"], "map", "armored");
        let binary = sealed_as(&[], "map", "binary");
        for identity in ["x25519", "ssh", "other"] {
            let keyring = keyring_of(&[&path.join(identity)]);
            let opened = open(&keyring, std::str::from_utf8(&value).unwrap());
            if !identities.contains(&identity) {
                assert_eq!(opened.unwrap_err().kind, OpenErrorKind::NotForUs);
                continue;
            }
            assert_eq!(opened.unwrap().expose_secret(), CANARY);
            for content in [&armored, &binary] {
                let map = keyring.open_file(content, "map").unwrap();
                assert_eq!(map.get("A").unwrap().expose_secret(), "S33D");
            }
        }
    }
}

#[test]
fn identities_of_age_keygen_and_ssh_keygen_are_read() {
    if !have("age-keygen") || !have("ssh-keygen") {
        return;
    }
    let folder = folder();
    let path = folder.path();
    run("age-keygen", &["-o", "made"], path);
    let keyring = keyring_of(&[&path.join("made"), &path.join("ssh")]);
    assert_eq!(keyring.recipients().lines().count(), 2);
    assert!(keyring.digest_key().is_some());
    let ssh = keyring_of(&[&path.join("ssh")]).digest_key().unwrap();
    // Another comment is another file and the same key.
    run("ssh-keygen", &["-q", "-c", "-C", "renamed", "-f", "ssh"], path);
    assert_eq!(keyring_of(&[&path.join("ssh")]).digest_key().unwrap().id(), ssh.id());

    for (arguments, kind) in [
        (&["-t", "ed25519", "-N", "a passphrase"][..], IdentityErrorKind::Passphrase),
        (&["-t", "rsa", "-b", "2048", "-N", ""][..], IdentityErrorKind::SshKind),
        (&["-t", "ecdsa", "-N", ""][..], IdentityErrorKind::SshKind),
        (&["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""][..], IdentityErrorKind::OtherFormat),
    ] {
        let name = format!("{kind:?}{}", arguments.len());
        run("ssh-keygen", &[&["-q", "-f", &name], arguments].concat(), path);
        let content = std::fs::read(path.join(&name)).unwrap();
        let error = Keyring::default().add(&name, &content).unwrap_err();
        assert_eq!(error.kind, kind, "{arguments:?}");
        for line in std::str::from_utf8(&content).unwrap().lines().skip(1).filter(|line| line.len() > 20) {
            assert!(!format!("{error} {error:?}").contains(line));
        }
        std::fs::remove_file(path.join(&name)).unwrap();
        std::fs::remove_file(path.join(format!("{name}.pub"))).unwrap();
    }
}
