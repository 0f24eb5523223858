//! Who is trusted over TLS.

use std::{path::Path, process::Command, sync::Arc};

use lockstep::platform::{Failure, OpenCtiClient, Platform as _};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{
    assert_discreet, config,
    scripted::{Scripted, json},
};

fn openssl(directory: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().expect("openssl can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority `NAME.pem` with its key `NAME.key`.
fn authority(directory: &Path, name: &str) {
    let (key, certificate, subject) = (format!("{name}.key"), format!("{name}.pem"), format!("/CN={name}"));
    let curve = "ec_paramgen_curve:P-256";
    let arguments = ["req", "-x509", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-days", "2", "-subj", &subject];
    openssl(directory, &[&arguments[..], &["-keyout", &key, "-out", &certificate]].concat());
}

#[tokio::test]
async fn only_the_given_authority_is_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    authority(path, "ours");
    authority(path, "theirs");
    let curve = "ec_paramgen_curve:P-256";
    let arguments =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", curve, "-nodes", "-days", "2", "-subj", "/CN=opencti"];
    let signed = ["-CA", "ours.pem", "-CAkey", "ours.key", "-addext", "subjectAltName=IP:127.0.0.1"];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "leaf.key", "-out", "leaf.pem"];
    openssl(path, &[&arguments[..], &signed, &leaf].concat());
    let certificate = CertificateDer::from_pem_file(path.join("leaf.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(path.join("leaf.key")).unwrap();
    let server = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let answer = json(r#"{"data":{"about":{"version":"1"}}}"#);
    let server = Scripted::start_with(vec![answer], Some(TlsAcceptor::from(Arc::new(server)))).await;
    let url = format!("https://127.0.0.1:{}", server.port);

    let about = async |ca: Option<&str>| {
        let mut config = config(&url);
        config.ca = ca.map(|name| std::fs::read(path.join(name)).unwrap());
        OpenCtiClient::new(config).unwrap().about().await
    };
    for untrusting in [Some("theirs.pem"), None] {
        let error = about(untrusting).await.unwrap_err();
        assert_discreet(&error);
        assert!(matches!(error.failure, Failure::Tls(_)), "{error:?}");
    }
    assert!(server.requests().is_empty(), "nothing was said to a server that is not trusted");
    assert_eq!(about(Some("ours.pem")).await.unwrap().version, "1");
}
