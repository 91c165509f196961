//! Messages as lines on stdin and stdout.
//!
//! What is no message is answered here, with the id of the request where there is one, so that a
//! slip of the pen ends neither the connection nor the patience of the client. Knows nothing of what
//! messages ask for.

use std::{borrow::Cow, io, sync::Arc};

use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientRequest, ErrorCode, ErrorData, GetMeta, ProtocolVersion,
        RequestId, ServerJsonRpcMessage,
    },
    transport::Transport,
};
use serde_json::{Map, Value};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// The longest message that is read. An honest one has a few kilobytes.
pub const LONGEST: usize = 1024 * 1024;
/// How many messages wait for a client that does not read.
const WAITING: usize = 64;

/// See the module's documentation.
pub struct Lines<R> {
    read: BufReader<R>,
    line: Vec<u8>,
    /// Whether the rest of a line that is too long is skipped.
    skipping: bool,
    /// An answer that has not gone out yet.
    answer: Option<ServerJsonRpcMessage>,
    /// Whether the client has begun a conversation. Before, it can only ask.
    begun: bool,
    out: Option<mpsc::Sender<ServerJsonRpcMessage>>,
    writer: Option<JoinHandle<()>>,
    end: Arc<watch::Sender<bool>>,
}

impl<R: AsyncRead + Unpin + Send> Lines<R> {
    /// Reads from `read`, writes to `write`, and tells `end` when either is closed.
    pub fn new<W>(read: R, write: W, end: watch::Sender<bool>) -> Self
    where
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let end = Arc::new(end);
        let (out, messages) = mpsc::channel(WAITING);
        #[expect(clippy::disallowed_methods, reason = "it ends with this transport")]
        let writer = tokio::spawn(write_all(messages, write, Arc::clone(&end)));
        Self {
            read: BufReader::new(read),
            line: Vec::new(),
            skipping: false,
            answer: None,
            begun: false,
            out: Some(out),
            writer: Some(writer),
            end,
        }
    }

    /// The next line, without its end: `Ok(None)` at the end of the input, `Err` if it is too long.
    /// What was read of a line when this is dropped is there when it is called again.
    async fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            // What cannot be read has ended.
            let bytes = self.read.fill_buf().await.unwrap_or_default();
            if bytes.is_empty() {
                return Ok(None);
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = end.unwrap_or(bytes.len());
            let fits = self.line.len() + part <= LONGEST;
            if fits && !self.skipping {
                self.line.extend_from_slice(&bytes[..part]);
            }
            self.read.consume(end.map_or(part, |end| end + 1));
            match (end, self.skipping, fits) {
                (Some(_), true, _) => self.skipping = false,
                (Some(_), false, true) => return Ok(Some(std::mem::take(&mut self.line))),
                (_, false, false) => {
                    self.line = Vec::new();
                    self.skipping = end.is_none();
                    return Err(TooLong);
                }
                (None, _, _) => {}
            }
        }
    }
}

/// A line that is not kept.
#[derive(Debug)]
struct TooLong;

impl<R: AsyncRead + Unpin + Send> Transport<RoleServer> for Lines<R> {
    type Error = io::Error;

