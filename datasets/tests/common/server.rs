//! A small HTTP server on the loopback address that can misbehave; bounded in time and requests.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const LIFETIME: Duration = Duration::from_secs(60);
const MAXIMUM_REQUESTS: usize = 50;

/// What the server does with one request.
#[derive(Debug, Clone, Copy)]
pub enum Behaviour {
    /// Serves, and honours Range.
    Proper,
    /// Serves the whole file whatever is asked.
    IgnoresRange,
    /// Answers a range request with another range.
    WrongRange,
    /// Announces everything, sends so many bytes, then nothing until the client goes.
    Stalls(usize),
    /// Announces everything, sends so many bytes, then closes.
    Cuts(usize),
    /// Announces no length, sends so many bytes, then closes.
    CutsSilently(usize),
    /// Changes one byte in the middle.
    Corrupts,
    /// Answers with a status and no file.
    Status(u16),
    /// Announces a length far too large.
    AnnouncesTooMuch,
    /// Announces no length and sends without end.
    SendsTooMuch,
    /// Takes the request and says nothing.
    Silent,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub range: Option<String>,
}

/// The running server; it stops when dropped.
pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `files` (name, bytes); request `n` meets `behaviours[n]`, later ones the last.
    pub fn start(files: Vec<(String, Vec<u8>)>, behaviours: Vec<Behaviour>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        listener.set_nonblocking(true).expect("non-blocking");
        let url = format!("http://{}/data", listener.local_addr().expect("address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (log, ended) = (Arc::clone(&requests), Arc::clone(&stop));
        let thread = thread::spawn(move || {
            let start = Instant::now();
            let files = Arc::new(files);
            let mut connections = Vec::new();
            while !ended.load(Ordering::Relaxed) && start.elapsed() < LIFETIME && connections.len() < MAXIMUM_REQUESTS {
                match listener.accept() {
                    Ok((stream, _)) => {
                        let behaviour = behaviours[connections.len().min(behaviours.len() - 1)];
                        let (files, log) = (Arc::clone(&files), Arc::clone(&log));
                        let ended = Arc::clone(&ended);
                        connections.push(thread::spawn(move || {
                            // A client that goes away in the middle is part of the tests.
                            let _ = serve(stream, &files, behaviour, &log, &ended);
                        }));
                    }
                    Err(_) => thread::sleep(Duration::from_millis(5)),
                }
            }
            for connection in connections {
                let _ = connection.join();
            }
        });
        Self { url, requests, stop, thread: Some(thread) }
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("log").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    mut stream: TcpStream,
    files: &[(String, Vec<u8>)],
    behaviour: Behaviour,
    log: &Mutex<Vec<Request>>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut range = None;
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("range")
        {
            range = Some(value.to_owned());
        }
    }
    log.lock().expect("log").push(Request { path: path.clone(), range: range.clone() });
    let file = files.iter().find(|(name, _)| path == format!("/data/{name}"));
    let Some((_, bytes)) = file else {
        return head(&mut stream, "404 Not Found", &[("Content-Length", "0".into())]);
    };
    let start = range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok())
        .unwrap_or(0usize);
    let total = bytes.len();
    match behaviour {
        Behaviour::Status(status) => head(&mut stream, &format!("{status} Refused"), &[("Content-Length", "0".into())]),
        Behaviour::Silent => hold(&stream, ended),
        Behaviour::IgnoresRange => whole(&mut stream, bytes),
        Behaviour::Corrupts => {
            let mut wrong = bytes.clone();
            wrong[total / 2] ^= 0x55;
            whole(&mut stream, &wrong)
        }
        Behaviour::AnnouncesTooMuch => {
            head(&mut stream, "200 OK", &[("Content-Length", "99999999999".into())])?;
            hold(&stream, ended)
        }
        Behaviour::SendsTooMuch => {
            head(&mut stream, "200 OK", &[])?;
            let start = Instant::now();
            while start.elapsed() < Duration::from_secs(10) {
                stream.write_all(&[7; 65536])?;
            }
            Ok(())
        }
        Behaviour::CutsSilently(count) => {
            head(&mut stream, "200 OK", &[])?;
            stream.write_all(&bytes[..count.min(total)])
        }
        Behaviour::WrongRange => {
            let range = format!("bytes 1-{}/{total}", total - 1);
            head(
                &mut stream,
                "206 Partial Content",
                &[("Content-Range", range), ("Content-Length", (total - 1).to_string())],
            )?;
            stream.write_all(&bytes[1..])
        }
        Behaviour::Proper | Behaviour::Stalls(_) | Behaviour::Cuts(_) => {
            if start > 0 && start >= total {
                let range = ("Content-Range", format!("bytes */{total}"));
                let length = ("Content-Length", "0".into());
                return head(&mut stream, "416 Range Not Satisfiable", &[range, length]);
            }
            let length = ("Content-Length", (total - start).to_string());
            if start > 0 {
                let range = format!("bytes {start}-{}/{total}", total - 1);
                let fields = [("Content-Range", range), length];
                head(&mut stream, "206 Partial Content", &fields)?;
            } else {
                head(&mut stream, "200 OK", &[length])?;
            }
            match behaviour {
                Behaviour::Stalls(count) => {
                    stream.write_all(&bytes[start..(start + count).min(total)])?;
                    hold(&stream, ended)
                }
                Behaviour::Cuts(count) => stream.write_all(&bytes[start..(start + count).min(total)]),
                _ => stream.write_all(&bytes[start..]),
            }
        }
    }
}

fn whole(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    head(stream, "200 OK", &[("Content-Length", bytes.len().to_string())])?;
    stream.write_all(bytes)
}

fn head(stream: &mut TcpStream, status: &str, fields: &[(&str, String)]) -> std::io::Result<()> {
    let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
    for (name, value) in fields {
        text += &format!("{name}: {value}\r\n");
    }
    stream.write_all((text + "\r\n").as_bytes())
}

/// Keeps the connection open until the client closes it, the server ends, or five seconds pass.
fn hold(stream: &TcpStream, ended: &AtomicBool) -> std::io::Result<()> {
    let start = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(20)))?;
    while start.elapsed() < Duration::from_secs(5) && !ended.load(Ordering::Relaxed) {
        if matches!(stream.peek(&mut [0]), Ok(0)) {
            break;
        }
    }
    Ok(())
}
