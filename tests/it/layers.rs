//! The arrows between modules are those that `src/lib.rs` lists, and the core does nothing but map values to values.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The modules that map values to values.
const CORE: [&str; 11] =
    ["model", "yaml", "manifest", "catalog", "secrets", "import", "desired", "export", "plan", "managed", "report"];
/// Beginnings of paths that the core has no use for.
const OUTSIDE: [&str; 12] = [
    "std::fs",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::env",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "tokio",
    "jiff::Timestamp::now",
];
/// Words that the core has no use for, wherever they come from.
const WORDS: [&str; 6] = ["async", "await", "SystemTime", "Instant", "thread_local", "thread_rng"];

#[test]
fn modules_use_only_those_that_the_map_names() {
    let source = root();
    let allowed = arrows(&fs::read_to_string(source.join("lib.rs")).unwrap());
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for file in rust_files(&source) {
        let path = file.strip_prefix(&source).unwrap().to_owned();
        let module = module_path(&path);
        let Some(top) = module.first() else { continue };
        seen.insert(top.clone());
        let Some(allowed) = allowed.get(top) else {
            wrong.push(format!("{}: module `{top}` is not in the map", path.display()));
            continue;
        };
        for used in paths(&fs::read_to_string(&file).unwrap()) {
            if let Some(other) = top_level(&used, module.len())
                && other != *top
                && !allowed.contains("everything")
                && !allowed.contains(&other)
            {
                wrong.push(format!("{}:{}: `{top}` uses `{other}`", path.display(), used.line));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "see the map in src/lib.rs");
    assert_eq!(seen, allowed.into_keys().collect(), "the map in src/lib.rs names exactly the modules that exist");
}

#[test]
fn the_map_has_no_circle() {
    let allowed = arrows(&fs::read_to_string(root().join("lib.rs")).unwrap());
    let mut above: Vec<&str> = Vec::new();
    // The map lists a module after all that it uses, but for `cli`, which is the last, and for what uses nothing.
    for line in map_lines(&fs::read_to_string(root().join("lib.rs")).unwrap()) {
        let name = line.split_whitespace().next().unwrap().to_owned();
        let (name, uses) = allowed.get_key_value(&name).unwrap();
        for used in uses.iter().filter(|used| *used != "everything") {
            let leaf = allowed[used].is_empty();
            assert!(above.contains(&used.as_str()) || leaf, "`{name}` uses `{used}`, which the map names after it");
        }
        above.push(name);
    }
}

#[test]
fn the_core_has_no_effects() {
    let source = root();
    let mut wrong = Vec::new();
    for file in CORE.iter().flat_map(|module| rust_files(&source.join(module))) {
        if file.ends_with("tests.rs") || file.parent().is_some_and(|folder| folder.ends_with("tests")) {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let path = file.strip_prefix(&source).unwrap().display().to_string();
        for used in paths(&text).into_iter().filter(|used| !used.is_test) {
            let name = used.segments.join("::");
            let begins = |outside: &&&str| name == **outside || name.starts_with(&format!("{outside}::"));
            if let Some(outside) = OUTSIDE.iter().find(begins) {
                wrong.push(format!("{path}:{}: `{outside}`", used.line));
            }
        }
        for token in tokens(&text).into_iter().filter(|token| !token.is_test) {
            if WORDS.contains(&token.text.as_str()) {
                wrong.push(format!("{path}:{}: `{}`", token.line, token.text));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn what_is_read_from_source_text_is_what_it_says() {
    let text = "use crate::{a::B, c::{self, D}}; // crate::no\nfn f() { super::super::e::f(\"crate::no\"); 'x'; }\n\
                #[cfg(test)]\nmod tests { use super::super::super::g; use std::fs; }\nuse std::{fs, io::Read};";
    let found: Vec<_> = paths(text).iter().map(|used| (used.segments.join("::"), used.is_test)).collect();
    let expected = [
        ("crate::a::B", false),
        ("crate::c", false),
        ("crate::c::D", false),
        ("super::super::e::f", false),
        ("super::super::super::g", true),
        ("std::fs", true),
        ("std::fs", false),
        ("std::io::Read", false),
    ];
    assert_eq!(found, expected.map(|(path, is_test)| (path.to_owned(), is_test)));
    let tops: Vec<_> = paths(text).iter().filter_map(|used| top_level(used, 2)).collect();
    assert_eq!(tops, ["a", "c", "c", "e", "g"]);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            files.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            files.push(entry);
        }
    }
    files.sort();
    files
}

/// The module that a file below `src/` is; empty for the roots of the crates.
fn module_path(file: &Path) -> Vec<String> {
    let names = file.with_extension("");
    let mut names: Vec<String> = names.iter().map(|name| name.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|name| name == "mod" || names.len() == 1 && (name == "lib" || name == "main")) {
        names.pop();
    }
    names
}

/// The lines of the map: the text block below the heading `Modules`.
fn map_lines(lib: &str) -> Vec<String> {
    let below = lib.lines().skip_while(|line| *line != "//! # Modules");
    let block = below.skip_while(|line| !line.starts_with("//! ```text")).skip(1);
    block.take_while(|line| *line != "//! ```").map(|line| line.trim_start_matches("//! ").to_owned()).collect()
}

/// What each module may use, as the map says it.
fn arrows(lib: &str) -> BTreeMap<String, BTreeSet<String>> {
    let words = |line: &String| {
        let (module, uses) = line.split_once("->").unwrap_or((line, ""));
        (module.trim().to_owned(), uses.split_whitespace().map(str::to_owned).collect())
    };
    let arrows: BTreeMap<_, _> = map_lines(lib).iter().map(words).collect();
    assert!(arrows.len() > 10, "the map in src/lib.rs could not be read");
    arrows
}

/// The module of the crate's root that a path leads to, from a module so many names deep.
fn top_level(used: &UsedPath, depth: usize) -> Option<String> {
    let ups = used.segments.iter().take_while(|segment| *segment == "super").count();
    match used.segments[0].as_str() {
        "crate" => used.segments.get(1).cloned(),
        "super" if ups == depth + used.inline => used.segments.get(ups).cloned(),
        _ => None,
    }
}

/// A path that a file names.
struct UsedPath {
    segments: Vec<String>,
    line: usize,
    inline: usize,
    is_test: bool,
}

/// A word or sign of a file, without comments and literals.
#[derive(Clone)]
struct Token {
    text: String,
    line: usize,
    /// How many modules are opened around it in this file.
    inline: usize,
    is_test: bool,
}

/// Every path that begins with a crate's name or a keyword for one, with `{…}` spread out.
fn paths(text: &str) -> Vec<UsedPath> {
    let tokens = tokens(text);
    let mut found = Vec::new();
    let mut at = 0;
    while at + 1 < tokens.len() {
        let begins = tokens[at + 1].text == "::" && (at == 0 || tokens[at - 1].text != "::");
        if begins && tokens[at].text.starts_with(|c: char| c.is_ascii_lowercase()) {
            at = tree(&tokens, at, &[], &mut found);
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one tree of paths from a place on; the place behind it.
fn tree(tokens: &[Token], mut at: usize, before: &[String], found: &mut Vec<UsedPath>) -> usize {
    let mut segments = before.to_vec();
    let first = &tokens[at];
    while let Some(token) = tokens.get(at) {
        if token.text == "{" {
            at += 1;
            while tokens.get(at).is_some_and(|token| token.text != "}") {
                at = if tokens[at].text == "," { at + 1 } else { tree(tokens, at, &segments, found) };
            }
            return at + 1;
        }
        let is_name = token.text.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        if is_name && (segments.is_empty() || token.text != "self") {
            segments.push(token.text.clone());
        }
        at += 1;
        if tokens.get(at).is_none_or(|next| next.text != "::")
            || tokens.get(at + 1).is_some_and(|next| next.text == "<")
        {
            break;
        }
        at += 1;
    }
    found.push(UsedPath { segments, line: first.line, inline: first.inline, is_test: first.is_test });
    while tokens.get(at).is_some_and(|token| token.text == "as") {
        at += 2;
    }
    at
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens: Vec<Token> = Vec::new();
    // The depths of braces at which inline modules were opened, and whether each is one of tests.
    let (mut modules, mut depth, mut line, mut at) = (Vec::<(usize, bool)>::new(), 0, 1, 0);
    while at < chars.len() {
        let rest = &chars[at..];
        let begun = at;
        at += match rest {
            ['/', '/', ..] => rest.iter().take_while(|c| **c != '\n').count(),
            ['/', '*', ..] => rest.windows(2).position(|pair| pair == ['*', '/']).unwrap() + 2,
            ['r', '"' | '#', ..] if raw_string(rest).is_some() => raw_string(rest).unwrap(),
            ['"', ..] => quoted(rest, '"'),
            ['\'', '\\', ..] | ['\'', _, '\'', ..] => quoted(rest, '\''),
            [':', ':', ..] => 2,
            [c, ..] if c.is_alphanumeric() || *c == '_' => {
                rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count()
            }
            _ => 1,
        };
        let taken: String = chars[begun..at].iter().collect();
        let spoken = !taken.starts_with("//") && !taken.starts_with("/*") && !taken.ends_with(['"', '\'']);
        if spoken && !taken.trim().is_empty() && !taken.ends_with('#') {
            match taken.as_str() {
                "{" => {
                    if let [.., before, name] = &tokens[..]
                        && before.text == "mod"
                        && !name.text.is_empty()
                    {
                        let words: Vec<_> = tokens.iter().rev().skip(2).take(6).map(|token| &*token.text).collect();
                        modules.push((depth, words.starts_with(&["]", ")", "test", "(", "cfg", "["])));
                    }
                    depth += 1;
                }
                "}" => {
                    depth -= 1;
                    modules.pop_if(|(opened, _)| *opened == depth);
                }
                _ => {}
            }
            let is_test = modules.iter().any(|(_, is_test)| *is_test);
            tokens.push(Token { text: taken.clone(), line, inline: modules.len(), is_test });
        }
        line += taken.matches('\n').count();
    }
    tokens
}

/// The length of a raw string at the beginning, if there is one.
fn raw_string(rest: &[char]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return None;
    }
    let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
    let body = 2 + hashes;
    rest[body..].windows(end.len()).position(|part| part == end).map(|at| body + at + end.len())
}

/// The length of a literal between such quotes.
fn quoted(rest: &[char], quote: char) -> usize {
    let mut at = 1;
    while rest[at] != quote {
        at += if rest[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}
