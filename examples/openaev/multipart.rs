//! Finds one part of a form of several parts.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde_json::Value;

/// The JSON of the part with this name; none where there is none.
pub(super) fn json(headers: &HeaderMap, body: &[u8], name: &str) -> Option<Value> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let boundary = content_type.strip_prefix("multipart/form-data")?.split_once("boundary=")?.1.trim_matches('"');
    let delimiter = format!("--{boundary}");
    let named = format!("name=\"{name}\"");
    // Other parts may hold any bytes; ours is text, and so are the delimiters.
    let text = String::from_utf8_lossy(body);
    text.split(delimiter.as_str()).find_map(|part| {
        let (head, content) = part.split_once("\r\n\r\n")?;
        head.contains(&named).then(|| serde_json::from_str(content.trim_end()).ok())?
    })
}
