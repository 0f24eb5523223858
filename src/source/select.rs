//! Which names of a source are read, left out or refused; the same for directories and git trees.

/// The folder below which every file is read.
const SECRETS: &[u8] = b"secrets";
/// The endings of files that are read anywhere.
const EXTENSIONS: [&[u8]; 4] = [b"yaml", b"yml", b"json", b"age"];

/// Why a name can't be the name of anything: it would mean another place.
pub(super) const NOT_A_NAME: &str = "it is not the name of a file or folder";
/// Why a name isn't read although its ending says so.
pub(super) const ODD_NAME: &str =
    "only letters, digits, `.`, `_`, `-` and inner spaces are allowed in names, up to 255";

/// Whether an editor keeps its own state under this name.
pub(super) fn is_temporary(name: &[u8]) -> bool {
    name.ends_with(b"~")
        || name.starts_with(b".#")
        || (name.starts_with(b"#") && name.ends_with(b"#"))
        || [&b".swp"[..], b".swo", b".swx"].iter().any(|ending| name.ends_with(ending))
}

/// Whether a folder is left out: its name begins with a dot.
pub(super) fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b".")
}

/// Whether all files below a folder of this name are read.
pub(super) fn is_secrets(name: &[u8]) -> bool {
    name == SECRETS
}

/// Whether a file of this name is read.
pub(super) fn is_selected(name: &[u8], in_secrets: bool) -> bool {
    if is_temporary(name) {
        return false;
    }
    if in_secrets {
        return true;
    }
    let extension = name.iter().rposition(|&byte| byte == b'.').map(|dot| &name[dot + 1..]);
    !is_hidden(name)
        && extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether a name could lead elsewhere, which no file system would give and only a forged git tree holds.
pub(super) fn is_forged(name: &[u8]) -> bool {
    matches!(name, b"" | b"." | b"..")
        || name.eq_ignore_ascii_case(b".git")
        || name.iter().any(|&byte| byte == b'/' || byte == 0)
}

/// Whether one part of a path has only characters that are safe to print and to compare.
pub(super) fn is_plain_part(name: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b' ');
    (1..=255).contains(&name.len())
        && name.iter().all(plain)
        && !name.starts_with(b" ")
        && !name.ends_with(b" ")
        && !matches!(name, b"." | b"..")
}

/// Whether every part of a path is plain.
pub(super) fn is_plain_path(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').all(is_plain_part)
}

/// A path as it may be printed: control characters, quotes and bytes that aren't UTF-8 are escaped.
pub(super) fn printable(path: &[u8]) -> String {
    path.utf8_chunks()
        .flat_map(|chunk| {
            let bytes = chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"));
            chunk.valid().chars().map(|c| c.escape_debug().to_string()).chain(bytes).collect::<Vec<_>>()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_catalogs_and_secrets_are_read_and_nothing_else() {
        for name in ["a.yaml", "A.YML", "catalog.json", "misp.age", "a.b.yaml"] {
            assert!(is_selected(name.as_bytes(), false), "{name}");
        }
        for name in
            ["README.md", "yaml", "a.yaml~", ".#a.yaml", ".a.yaml.swp", ".hidden.yaml", "a.yaml.bak", "#a.yaml#"]
        {
            assert!(!is_selected(name.as_bytes(), false), "{name}");
        }
        for name in ["token", ".env", "misp.enc"] {
            assert!(is_selected(name.as_bytes(), true), "{name}");
        }
        assert!(!is_selected(b"token~", true));
    }

    #[test]
    fn odd_and_forged_names_are_known() {
        for name in ["a", "..data", "a b.yaml", "A-1_2.x"] {
            assert!(is_plain_part(name.as_bytes()), "{name}");
        }
        for name in ["", ".", "..", " a", "a ", "a\nb", "é", "a/b", "a\u{1b}", "a:b", &"a".repeat(256)] {
            assert!(!is_plain_part(name.as_bytes()), "{name:?}");
        }
        for name in ["", ".", "..", ".git", ".GIT", "a/b", "a\0"] {
            assert!(is_forged(name.as_bytes()), "{name:?}");
        }
        assert!(!is_forged(b".gitignore"));
    }

    #[test]
    fn what_is_printed_has_no_control_characters() {
        assert_eq!(printable(b"a\n\x1b[31m\xff\".yaml"), r#"a\n\u{1b}[31m\xff\".yaml"#);
    }
}
