//! The client against everything that can be on the other side.

use std::{net::TcpListener, time::Duration};

use lockstep::{
    model::ConnectorKind,
    platform::{CurrentStatus, Failure, HealthReport, KindWord, OpenCtiClient, Platform as _, Queue, StatusWord},
};
use serde_json::Value;

use super::{
    TOKEN, assert_discreet, client, config, id,
    scripted::{Answer, Scripted, json},
    standing,
};

/// The failure with which a request for the version ends.
async fn failure(answer: Answer) -> Failure {
    let server = Scripted::start(vec![answer]).await;
    let error = client(&server.url()).about().await.unwrap_err();
    assert_discreet(&error);
    assert_eq!(error.to_string(), "failed to ask for the version at platform `opencti`");
    assert_eq!(server.requests().len(), 1);
    error.failure
}

fn status(line: &'static str, body: &str) -> Answer {
    Answer::Reply(line, body.to_owned())
}

#[tokio::test]
async fn statuses_that_refuse() {
    assert!(matches!(failure(status("HTTP/1.1 401 Unauthorized\r\n", "")).await, Failure::Unauthorized(_)));
    assert!(matches!(failure(status("HTTP/1.1 403 Forbidden\r\n", "<html>")).await, Failure::Unauthorized(_)));
    let server = failure(status("HTTP/1.1 500 Oops\r\n", "<html>")).await;
    assert_eq!(server, Failure::Server { status: 500 });
    let later = failure(status("HTTP/1.1 503 Later\r\nRetry-After: 5\r\n", "")).await;
    assert_eq!(later, Failure::Server { status: 503 });
    let limited = failure(status("HTTP/1.1 429 Too Many\r\nRetry-After: 7\r\n", "")).await;
    assert_eq!(limited, Failure::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    let limited = failure(status("HTTP/1.1 429 Too Many\r\nRetry-After: soon\r\n", "")).await;
    assert_eq!(limited, Failure::RateLimited { retry_after: None });
    let limited = failure(status("HTTP/1.1 429 Too Many\r\nRetry-After: Thu, 31 Dec 2099 23:59:59 GMT\r\n", "")).await;
    assert_eq!(limited, Failure::RateLimited { retry_after: Some(Duration::from_secs(300)) });
}

#[tokio::test]
async fn answers_that_are_not_graphql() {
    let html = failure(status("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "<html>\u{1b}[31m</html>")).await;
    assert_eq!(html, Failure::NotGraphQl { status: 200, content_type: "text/html".to_owned() });
    for body in ["", "[]", "null", "{}", "{\"data\":null}", "{\"data\":[]}", "{\"data\":7}"] {
        assert!(matches!(failure(json(body)).await, Failure::NotGraphQl { status: 200, .. }), "{body}");
    }
    let missing = failure(status("HTTP/1.1 404 Not Found\r\n", "{\"data\":{\"about\":{\"version\":\"1\"}}}")).await;
    assert_eq!(missing, Failure::NotGraphQl { status: 404, content_type: "no content type".to_owned() });
}

#[tokio::test]
async fn errors_of_graphql_count_even_beside_data() {
    let error = |code: &str, message: &str| {
        json(&format!(
            r#"{{"data":{{"about":{{"version":"1"}}}},"errors":[{{"message":"{message}","extensions":{{"code":"{code}"}}}}]}}"#
        ))
    };
    let refused = failure(error("FUNCTIONAL_ERROR", "Business \\u001b[31m validation")).await;
    let text = "Business \\u{1b}[31m validation".to_owned();
    assert_eq!(refused, Failure::Refused { code: "FUNCTIONAL_ERROR".to_owned(), text });
    assert!(matches!(failure(error("AUTH_REQUIRED", "log in")).await, Failure::Unauthorized(_)));
    assert!(matches!(failure(error("FORBIDDEN_ACCESS", "no")).await, Failure::Forbidden { .. }));
    let long = failure(error("X", &"x".repeat(100_000))).await;
    assert!(matches!(long, Failure::Refused { text, .. } if text.chars().count() == 301));
    let echo = failure(error("X", &format!("bad token {TOKEN}"))).await;
    assert!(matches!(echo, Failure::Refused { text, .. } if text == "bad token (token)"));
    let older = json(r#"{"data":{"about":null},"errors":[{"message":"log in","name":"AuthRequired"}]}"#);
    assert!(matches!(failure(older).await, Failure::Unauthorized(_)));
    let bad_document = status(
        "HTTP/1.1 400 Bad Request\r\n",
        r#"{"errors":[{"message":"Cannot query","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#,
    );
    assert!(
        matches!(failure(bad_document).await, Failure::Refused { code, .. } if code == "GRAPHQL_VALIDATION_FAILED")
    );
}

#[tokio::test]
async fn a_missing_capability_is_named() {
    let body = r#"{"data":null,"errors":[{"message":"no","extensions":{"code":"FORBIDDEN_ACCESS"}}]}"#;
    // Some servers say it with the status of HTTP as well.
    let with_status = status("HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n", body);
    let server = Scripted::start(vec![json(body), with_status]).await;
    let client = client(&server.url());
    let error = client.connectors(false).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Forbidden { capability: "MODULES", .. }));
    let error = client.send_status(id(1), CurrentStatus::Started).await.unwrap_err();
    assert!(matches!(error.failure, Failure::Forbidden { capability: "CONNECTORAPI", .. }));
    assert!(error.line().contains("CONNECTORAPI"));
}

#[tokio::test]
async fn nulls_where_something_was_asked_for_are_errors() {
    assert!(matches!(failure(json(r#"{"data":{"about":null}}"#)).await, Failure::Answer(_)));
    assert!(matches!(failure(json(r#"{"data":{"about":{"version":null}}}"#)).await, Failure::Answer(_)));
    let answers = [
        r#"{"data":{"connectors":null}}"#,
        r#"{"data":{"registerConnector":null}}"#,
        r#"{"data":{"updateConnectorCurrentStatus":null}}"#,
        r#"{"data":{}}"#,
        r#"{"data":{"updateConnectorLogs":null}}"#,
    ];
    let server = Scripted::start(answers.iter().map(|body| json(body)).collect()).await;
    let client = client(&server.url());
    let health = HealthReport { restarts: 0, started_at: 0, crash_loop: false };
    let failures = [
        client.connectors(false).await.unwrap_err(),
        client.register(&standing(1)).await.unwrap_err(),
        client.send_status(id(1), CurrentStatus::Started).await.unwrap_err(),
        client.send_health(id(1), health).await.unwrap_err(),
        client.send_logs(id(1), Vec::new()).await.unwrap_err(),
    ];
    for error in failures {
        assert!(matches!(error.failure, Failure::Answer(_)), "{error:?}");
    }
}

#[tokio::test]
async fn connections_that_break_or_never_end() {
    assert!(matches!(failure(Answer::Cut).await, Failure::Unreachable(_)));
    assert!(matches!(failure(Answer::Endless).await, Failure::TooLarge { .. }));

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = client(&format!("http://{free}")).about().await.unwrap_err();
    assert_discreet(&error);
    assert!(matches!(error.failure, Failure::Unreachable(_)) && error.is_transient(), "{error:?}");

    let server = Scripted::start(vec![Answer::Hang]).await;
    let mut config = config(&server.url());
    config.timeout = Duration::from_millis(200);
    let error = OpenCtiClient::new(config).unwrap().about().await.unwrap_err();
    assert_discreet(&error);
    assert_eq!(error.failure, Failure::Timeout(Duration::from_millis(200)));
}

#[tokio::test]
async fn the_token_does_not_follow_a_redirect() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let target = elsewhere.local_addr().unwrap();
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let head = format!("HTTP/1.1 {status}\r\nLocation: http://{target}/graphql\r\n");
        let server = Scripted::start(vec![Answer::Reply(head.leak(), String::new())]).await;
        let error = client(&server.url()).about().await.unwrap_err();
        assert_discreet(&error);
        assert!(matches!(error.failure, Failure::Redirected { .. }), "{error:?}");
    }
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn requests_are_as_the_platform_wants_them() {
    let server = Scripted::start(vec![
        json(r#"{"data":{"about":{"version":"7.260901.0"}}}"#),
        json(r#"{"data":{"registerConnector":{"id":"x"}}}"#),
        json(r#"{"data":{"updateConnectorHealth":"x"}}"#),
        json(r#"{"data":{"me":{"name":"lockstep","capabilities":[{"name":"CONNECTORAPI"}]}}}"#),
    ])
    .await;
    let client = client(&format!("{}/base/", server.url()));
    assert_eq!(client.about().await.unwrap().version, "7.260901.0");
    client.register(&standing(1)).await.unwrap();
    let health = HealthReport { restarts: u64::MAX, started_at: 1_700_000_000, crash_loop: true };
    client.send_health(id(1), health).await.unwrap();
    let me = client.who_am_i().await.unwrap();
    assert_eq!(me.lacks(&lockstep::platform::documents::CAPABILITIES), ["MODULES"]);

    let requests = server.requests();
    assert!(requests[0].starts_with("POST /base/graphql HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{}", requests[0]);
    let input = |request: &str| {
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        body["variables"]["input"].clone()
    };
    let register = serde_json::json!({
        "id": id(1).to_string(), "name": "instance-1", "type": "EXTERNAL_IMPORT", "scope": ["report"],
    });
    assert_eq!(input(&requests[1]), register);
    let health = serde_json::json!({
        "id": id(1).to_string(), "restart_count": i32::MAX, "started_at": "2023-11-14T22:13:20Z",
        "is_in_reboot_loop": true,
    });
    assert_eq!(input(&requests[2]), health);
}

#[tokio::test]
async fn unknown_words_are_kept_as_unknown() {
    let connectors = serde_json::json!({ "data": { "connectors": [
        { "id": id(1).to_string(), "name": "a", "active": true, "last_seen_at": "2023-11-14T22:13:20.5Z",
          "connector_type": "TELEPATHY\u{1b}", "manager_current_status": "dreaming",
          "connector_queue_details": { "messages_number": 3.0, "messages_size": 1024.0 } },
        { "id": id(2).to_string(), "name": "b", "active": null, "last_seen_at": null,
          "connector_type": "STREAM", "manager_current_status": "started" },
        { "id": "not-ours", "name": "c", "active": true },
    ] } });
    let server = Scripted::start(vec![json(&connectors.to_string())]).await;
    let listing = client(&server.url()).connectors(true).await.unwrap();
    assert_eq!(listing.connectors.len(), 2);
    let first = &listing.connectors[&id(1)];
    assert_eq!(first.kind, Some(KindWord::Unknown("TELEPATHY\\u{1b}".to_owned())));
    assert_eq!(first.status, Some(StatusWord::Unknown("dreaming".to_owned())));
    assert_eq!(first.heartbeat, Some(1_700_000_000_500));
    assert_eq!(first.queue, Some(Queue { messages: 3.0, bytes: 1_024.0 }));
    let second = &listing.connectors[&id(2)];
    assert_eq!(second.kind, Some(KindWord::Known(ConnectorKind::Stream)));
    assert_eq!(second.status, Some(StatusWord::Known(CurrentStatus::Started)));
    assert_eq!((second.active, second.heartbeat), (None, None));
}

#[tokio::test]
async fn a_connector_that_makes_no_sense_is_read_as_far_as_it_goes_and_the_others_whole() {
    let of_one = async |fields: Value| {
        let mut one = serde_json::json!({ "id": id(1).to_string(), "name": "a", "is_managed": true });
        one.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let other = serde_json::json!({ "id": id(2).to_string(), "name": "b", "active": true });
        let answer = serde_json::json!({ "data": { "connectors": [one, other] } });
        let server = Scripted::start(vec![json(&answer.to_string())]).await;
        let listing = client(&server.url()).connectors(false).await.unwrap();
        assert_eq!((listing.connectors.len(), listing.connectors[&id(2)].active), (2, Some(true)));
        assert!(listing.connectors[&id(1)].managed, "what can be read counts");
        assert!(!listing.unreadable.contains_key(&id(2)));
        (listing.connectors[&id(1)].clone(), listing.unreadable[&id(1)].clone())
    };
    let (connector, why) = of_one(serde_json::json!({ "last_seen_at": "noon" })).await;
    assert_eq!((connector.heartbeat, why.as_str()), (None, "`last_seen_at` is no time: `noon`"));
    let (connector, why) = of_one(serde_json::json!({ "name": null })).await;
    assert_eq!((connector.name.as_str(), why.as_str()), ("", "`name` is null"));
    let queue = serde_json::json!({ "connector_queue_details": { "messages_number": "many", "messages_size": 1 } });
    let (connector, why) = of_one(queue).await;
    assert_eq!((connector.queue, why.as_str()), (None, "`messages_number` is not a number"));
    let (connector, why) = of_one(serde_json::json!({ "connector_info": 7, "manager_current_status": [] })).await;
    assert_eq!((connector.last_run, connector.status), (None, None));
    assert_eq!(why, "`connector_info` is not an object", "the first is told");

    let nameless = r#"{"data":{"connectors":[{"id":null,"name":"a"}]}}"#;
    let server = Scripted::start(vec![json(nameless)]).await;
    let error = client(&server.url()).connectors(false).await.unwrap_err();
    assert!(error.line().contains("of one of its connectors, `id` is null"), "{}", error.line());
}

#[tokio::test]
async fn an_older_platform_is_asked_in_its_own_words() {
    let refused = r#"{"errors":[{"message":"Cannot query field","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}"#;
    let listed =
        format!(r#"{{"data":{{"connectors":[{{"id":"{}","name":"a","updated_at":"2023-11-14T22:13:20Z"}}]}}}}"#, id(1));
    let nameless = r#"{"errors":[{"message":"Cannot query field \"last_seen_at\" on type \"Connector\"."}]}"#;
    let server = Scripted::start(vec![json(nameless), json(&listed)]).await;
    assert!(client(&server.url()).connectors(false).await.unwrap().status_is_heartbeat);

    let server = Scripted::start(vec![json(refused), json(&listed), json(&listed)]).await;
    let client = client(&server.url());
    for _ in 0..2 {
        let listing = client.connectors(false).await.unwrap();
        assert!(listing.status_is_heartbeat);
        assert_eq!(listing.connectors[&id(1)].heartbeat, Some(1_700_000_000_000));
    }
    let asked: Vec<_> = server.requests().iter().map(|request| request.contains("last_seen_at")).collect();
    assert_eq!(asked, [true, false, false], "asked once in the newer words");
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_noticed() {
    let head = "HTTP/1.1 200 OK\r\nDate: Tue, 01 Jan 2036 00:00:00 GMT\r\n";
    let answer = Answer::Reply(head, r#"{"data":{"connectors":[]}}"#.to_owned());
    let server = Scripted::start(vec![answer]).await;
    let listing = client(&server.url()).connectors(false).await.unwrap();
    assert!(listing.clock_ahead > 86_400_000, "{}", listing.clock_ahead);
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    let proxy = Scripted::start(vec![json(r#"{"data":{"about":{"version":"1"}}}"#)]).await;
    let mut config = config("http://platform.invalid:8080");
    config.proxy = Some(proxy.url().parse().unwrap());
    OpenCtiClient::new(config).unwrap().about().await.unwrap();
    assert!(proxy.requests()[0].starts_with("POST http://platform.invalid:8080/graphql HTTP/1.1\r\n"));
}

#[tokio::test]
async fn a_proxy_that_wants_to_know_who_asks_is_told_from_a_platform() {
    for url in ["http://platform.invalid:8080", "https://platform.invalid:8443"] {
        let head = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n";
        let proxy = Scripted::start(vec![Answer::Reply(head, String::new())]).await;
        let mut config = config(url);
        config.proxy = Some(proxy.url().parse().unwrap());
        let error = OpenCtiClient::new(config).unwrap().about().await.unwrap_err();
        assert_eq!(error.failure, Failure::ProxyRefused, "{error:?}");
    }
}

#[test]
fn settings_that_can_not_work_are_refused_at_once() {
    let cases: [(&str, &str); 4] = [
        ("ftp://x", "http"),
        ("http://user:pass@x", "credentials"),
        ("http://x/?a=b", "query"),
        ("http://x/#a", "fragment"),
    ];
    for (url, word) in cases {
        let error = OpenCtiClient::new(config(url)).err().unwrap();
        assert!(matches!(&error.failure, Failure::Settings(why) if why.contains(word)), "{error:?}");
        assert_discreet_settings(&error.line());
    }
    for ca in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let mut bad_ca = config("https://x");
        bad_ca.ca = Some(ca.as_bytes().to_vec());
        let error = OpenCtiClient::new(bad_ca).err();
        assert!(matches!(error.map(|error| error.failure), Some(Failure::Settings(_))), "{ca}");
    }
}

#[tokio::test]
async fn a_token_that_can_not_be_used_is_said_so_and_the_next_one_counts() {
    let server = Scripted::start(vec![json(r#"{"data":{"about":{"version":"7.1"}}}"#)]).await;
    let tokens = std::sync::Mutex::new(vec![Ok("a-good-one".into()), Ok("line\nbreak".into()), Err("gone".to_owned())]);
    let mut config = config(&server.url());
    config.token = lockstep::model::Credential::read_by(move || tokens.lock().unwrap().pop().unwrap());
    let client = OpenCtiClient::new(config).unwrap();
    let error = client.about().await.unwrap_err();
    assert_eq!(error.failure, Failure::NoToken("gone".to_owned()));
    let error = client.about().await.unwrap_err();
    assert!(error.line().contains("token") && !error.line().contains("break"), "{}", error.line());
    assert_eq!(client.about().await.unwrap().version, "7.1");
    assert!(server.requests()[0].contains("Bearer a-good-one"));
}

fn assert_discreet_settings(line: &str) {
    assert!(!line.contains("pass@") && !line.contains(TOKEN), "{line}");
}

#[tokio::test]
async fn a_kind_of_another_platform_is_not_sent() {
    let server = Scripted::start(Vec::new()).await;
    let mut collector = standing(1);
    collector.kind = ConnectorKind::Collector;
    let error = client(&server.url()).register(&collector).await.unwrap_err();
    assert!(error.line().contains("COLLECTOR"), "{}", error.line());
    assert!(server.requests().is_empty());
}
