//! The client against everything that can be on the other side.

use std::{net::TcpListener, time::Duration};

use lockstep::{
    model::ConnectorKind,
    platform::{
        CurrentStatus, Failure, HealthReport, KindWord, OpenAevClient, OpenAevConfig, Platform as _, StatusWord, Takes,
    },
};

use super::{
    TOKEN, assert_discreet, client, id, openaev_config,
    scripted::{Answer, Scripted, json},
    standing,
};

const TENANT: &str = "2cffad3a-0001-4078-b0e2-ef74274022c3";

fn status(line: &'static str, body: &str) -> Answer {
    Answer::Reply(line, body.to_owned())
}

/// The failure with which asking who the token belongs to ends.
async fn failure(answer: Answer) -> Failure {
    let server = Scripted::start(vec![answer]).await;
    let error = client(&server.url()).who_am_i().await.unwrap_err();
    assert_discreet(&error);
    assert_eq!(server.requests().len(), 1);
    error.failure
}

/// The failure with which the lists end where each of them answers so.
async fn list_failure(body: &str, head: &'static str) -> Failure {
    let answers = (0..3).map(|_| status(head, body)).collect();
    let server = Scripted::start(answers).await;
    let error = client(&server.url()).connectors(false).await.unwrap_err();
    assert_discreet(&error);
    error.failure
}

const GOOD: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