    fn name() -> Cow<'static, str> {
        "lines".into()
    }

    fn send(
        &mut self,
        message: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let out = self.out.clone();
        async move {
            let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
            out.ok_or_else(closed)?.send(message).await.map_err(|_| closed())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let mut ended = self.end.subscribe();
        loop {
            if self.answer.is_some() {
                let room = self.out.as_ref()?.reserve().await.ok()?;
                if let Some(answer) = self.answer.take() {
                    room.send(answer);
                }
            }
            let line = tokio::select! {
                line = self.next_line() => line,
                _ = ended.wait_for(|ended| *ended) => return None,
            };
            let read = match line {
                Ok(Some(line)) => read(&line),
                Ok(None) => {
                    self.end.send_replace(true);
                    return None;
                }
                Err(TooLong) => {
                    let words = format!("a message has at most {LONGEST} bytes");
                    Read::Answer(refusal(ErrorCode::INVALID_REQUEST, words, None))
                }
            };
            match read {
                Read::Message(message) => {
                    self.begun = self.begun || begins(&message);
                    // rmcp ends when anything but a request comes first.
                    if self.begun || matches!(*message, ClientJsonRpcMessage::Request(_)) {
                        return Some(*message);
                    }
                }
                Read::Answer(answer) => self.answer = Some(*answer),
                Read::Nothing => {}
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.out = None;
        if let Some(writer) = self.writer.take() {
            // It has written everything, or nobody reads.
            drop(writer.await);
        }
        Ok(())
    }
}

async fn write_all<W: AsyncWrite + Unpin>(
    mut messages: mpsc::Receiver<ServerJsonRpcMessage>,
    mut write: W,
    end: Arc<watch::Sender<bool>>,
) {
    while let Some(message) = messages.recv().await {
        let Ok(mut line) = serde_json::to_vec(&message) else { continue };
        line.push(b'\n');
        let written = async {
            write.write_all(&line).await?;
            write.flush().await
        };
        if written.await.is_err() {
            // Nobody reads any more.
            end.send_replace(true);
            return;
        }
    }
}

/// What a line comes to.
enum Read {
    Message(Box<ClientJsonRpcMessage>),
    Answer(Box<ServerJsonRpcMessage>),
    /// Nothing that can be answered: an empty line, a notification or a response nobody waits for.
    Nothing,
}

fn refusal(
    code: ErrorCode,
    words: impl Into<Cow<'static, str>>,
    id: Option<RequestId>,
) -> Box<ServerJsonRpcMessage> {
    Box::new(ServerJsonRpcMessage::error(ErrorData::new(code, words, None), id))
}

fn read(line: &[u8]) -> Read {
    let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Read::Nothing;
    }
    let invalid = |words, id| Read::Answer(refusal(ErrorCode::INVALID_REQUEST, words, id));
    let value = match serde_json::from_slice(line) {
        Ok(Value::Object(value)) => value,
        Ok(Value::Array(_)) => {
            return invalid("batches are not taken: send one message a line", None);
        }
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            return invalid("a message is a JSON object", None);
        }
        Err(_) => return Read::Answer(refusal(ErrorCode::PARSE_ERROR, "not JSON", None)),
    };
    let id = match value.get("id") {
        None => None,
        Some(id) => match serde_json::from_value::<RequestId>(id.clone()) {
            Ok(id) => Some(id),
            Err(_) if value.contains_key("method") => {
                return invalid("`id` must be a string or a whole number", None);
            }
            Err(_) => return Read::Nothing,
        },
    };
    let Some(method) = value.get("method") else {
        // A response, to which there is none.
        let is_response = value.contains_key("result") || value.contains_key("error");
        return match message(value) {
            Some(message) => Read::Message(message),
            None if is_response => Read::Nothing,
            None => invalid("`method` is missing", id),
        };
    };
    let Some(method) = method.as_str().map(str::to_owned) else {
        return invalid("`method` must be a string", id);
    };
    let speaks = value.get("jsonrpc").is_some_and(|version| version == "2.0");
    let Some(id) = id else {
        return message(value).filter(|_| speaks).map_or(Read::Nothing, Read::Message);
    };
    if !speaks {
        return invalid("`jsonrpc` must be \"2.0\"", Some(id));
    }
    let is_object = value.get("params").is_none_or(Value::is_object);
    let message = message(value).filter(|_| is_object);
    match (message, parameters(&method)) {
        (Some(message), Some(parameters)) if is_unknown(&message) => {
            drop(message);
            let words = format!("the params of {method} must be {parameters}");
            Read::Answer(refusal(ErrorCode::INVALID_PARAMS, words, Some(id)))
        }
        (Some(message), _) => Read::Message(message),
        (None, Some(parameters)) => {
            let words = format!("the params of {method} must be {parameters}");
            Read::Answer(refusal(ErrorCode::INVALID_PARAMS, words, Some(id)))
        }
        (None, None) => invalid("not a request of JSON-RPC 2.0", Some(id)),
    }
}

fn message(value: Map<String, Value>) -> Option<Box<ClientJsonRpcMessage>> {
    serde_json::from_value(Value::Object(value)).ok().map(Box::new)
}

/// rmcp takes a request that it does not understand for one of an extension.
fn is_unknown(message: &ClientJsonRpcMessage) -> bool {
    matches!(
        message,
        ClientJsonRpcMessage::Request(request)
            if matches!(request.request, ClientRequest::CustomRequest(_))
    )
}

/// What the requests of the specification take.
fn parameters(method: &str) -> Option<&'static str> {
    Some(match method {
        "initialize" => {
            "{protocolVersion: string, capabilities: object, clientInfo: {name, version}}"
        }
        "tools/call" => "{name: string, arguments?: object}",
        "prompts/get" => "{name: string, arguments?: object}",
        "resources/read" | "resources/subscribe" | "resources/unsubscribe" => "{uri: string}",
        "subscriptions/listen" => "{notifications: object, _meta: object}",
        "completion/complete" => {
            "{ref: {type: \"ref/prompt\", name} or {type: \"ref/resource\", uri}, \
             argument: {name: string, value: string}}"
        }
        "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => {
            "absent, or {cursor?: string}"
        }
        "ping" | "server/discover" => "absent, or an object",
        _ => return None,
    })
}

/// Whether a message begins a conversation, as rmcp decides it: with `initialize`, or with a request
/// that says itself what it needs to be understood.
fn begins(message: &ClientJsonRpcMessage) -> bool {
    let ClientJsonRpcMessage::Request(request) = message else { return false };
    let request = &request.request;
    if matches!(request, ClientRequest::DiscoverRequest(_) | ClientRequest::PingRequest(_)) {
        return false;
    }
    let meta = request.get_meta();
    let known = |version| ProtocolVersion::KNOWN_VERSIONS.contains(&version);
    let says_all = meta.missing_required_keys(&ProtocolVersion::V_2026_07_28).is_empty()
        && meta.protocol_version().is_some_and(known);
    says_all || matches!(request, ClientRequest::InitializeRequest(_))
}
