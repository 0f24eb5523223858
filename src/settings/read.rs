//! From the text of the settings file to settings, or to everything that is wrong with it.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use serde_json::Value;

use super::{
    clear,
    convert::{self, Converter, Here},
    dto::SettingsDto,
    prune::prune,
    types::Settings,
};
use crate::{
    model::{Code, Finding, Place},
    yaml::{self, Limits},
};

/// The JSON Schema of the settings file.
pub fn schema() -> Value {
    yaml::schema_of::<SettingsDto>()
}

/// Reads the text of a settings file. Nothing it names is opened.
///
/// `file` is the file's path: findings show it, and relative paths start from its folder.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub fn read(file: &str, content: &[u8]) -> Result<Settings, Vec<Finding>> {
    let name: Arc<str> = Arc::from(file);
    let mut root = yaml::parse(&name, content, &Limits { max_documents: 1, ..Limits::default() }).into_single(&name)?;
    let mut findings = Vec::new();
    clear::find(&root, &mut findings);
    let clear: BTreeSet<Place> = findings.iter().map(|finding| finding.place.clone()).collect();
    let checked = yaml::check(&root, &schema()).expect("the patterns of our own schema are regular expressions");
    // A secret in clear is of the wrong type as well; one finding says enough.
    findings.extend(checked.into_iter().filter(|finding| !clear.contains(&finding.place)));
    let here = root.clone();
    prune(&mut root, &findings);
    let mut converter = Converter::new(Path::new(file).parent().unwrap_or(Path::new("")), findings);
    let settings = match serde_json::from_value::<SettingsDto>(root.to_json()) {
        Ok(dto) => convert::settings(&mut converter, dto, &Here::root(&root, &here)),
        // Its text could quote a value.
        Err(_) => None,
    };
    let mut findings = converter.into_findings();
    match settings {
        Some(settings) if findings.is_empty() => Ok(settings),
        Some(_) | None => {
            if findings.is_empty() {
                let finding = Finding::error(Code::WrongType, here.place, "the settings can't be read");
                findings.push(finding.with_help("compare them with `lockstep schema settings`"));
            }
            Finding::sort(&mut findings);
            Err(findings)
        }
    }
}
