//! The key of a connector manager that is not the one that its platform knows, and one that is changed on purpose.

use std::{fs, os::unix::fs::PermissionsExt as _};

use lockstep::platform::ManagerKey;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::support::{Managed, key, until};
use crate::cli::running::Running;

/// Puts another key in the place of the manager's, and the manager's beside it.
fn swap(managed: &Managed) -> ManagerKey {
    let other = ManagerKey::generate().unwrap();
    for (file, content) in [("manager.pem", other.expose_secret()), ("former.pem", key())] {
        managed.env.write(file, content);
        fs::set_permissions(managed.env.path(file), fs::Permissions::from_mode(0o600)).unwrap();
    }
    ManagerKey::from_pem(&other).unwrap()
}

async fn registered(managed: &Managed) -> Value {
    managed.platform.managers().await[0]["public_key"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_is_not_registered_over_the_one_that_the_platform_knows() {
    for older in [false, true] {
        let managed = Managed::start_as(older, "", "").await;
        let env = &managed.env;
        let sealed = env.sealed("a", "FEED_API_KEY", "c0nnectors-key");
        env.declare_with("a", "serviceAccount: {name: lockstep}", &sealed);
        managed.apply().with(0);
        let (container, before) = (env.running()["a"].clone(), registered(&managed).await);
        swap(&managed);
        env.declare_with("b", "serviceAccount: {name: lockstep}", "");
        let words = "connector manager's id with another key";
        env.lockstep(&["plan"]).with(7).saying(words);
        managed.apply().with(7).saying(words);
        assert_eq!(registered(&managed).await, before, "older: {older}");
        assert_eq!(env.running().into_values().collect::<Vec<_>>(), [container], "what runs stays");
        if !older {
            env.lockstep(&["doctor"]).with(7).saying(words).saying("`manager.formerKey`");
        }
        let running = Running::start(env, &[]);
        until("it is said", async || running.log().contains(words)).await;
        running.end();
        assert_eq!(registered(&managed).await, before, "older: {older}");

        env.write("manager.pem", key());
        managed.apply().with(0).saying("1 added");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_changed_with_the_former_one_beside_it() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    let sealed = env.sealed("a", "FEED_API_KEY", "c0nnectors-key");
    env.declare("a", &sealed);
    managed.apply().with(0);
    let ui = env.instance("ui");
    managed.make(&ui, &[("FEED_URL", "https://feeds.example.org"), ("FEED_API_KEY", "k3y-by-hand")]).await;
    managed.apply().with(0);
    let containers = env.running();
    let new = swap(&managed);
    managed.configure_key("key: manager.pem, formerKey: former.pem");
    let shown = env.lockstep(&["plan"]).with(0);
    assert!(shown.stdout.contains("env.FEED_API_KEY"), "{}", shown.stdout);
    managed.apply().with(0);
    assert_eq!(registered(&managed).await, new.identity("x", "x").public_pkcs1.as_str());
    let known = managed.at_platform(&env.instance("a")).await;
    let envelope = known["managed"]["configuration"]["FEED_API_KEY"]["value"].as_str().unwrap().to_owned();
    assert_eq!(new.open(&envelope).unwrap().expose_secret(), "c0nnectors-key", "what the source has is sent anew");
    assert_eq!(env.running(), containers, "nothing is restarted for it");
    managed.apply().with(0).saying("No changes.");
    env.lockstep(&["doctor"]).with(0).saying("only with the former key");
    // What people set once more at the platform is sealed for the new one.
    managed.edit(&ui, &[("FEED_URL", "https://feeds.example.org"), ("FEED_API_KEY", "an0ther-key")]).await;
    managed.apply().with(0);
    assert_eq!(managed.variable("ui", "FEED_API_KEY").as_deref(), Some("an0ther-key"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_manager_is_named_before_anything_is_tried() {
    let managed = Managed::start("", "").await;
    let env = &managed.env;
    let key = ManagerKey::from_pem(&ManagerKey::generate().unwrap()).unwrap();
    let public = serde_json::json!(key.identity("composer", "composer").public_pkcs1);
    let input = format!("{{id: \"composer\", name: \"composer\", public_key: {public}}}");
    managed.platform.graphql(&format!("mutation {{ registerConnectorsManager(input: {input}) {{ id }} }}")).await;
    env.declare("a", "");
    let words = "it has another connector manager for good: `composer`";
    env.lockstep(&["plan"]).with(7).saying(words);
    env.lockstep(&["status"]).with(0).saying("other-manager: ");
    managed.apply().with(7).saying(words);
    let tried = managed.platform.operations().await;
    assert_eq!(tried.iter().filter(|one| *one == "registerConnectorsManager").count(), 1, "the other's own: {tried:?}");
}
