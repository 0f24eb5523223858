//! Catalogs that platforms publish, as they are read again and again.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::{BoxFuture, FutureExt as _};
use lockstep::{
    model::{PlatformName, Revision, Snapshot},
    platform::{Failure, PlatformError, Published, Publisher},
    reconcile::{CatalogLoader, CatalogPlace, KeptCatalogs, PullTimes, Subscription, keep_pulled, pull},
};

fn platform() -> PlatformName {
    PlatformName::try_from("opencti").unwrap()
}

/// Gives the answers of a queue, and fails when it is empty.
struct Queue(Mutex<VecDeque<Result<Published, Failure>>>);

impl Publisher for Queue {
    fn catalog(&self) -> BoxFuture<'_, Result<Published, PlatformError>> {
        let answer = self.0.lock().unwrap().pop_front();
        let answer = answer.unwrap_or_else(|| Err(Failure::Unreachable("it is away".to_owned())));
        let error = |failure| PlatformError { platform: platform(), what: "read the catalogs", failure };
        async move { answer.map_err(error) }.boxed()
    }
}

fn published(version: &str, content: &str) -> Result<Published, Failure> {
    Ok(Published { version: version.to_owned(), content: content.as_bytes().to_vec(), left_out: Vec::new() })
}

fn subscription(answers: impl IntoIterator<Item = Result<Published, Failure>>) -> Subscription {
    let queue = Queue(Mutex::new(answers.into_iter().collect()));
    Subscription { platform: platform(), publisher: Arc::new(queue) }
}

const ONE: &str = r#"{"contracts": [{"slug": "one"}]}"#;
const TWO: &str = r#"{"contracts": [{"slug": "one"}, {"slug": "two"}]}"#;

#[tokio::test]
async fn what_can_not_be_used_never_takes_the_place_of_what_can() {
    let folder = tempfile::tempdir().unwrap();
    let kept = KeptCatalogs::new(folder.path());
    let bad = [published("7.1.0", "<html>"), published("7.1.0", "{}"), Err(Failure::Timeout(Duration::ZERO))];
    let subscription = subscription([published("7.0.0", ONE)].into_iter().chain(bad));
    assert!(pull(&subscription, &kept).await.unwrap().changed);
    for _ in 0..4 {
        pull(&subscription, &kept).await.unwrap_err();
        assert_eq!(kept.read(&platform()).unwrap().unwrap().content, ONE.as_bytes());
        assert_eq!(kept.version(&platform()).unwrap().as_deref(), Some("7.0.0"));
    }
}

#[tokio::test]
async fn every_change_is_announced_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let kept = KeptCatalogs::new(folder.path());
    let away = || Err(Failure::Unreachable("it is away".to_owned()));
    let answers = [away(), published("7.0.0", ONE), published("7.0.0", ONE), away(), published("7.0.0", TWO)];
    let newer = [published("7.1.0", TWO)];
    let subscription = subscription(answers.into_iter().chain(newer));
    let loader = CatalogLoader::new(vec![CatalogPlace::Platform(platform())]);
    let loader = loader.with_platforms(kept.clone(), vec![platform()]);
    let mut seen = loader.changes().subscribe();
    let short = Duration::from_millis(1);
    let times = PullTimes { every: short, first_retry: short, longest_retry: short };
    let task = tokio::spawn(keep_pulled(subscription, kept.clone(), loader.changes(), false, times));
    let waited = tokio::time::timeout(Duration::from_secs(20), seen.wait_for(|count| *count == 3)).await.is_ok();
    assert!(waited, "three changes are announced: two catalogs and a version");
    task.abort();
    let nothing = Snapshot { revision: Revision::Directory(String::new()), files: Vec::new() };
    let catalogs = loader.load(&nothing).await.unwrap();
    assert_eq!(catalogs.contracts().count(), 2);
    assert_eq!(catalogs.platform_version(&platform()), Some("7.1.0"));
    loader.note_version(&platform(), "7.1.0");
    assert_eq!(*seen.borrow(), 3, "what is known is no news");
    loader.note_version(&platform(), "7.2.0");
    assert_eq!(*seen.borrow(), 4);
    assert_eq!(loader.load(&nothing).await.unwrap().platform_version(&platform()), Some("7.2.0"));
}
