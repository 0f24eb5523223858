//! The settings file.

mod bad;
mod bad_sources;
mod good;
mod secrets;

use lockstep::{
    model::Finding,
    settings::{Settings, read},
};

/// The least that settings say.
const LEAST: &str = "\
apiVersion: lockstep/v1
kind: Settings
owner: edge-1
source: {directory: connectors}
platforms: {}
";

fn settings(text: &str) -> Result<Settings, Vec<Finding>> {
    read("/etc/lockstep/lockstep.yaml", text.as_bytes())
}

/// The findings as `code line:column message`, each with its help on a line of its own.
fn findings(text: &str) -> String {
    let findings = settings(text).expect_err("these settings are bad");
    let line = |finding: &Finding| {
        assert_eq!(&*finding.place.file, "/etc/lockstep/lockstep.yaml");
        let help = finding.help.as_ref().map_or_else(|| "NO HELP".to_owned(), |help| format!("    {help}"));
        let place = &finding.place;
        format!("{} {}:{} {}\n{help}\n", finding.code, place.line, place.column, finding.message)
    };
    findings.iter().map(line).collect()
}
