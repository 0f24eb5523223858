//! Replaces known secrets in text.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aho_corasick::AhoCorasick;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::forms;

/// The shortest secret that is looked for, in bytes: shorter ones stand in ordinary text by chance.
pub const MIN_SECRET: usize = 6;
/// What stands in the place of a secret.
const MARK: &str = "[redacted]";

/// Why a scrubber could not take its secrets; those it had stay in force.
#[derive(Debug, thiserror::Error)]
#[error("failed to prepare the scrubber for its secrets")]
pub struct ScrubberError;

/// Knows the secrets that are loaded, and replaces them in text, in any of the forms they take there.
///
/// It is the last line of defence and not the first: each replacement is counted, and each one counted in a log line is a
/// bug elsewhere. Clones share their secrets and their count. What it knows is wiped when it is replaced, but for the first
/// bytes of each form.
#[derive(Clone, Default)]
pub struct Scrubber(Arc<Shared>);

#[derive(Default)]
struct Shared {
    known: RwLock<Option<Arc<Known>>>,
    hits: AtomicU64,
}

/// The forms of all secrets. The search is for their first bytes only, which keeps its tables small.
struct Known {
    beginnings: AhoCorasick,
    /// The forms that begin with each of them.
    forms: Vec<Vec<Zeroizing<String>>>,
}

impl Known {
    fn new(secrets: impl Iterator<Item = String>) -> Result<Self, ScrubberError> {
        let mut by_beginning: BTreeMap<Vec<u8>, Vec<Zeroizing<String>>> = BTreeMap::new();
        for form in secrets {
            let beginning = form.as_bytes()[..MIN_SECRET].to_vec();
            by_beginning.entry(beginning).or_default().push(Zeroizing::new(form));
        }
        // The error would name lengths of secrets.
        let beginnings = AhoCorasick::new(by_beginning.keys()).map_err(|_| ScrubberError)?;
        Ok(Self { beginnings, forms: by_beginning.into_values().collect() })
    }

    /// Where secrets stand in a text, by where they begin.
    fn find(&self, text: &str) -> Vec<(usize, usize)> {
        let hits = self.beginnings.find_overlapping_iter(text);
        let mut found: Vec<(usize, usize)> = hits
            .flat_map(|hit| {
                let (from, rest) = (hit.start(), &text.as_bytes()[hit.start()..]);
                let whole =
                    self.forms[hit.pattern().as_usize()].iter().filter(move |form| rest.starts_with(form.as_bytes()));
                whole.map(move |form| (from, from + form.len()))
            })
            .collect();
        found.sort_unstable();
        found
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} hits)", self.hits())
    }
}

impl Scrubber {
    /// Takes the secrets that are loaded now in place of those before. Secrets under [`MIN_SECRET`] bytes are passed over.
    ///
    /// # Errors
    /// The secrets are too many or too long to be looked for at once.
    pub fn set<'a>(&self, secrets: impl IntoIterator<Item = &'a SecretString>) -> Result<(), ScrubberError> {
        let long = secrets.into_iter().map(ExposeSecret::expose_secret).filter(|secret| secret.len() >= MIN_SECRET);
        let mut forms = long.flat_map(forms::of).peekable();
        let known = match forms.peek() {
            None => None,
            Some(_) => Some(Arc::new(Known::new(forms)?)),
        };
        *self.0.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(())
    }

    /// How many replacements there were.
    pub fn hits(&self) -> u64 {
        self.0.hits.load(Ordering::Relaxed)
    }

    /// The text with `[redacted]` in the place of every secret; secrets that overlap are replaced as one.
    pub fn scrub<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(known) = known else { return Cow::Borrowed(text) };
        let found = known.find(text);
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::with_capacity(text.len());
        let mut replaced = 0_u64;
        let mut end = 0;
        for (from, to) in found {
            if from >= end {
                clean.push_str(&text[end..from]);
                clean.push_str(MARK);
                replaced += 1;
            }
            end = end.max(to);
        }
        clean.push_str(&text[end..]);
        self.0.hits.fetch_add(replaced, Ordering::Relaxed);
        Cow::Owned(clean)
    }
}
