//! Answers of the right form that say what nobody expects.

use axum::{
    body::{Body, Bytes},
    http::{HeaderValue, header::CONTENT_TYPE, header::DATE},
    response::{IntoResponse as _, Response},
};
use futures_util::stream;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The words for them; those of a clock say whether the time of the answer itself is off as well.
pub(super) const WORDS: [&str; 10] = [
    "words",
    "nulls",
    "first-null",
    "errors",
    "emptied",
    "damaged",
    "clock-ahead",
    "clock-behind",
    "times-ahead",
    "times-behind",
];

/// The fields with a word for whether an instance runs, or is to run.
const STATUSES: [&str; 4] = [
    "manager_current_status",
    "manager_requested_status",
    "connector_instance_current_status",
    "connector_instance_requested_status",
];
/// Fields that are promised.
const PROMISED: [&str; 6] =
    ["name", "collector_id", "injector_id", "executor_id", "connector_image", "configuration_key"];

/// What a manager is promised of every instance that it is to run.
const OF_INSTANCES: [&str; 2] = ["manager_contract_hash", "connector_image"];

/// By how far a clock is off.
fn off(word: &str) -> Option<SignedDuration> {
    let day = SignedDuration::from_hours(24);
    match word {
        "clock-ahead" | "times-ahead" => Some(day),
        "clock-behind" | "times-behind" => Some(-day),
        _ => None,
    }
}

/// Bends an answer.
pub(super) fn bend(word: &str, answer: &mut Value) {
    match word {
        "words" => each(answer, &|key, value| {
            if STATUSES.contains(&key) && value.is_string() {
                *value = json!("paused");
            }
        }),
        "nulls" => each(answer, &|key, value| {
            if PROMISED.contains(&key) {
                *value = Value::Null;
            }
        }),
        "first-null" => first_null(answer),
        "errors" if answer.is_object() => {
            let code = json!({ "code": "INTERNAL_SERVER_ERROR" });
            answer["errors"] = json!([{ "message": "The index is away", "extensions": code }]);
        }
        "emptied" => match answer {
            Value::Array(list) => list.clear(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
                each(answer, &|_, value| {
                    if let Value::Array(list) = value {
                        list.clear();
                    }
                });
            }
        },
        "damaged" => damage(answer),
        _ => {
            let Some(off) = off(word) else { return };
            each(answer, &|_, value| {
                let time = value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
                if let Some(moved) = time.and_then(|time| time.checked_add(off).ok()) {
                    *value = json!(moved.to_string());
                }
            });
        }
    }
}

/// The time that an answer says it was given at, where it is another than the true one.
pub(super) fn date(word: &str) -> Option<HeaderValue> {
    let off = off(word).filter(|_| word.starts_with("clock"))?;
    let text = Timestamp::now().checked_add(off).ok()?.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    HeaderValue::try_from(text).ok()
}

/// The answer with another time.
pub(super) fn dated(word: &str, mut answer: Response) -> Response {
    if let Some(date) = date(word) {
        answer.headers_mut().insert(DATE, date);
    }
    answer
}

/// A body that never ends.
pub(super) fn endless() -> Response {
    let spaces = Bytes::from(vec![b' '; 1 << 16]);
    let body = Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(spaces.clone())));
    ([(CONTENT_TYPE, "application/json")], body).into_response()
}

/// Takes what a manager is promised from the first by name of the instances that it is to run.
fn first_null(value: &mut Value) {
    if let Value::Array(list) = value {
        let promised = |one: &Value| OF_INSTANCES.into_iter().find(|key| one.get(key).is_some());
        let name = |one: &&mut Value| ["name", "connector_instance_name"].map(|key| one[key].to_string());
        if let Some(first) = list.iter_mut().filter(|one| promised(one).is_some()).min_by_key(name)
            && let Some(key) = promised(first)
        {
            first[key] = Value::Null;
        }
    }
    match value {
        Value::Object(map) => map.values_mut().for_each(first_null),
        Value::Array(list) => list.iter_mut().for_each(first_null),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Puts something else in the place of every sealed value.
fn damage(value: &mut Value) {
    if let Value::Object(map) = value {
        for (flag, field) in [("encrypted", "value"), ("configuration_is_encrypted", "configuration_value")] {
            if map.get(flag) == Some(&json!(true)) {
                map.insert(field.to_owned(), json!("no envelope!"));
            }
        }
    }
    match value {
        Value::Object(map) => map.values_mut().for_each(damage),
        Value::Array(list) => list.iter_mut().for_each(damage),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn each(value: &mut Value, change: &impl Fn(&str, &mut Value)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                change(key, value);
                each(value, change);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|value| each(value, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
