//! Scalars of a manifest that follow a rule of their own.

use std::{net::IpAddr, time};

use super::{
    field::{scalar, words},
    image,
    types::{ImageChoice, Rollback, WantedState},
};
use crate::model::{self, ConnectorId, HostNamespace, InstanceName, PlatformName, PullPolicy, units};

scalar! {
    /// The name of an instance.
    Name(InstanceName) {
        schema: {
            "description": "A name: 1 to 63 characters of a-z, 0-9 and `-`, starting and ending with a letter or digit.",
            "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "examples": ["misp-prod"]
        },
        read: |text| InstanceName::try_from(text).ok(),
        wrong: BadName, "is no name",
        "use 1 to 63 characters of a-z, 0-9 and `-`, and start and end with a letter or digit",
    }
}

scalar! {
    /// A key of `platforms` in the settings.
    Platform(PlatformName) {
        schema: {
            "description": "A key of `platforms` in the settings.",
            "type": "string", "pattern": "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", "examples": ["opencti"]
        },
        read: |text| PlatformName::try_from(text).ok(),
        wrong: BadName, "is no name of a platform",
        "use a key of `platforms` in the settings",
    }
}

scalar! {
    /// The slug of a contract.
    Contract(model::Slug) {
        schema: {
            "description": "The slug of a contract in the catalog.",
            "type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "examples": ["misp"]
        },
        read: |text| model::Slug::try_from(text).ok(),
        wrong: BadFormat, "is no slug of a catalog",
        "`lockstep catalog list` shows the slugs",
    }
}

scalar! {
    /// The id of a connector at its platform.
    Id(ConnectorId) {
        schema: {
            "description": "A UUID of version 4, in lower case with hyphens.",
            "type": "string",
            "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
            "examples": ["5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11"]
        },
        read: |text| ConnectorId::try_from(text).ok(),
        wrong: BadId, "is no UUID of version 4 in lower case with hyphens",
        "generate one, or leave `id` out: Lockstep then derives one that stays the same",
    }
}

scalar! {
    /// A tag or digest of the contract's own image.
    Version(ImageChoice) {
        schema: {
            "description": "A tag, a digest (`@sha256:…`) or both (`TAG@sha256:…`) of the contract's image.",
            "type": ["string", "number"],
            "pattern": "^([A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$",
            "examples": ["7.260820.0"]
        },
        read: |text| image::is_version(text).then(|| ImageChoice::Version(text.to_owned())),
        wrong: BadFormat, "is neither a tag nor a digest",
        "write a tag such as `7.260820.0`, a digest `@sha256:…`, or both",
    }
}

scalar! {
    /// A full image reference.
    Image(ImageChoice) {
        schema: {
            "description": "A full image reference: `[HOST[:PORT]/]PATH[:TAG][@sha256:…]`.",
            "type": "string", "maxLength": 512, "examples": ["registry.example.org/opencti/connector-misp:7.260820.0"]
        },
        read: |text| image::is_reference(text).then(|| ImageChoice::Image(text.to_owned())),
        wrong: BadFormat, "is no image reference",
        "write it like `registry.example.org/opencti/connector-misp:7.260820.0`",
    }
}

scalar! {
    /// A length of time.
    Duration(time::Duration) {
        schema: {
            "description": "A length of time, such as `30s`, `2m` or `1h30m`.",
            "type": "string", "pattern": units::DURATION_PATTERN, "examples": ["30s"]
        },
        read: units::duration,
        wrong: BadFormat, "is no length of time",
        "write it like `30s`, `2m` or `1h30m`",
    }
}

scalar! {
    /// A size in bytes.
    Size(u64) {
        schema: {
            "description": "A size in bytes, such as `512Mi` or `1G`.",
            "type": ["string", "integer"], "pattern": units::SIZE_PATTERN, "examples": ["512Mi"]
        },
        read: |text| units::size(text).filter(|&size| size > 0),
        wrong: BadFormat, "is no size",
        "write it like `512Mi`, `1G` or a number of bytes",
    }
}

scalar! {
    /// A share of processors, in thousandths.
    Cpus(u64) {
        schema: {
            "description": "A share of processors, such as `0.5` or `2`; no finer than thousandths.",
            "type": ["number", "string"], "pattern": "^[0-9]+(\\.[0-9]{1,3})?$", "examples": ["0.5"]
        },
        read: units::milli_cpus,
        wrong: BadFormat, "is no share of processors",
        "write it like `0.5` or `2`, more than zero and no finer than thousandths",
    }
}

