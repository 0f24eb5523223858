//! Finds the commits that wrote lines, within a bounded time; what is not found in it stays unknown.

use std::{path::Path, time::Instant};

use git2::{Blame, BlameOptions, Commit, Oid, Repository, RepositoryOpenFlags};

use super::wire::{Asked, Author, Job};

/// Larger files are not looked at line by line, in bytes.
const MAX_BYTES: usize = 512 * 1024;

/// Who wrote each line of a commit, in the order in which they are asked about.
pub(super) fn of_commit(repository: &Repository, commit: &str, job: &Job<'_>) -> Vec<Option<Author>> {
    let Some(commit) = Oid::from_str(commit).and_then(|id| repository.find_commit(id)).ok() else { return Vec::new() };
    let prefix = job.path.trim_matches('/');
    let below = |file: &str| if prefix.is_empty() { file.to_owned() } else { format!("{prefix}/{file}") };
    Search { repository, commit, until: Instant::now() + job.patience }.all(&job.lines, |file| (below(file), None))
}

/// Who wrote each line of the files of a folder in a work tree, in the known commit or as they lie there; a line that is
/// not committed yet has no author.
pub(super) fn of_folder(root: &Path, job: &Job<'_>) -> Option<Vec<Option<Author>>> {
    let root = root.canonicalize().ok()?;
    let none: &[&Path] = &[];
    let repository = Repository::open_ext(&root, RepositoryOpenFlags::empty(), none).ok()?;
    let inside = root.strip_prefix(repository.workdir()?.canonicalize().ok()?).ok()?.to_str()?.to_owned();
    let commit = match &job.known {
        Some(known) => repository.find_commit(Oid::from_str(known).ok()?),
        None => repository.head().and_then(|head| head.peel_to_commit()),
    };
    let commit = commit.ok()?;
    let below = |file: &str| if inside.is_empty() { file.to_owned() } else { format!("{inside}/{file}") };
    let search = Search { repository: &repository, commit, until: Instant::now() + job.patience };
    let newer = |file: &str| if job.known.is_none() { std::fs::read(root.join(file)).ok() } else { None };
    Some(search.all(&job.lines, |file| (below(file), newer(file))))
}

struct Search<'a> {
    repository: &'a Repository,
    commit: Commit<'a>,
    until: Instant,
}

