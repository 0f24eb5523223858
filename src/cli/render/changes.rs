//! What a step changes, field by field, before it takes the look of a format.

use super::{
    cost, count,
    difference::{Difference, Mark, difference},
    printable, quoted,
};
use crate::{
    desired::{EnvValue, Origin, Wanted},
    manifest::WantedState,
    model::InstanceName,
    plan::{self, Action, Plan, Reason, Rename, Step, Work, wire::ReasonJson},
};

/// What is shown in the place of a value that nobody may see.
pub(super) const SENSITIVE: &str = "(sensitive value)";

/// The value of a row.
#[derive(Debug)]
pub(super) enum Value {
    /// Shown to nobody.
    Sensitive,
    /// There was none.
    New(String),
    /// Another than before; quoted, or `null`.
    Changed(String, String),
    /// Long ones.
    Long(Difference),
}

/// One field that is shown.
#[derive(Debug)]
pub(super) struct Row {
    /// What happens to it.
    pub mark: Mark,
    /// Its name, safe to print.
    pub field: String,
    /// Its value, safe to print.
    pub value: Value,
    /// Why, as a comment; empty where that goes without saying.
    pub note: String,
}

/// Everything that is shown of a step.
#[derive(Debug)]
pub(super) struct Changes {
    /// What the whole step is for, as a comment, where no field says it.
    pub cause: Option<String>,
    /// The fields.
    pub rows: Vec<Row>,
    /// How many fields are not shown, as a comment.
    pub hidden: Option<String>,
    /// What it costs, as comments.
    pub costs: Vec<String>,
}

impl Changes {
    /// The length of the longest name.
    pub(super) fn width(&self) -> usize {
        self.rows.iter().map(|row| row.field.chars().count()).max().unwrap_or(0)
    }
}

/// What will happen, in Terraform's words.
pub(super) fn will(action: Action) -> &'static str {
    match action {
        Action::Create => "will be created",
        Action::Replace => "must be replaced",
        Action::Update => "will be updated in-place",
        Action::Start => "will be started",
        Action::Stop => "will be stopped",
        Action::Destroy => "will be destroyed",
        Action::Register => "will be registered at its platform",
        Action::Edit => "will be edited at its platform",
        Action::Migrate => "will be migrated to a managed connector of its platform",
        Action::Unregister => "will be removed from its platform",
    }
}

/// The name that a created instance had.
pub(super) fn former<'a>(step: &Step, renames: &'a [Rename]) -> Option<&'a InstanceName> {
    let found = renames.iter().find(|rename| rename.to == step.instance && step.action == Action::Create);
    found.map(|rename| &rename.from)
}

/// The name that a removed instance gets.
pub(super) fn latter<'a>(step: &Step, renames: &'a [Rename]) -> Option<&'a InstanceName> {
    let found = renames.iter().find(|rename| rename.from == step.instance && step.action == Action::Destroy);
    found.map(|rename| &rename.to)
}

/// What is shown of a step.
pub(super) fn changes(plan: &Plan, step: &Step) -> Changes {
    let changes = match &step.work {
        Work::Create(new) => created(&new.wanted, step.reasons.first()),
        Work::Replace(replacement) => changed(step, Some(&replacement.new.wanted)),
        Work::Recreate { new, .. } => changed(step, Some(&new.wanted)),
        Work::Update { wanted, .. } => changed(step, Some(wanted)),
        Work::Start { .. } | Work::Stop { .. } | Work::Remove { .. } | Work::AtPlatform(_) => changed(step, None),
    };
    Changes { costs: cost::comments(plan, step), ..changes }
}

