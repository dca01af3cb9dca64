//! One request: the bytes of an address appended to a partial file.

use std::io::Read;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::FetchOptions;
use super::partial::Partial;
use crate::DatasetError;

const CHUNK: usize = 64 * 1024;
const CHUNKS_IN_FLIGHT: usize = 16;
/// How often a wait looks whether to stop.
const POLL: Duration = Duration::from_millis(50);
/// The receiver notices a stall first and names it; the thread then ends within this time.
const GRACE: Duration = Duration::from_secs(1);
const MAXIMUM_REDIRECTS: u32 = 5;

/// Why a request did not deliver a file.
pub(super) enum Failure {
    /// Nothing else is worth trying.
    Stop(DatasetError),
    /// The caller asked to stop.
    Cancelled,
    /// The same mirror may deliver at another attempt.
    Retry(String),
    /// This mirror cannot deliver.
    Mirror(String),
}

impl From<DatasetError> for Failure {
    fn from(error: DatasetError) -> Self {
        Self::Stop(error)
    }
}

enum Message {
    Head { status: u16, content_range: Option<String>, content_length: Option<u64> },
    Chunk(Vec<u8>),
    End,
    Failed(String),
}

/// Requests `url` and appends to `partial`, from where it ends if the server can resume, else
/// from the start. Accepts at most `limit` bytes in all. `arrived` is told the bytes so far and
/// the total, where known.
///
/// The connection lives on a thread of its own, so that a stalled server does not keep the
/// caller from stopping; the thread ends with its time-outs.
pub(super) fn receive(
    url: &str,
    partial: &mut Partial,
    limit: u64,
    options: &FetchOptions,
    arrived: &mut dyn FnMut(u64, Option<u64>),
    cancel: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    if partial.len() > limit {
        partial.clear()?;
    }
    let (sender, receiver) = sync_channel(CHUNKS_IN_FLIGHT);
    let (address, offset, request_options) = (url.to_owned(), partial.len(), options.clone());
    thread::Builder::new()
        .name("download".into())
        .spawn(move || request(&address, offset, &request_options, &sender))
        .map_err(|error| Failure::Retry(format!("cannot start a thread: {error}")))?;
    let wait = options.connect_timeout * 2 + options.stall_timeout;
    let head = next(&receiver, wait, cancel)?;
    let Message::Head { status, content_range, content_length } = head else {
        return Err(match head {
            Message::Failed(reason) => Failure::Retry(reason),
            _ => Failure::Retry("the connection ended without an answer".into()),
        });
    };
    match status {
        200 => partial.clear()?,
        206 => {
            let start = content_range.as_deref().and_then(range_start);
            if start != Some(partial.len()) {
                partial.clear()?;
                return Err(Failure::Retry("the server resumed at another place; starting over".into()));
            }
        }
        416 if partial.len() > 0 => {
            let complete = content_range
                .as_deref()
                .and_then(|range| range.strip_prefix("bytes */"))
                .and_then(|total| total.trim().parse().ok());
            if complete == Some(partial.len()) {
                return Ok(());
            }
            partial.clear()?;
            return Err(Failure::Retry("the partial file is longer than the server's; starting over".into()));
        }
        408 | 429 | 500..=599 => return Err(Failure::Retry(format!("HTTP status {status}"))),
        _ => return Err(Failure::Mirror(format!("HTTP status {status}"))),
    }
    let total = content_length.map(|length| length.saturating_add(partial.len()));
    let too_much =
        |found: u64| Failure::Mirror(format!("the server sends {found} bytes or more, expected at most {limit}"));
    if let Some(total) = total.filter(|&total| total > limit) {
        partial.clear()?;
        return Err(too_much(total));
    }
    arrived(partial.len(), total);
    loop {
        match next(&receiver, options.stall_timeout, cancel)? {
            Message::Chunk(bytes) => {
                let length = partial.len() + bytes.len() as u64;
                if length > limit {
                    partial.clear()?;
                    return Err(too_much(length));
                }
                partial.append(&bytes)?;
                arrived(partial.len(), total);
            }
            Message::End => break,
            Message::Failed(reason) => return Err(Failure::Retry(reason)),
            Message::Head { .. } => {}
        }
    }
    match total {
        Some(total) if partial.len() < total => {
            Err(Failure::Retry(format!("the connection ended after {} of {total} bytes", partial.len())))
        }
        _ => Ok(()),
    }
}

/// The next message, within `patience`.
fn next(receiver: &Receiver<Message>, patience: Duration, cancel: &dyn Fn() -> bool) -> Result<Message, Failure> {
    let start = Instant::now();
    loop {
        if cancel() {
            return Err(Failure::Cancelled);
        }
        match receiver.recv_timeout(POLL) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::Retry("the connection was lost".into()));
            }
            Err(RecvTimeoutError::Timeout) if start.elapsed() > patience => {
                return Err(Failure::Retry(format!("no byte for {:.1} s", patience.as_secs_f64())));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The first byte's place in `bytes START-END/TOTAL`.
fn range_start(range: &str) -> Option<u64> {
    let (start, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    start.trim().parse().ok()
}

/// Sends the request and passes on what comes; ends early when nobody listens.
fn request(url: &str, offset: u64, options: &FetchOptions, sender: &SyncSender<Message>) {
    // A send fails only when the receiver has gone, and then there is nothing left to do.
    if let Err(reason) = answer(url, offset, options, sender) {
        let _ = sender.send(Message::Failed(reason));
    }
}

fn answer(url: &str, offset: u64, options: &FetchOptions, sender: &SyncSender<Message>) -> Result<(), String> {
    let mut config = ureq::Agent::config_builder()
        .timeout_resolve(Some(options.connect_timeout))
        .timeout_connect(Some(options.connect_timeout))
        .timeout_recv_response(Some(options.stall_timeout))
        .timeout_per_read(Some(options.stall_timeout + GRACE))
        .http_status_as_error(false)
        .max_redirects(MAXIMUM_REDIRECTS)
        .accept_encoding("identity")
        .user_agent(concat!("sterna/", env!("CARGO_PKG_VERSION")));
    if is_loopback(url) {
        config = config.proxy(None);
    }
    let agent = config.build().new_agent();
    let mut request = agent.get(url);
    if offset > 0 {
        request = request.header("Range", format!("bytes={offset}-"));
    }
    let response = request.call().map_err(|error| error.to_string())?;
    let text = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let head = Message::Head {
        status: response.status().as_u16(),
        content_range: text("content-range"),
        content_length: text("content-length").and_then(|length| length.trim().parse().ok()),
    };
    if sender.send(head).is_err() {
        return Ok(());
    }
    let mut reader = response.into_body().into_reader();
    let mut buffer = vec![0; CHUNK];
    loop {
        let count = reader.read(&mut buffer).map_err(|error| error.to_string())?;
        let message = if count == 0 { Message::End } else { Message::Chunk(buffer[..count].to_vec()) };
        if sender.send(message).is_err() || count == 0 {
            return Ok(());
        }
    }
}

/// Whether `url` points to this machine, which no proxy can reach.
fn is_loopback(url: &str) -> bool {
    ["http://127.", "http://localhost", "http://[::1]"].iter().any(|prefix| url.starts_with(prefix))
}
