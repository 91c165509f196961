//! A gateway on a free port, and upstreams that do exactly what a test says.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use llm_router::{
    config::Server,
    routing::state::State,
    server::{Gateway, clock::Clock, listen::Serving, live::Live, reload, saver::Saver},
    store::ConfigFile,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

/// When a test is given up. Nothing waits for it that goes well.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as an upstream saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// The request line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn model(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["model"].as_str().unwrap_or_default().to_owned()
    }
}

/// What an upstream does next.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    Send(Vec<u8>),
    /// Nothing, until the other side closes.
    Hang,
    /// Nothing, until the test gives one permit for each request that waits.
    Wait(Arc<Semaphore>),
    Close,
}

/// An upstream on a free port. `script` says what it does with each request; afterwards it closes
/// the connection.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// Counts the connections that the gateway closed while the upstream was hanging.
    pub(crate) left: watch::Receiver<u32>,
}

impl Upstream {
    pub(crate) async fn start(script: impl Fn(&Seen) -> Vec<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (leaving, left) = watch::channel(0);
        let (log, script) = (Arc::clone(&seen), Arc::new(script));
        spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, script, leaving) =
                    (Arc::clone(&log), Arc::clone(&script), leaving.clone());
                spawn(async move {
                    let Some((mut stream, request)) = read_request(stream).await else { return };
                    log.lock().expect("the log").push(request.clone());
                    for act in script(&request) {
                        match act {
                            Act::Send(bytes) => {
                                if stream.write_all(&bytes).await.is_err() {
                                    return;
                                }
                            }
                            Act::Hang => {
                                let mut rest = [0; 64];
                                while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                                leaving.send_modify(|count| *count += 1);
                            }
                            Act::Wait(gate) => gate.acquire().await.expect("a gate").forget(),
                            Act::Close => return,
                        }
                    }
                });
            }
        });
        Self { address, seen, left }
    }

    /// The same for a script that depends on how many requests came before.
    pub(crate) async fn counting(
        script: impl Fn(usize, &Seen) -> Vec<Act> + Send + Sync + 'static,
    ) -> Self {
        let count = AtomicUsize::new(0);
        Self::start(move |seen| script(count.fetch_add(1, Ordering::Relaxed), seen)).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("the log").clone()
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    #[expect(clippy::disallowed_methods, reason = "servers of a test live as long as its runtime")]
    tokio::spawn(task);
}

async fn read_request(mut stream: TcpStream) -> Option<(TcpStream, Seen)> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .map_or(Ok(0), |rest| rest.split("\r\n").next().unwrap_or_default().parse());
    let length: usize = length.ok()?;
    let mut body = bytes.split_off(end);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some((stream, Seen { head, body }))
}

/// A whole answer.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Vec<Act> {
    let length = body.len();
    vec![Act::Send(
        format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}"
        )
        .into_bytes(),
    )]
}

/// A JSON answer.
pub(crate) fn reply(status: u16, body: &str) -> Vec<Act> {
    answer(status, "content-type: application/json\r\n", body)
}

/// The head of an event stream, and its first pieces; what follows is up to the caller.
pub(crate) fn stream(pieces: &[&str]) -> Vec<Act> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let mut acts = vec![Act::Send(head.as_bytes().to_vec())];
    acts.extend(pieces.iter().map(|piece| chunk(piece)));
    acts
}

pub(crate) fn chunk(piece: &str) -> Act {
    Act::Send(format!("{:x}\r\n{piece}\r\n", piece.len()).into_bytes())
}

/// The proper end of an event stream.
pub(crate) fn end(mut acts: Vec<Act>) -> Vec<Act> {
    acts.push(Act::Send(b"0\r\n\r\n".to_vec()));
    acts
}

/// A client of a gateway on this machine.
pub(crate) fn client() -> reqwest::ClientBuilder {
    // It takes its cryptography from the process; that another test has chosen already is fine.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().no_proxy()
}

/// A gateway on a free port with a config of its own.
pub(crate) struct Running {
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) config: PathBuf,
    reloads: watch::Sender<u64>,
    pub(crate) serving: Option<Serving>,
    _home: TempDir,
}

