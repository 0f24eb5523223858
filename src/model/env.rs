//! Which environment variables belong to Lockstep, and which look like secrets.

/// Names that Lockstep sets itself, or that change how a connector loads code or trusts servers.
const OWNED: &[&str] = &[
    "OPENCTI_URL",
    "OPENCTI_TOKEN",
    "OPENAEV_URL",
    "OPENAEV_TOKEN",
    "CONNECTOR_ID",
    "CONNECTOR_TYPE",
    "COLLECTOR_ID",
    "INJECTOR_ID",
    "EXECUTOR_ID",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "FTP_PROXY",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NODE_EXTRA_CA_CERTS",
    "NODE_OPTIONS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTPS_CA_CERTIFICATES",
    "HTTPS_PROXY_REJECT_UNAUTHORIZED",
    "PATH",
];

/// Families of names that Lockstep owns: what the dynamic loader and Python read.
const OWNED_PREFIXES: &[&str] = &["LD_", "PYTHON"];

/// Last words of a name that say its value is a secret.
const SECRET_WORDS: &[&str] = &["KEY", "PASS", "PWD", "CREDENTIAL", "CREDENTIALS", "PASSCODE", "JWT"];

/// Endings of the last word that say the same, so that `CLIENTSECRET` is seen as well.
const SECRET_ENDINGS: &[&str] = &["TOKEN", "PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "APIKEY"];

/// Words before `KEY` that make it an identifier, or one half that everybody may know.
const OPEN_KEYS: &[&str] =
    &["PUBLIC", "PROJECT", "PRIMARY", "FOREIGN", "SORT", "PARTITION", "ROUTING", "OBJECT", "CACHE"];

/// Whether a manifest can't set an environment variable since Lockstep owns it; the case of letters does not count.
pub fn is_owned_env(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    OWNED.contains(&name.as_str()) || OWNED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// The names that Lockstep owns one by one; families of names come on top.
pub fn owned_env() -> &'static [&'static str] {
    OWNED
}

/// A pattern (ECMA-262) of the families of names that Lockstep owns.
pub const OWNED_FAMILIES: &str = "^(LD_|PYTHON)";

/// A pattern (ECMA-262) of the names in capitals for which [`looks_secret`] says yes.
pub const SECRET_NAMES: &str = concat!(
    "^(?!(.*_)?(PUBLIC|PROJECT|PRIMARY|FOREIGN|SORT|PARTITION|ROUTING|OBJECT|CACHE)_KEY$)",
    "(?!(.*_)?(USE|HAS|VERIFY|ENABLE|DISABLE|REQUIRE)_[^_]*$)",
    "((.*_)?(KEY|PASS|PWD|CREDENTIAL|CREDENTIALS|PASSCODE|JWT)$",
    "|.*(TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|APIKEY)$|.*PRIVATE_KEY_ID$)"
);

/// Whether a name says that its value is a secret: `…_TOKEN`, `…_API_KEY`, `…_PASSWORD` and their like.
///
/// It errs towards no for names that only speak about a secret (`…_TOKEN_URL`, `…_KEY_TYPE`, `USE_TOKEN`).
pub fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let name = if name.ends_with("PRIVATE_KEY_ID") { &name[..name.len() - 3] } else { &name };
    let mut words = name.rsplit(['_', '-', '.']);
    let last = words.next().unwrap_or_default();
    let before = words.next().unwrap_or_default();
    match last {
        "KEY" if OPEN_KEYS.contains(&before) => false,
        _ if matches!(before, "USE" | "HAS" | "VERIFY" | "ENABLE" | "DISABLE" | "REQUIRE") => false,
        _ => SECRET_WORDS.contains(&last) || SECRET_ENDINGS.iter().any(|ending| last.ends_with(ending)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owned_names_in_either_case() {
        for owned in ["OPENCTI_TOKEN", "https_proxy", "No_Proxy", "LD_PRELOAD", "PYTHONPATH", "PATH", "NODE_OPTIONS"] {
            assert!(is_owned_env(owned), "{owned}");
        }
        for free in ["TZ", "OPENCTI_URL_2", "CONNECTOR_NAME", "MISP_PROXY", "LDAP_URL", "CLASSPATH"] {
            assert!(!is_owned_env(free), "{free}");
        }
    }

    #[test]
    fn names_of_secrets() {
        for secret in [
            "CROWDSTRIKE_RECON_CLIENT_SECRET",
            "CTM360_THREATCOVER_APIKEY_KEY",
            "DOPPEL_API_KEY",
            "GOOGLE_SECOPS_SIEM_INCIDENTS_PRIVATE_KEY",
            "GOOGLE_SECOPS_SIEM_INCIDENTS_PRIVATE_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "PROMPTINTEL_API_KEY",
            "REVERSINGLABS_TOKEN",
            "IBM_XTI_TAXII_PASS",
            "X_PASSWORD",
            "X_PASSPHRASE",
            "MISP_KEY",
            "x_client_secret",
            "TOKEN",
            "X_APIKEY",
            "X_CLIENTSECRET",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for open in [
            "CONNECTOR_NAME",
            "VERIFY_SSL",
            "X_KEYWORDS",
            "X_TOKEN_URL",
            "X_KEY_TYPE",
            "JIRA_PROJECT_KEY",
            "X_PUBLIC_KEY",
            "CTM360_THREATCOVER_USE_TOKEN",
            "X_MONKEY",
            "X_COMPASS",
            "",
        ] {
            assert!(!looks_secret(open), "{open}");
        }
    }
}