/// What a new instance is made from: what its manifest says, and how much more its contract adds.
fn created(wanted: &Wanted, reason: Option<&Reason>) -> Changes {
    let note = |field: &str| {
        let place = plan::origin_of(wanted, field).and_then(Origin::place);
        place.map_or_else(String::new, |place| format!("# ({}:{})", printable(&place.file), place.line))
    };
    let row = |field: &str, value| Row { mark: Mark::Add, field: printable(field), value, note: note(field) };
    let plain = |text: &str| match difference(None, Some(text)) {
        Some(long) => Value::Long(long),
        None => Value::New(quoted(text)),
    };
    let mut rows = vec![row("image", plain(&wanted.image))];
    let mut hidden = 0;
    for (key, value) in &wanted.env {
        let field = format!("env.{key}");
        let own = wanted.origins.get(&field).and_then(Origin::place).is_some();
        match value {
            EnvValue::Plain(text) if own => rows.push(row(&field, plain(text))),
            EnvValue::Plain(_) => hidden += 1,
            EnvValue::Sealed(_)
            | EnvValue::FromFile { .. }
            | EnvValue::ConnectorToken(_)
            | EnvValue::ConnectorProxy(_)
            | EnvValue::FromPlatform(_) => {
                rows.push(row(&field, Value::Sensitive));
            }
        }
    }
    // What its manifest asks of the host, and whether it runs at all.
    let others =
        wanted.visible_fields().into_iter().filter(|(field, _)| field != "image" && !field.starts_with("env."));
    for (field, value) in others.filter(|(field, _)| !note(field).is_empty()) {
        rows.push(row(&field, plain(&value)));
    }
    if wanted.state == WantedState::Stopped {
        rows.push(row("state", plain("stopped")));
    }
    let cause = reason.map(|reason| format!("# ({})", because(&ReasonJson::from(reason))));
    let hidden = (hidden > 0).then(|| format!("# ({} hidden)", count(hidden, "default")));
    Changes { cause, rows, hidden, costs: Vec::new() }
}

fn changed(step: &Step, wanted: Option<&Wanted>) -> Changes {
    let replaces = step.action == Action::Replace;
    let rows: Vec<_> = step.reasons.iter().map(|reason| row(reason, replaces)).collect();
    let all = wanted.map_or(0, |wanted| {
        wanted.visible_fields().len() + wanted.env.values().filter(|value| value.is_sensitive()).count()
    });
    let hidden = all.saturating_sub(rows.len());
    let hidden = (hidden > 0).then(|| format!("# ({} hidden)", count(hidden, "unchanged field")));
    Changes { cause: None, rows, hidden, costs: Vec::new() }
}

fn row(reason: &Reason, replaces: bool) -> Row {
    let mark = match (&reason.before, &reason.after) {
        (None, Some(_)) => Mark::Add,
        (Some(_), None) if !reason.sensitive => Mark::Remove,
        (Some(_), _) | (None, None) => Mark::Change,
    };
    Row { mark, field: printable(&reason.field), value: value(reason), note: note(reason, replaces) }
}

fn value(reason: &Reason) -> Value {
    if reason.sensitive {
        return Value::Sensitive;
    }
    let (before, after) = (reason.before.as_deref(), reason.after.as_deref());
    if let Some(long) = difference(before, after) {
        return Value::Long(long);
    }
    let side = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), quoted);
    match (before, after) {
        (None, Some(after)) => Value::New(quoted(after)),
        (before, after) => Value::Changed(side(before), side(after)),
    }
}

fn note(reason: &Reason, replaces: bool) -> String {
    let why = if replaces { "# forces replacement" } else { "#" };
    format!("{why} ({})", because(&ReasonJson::from(reason)))
}

/// Why a field changes, as far as that is known: `manifest, misp.yaml:12, 1a2b3c4d5e6f by Ada`.
pub(super) fn because(reason: &ReasonJson) -> String {
    let mut parts = vec![if reason.defaults { "defaults".to_owned() } else { reason.cause.clone() }];
    parts.extend(reason.catalog.as_deref().map(printable));
    if let Some(file) = &reason.file {
        parts.push(format!("{}:{}", printable(file), reason.line.unwrap_or(1)));
    }
    if let Some(commit) = &reason.commit {
        let short = commit.get(..12).unwrap_or(commit);
        let author = reason.author.as_deref().filter(|author| !author.is_empty());
        parts.push(author.map_or_else(|| short.to_owned(), |author| format!("{short} by {}", printable(author))));
    }
    parts.extend(reason.since.as_ref().map(|since| format!("since {since}")));
    parts.join(", ")
}
