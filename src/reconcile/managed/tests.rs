//! What a keeper asks of its platform, and in which order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, FutureExt};
use tokio::sync::watch;

use super::{
    ManagedLink,
    keeper::{Known, PING, SiteNews, Task, pause},
};
use crate::{
    managed::{UiControl, UiInstances},
    model::{ConnectorId, PlatformName},
    platform::{
        About, CurrentStatus, Failure, HealthReport, ListedManager, Listing, ManagedInstance, ManagedListing,
        ManagedPlatform, ManagerIdentity, OutgoingInstance, Platform, PlatformError, RequestedStatus, RequestedWord,
        Standing, WhoAmI,
    },
};

const ID: &str = "5c1e0b0e-2f0e-4c53-9d0f-0f5d8a0e9b11";

/// A platform that writes down what it is asked.
struct Fake {
    name: PlatformName,
    version: Mutex<&'static str>,
    down: Mutex<bool>,
    listed: Mutex<Vec<&'static str>>,
    asked: Mutex<Vec<&'static str>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Fake {
    fn answer<T: Send + 'static>(&self, what: &'static str, value: T) -> BoxFuture<'_, Result<T, PlatformError>> {
        lock(&self.asked).push(what);
        let failure = Failure::Unreachable("down".to_owned());
        let down = *lock(&self.down);
        let error = PlatformError { platform: self.name.clone(), what, failure };
        async move { if down { Err(error) } else { Ok(value) } }.boxed()
    }

    fn about_now(&self) -> About {
        About { version: (*lock(&self.version)).to_owned() }
    }

    fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut *lock(&self.asked))
    }
}

impl Platform for Fake {
    fn name(&self) -> &PlatformName {
        &self.name
    }

    fn about(&self) -> BoxFuture<'_, Result<About, PlatformError>> {
        self.answer("about", self.about_now())
    }

    fn who_am_i(&self) -> BoxFuture<'_, Result<WhoAmI, PlatformError>> {
        self.answer("me", WhoAmI { name: String::new(), capabilities: Vec::new() })
    }

    fn connectors(&self, _: bool) -> BoxFuture<'_, Result<Listing, PlatformError>> {
        self.answer("connectors", Listing::default())
    }

    fn register<'a>(&'a self, _: &'a Standing) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.answer("register", ())
    }

    fn send_status(&self, _: ConnectorId, _: CurrentStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.answer("status", ())
    }

    fn send_health(&self, _: ConnectorId, _: HealthReport) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.answer("health", ())
    }

    fn send_logs(&self, _: ConnectorId, _: Vec<String>) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.answer("logs", ())
    }
}

impl ManagedPlatform for Fake {
    fn migrates(&self) -> BoxFuture<'_, Result<bool, PlatformError>> {
        async { Ok(true) }.boxed()
    }

    fn check_key<'a>(
        &'a self,
        _: &'a ManagerIdentity,
        _: &'a (dyn Fn(&str) -> bool + Send + Sync),
    ) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.answer("check key", ())
    }

    fn register_manager<'a>(&'a self, _: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>> {
        self.answer("register manager", self.about_now())
    }

    fn ping_manager<'a>(&'a self, _: &'a ManagerIdentity) -> BoxFuture<'a, Result<About, PlatformError>> {
        self.answer("ping", self.about_now())
    }

    fn managers(&self) -> BoxFuture<'_, Result<Vec<ListedManager>, PlatformError>> {
        self.answer("managers", Vec::new())
    }

    fn managed<'a>(&'a self, _: &'a ManagerIdentity) -> BoxFuture<'a, Result<ManagedListing, PlatformError>> {
        let instance = |id: &&str| ManagedInstance {
            id: ConnectorId::try_from(*id).unwrap(),
            name: "a".to_owned(),
            title: "a".to_owned(),
            image: "a:1".to_owned(),
            kind: None,
            hash: "h".to_owned(),
            current: None,
            requested: RequestedWord::Starting,
            configuration: BTreeMap::new(),
        };
        let instances = lock(&self.listed).iter().map(instance).collect();
        self.answer("list", ManagedListing { instances, unreadable: Vec::new() })
    }

    fn add<'a>(&'a self, _: &'a OutgoingInstance) -> BoxFuture<'a, Result<ConnectorId, PlatformError>> {
        self.answer("add", ConnectorId::try_from(ID).unwrap())
    }

    fn edit<'a>(&'a self, _: ConnectorId, _: &'a OutgoingInstance) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.answer("edit", ())
    }

    fn request(&self, _: ConnectorId, _: RequestedStatus) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.answer("request", ())
    }

    fn delete(&self, _: ConnectorId) -> BoxFuture<'_, Result<(), PlatformError>> {
        self.answer("delete", ())
    }

    fn migrate<'a>(&'a self, _: ConnectorId, _: &'a OutgoingInstance) -> BoxFuture<'a, Result<(), PlatformError>> {
        self.answer("migrate", ())
    }
}

