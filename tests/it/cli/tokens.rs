//! Tokens and passwords that change while `run` goes on, and the password of the proxies that connectors get.

use super::{
    environment::{TestEnvironment, until},
    running::Running,
    trouble::{Platform, conditions, page},
    variables_of,
};
use crate::platform::{TOKEN, stand_in::StandIn};

const ROTATED: &str = "lockstep-rotated-token-77b1";

async fn a_rotated_token(kind: &str, registration: &str) {
    let (platform, env, port) = Platform::start(kind, registration).await;
    let running = Running::start(&env, &[]);
    until("the instance", 40, || env.running().len() == 1);
    until("the platform is there", 40, || page(port).is_some_and(|page| page["platforms"][0]["connected"] == true));
    let first = env.running()["a"].clone();
    let named = |name: &str| conditions(port).is_some_and(|all| all.iter().any(|one| one == name));

    env.write("t", "");
    until("the empty file has a name", 40, || named("token-unreadable"));
    assert_eq!(env.running()["a"], first, "it costs no container");
    env.write("t", &format!("{TOKEN}\n"));
    until("it is over", 40, || !named("token-unreadable") && page(port).unwrap()["platforms"][0]["connected"] == true);
    assert_eq!(env.running()["a"], first);

    platform.set_tokens(&[ROTATED]).await;
    until("the old token is refused", 40, || named("token-refused"));
    env.write("t", &format!("{ROTATED}\n"));
    until("the new one counts", 40, || page(port).unwrap()["platforms"][0]["connected"] == true);
    if registration == "self" {
        // Connectors get the same token, so they follow.
        let variable = if kind == "opencti" { "OPENCTI_TOKEN" } else { "OPENAEV_TOKEN" };
        until("the connector has it too", 40, || {
            let container = env.running().get("a").cloned();
            container.is_some_and(|id| variables_of(&id).get(variable).is_some_and(|value| value == ROTATED))
        });
    }
    let said = running.log() + &env.lockstep(&["status"]).stdout + &env.lockstep(&["plan"]).stdout;
    assert!(!said.contains(TOKEN) && !said.contains(ROTATED), "{said}");
    running.end();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_changes_counts_without_a_restart_at_an_opencti() {
    a_rotated_token("opencti", "self").await;
    a_rotated_token("opencti", "managed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_changes_counts_without_a_restart_at_an_openaev() {
    a_rotated_token("openaev", "self").await;
    a_rotated_token("openaev", "managed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_connectors_take_a_password_that_nobody_sees() {
    let platform = StandIn::start(false).await;
    let settings = |auth: &str| {
        format!(
            "platforms: {{opencti: {{kind: opencti, url: '{}', token: {{file: t}}, connectorProxy: {{http: \
             'http://proxy.example.org:3128', https: 'http://proxy.example.org:3129', no: [opencti]}}{auth}}}}}\n",
            platform.url()
        )
    };
    let env = TestEnvironment::with(&settings(""));
    env.write("t", &format!("{TOKEN}\n"));
    env.write("p", "pr0xy-p@ss/w\n");
    env.declare("a", "");
    env.lockstep(&["apply"]).with(0);
    let variables = variables_of(&env.running()["a"]);
    assert_eq!(variables["HTTP_PROXY"], "http://proxy.example.org:3128/");

    env.settings(&settings(", connectorProxyAuth: {username: edge, password: {file: p}}"));
    env.declare("a", "RUN: echo \"through $HTTPS_PROXY\"; exec busybox sleep 1000");
    let plan = env.lockstep(&["plan"]).with(0).saying("env.HTTP_PROXY").saying("(sensitive value)");
    let applied = env.lockstep(&["apply"]).with(0);
    let container = env.running()["a"].clone();
    let variables = variables_of(&container);
    assert_eq!(variables["HTTP_PROXY"], "http://edge:pr0xy-p%40ss%2Fw@proxy.example.org:3128/");
    assert_eq!(variables["HTTPS_PROXY"], "http://edge:pr0xy-p%40ss%2Fw@proxy.example.org:3129/");
    assert_eq!(variables["NO_PROXY"], "opencti");
    let labels = crate::engine::support::docker(&["inspect", "--format", "{{json .Config.Labels}}", &container]);
    for said in [format!("{plan:?}"), format!("{applied:?}"), labels] {
        assert!(!said.contains("pr0xy-p"), "{said}");
    }
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0);

    env.write("p", "an0ther-one\n");
    env.lockstep(&["plan"]).with(0).saying("env.HTTPS_PROXY").saying("(sensitive value)");
    let running = Running::start(&env, &[]);
    until("the new password", 40, || {
        let container = env.running().get("a").cloned();
        container.is_some_and(|id| variables_of(&id)["HTTP_PROXY"].contains("edge:an0ther-one@"))
    });
    env.write("p", "a-third-one\n");
    until("the third one without a restart", 40, || {
        let container = env.running().get("a").cloned();
        container.is_some_and(|id| variables_of(&id)["HTTP_PROXY"].contains("edge:a-third-one@"))
    });
    assert!(!running.log().contains("an0ther") && !running.log().contains("a-third"), "{}", running.log());
    platform.until("its output", |all| all[0]["logs"].to_string().contains("through [redacted]")).await;
    let page = platform.text("/connectors.json").await;
    assert!(!page.contains("an0ther") && !page.contains("a-third"), "{page}");
    running.end();
    let text = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    let (before, after) = text.split_once("connectorProxy: {").unwrap();
    env.write("lockstep.yaml", &format!("{before}{}", after.split_once("}, ").unwrap().1));
    env.lockstep(&["validate"]).with(3).saying("is for `connectorProxy`, which is not there");
}

/// CI, or a person, may have the settings and the tokens, and not the identity.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_identity_a_token_that_is_there_seems_no_other() {
    let platform = StandIn::start(false).await;
    let env = TestEnvironment::new();
    env.write("t", &format!("{TOKEN}\n"));
    let url = platform.url();
    env.settings(&format!("platforms: {{opencti: {{kind: opencti, url: '{url}', token: {{file: t}}}}}}\n"));
    env.declare("a", &env.sealed("a", "FEED_API_KEY", "a-sealed-key"));
    env.lockstep(&["apply"]).with(0);
    std::fs::rename(env.path("age.key"), env.path("elsewhere.key")).unwrap();
    env.lockstep(&["plan", "--detailed-exitcode"]).with(0).saying("No changes.");
    std::fs::rename(env.path("elsewhere.key"), env.path("age.key")).unwrap();
    env.write("t", "another-token-of-theirs\n");
    env.lockstep(&["plan", "--detailed-exitcode"]).with(2).saying("OPENCTI_TOKEN");
}