#[tokio::test]
async fn statuses_that_refuse() {
    assert!(matches!(failure(status("HTTP/1.1 401 No\r\n", "{}")).await, Failure::Unauthorized(_)));
    assert!(matches!(failure(status("HTTP/1.1 403 No\r\n", "<html>")).await, Failure::Unauthorized(_)));
    let limited = failure(status("HTTP/1.1 429 Slow\r\nRetry-After: 7\r\n", "")).await;
    assert_eq!(limited, Failure::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    let server = failure(status("HTTP/1.1 503 Later\r\nRetry-After: 5\r\n", "<html>")).await;
    assert_eq!(server, Failure::Server { status: 503 });
    let refused = failure(status("HTTP/1.1 400 Bad\r\n", r#"{"message":"no \u001b[31m, not with TOKEN"}"#)).await;
    assert_eq!(refused, Failure::Refused { code: "400".to_owned(), text: "no \\u{1b}[31m, not with TOKEN".to_owned() });
    let why = r#"{"type":"X","message":"Database integrity violation","error":"no such connector"}"#;
    let refused = failure(status("HTTP/1.1 409 Conflict\r\n", why)).await;
    assert_eq!(refused.to_string(), "it refused: Database integrity violation: no such connector");
    let echo = format!(r#"{{"message":"bad token {TOKEN}"}}"#);
    let echo = failure(status("HTTP/1.1 422 Bad\r\n", &echo)).await;
    assert!(matches!(echo, Failure::Refused { text, .. } if text == "bad token (token)"));
    let gone = failure(status("HTTP/1.1 404 No\r\n", r#"{"status":404,"error":"Not Found","path":"/api/me"}"#)).await;
    assert!(matches!(gone, Failure::Unsupported(_)), "{gone:?}");
    let tenant = failure(status("HTTP/1.1 403 No\r\n", r#"{"message":"TENANT_ACCESS_DENIED"}"#)).await;
    assert!(matches!(&tenant, Failure::Unauthorized(why) if why.contains("tenant")), "{tenant:?}");
}

#[tokio::test]
async fn a_release_without_tenants_is_asked_without_one_until_it_was_upgraded() {
    const MISSING: &str = "HTTP/1.1 404 Not Found\r\n";
    let no_route = r#"{"status":404,"error":"Not Found","path":"/api/tenants/x/me"}"#;
    let me = r#"{"user_email":"a@example.org"}"#;
    let server = Scripted::start(vec![
        status(MISSING, no_route),
        json(me),
        json(me),
        json("3.1"),
        json(me),
        status(MISSING, no_route),
        status(MISSING, no_route),
    ])
    .await;
    let tenant = Some(TENANT.parse().unwrap());
    let client = OpenAevClient::new(OpenAevConfig { tenant, ..openaev_config(&server.url()) }).unwrap();
    for _ in 0..2 {
        assert_eq!(client.who_am_i().await.unwrap().name, "a@example.org");
    }
    client.about().await.unwrap();
    client.who_am_i().await.unwrap();
    let error = client.who_am_i().await.unwrap_err();
    assert!(matches!(error.failure, Failure::Unsupported(_)), "a route that is nowhere: {error:?}");
    let lines: Vec<_> = server.requests().iter().map(|it| it.split(' ').nth(1).unwrap().to_owned()).collect();
    let (of_tenant, plain) = (format!("/api/tenants/{TENANT}/me"), "/api/me".to_owned());
    let version = "/api/settings/version".to_owned();
    assert_eq!(lines, [&of_tenant, &plain, &plain, &version, &of_tenant, &of_tenant, &plain].map(Clone::clone));
    // What a platform with tenants hides, it hides.
    let hidden = Scripted::start(vec![status(MISSING, r#"{"message":"Not Found"}"#)]).await;
    let client = OpenAevClient::new(OpenAevConfig { tenant, ..openaev_config(&hidden.url()) }).unwrap();
    client.who_am_i().await.unwrap_err();
    assert_eq!(hidden.requests().len(), 1);
}

#[tokio::test]
async fn a_version_that_is_none_is_no_version() {
    for (body, is_answer) in
        [("null", true), ("{}", true), ("[]", true), ("true", true), ("<html>", false), ("", false)]
    {
        let server = Scripted::start(vec![json(body)]).await;
        let error = client(&server.url()).about().await.unwrap_err();
        assert_eq!(matches!(error.failure, Failure::Answer(_)), is_answer, "{body}: {error:?}");
    }
    for body in ["3.260901.0", "\"3.260901.0\"", "3.260901.0\n"] {
        let server = Scripted::start(vec![json(body)]).await;
        assert_eq!(client(&server.url()).about().await.unwrap().version, "3.260901.0");
    }
}

#[tokio::test]
async fn a_missing_capability_is_named_though_the_platform_hides_it() {
    for (head, body) in [
        ("HTTP/1.1 404 Not Found\r\n", r#"{"message":"Not Found"}"#),
        ("HTTP/1.1 403 Forbidden\r\n", r#"{"message":"Forbidden"}"#),
        ("HTTP/1.1 403 Forbidden\r\n", "<html>"),
    ] {
        let failure = list_failure(body, head).await;
        let Failure::Forbidden { capability, .. } = failure else { panic!("{failure:?}") };
        assert!(capability.contains("ACCESS_"), "{capability}");
    }
}

#[tokio::test]
async fn answers_that_are_not_of_the_platform() {
    let html = failure(status("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", "<html>\u{1b}[31m</html>")).await;
    assert_eq!(html, Failure::NotJson { status: 200, content_type: "text/html".to_owned() });
    assert!(html.is_transient());
    assert!(matches!(failure(status("HTTP/1.1 404 No\r\n", "<html>")).await, Failure::NotJson { status: 404, .. }));
    for body in ["", "[", "{\"user_email\":"] {
        assert!(matches!(failure(json(body)).await, Failure::NotJson { status: 200, .. }), "{body}");
    }
    for body in ["[]", "null", "{}", r#"{"user_email":null}"#, r#"{"user_email":7}"#, "true"] {
        assert!(matches!(failure(json(body)).await, Failure::Answer(_)), "{body}");
    }
    for body in ["<html>", "", "3.2.1\n3.2.2", "x x", &"1".repeat(81)] {
        let server = Scripted::start(vec![status("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n", body)]).await;
        let error = client(&server.url()).about().await.unwrap_err();
        assert!(matches!(error.failure, Failure::NotJson { .. }), "{body}: {error:?}");
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
    let mut config = openaev_config(&server.url());
    config.http.timeout = Duration::from_millis(200);
    let error = OpenAevClient::new(config).unwrap().about().await.unwrap_err();
    assert_eq!(error.failure, Failure::Timeout(Duration::from_millis(200)));
}

#[tokio::test]
async fn the_token_does_not_follow_a_redirect() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let head = format!("HTTP/1.1 302 Found\r\nLocation: http://{}/login\r\n", elsewhere.local_addr().unwrap());
    let failure = failure(status(head.leak(), "")).await;
    assert_eq!(failure, Failure::Redirected { status: 302 });
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[tokio::test]
async fn requests_are_as_the_platform_wants_them() {
    let me = r#"{"user_email":"a@example.org","user_capabilities":["ACCESS_ASSETS"],"user_admin":true,"user_id":"x"}"#;
    let server = Scripted::start(vec![json("3.260901.0"), json("\"3.2\"\n"), json(me)]).await;
    let config = openaev_config(&format!("{}/base/", server.url()));
    let client = OpenAevClient::new(OpenAevConfig { tenant: Some(TENANT.parse().unwrap()), ..config }).unwrap();
    assert_eq!(client.about().await.unwrap().version, "3.260901.0");
    assert_eq!(client.about().await.unwrap().version, "3.2");
    let me = client.who_am_i().await.unwrap();
    assert_eq!(
        (me.name.as_str(), &me.capabilities[..]),
        ("a@example.org", &["ACCESS_ASSETS", "BYPASS"].map(str::to_owned)[..])
    );
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /base/api/settings/version HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains(&format!("authorization: Bearer {TOKEN}\r\n")), "{}", requests[0]);
    assert!(requests[2].starts_with(&format!("GET /base/api/tenants/{TENANT}/me HTTP/1.1\r\n")), "{}", requests[2]);
}

/// The listing where each of the three lists answers with the same connectors, in all of their words.
async fn listed(collectors: &str) -> Result<lockstep::platform::Listing, lockstep::platform::PlatformError> {
    let server = Scripted::start((0..3).map(|_| json(collectors)).collect()).await;
    client(&server.url()).connectors(false).await
}

#[tokio::test]
async fn a_sign_of_life_is_read_in_the_words_of_every_release() {
    let noon = 1_700_000_000_500;
    for (fields, heartbeat) in [
        (r#""collector_updated_at":"2023-11-14T22:13:20.5Z","collector_last_execution":null"#, Some(noon)),
        (
            r#""collector_updated_at":"2023-11-14T22:13:20.500Z","collector_last_execution":"2020-01-01T00:00:00Z""#,
            Some(noon),
        ),
        (r#""collector_last_execution":"2023-11-14T22:13:20.500000Z""#, Some(noon)),
        (r#""last_execution":"2023-11-14T22:13:20.500Z""#, Some(noon)),
        (r#""last_execution":null"#, None),
        (r#""other":1"#, None),
    ] {
        let connector = |kind: &str| {
            let fields = fields.replace("collector", kind);
            format!(r#"[{{"{kind}_id":"{}","{kind}_name":"A name",{fields}}}]"#, id(1))
        };
        let all = ["collector", "injector", "executor"].map(connector);
        // Each list is asked for at the same time, so each answer has the words of all three.
        let merged = format!("[{{{},{},{}}}]", inner(&all[0]), inner(&all[1]), inner(&all[2]));
        let listing = listed(&merged).await.unwrap();
        let connector = &listing.connectors[&id(1)];
        assert_eq!(connector.heartbeat, heartbeat, "{fields}");
        assert_eq!((connector.name.as_str(), connector.active), ("A name", None));
        assert!(matches!(connector.kind, Some(KindWord::Known(ConnectorKind::Executor))), "the last list counts");
        assert!(!listing.status_is_heartbeat);
    }
}

fn inner(list: &str) -> String {
    list.trim_start_matches("[{").trim_end_matches("}]").to_owned()
}

fn three(fields: &str) -> String {
    let ids = ["collector", "injector", "executor"].map(|kind| format!(r#""{kind}_id":"{}""#, id(1)));
    format!("[{{{},{fields}}}]", ids.join(","))
}

#[tokio::test]
async fn unknown_words_are_kept_as_unknown_and_foreign_ids_left_out() {
    let body = three(r#""connector_instance":{"connector_instance_current_status":"dreaming\u001b"}"#);
    let listing = listed(&body).await.unwrap();
    assert_eq!(listing.connectors[&id(1)].status, Some(StatusWord::Unknown("dreaming\\u{1b}".to_owned())));
    let body = three(r#""connector_instance":{"connector_instance_current_status":"started"}"#);
    let listing = listed(&body).await.unwrap();
    assert_eq!(listing.connectors[&id(1)].status, Some(StatusWord::Known(CurrentStatus::Started)));
    let foreign = r#"[{"collector_id":"builtin","injector_id":"x","executor_id":"y"}]"#;
    assert!(listed(foreign).await.unwrap().connectors.is_empty());
    assert!(listed("[]").await.unwrap().connectors.is_empty());
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_an_error_and_no_list() {
    for body in [
        "{}".to_owned(),
        "null".to_owned(),
        "[null]".to_owned(),
        "[{}]".to_owned(),
        r#"[{"collector_id":null,"injector_id":null,"executor_id":null}]"#.to_owned(),
    ] {
        let failure = list_failure(&body, GOOD).await;
        assert!(matches!(failure, Failure::Answer(_)), "{body}: {failure:?}");
    }
    for (fields, why) in [
        (r#""last_execution":"noon""#, "`last_execution` is no time: `noon`"),
        (r#""last_execution":17"#, "`last_execution` is not a text"),
        (r#""executor_name":7"#, "`executor_name` is not a text"),
        (r#""connector_instance":7"#, "`connector_instance` is not an object"),
    ] {
        let listing = listed(&three(fields)).await.unwrap();
        assert_eq!((listing.connectors.len(), listing.unreadable[&id(1)].as_str()), (1, why));
    }
    let failure = list_failure("<html>", GOOD).await;
    assert!(matches!(failure, Failure::NotJson { .. }));
}

#[tokio::test]
async fn what_the_platform_has_no_place_for_is_not_sent() {
    let server = Scripted::start(Vec::new()).await;
    let client = client(&server.url());
    assert_eq!(client.takes(), Takes::Nothing);
    let health = HealthReport { restarts: 0, started_at: 0, crash_loop: false };
    for error in [
        client.register(&standing(1)).await.unwrap_err(),
        client.send_status(id(1), CurrentStatus::Started).await.unwrap_err(),
        client.send_health(id(1), health).await.unwrap_err(),
        client.send_logs(id(1), vec!["a".to_owned()]).await.unwrap_err(),
    ] {
        assert!(matches!(error.failure, Failure::Unsupported(_)), "{error:?}");
    }
    assert!(server.requests().is_empty());
}