scalar! {
    /// A text of one line that is not empty.
    Line(String) {
        schema: { "description": "A text of one line.", "type": "string", "minLength": 1, "maxLength": 256 },
        read: |text| is_line(text, 1).then(|| text.to_owned()),
        wrong: BadFormat, "is no text of 1 to 256 characters on one line",
        "shorten it and remove control characters",
    }
}

scalar! {
    /// The value of a free label.
    LabelValue(String) {
        schema: { "description": "A text of one line.", "type": "string", "maxLength": 256 },
        read: |text| is_line(text, 0).then(|| text.to_owned()),
        wrong: BadFormat, "is no text of up to 256 characters on one line",
        "shorten it and remove control characters",
    }
}

scalar! {
    /// The name of a network or volume of the engine.
    EngineName(String) {
        schema: {
            "description": "A name of the engine: letters, digits, `_`, `.` and `-`.",
            "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$", "examples": ["opencti_default"]
        },
        read: |text| is_engine_name(text).then(|| text.to_owned()),
        wrong: BadFormat, "is no name of a network or volume",
        "use letters, digits, `_`, `.` and `-`, and start with a letter or digit",
    }
}

scalar! {
    /// An absolute path that climbs nowhere.
    AbsolutePath(String) {
        schema: {
            "description": "An absolute path without `..`.",
            "type": "string", "pattern": "^/", "examples": ["/var/lib/data"]
        },
        read: |text| is_absolute(text).then(|| text.to_owned()),
        wrong: BadFormat, "is no absolute path",
        "write a path that begins with `/` and has no `..` in it",
    }
}

scalar! {
    /// An address of a host.
    Address(IpAddr) {
        schema: { "description": "An IPv4 or IPv6 address.", "type": "string", "examples": ["10.0.0.5"] },
        read: |text| text.parse().ok(),
        wrong: BadFormat, "is no IP address",
        "write an IPv4 or IPv6 address such as `10.0.0.5`",
    }
}

scalar! {
    /// The user that a process runs as.
    User(String) {
        schema: {
            "description": "The user the process runs as: `UID`, `UID:GID` or names.",
            "type": ["string", "integer"],
            "pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?$",
            "examples": ["1000:1000"]
        },
        read: |text| is_user(text).then(|| text.to_owned()),
        wrong: BadFormat, "is no user",
        "write it like `1000`, `1000:1000` or `name:group`; quote it where it holds a `:`",
    }
}

scalar! {
    /// A capability of the kernel, without the prefix `CAP_`.
    Capability(String) {
        schema: {
            "description": "A capability of the kernel, or `ALL`.",
            "type": "string", "pattern": "^(CAP_)?[A-Z][A-Z0-9_]*$", "examples": ["NET_RAW"]
        },
        read: capability,
        wrong: BadFormat, "is no capability",
        "write it in capitals, such as `NET_RAW` or `ALL`",
    }
}

words! {
    /// Whether the container runs.
    State(WantedState) { "started" => WantedState::Started, "stopped" => WantedState::Stopped, }
}

words! {
    /// What to do where an instance does not become healthy after a change.
    RollbackWord(Rollback) { "auto" => Rollback::Auto, "none" => Rollback::None, }
}

words! {
    /// When the image is pulled.
    Pull(PullPolicy) {
        "IfNotPresent" => PullPolicy::IfNotPresent,
        "Always" => PullPolicy::Always,
        "Never" => PullPolicy::Never,
    }
}

words! {
    /// A namespace of the host.
    Namespace(HostNamespace) {
        "network" => HostNamespace::Network,
        "pid" => HostNamespace::Pid,
        "ipc" => HostNamespace::Ipc,
    }
}

fn is_line(text: &str, least: usize) -> bool {
    (least..=256).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Whether a text names a network or volume of the engine.
pub(super) fn is_engine_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Whether a text is an absolute path below the root that climbs nowhere.
pub(super) fn is_absolute(text: &str) -> bool {
    text.len() <= 4096
        && text.starts_with('/')
        && !text.trim_matches('/').is_empty()
        && !text.split('/').any(|part| part == "..")
        && !text.chars().any(char::is_control)
}

fn is_user(text: &str) -> bool {
    let name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    };
    let mut parts = text.splitn(2, ':');
    text.len() <= 128 && parts.next().is_some_and(name) && parts.next().is_none_or(name)
}

fn capability(text: &str) -> Option<String> {
    let name = text.strip_prefix("CAP_").unwrap_or(text);
    let letters = name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
    (letters && name.len() <= 64 && name.starts_with(|c: char| c.is_ascii_uppercase())).then(|| name.to_owned())
}
