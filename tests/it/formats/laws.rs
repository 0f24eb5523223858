//! What holds for every plan in every format.

use std::collections::BTreeSet;

use lockstep::{
    cli::render,
    desired::Held,
    plan::{
        Action, Observed, Plan, Rename,
        saved::{Bound, OptionsJson, SavedJson, ShownJson},
        wire::PlanJson,
    },
};
use proptest::prelude::*;

use super::{
    sample::{findings, name, plan_of, reason, step},
    told::{ACTIONS, markdown, of_json, of_markdown, of_plan, of_text, outside_of_fences},
};

/// A digest with a key of the id `key`.
fn digest(text: &[u8]) -> String {
    use sha2::Digest as _;
    format!("key:{}", hex::encode(sha2::Sha256::digest(text)))
}

fn saved(plan: &Plan) -> SavedJson {
    let bound = Bound {
        version: "1".to_owned(),
        owner: "edge-1".to_owned(),
        revision: plan.revision.full(),
        settings: "2".to_owned(),
        catalogs: Vec::new(),
    };
    let shown =
        ShownJson { text: render::plan(plan, &[]), markdown: markdown(plan, &[], usize::MAX), github: String::new() };
    let json = PlanJson::of(plan, &[]);
    SavedJson::new(bound, 0, OptionsJson::default(), (plan, &Observed::default()), (json, shown), &digest)
}

/// A value before and after.
type Sides = (Option<String>, Option<String>);

fn plans() -> impl Strategy<Value = Plan> {
    let value = proptest::option::of("[ -~\n`<>,é\u{1b}]{0,90}");
    let reasons = proptest::collection::vec((value.clone(), value), 1..4);
    let steps = proptest::collection::btree_map("[a-z][a-z0-9]{0,8}", (0..ACTIONS.len(), reasons), 0..12);
    let held = proptest::collection::btree_set("held-[a-z0-9]{1,6}", 0..3);
    (steps, held).prop_map(|(steps, held)| {
        let of = |(instance, (action, reasons)): (String, (usize, Vec<Sides>))| {
            let reasons = reasons.iter().enumerate().map(|(number, (before, after))| {
                reason(&format!("env.X{number}"), before.as_deref(), after.as_deref())
            });
            step(&instance, ACTIONS[action], reasons.collect())
        };
        let mut plan = plan_of(steps.into_iter().map(of).collect());
        let of_held = |text: &String| Held { instance: name(text), findings: findings().drain(..1).collect() };
        plan.held = held.iter().map(of_held).collect();
        plan
    })
}

/// Each removal of a plan with one creation, as long as there are both.
fn renamed(plan: &Plan) -> Vec<Rename> {
    let of = |action| plan.steps.iter().filter(move |step| step.action == action).map(|step| step.instance.clone());
    of(Action::Destroy).zip(of(Action::Create)).map(|(from, to)| Rename { from, to }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_json_and_markdown_say_the_same(plan in plans()) {
        let renames = renamed(&plan);
        let expected = of_plan(&plan, &renames);
        prop_assert_eq!(&of_json(&plan, &renames), &expected);
        prop_assert_eq!(&of_text(&plan, &renames), &expected);
        prop_assert_eq!(&of_markdown(&plan, &renames), &expected);
    }

    #[test]
    fn a_saved_plan_names_the_same_steps_and_is_that_plan_or_none(plan in plans(), at in any::<prop::sample::Index>()) {
        let steps: BTreeSet<_> =
            plan.steps.iter().map(|step| (step.instance.to_string(), step.action.as_str().to_owned())).collect();
        let saved = saved(&plan);
        let text = serde_json::to_string(&saved).unwrap();
        let read: SavedJson = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read.check_seal("key", &digest), Ok(()));
        let done = read.work.iter().map(|work| (work.instance.clone(), work.action.clone()));
        prop_assert_eq!(done.collect::<BTreeSet<_>>(), steps.clone());
        let said = read.plan.steps.iter().map(|step| (step.instance.clone(), step.action.clone()));
        prop_assert_eq!(said.collect::<BTreeSet<_>>(), steps);
        prop_assert_eq!(read.moved_steps(&plan), Vec::<String>::new());
        // One step more, less or other than was saved is named.
        if let Some(step) = plan.steps.get(at.index(plan.steps.len().max(1))) {
            let mut less = plan.clone();
            less.steps.retain(|other| other.instance != step.instance);
            prop_assert_eq!(read.moved_steps(&less), [format!("what has to be done for `{}`", step.instance)]);
        }
        // Whatever character is changed, it is no saved plan any more or says the same.
        let at = at.index(text.len());
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let other = String::from_utf8(bytes).ok().and_then(|text| serde_json::from_str::<SavedJson>(&text).ok());
        if let Some(other) = other {
            let same = serde_json::to_string(&other).unwrap() == text;
            prop_assert!(same || other.check_seal("key", &digest).is_err(), "{}", &text[at.saturating_sub(20)..]);
        }
    }

    #[test]
    fn markdown_fits_and_ends_every_fence(plan in plans(), limit in render::LEAST_LIMIT..20_000_usize) {
        let text = markdown(&plan, &findings(), limit);
        prop_assert!(text.len() <= limit, "{} > {limit}", text.len());
        outside_of_fences(&text);
    }
}