impl Running {
    pub(crate) async fn start(config: &Value) -> Self {
        Self::start_with(config, &[]).await
    }

    /// The same, with more variables in its environment.
    pub(crate) async fn start_with(config: &Value, variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("config.json");
        std::fs::write(&path, config.to_string()).expect("a config");
        let file = ConfigFile {
            path: path.clone(),
            environment: [("SET", "from-env")]
                .iter()
                .chain(variables)
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        let clock = Clock::default();
        let now = clock.now();
        let live = Live::open(file, Server::default(), true, now).expect("a readable config");
        let live = live.unwrap_or_else(|problems| panic!("{problems:#?}"));
        let gateway = Arc::new(Gateway::new(live, State::default(), Saver::default(), clock));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let serving = Serving::begin(Arc::clone(&gateway), listener).expect("a gateway");
        let url = format!("http://{}", serving.address);
        let http = client().timeout(PATIENCE).build().expect("a client");
        let (reloads, _) = watch::channel(0);
        let serving = Some(serving);
        Self { url, http, gateway, config: path, reloads, serving, _home: home }
    }

    /// Writes the config and looks at it, as the watch would.
    pub(crate) fn reload(&self, config: &str) {
        std::fs::write(&self.config, config).expect("a config");
        reload::look(&self.gateway, &self.reloads);
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> reqwest::Response {
        let request = self.http.post(format!("{}{path}", self.url)).body(body.to_owned());
        request.header("content-type", "application/json").send().await.expect("an answer")
    }

    /// Posts JSON with headers.
    pub(crate) async fn ask(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &Value,
    ) -> reqwest::Response {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.header("content-type", "application/json").send().await.expect("an answer")
    }

    /// Asks for a chat completion of `model`.
    pub(crate) async fn chat(&self, model: &str) -> reqwest::Response {
        self.post("/v1/chat/completions", &json!({ "model": model, "messages": [] }).to_string())
            .await
    }

    /// The target that answers a chat completion of `model`.
    pub(crate) async fn target(&self, model: &str) -> String {
        answered_by(&self.chat(model).await)
    }

    /// The JSON at a path.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        serde_json::from_slice(&answer.bytes().await.expect("a body")).expect("JSON")
    }

    pub(crate) async fn status(&self) -> Value {
        self.get("/-/status").await
    }

    /// What the gateway remembers of the request that `answer` answers.
    pub(crate) async fn decision(&self, answer: &reqwest::Response) -> Value {
        let id = answer.headers()["x-llm-router-request-id"].to_str().expect("an id");
        self.get(&format!("/-/decisions/{id}")).await
    }

    /// The entry with this name in a list of the status.
    pub(crate) async fn told(&self, list: &str, name: &str) -> Value {
        let status = self.status().await;
        let entries = status[list].as_array().expect("a list");
        entries.iter().find(|entry| entry["name"] == name).cloned().unwrap_or_default()
    }
}

/// The target that gave an answer; empty if none did.
pub(crate) fn answered_by(answer: &reqwest::Response) -> String {
    let target = answer.headers().get("x-llm-router-target");
    target.map(|target| target.to_str().expect("ASCII").to_owned()).unwrap_or_default()
}

/// A header of an answer; empty if it is not there.
pub(crate) fn header(answer: &reqwest::Response, name: &str) -> String {
    let value = answer.headers().get(name);
    value.map(|value| value.to_str().expect("ASCII").to_owned()).unwrap_or_default()
}

/// A provider at `upstream` that speaks everything, with these models.
pub(crate) fn provider(id: &str, upstream: SocketAddr, models: &[&str]) -> Value {
    json!({
        "id": id,
        "baseUrl": format!("http://{upstream}"),
        "apiKey": "provider-key",
        "formats": ["openai", "openai-responses", "anthropic", "gemini"],
        "models": models,
    })
}

/// The same with a few more keys.
pub(crate) fn provider_with(
    id: &str,
    upstream: SocketAddr,
    models: &[&str],
    more: &Value,
) -> Value {
    let mut provider = provider(id, upstream, models);
    for (key, value) in more.as_object().expect("an object") {
        provider[key] = value.clone();
    }
    provider
}

/// A port on which nobody listens.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("an address")
}
