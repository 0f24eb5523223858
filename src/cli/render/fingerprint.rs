//! What a finding is known by from one run to the next.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use crate::model::Finding;

/// A fingerprint for each finding, as 64 hexadecimal digits: the same when only the line changes, and never the same
/// for two findings of one run.
pub(super) fn fingerprints(findings: &[Finding]) -> Vec<String> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let one = |finding: &Finding| {
        let instance = finding.instance.as_ref().map_or("", |name| name.as_str());
        let hash = |number: u64| {
            let mut hash = Sha256::new();
            for part in [finding.code.as_str(), &finding.place.file, instance, &finding.message] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
            hex::encode(hash.chain_update(number.to_be_bytes()).finalize())
        };
        let before = seen.entry(hash(0)).or_default();
        *before += 1;
        hash(*before)
    };
    findings.iter().map(one).collect()
}
