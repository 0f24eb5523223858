//! Follows what containers write and what happens to them.

use std::{
    collections::{HashMap, VecDeque},
    time::{SystemTime, UNIX_EPOCH},
};

use bollard::{
    container::LogOutput,
    models::EventMessage,
    query_parameters::{EventsOptionsBuilder, LogsOptionsBuilder},
};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};

use super::client::Client;
use crate::{
    engine::{Adopted, EngineError, EngineEvent, LogLine},
    model::{InstanceName, OwnerName},
    plan::{ContainerId, LABELS},
};

/// The longest line that is handed on, in bytes; longer ones are cut into several.
const LONGEST_LINE: usize = 64 << 10;
/// What happens to a container that may matter to us.
const ACTIONS: [&str; 12] = [
    "create",
    "start",
    "restart",
    "die",
    "kill",
    "stop",
    "oom",
    "pause",
    "unpause",
    "destroy",
    "update",
    "health_status",
];

/// The newest lines of a container's output, and what comes after them where asked.
pub(super) fn logs(
    client: Client,
    container: &str,
    tail: u32,
    follow: bool,
) -> BoxStream<'static, Result<LogLine, EngineError>> {
    let options = LogsOptionsBuilder::new().stdout(true).stderr(true).follow(follow).tail(&tail.to_string()).build();
    let what = format!("read the output of container `{container}`");
    let output = client.docker.logs(container, Some(options)).boxed();
    let state = (client, what, output, Lines::default(), false);
    stream::unfold(state, |(client, what, mut output, mut lines, mut ended)| async move {
        loop {
            if let Some(line) = lines.ready.pop_front() {
                return Some((Ok(line), (client, what, output, lines, ended)));
            }
            if ended {
                return None;
            }
            match output.next().await {
                Some(Ok(LogOutput::StdErr { message })) => lines.push(true, &message),
                Some(Ok(
                    LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message },
                )) => lines.push(false, &message),
                Some(Err(error)) => {
                    ended = true;
                    let error = client.named(what.clone(), error);
                    return Some((Err(error), (client, what, output, lines, ended)));
                }
                None => {
                    ended = true;
                    lines.finish();
                }
            }
        }
    })
    .boxed()
}

/// Puts lines together from pieces that end anywhere.
#[derive(Default)]
struct Lines {
    partial: [Vec<u8>; 2],
    ready: VecDeque<LogLine>,
}

impl Lines {
    fn push(&mut self, stderr: bool, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let partial = &mut self.partial[usize::from(stderr)];
            let room = LONGEST_LINE - partial.len();
            let window = &bytes[..bytes.len().min(room)];
            if let Some(end) = window.iter().position(|&byte| byte == b'\n') {
                partial.extend_from_slice(&window[..end]);
                bytes = &bytes[end + 1..];
                self.end(stderr);
            } else {
                partial.extend_from_slice(window);
                bytes = &bytes[window.len()..];
                if partial.len() >= LONGEST_LINE {
                    self.end(stderr);
                }
            }
        }
    }

    fn end(&mut self, stderr: bool) {
        let line = std::mem::take(&mut self.partial[usize::from(stderr)]);
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(&line)).into_owned();
        self.ready.push_back(LogLine { stderr, text });
    }

    fn finish(&mut self) {
        for stderr in [false, true] {
            if !self.partial[usize::from(stderr)].is_empty() {
                self.end(stderr);
            }
        }
    }
}

/// What happens to the containers of an owner from the moment of this call.
pub(super) fn events(
    client: &Client,
    owner: &OwnerName,
    adopted: &[Adopted],
) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
    let ours = events_of(client.clone(), ("label", vec![format!("{}={owner}", LABELS.owner)]), Vec::new());
    if adopted.is_empty() {
        return ours;
    }
    let ids = adopted.iter().map(|adopted| adopted.container.clone()).collect();
    stream::select(ours, events_of(client.clone(), ("container", ids), adopted.to_vec())).boxed()
}

/// What happens to the containers that a filter lets through; those that were taken over say nothing of their instance.
fn events_of(
    client: Client,
    (filter, values): (&'static str, Vec<String>),
    adopted: Vec<Adopted>,
) -> BoxStream<'static, Result<EngineEvent, EngineError>> {
    let filters: HashMap<&str, Vec<String>> = HashMap::from([
        ("type", vec!["container".to_owned()]),
        (filter, values),
        ("event", ACTIONS.map(ToOwned::to_owned).to_vec()),
    ]);
    // The stream is opened when it is first polled; the engine repeats what happened since.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let options = EventsOptionsBuilder::new().since(&now.to_string()).filters(&filters).build();
    let happened = client.docker.events(Some(options)).boxed();
    let what = "tell what happens";
    stream::unfold((client, happened, adopted, false), move |(client, mut happened, adopted, ended)| async move {
        if ended {
            return None;
        }
        let (item, ended) = match happened.next().await {
            Some(Ok(message)) => (event(message, &adopted), false),
            Some(Err(error)) => (Err(client.named(what.to_owned(), error)), true),
            None => {
                let source = "the engine closed the stream".into();
                (Err(EngineError::Unreachable { host: client.host.clone(), source }), true)
            }
        };
        Some((item, (client, happened, adopted, ended)))
    })
    .boxed()
}

fn event(message: EventMessage, adopted: &[Adopted]) -> Result<EngineEvent, EngineError> {
    let answer = |why: String| EngineError::Answer { what: "tell what happens".to_owned(), why };
    let actor = message.actor.unwrap_or_default();
    let container = actor.id.ok_or_else(|| answer("an event without a container".to_owned()))?;
    let attributes = actor.attributes.unwrap_or_default();
    let taken_over = adopted.iter().find(|adopted| adopted.container == container).map(|adopted| &adopted.instance);
    let label = taken_over.or_else(|| attributes.get(LABELS.instance)).map_or("", String::as_str);
    let instance = InstanceName::try_from(label).map_err(|why| {
        let name = attributes.get("name").map_or("", String::as_str);
        answer(format!("container `{name}` has our owner label, and its label `{}` {why}", LABELS.instance))
    })?;
    let action = message.action.ok_or_else(|| answer("an event without an action".to_owned()))?;
    let exit_code = attributes.get("exitCode").and_then(|code| code.parse().ok()).filter(|_| action == "die");
    Ok(EngineEvent { instance, container: ContainerId(container), action, exit_code, time: message.time })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[(bool, &[u8])]) -> Vec<(bool, String)> {
        let mut lines = Lines::default();
        for (stderr, bytes) in pieces {
            lines.push(*stderr, bytes);
        }
        lines.finish();
        lines.ready.into_iter().map(|line| (line.stderr, line.text)).collect()
    }

    #[test]
    fn lines_come_whole_from_any_pieces() {
        let got = lines(&[(false, b"on"), (true, b"err\r\n"), (false, b"e\n\ntwo\nthr"), (false, b"ee")]);
        let want = [(true, "err"), (false, "one"), (false, ""), (false, "two"), (false, "three")];
        assert_eq!(got, want.map(|(stderr, text)| (stderr, text.to_owned())));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let long = vec![b'x'; LONGEST_LINE * 2 + 1];
        let lengths: Vec<usize> = lines(&[(false, &long)]).iter().map(|(_, text)| text.len()).collect();
        assert_eq!(lengths, [LONGEST_LINE, LONGEST_LINE, 1]);
    }
}
