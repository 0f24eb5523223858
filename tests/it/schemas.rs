//! What is published under `schemas/` is what the types derive, and what the program prints.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use lockstep::{history, manifest, plan, report, settings};
use serde_json::Value;

const CATALOG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/catalog/opencti.json");

#[test]
fn the_published_schemas_are_the_derived_ones() {
    let derived = [
        ("manifest", manifest::schema()),
        ("settings", settings::schema()),
        ("plan", plan::wire::schema()),
        ("observed", plan::wire::observed_schema()),
        ("saved-plan", plan::saved::schema()),
        ("validate", plan::wire::validate_schema()),
        ("status", report::wire::schema()),
        ("catalog-diff", lockstep::cli::render::catalog_diff_schema()),
        ("why", history::wire::schema()),
    ];
    for (name, schema) in &derived {
        let text = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
        let path = schemas().join(format!("{name}.schema.json"));
        #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
        if std::env::var_os("LOCKSTEP_UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(published == text, "run the tests with LOCKSTEP_UPDATE_SCHEMAS=1 and commit {}", path.display());
        let printed: Value = serde_json::from_slice(&lockstep(&["schema", name], Path::new(".")).stdout).unwrap();
        assert_eq!(printed, *schema, "`lockstep schema {name}`");
    }
    assert_eq!(fs::read_dir(schemas()).unwrap().count(), derived.len(), "schemas/ holds nothing else");
}

#[test]
fn what_is_printed_is_what_its_schema_says() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("connectors")).unwrap();
    let owner = format!("schemas-{}", std::process::id());
    let settings = format!(
        "apiVersion: lockstep/v1\nkind: Settings\nowner: {owner}\nsource: {{directory: connectors}}\n\
         catalogs: [{{file: {CATALOG:?}}}]\nstate: state\nplatforms: {{}}\n"
    );
    fs::write(at("lockstep.yaml"), settings).unwrap();
    let manifest = |name: &str, contract: &str| {
        format!(
            "apiVersion: lockstep/v1\nkind: ConnectorInstance\nmetadata: {{name: {name}}}\nspec: {{contract: {contract}}}\n"
        )
    };
    fs::write(at("connectors/good.yaml"), manifest("good", "simple")).unwrap();
    fs::write(at("connectors/bad.yaml"), manifest("bad", "no-such-contract")).unwrap();
    fs::write(at("empty.json"), "{\"contracts\": []}").unwrap();
    fs::write(at("observed.json"), "{\"containers\": []}").unwrap();
    for (schema, arguments, must_have) in [
        ("validate", &["validate", "--format", "json"][..], "/findings/0/code"),
        ("plan", &["plan", "--format", "json", "--observed", "observed.json"][..], "/held/0/findings/0/code"),
        ("status", &["status", "--format", "json"][..], "/instances/0/phase"),
        (
            "catalog-diff",
            &["catalog", "diff", "empty.json", CATALOG, "--format", "json"][..],
            "/instances/0/changes/0/what",
        ),
    ] {
        let output = lockstep(arguments, folder.path());
        let printed: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{schema}: {error}: {}", String::from_utf8_lossy(&output.stderr)));
        assert!(printed.pointer(must_have).is_some(), "{schema} has no {must_have}: {printed:#}");
        let text = fs::read_to_string(schemas().join(format!("{schema}.schema.json"))).unwrap();
        let validator = jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&printed).map(|error| error.to_string()).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{schema}: {printed:#}");
    }
}

fn schemas() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas"))
}

fn lockstep(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockstep"));
    command.args(arguments).current_dir(folder).env_remove("LOCKSTEP_SETTINGS").env_remove("LOCKSTEP_LOG");
    command.output().unwrap()
}