impl Search<'_> {
    /// Answers every question; `locate` gives a file's path in the repository, and its content where that may be newer.
    fn all(&self, lines: &[Asked], locate: impl Fn(&str) -> (String, Option<Vec<u8>>)) -> Vec<Option<Author>> {
        let mut answers = vec![None; lines.len()];
        let mut order: Vec<usize> = (0..lines.len()).collect();
        order.sort_by(|a, b| lines[*a].file.cmp(&lines[*b].file));
        for same in order.chunk_by(|a, b| lines[*a].file == lines[*b].file) {
            let (path, newer) = locate(&lines[same[0]].file);
            let asked: Vec<_> = same.iter().map(|index| (*index, lines[*index].line)).collect();
            for (index, author) in self.file(&path, newer, &asked) {
                answers[index] = author;
            }
            if Instant::now() > self.until {
                break;
            }
        }
        answers
    }

    fn file(&self, path: &str, newer: Option<Vec<u8>>, asked: &[(usize, Option<u32>)]) -> Vec<(usize, Option<Author>)> {
        let Some(committed) = self.content(path) else { return Vec::new() };
        let edited = newer.filter(|content| *content != committed);
        let content = edited.as_ref().unwrap_or(&committed);
        let by_line = |line: &Option<u32>| line.filter(|_| content.len() <= MAX_BYTES);
        let committed_blame =
            if asked.iter().any(|(_, line)| by_line(line).is_some()) { self.blame(path) } else { None };
        let edited_blame =
            committed_blame.as_ref().zip(edited.as_ref()).map(|(blame, text)| blame.blame_buffer(text).ok());
        let blame = match &edited_blame {
            Some(blame) => blame.as_ref(),
            None => committed_blame.as_ref(),
        };
        let text = String::from_utf8_lossy(content);
        let lines: Vec<&str> = text.lines().collect();
        // An edited file was last changed by nobody's commit.
        let of_file = || if edited.is_none() { self.last_change(path) } else { None };
        let of_line = |line: u32| {
            let blame = blame?;
            let ids = block(&lines, line as usize).map(|number| Some(blame.get_line(number)?.final_commit_id()));
            self.newest(ids.collect::<Option<Vec<_>>>()?)
        };
        let answer = |(index, line): &(usize, Option<u32>)| (*index, by_line(line).map_or_else(of_file, of_line));
        asked.iter().map(answer).collect()
    }

    fn blame(&self, path: &str) -> Option<Blame<'_>> {
        let mut options = BlameOptions::new();
        options.newest_commit(self.commit.id());
        self.repository.blame_file(Path::new(path), Some(&mut options)).ok()
    }

    fn content(&self, path: &str) -> Option<Vec<u8>> {
        let entry = self.commit.tree().ok()?.get_path(Path::new(path)).ok()?;
        Some(self.repository.find_blob(entry.id()).ok()?.content().to_vec())
    }

    /// The newest of some commits; none where a line belongs to no commit yet.
    fn newest(&self, mut ids: Vec<Oid>) -> Option<Author> {
        ids.dedup();
        let commits: Option<Vec<_>> = ids.into_iter().map(|id| self.repository.find_commit(id).ok()).collect();
        commits?.into_iter().max_by_key(|commit| commit.time().seconds()).map(|commit| author(&commit))
    }

    /// The commit that last changed a file, found by following the parents that have the same.
    fn last_change(&self, path: &str) -> Option<Author> {
        let id_in = |commit: &Commit<'_>| commit.tree().ok()?.get_path(Path::new(path)).ok().map(|entry| entry.id());
        let mut commit = self.commit.clone();
        let wanted = id_in(&commit)?;
        while Instant::now() <= self.until {
            match commit.parents().find(|parent| id_in(parent) == Some(wanted)) {
                Some(parent) => commit = parent,
                None => return Some(author(&commit)),
            }
        }
        None
    }
}

fn author(commit: &Commit<'_>) -> Author {
    let signature = commit.author();
    let name = String::from_utf8_lossy(signature.name_bytes()).into_owned();
    let name =
        if name.trim().is_empty() { String::from_utf8_lossy(signature.email_bytes()).into_owned() } else { name };
    // The parent makes it short and safe to print; no honest name needs more than this.
    Author { id: commit.id().to_string(), name: name.chars().take(200).collect() }
}

/// The numbers of a line and of those below that are indented deeper: a text or map that begins there.
fn block<'a>(lines: &'a [&str], line: usize) -> impl Iterator<Item = usize> + use<'a> {
    let depth = |text: &str| text.len() - text.trim_start().len();
    let first = line.checked_sub(1).and_then(|index| lines.get(index)).map_or(0, |text| depth(text));
    let below = lines.iter().skip(line).take_while(move |text| text.trim().is_empty() || depth(text) > first).count();
    // Empty lines at its end belong to nobody.
    let blank = lines.iter().skip(line).take(below).rev().take_while(|text| text.trim().is_empty()).count();
    line..=line + below - blank
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_where_the_indentation_does() {
        let text = "spec:\n  config:\n    KEY: |\n      one\n\n      two\n\n    OTHER: x\n  id: y\n";
        let lines: Vec<_> = text.lines().collect();
        let numbers = |line| block(&lines, line).collect::<Vec<_>>();
        assert_eq!(numbers(3), [3, 4, 5, 6]);
        assert_eq!(numbers(8), [8]);
        assert_eq!(numbers(2), [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(numbers(9), [9]);
        assert_eq!(numbers(40), [40]);
    }
}
