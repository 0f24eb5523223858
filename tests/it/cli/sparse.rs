//! A file that git keeps out of a work tree is not gone: nothing is planned that would take it for that.

use std::process::Command;

use super::environment::TestEnvironment;

fn git(env: &TestEnvironment, words: &[&str]) {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]);
    let output = command.args(words).current_dir(env.path("")).output().unwrap();
    assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two instances, of which the second lies in a folder of its own, both running.
fn repository() -> TestEnvironment {
    let env = TestEnvironment::new();
    env.write(".gitignore", "age.key\nstate\n");
    env.declare("a", "");
    env.declare("b", "");
    for folder in ["connectors/hidden", "connectors/notes"] {
        std::fs::create_dir(env.path(folder)).unwrap();
    }
    std::fs::rename(env.path("connectors/b.yaml"), env.path("connectors/hidden/b.yaml")).unwrap();
    env.write("connectors/notes/README.md", "no manifest\n");
    git(&env, &["init", "--quiet", "-b", "main", "."]);
    git(&env, &["add", "--all"]);
    git(&env, &["commit", "--quiet", "--message", "two"]);
    env.lockstep(&["apply"]).with(0);
    env
}

#[test]
fn what_a_sparse_checkout_hides_is_never_taken_as_gone() {
    let env = repository();
    for version in ["2", "4"] {
        git(&env, &["update-index", "--index-version", version]);
        git(&env, &["sparse-checkout", "set", "--no-cone", "/*", "!/connectors/hidden/"]);
        assert!(!env.path("connectors/hidden").exists());
        for words in [&["plan"][..], &["plan", "--against", "HEAD"], &["apply", "--allow-removals", "1"]] {
            let refused = env.lockstep(words).with(5).saying("`hidden/b.yaml`").saying("git sparse-checkout");
            assert!(!refused.stdout.contains("destroy"), "{}", refused.stdout);
        }
        assert_eq!(env.running().len(), 2);
        env.lockstep(&["plan", "--against", "HEAD", "--revision", "HEAD"]).with(0).saying("No changes.");
        env.lockstep(&["validate"]).with(0).saying("1 instance is valid");
        git(&env, &["sparse-checkout", "disable"]);
        env.lockstep(&["plan"]).with(0).saying("No changes.");
    }
    // What is really gone is.
    std::fs::remove_file(env.path("connectors/hidden/b.yaml")).unwrap();
    env.lockstep(&["plan", "--against", "HEAD"]).saying("1 to destroy");
}

#[test]
fn hidden_files_that_are_not_read_or_are_there_all_the_same_do_no_harm() {
    let env = repository();
    git(&env, &["sparse-checkout", "set", "--no-cone", "/*", "!/connectors/notes/"]);
    assert!(!env.path("connectors/notes").exists());
    env.lockstep(&["plan"]).with(0).saying("No changes.");
    git(&env, &["sparse-checkout", "disable"]);
    git(&env, &["update-index", "--skip-worktree", "connectors/hidden/b.yaml"]);
    env.lockstep(&["plan"]).with(0).saying("No changes.");
}

#[test]
fn a_folder_that_the_index_holds_as_one_entry_is_hidden_too() {
    let env = repository();
    git(&env, &["sparse-checkout", "set", "--cone", "--sparse-index", "connectors/notes", "connectors/catalog"]);
    assert!(!env.path("connectors/hidden").exists());
    env.lockstep(&["plan"]).with(5).saying("`hidden/").saying("git sparse-checkout");
    // A further work tree has an index of its own.
    git(&env, &["sparse-checkout", "disable"]);
    git(&env, &["worktree", "add", "--quiet", "tree", "--detach"]);
    let mut settings = std::fs::read_to_string(env.path("lockstep.yaml")).unwrap();
    settings = settings.replace("directory: connectors", "directory: tree/connectors");
    env.write("lockstep.yaml", &settings);
    env.lockstep(&["plan"]).with(0).saying("No changes.");
    git(&env, &["-C", "tree", "sparse-checkout", "set", "--no-cone", "/*", "!/connectors/hidden/"]);
    env.lockstep(&["plan"]).with(5).saying("`hidden/b.yaml`");
}