fn task() -> (Arc<Fake>, Task, watch::Receiver<SiteNews>) {
    let name = PlatformName::try_from("opencti").unwrap();
    let fake = Arc::new(Fake {
        name: name.clone(),
        version: Mutex::new("1"),
        down: Mutex::new(false),
        listed: Mutex::new(Vec::new()),
        asked: Mutex::new(Vec::new()),
    });
    let text = String::new;
    let identity =
        ManagerIdentity { id: text(), name: text(), public_pkcs1: text(), public_spki: text(), former: None };
    let link = ManagedLink {
        name,
        client: Arc::<Fake>::clone(&fake),
        identity: Arc::new(identity),
        opener: None,
        control: UiControl::Honour,
        instances: UiInstances::Run,
    };
    let (task, news) = Task::new(link, Arc::default());
    (fake, task, news)
}

#[tokio::test]
async fn it_registers_once_pings_each_minute_and_registers_again_for_another_version() {
    let (fake, mut task, _news) = task();
    task.turn().await.unwrap();
    assert_eq!(fake.asked(), ["check key", "register manager", "list", "connectors"]);
    task.turn().await.unwrap();
    assert_eq!(fake.asked(), ["list"], "nothing else is due");
    let long_ago = Instant::now().checked_sub(PING + Duration::from_secs(1)).unwrap();
    task.known = Some(Known { version: "1".to_owned(), heard: Some(long_ago) });
    task.turn().await.unwrap();
    assert_eq!(fake.asked(), ["ping", "list"]);
    *lock(&fake.version) = "2";
    task.known = Some(Known { version: "1".to_owned(), heard: Some(long_ago) });
    task.turn().await.unwrap();
    assert_eq!(fake.asked(), ["ping", "check key", "register manager", "list", "connectors"]);
    assert_eq!(task.known.as_ref().unwrap().version, "2");
}

#[tokio::test]
async fn a_platform_that_fails_leaves_its_last_listing_in_force() {
    let (fake, mut task, news) = task();
    *lock(&fake.listed) = vec![ID];
    task.turn().await.unwrap();
    *lock(&fake.down) = true;
    let error = task.turn().await.unwrap_err();
    task.failed(&error);
    let seen = news.borrow().clone();
    assert!(seen.site.away.as_ref().is_some_and(|away| away.why.contains("down")), "{seen:?}");
    assert_eq!((seen.listings, seen.site.listing.as_ref().unwrap().instances.len()), (1, 1));
    fake.asked();
    *lock(&fake.down) = false;
    lock(&fake.listed).clear();
    task.turn().await.unwrap();
    assert_eq!(fake.asked()[..2], ["ping", "list"], "it knows us as before");
    let seen = news.borrow().clone();
    assert_eq!((seen.site.away, seen.listings), (None, 2));
    let before = seen.site.listing.unwrap().before;
    assert_eq!(before, Some(BTreeSet::from([ConnectorId::try_from(ID).unwrap()])), "what the listing before had");
}

#[test]
fn a_platform_lists_for_us_a_tenth_of_the_time_at_most() {
    let ms = Duration::from_millis;
    assert_eq!(pause(ms(2), false), ms(250));
    assert_eq!(pause(ms(300), false), ms(2_700));
    assert_eq!(pause(Duration::from_secs(90), false), Duration::from_secs(10));
    assert_eq!((pause(ms(2), true), pause(ms(100), true), pause(ms(900), true)), (ms(200), ms(900), ms(2_000)));
}

#[tokio::test]
async fn listings_that_say_nothing_new_wake_nobody_after_two_that_confirm_it() {
    let (fake, mut task, mut news) = task();
    *lock(&fake.listed) = vec![ID];
    let mut turn = async || {
        task.turn().await.unwrap();
        let woken = news.has_changed().unwrap();
        news.mark_unchanged();
        woken
    };
    assert_eq!([turn().await, turn().await, turn().await, turn().await], [true, true, true, false]);
    lock(&fake.listed).clear();
    assert_eq!([turn().await, turn().await, turn().await, turn().await], [true, true, true, false]);
    assert_eq!(news.borrow().listings, 8, "each counts, told or not");
}

#[tokio::test]
async fn a_failed_listing_registers_nothing_anew_unless_the_platform_is_another_or_has_forgotten_us() {
    let (fake, mut task, _news) = task();
    task.turn().await.unwrap();
    let mut retried = async |failure: Failure| {
        task.failed(&PlatformError { platform: fake.name.clone(), what: "list", failure });
        fake.asked();
        task.turn().await.unwrap();
        fake.asked()
    };
    let broken = || Failure::Answer("null".to_owned());
    assert_eq!(retried(broken()).await, ["ping", "list"]);
    assert_eq!(retried(broken()).await, ["ping", "list"]);
    let forgotten = Failure::UnknownManager { text: String::new() };
    assert_eq!(retried(forgotten).await[..3], ["check key", "register manager", "list"]);
    *lock(&fake.version) = "2";
    assert_eq!(retried(broken()).await[..4], ["ping", "check key", "register manager", "list"]);
}
