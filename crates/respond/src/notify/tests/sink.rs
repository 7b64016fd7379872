//! An HTTP server that answers what it is told to and remembers what it was asked.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What was asked.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    /// Method and target.
    pub(super) line: String,
    /// Headers in lower case, each on a line.
    pub(super) headers: String,
    pub(super) body: String,
}

impl Asked {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A running server.
pub(super) struct Sink {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Sink {
    /// Answers the requests in turn, the last answer again and again: status line, headers, body.
    pub(super) async fn new(answers: &[(&str, &str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let remembered = Arc::clone(&asked);
        let answers: Vec<String> = answers
            .iter()
            .map(|(status, headers, body)| {
                let length = body.len();
                format!(
                    "HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\
                     connection: close\r\n\r\n{body}"
                )
            })
            .collect();
        tokio::spawn(async move {
            let mut next = 0;
            while let Ok((mut stream, _)) = listener.accept().await {
                let request = read(&mut stream).await;
                remembered.lock().unwrap().push(request);
                let answer = &answers[next.min(answers.len() - 1)];
                next += 1;
                stream.write_all(answer.as_bytes()).await.ok();
            }
        });
        Self { url, asked }
    }

    /// A server that is content with everything.
    pub(super) async fn ok() -> Self {
        Self::new(&[("200 OK", "", "ok")]).await
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn read(stream: &mut TcpStream) -> Asked {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65536];
    loop {
        let count = stream.read(&mut buffer).await.unwrap_or(0);
        bytes.extend_from_slice(&buffer[..count]);
        let request = whole(&bytes);
        if count == 0 || request.is_some() {
            return request.unwrap_or_default();
        }
    }
}

fn whole(bytes: &[u8]) -> Option<Asked> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let (line, headers) = head.split_once("\r\n")?;
    let headers: String = headers
        .lines()
        .map(|header| {
            let (name, value) = header.split_once(':').unwrap();
            format!("{}:{value}\n", name.to_lowercase())
        })
        .collect();
    let length = headers
        .lines()
        .find_map(|header| header.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let line = line.trim_end_matches(" HTTP/1.1").to_owned();
    (body.len() >= length).then(|| Asked { line, headers, body: body.to_owned() })
}
