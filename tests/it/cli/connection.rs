//! How platforms are reached, by Lockstep and by connectors, with the real binary.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
};

use serde_json::{Value, json};

use super::environment::TestEnvironment;
use crate::{
    engine::support::docker,
    platform::{TOKEN, stand_in::StandIn},
};

const IDS: [&str; 2] = ["5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11", "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b12"];

/// Settings with a platform `opencti` and these further settings of it.
fn environment(url: &str, further: &str) -> TestEnvironment {
    let env = TestEnvironment::with(&format!(
        "platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}{further}}}}}\n"
    ));
    env.write("t", &format!("{TOKEN}\n"));
    env
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_platforms_each_fails_alone() {
    let (one, mut two) = (StandIn::start(false).await, StandIn::start(true).await);
    let platform = |name: &str, url: String| format!("{name}: {{kind: opencti, url: '{url}', token: {{file: t}}}}");
    let platforms = [platform("one", one.url()), platform("two", two.url())].join(", ");
    let env = TestEnvironment::with(&format!("platforms: {{{platforms}}}\n"));
    env.write("t", &format!("{TOKEN}\n"));
    for (short, platform, id) in [("a", "one", IDS[0]), ("b", "two", IDS[1])] {
        env.declare_with(short, &format!("platform: {platform}\nid: {id}"), "");
    }
    two.shut().await;
    let applied = env.lockstep(&["apply"]).with(0).saying("platform `two` was not told");
    assert!(!applied.stderr.contains("platform `one`"), "{}", applied.stderr);
    assert_eq!(env.running().len(), 2);
    let told = one.connectors().await;
    assert_eq!((told.len(), &told[0]["id"], &told[0]["status"]), (1, &json!(IDS[0]), &json!("started")), "{told:?}");
    let status = env.lockstep(&["status", "--format", "json"]).with(0).json();
    let heard: Vec<&Value> = (0..2).map(|index| &status["instances"][index]["platformHeard"]).collect();
    assert_eq!(heard, [&json!(false), &Value::Null]);
    let doctor = env.lockstep(&["doctor", "--format", "json"]).with(7).json();
    let well = |name: &str| {
        let checks = doctor["checks"].as_array().unwrap();
        checks.iter().find(|check| check["name"] == format!("platform {name}")).unwrap()["well"].clone()
    };
    assert_eq!((well("one"), well("two")), (json!(true), json!(false)));
    two.open().await;
    env.lockstep(&["apply"]).with(0);
    let told = two.connectors().await;
    assert_eq!((told.len(), &told[0]["id"]), (1, &json!(IDS[1])), "each is told of its own: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn connectors_get_the_certificates_of_the_settings() {
    let platform = StandIn::start(false).await;
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, "the certificates\n").unwrap();
    let env = environment(&platform.url(), &format!(", connectorCa: '{}'", ca.display()));
    env.declare("a", "RUN: cat $SSL_CERT_FILE $NODE_EXTRA_CA_CERTS; exec busybox sleep 1000");
    env.lockstep(&["apply"]).with(0);
    let container = env.running()["a"].clone();
    let mount = docker(&["inspect", "--format", "{{json .Mounts}}", &container]);
    let mount: Value = serde_json::from_str(&mount).unwrap();
    assert_eq!((mount[0]["Source"].as_str(), &mount[0]["RW"]), (ca.to_str(), &json!(false)), "{mount}");
    let variables = docker(&["inspect", "--format", "{{json .Config.Env}}", &container]);
    for key in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE"] {
        assert!(variables.contains(&format!("\"{key}=/etc/ssl/certs/lockstep-connector-ca.crt\"")), "{variables}");
    }
    super::environment::until("its output", 20, || {
        env.lockstep(&["logs", &env.instance("a")]).stdout.matches("the certificates").count() == 2
    });
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);
    let text = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace(&format!("'{}'", ca.display()), "ca.pem"));
    env.lockstep(&["validate"]).with(3).saying("`platforms.opencti.connectorCa` is not an absolute path");
}

#[test]
fn a_proxy_is_told_who_asks_and_nobody_else_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = vec![0; 8_192];
            let read = stream.read(&mut head).unwrap();
            // The test may have ended by now.
            drop(sender.send(String::from_utf8_lossy(&head[..read]).into_owned()));
            drop(stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
        }
    });
    let further = format!(", proxy: 'http://127.0.0.1:{port}', proxyAuth: {{username: edge, password: {{file: p}}}}");
    let env = environment("http://opencti.invalid", &further);
    env.write("p", "pr0xy:p@ss/word\n");
    env.declare("a", "");
    let doctor = env.lockstep(&["doctor"]).with(7).saying("HTTP 502");
    let request = requests.recv_timeout(std::time::Duration::from_secs(20)).unwrap();
    assert!(request.starts_with("POST http://opencti.invalid/graphql "), "{request}");
    // The base64 of `edge:pr0xy:p@ss/word`.
    let header = request.to_lowercase().contains("proxy-authorization: basic ");
    assert!(header && request.contains("ZWRnZTpwcjB4eTpwQHNzL3dvcmQ="), "{request}");
    let planned = env.lockstep(&["plan"]).with(0);
    for ended in [doctor, planned] {
        assert!(!format!("{ended:?}").contains("p@ss") && !format!("{ended:?}").contains("p%40ss"), "{ended:?}");
    }
    let text = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace(&format!("proxy: 'http://127.0.0.1:{port}', "), ""));
    env.lockstep(&["validate"]).with(3).saying("is for `proxy`, which is not there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_hangs_is_waited_for_as_long_as_the_settings_say() {
    let platform = StandIn::start(false).await;
    platform.fault("hang").await;
    let env = environment(&platform.url(), ", timeout: 1s");
    env.lockstep(&["doctor"]).with(7).saying("it did not answer within 1 s");
    let text = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    env.write("lockstep.yaml", &text.replace("timeout: 1s", "timeout: 1h"));
    env.lockstep(&["validate"]).with(3).saying("`platforms.opencti.timeout` is out of its range");
}
