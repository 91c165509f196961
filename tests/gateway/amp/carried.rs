//! What is carried to Amp's own server and back: nothing held back, nothing of this machine in it.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::support::{Act, Running, Upstream, answer, client, nobody, reply, stream};

async fn carrying(upstream: &str, key: &str) -> Running {
    Running::start(&json!({
        "masterKey": "gw-key",
        "server": { "requireAuth": true },
        "ampRouting": { "upstreamUrl": format!("http://{upstream}"), "upstreamApiKey": key },
    }))
    .await
}

#[tokio::test]
async fn management_calls_reach_amps_server_with_the_users_token_only() {
    let upstream = Upstream::start(|_| {
        let headers = "content-type: application/x-thing\r\nset-cookie: a=b\r\nserver: x\r\n\
                       x-amp-answer: yes\r\nlocation: https://ampcode.com/login\r\n";
        answer(302, headers, "{ \"as\": \"it is\" }")
    })
    .await;
    let gateway = carrying(&upstream.address.to_string(), "env:SET").await;
    let http = client().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let body = b"\x1f\x8bnot even gzip".to_vec();
    for (method, path, expected) in [
        ("POST", "/api/internal?getUserInfo", "post /api/internal?getuserinfo http/1.1\r\n"),
        (
            "GET",
            "/api/threads/find?q=a%20b&key=gw-key",
            "get /api/threads/find?q=a%20b http/1.1\r\n",
        ),
        ("DELETE", "/api/attachments/1", "delete /api/attachments/1 http/1.1\r\n"),
        ("GET", "/actors/metadata?namespace=default", "get /actors/metadata?namespace=default "),
        ("POST", "/api/telemetry", "post /api/telemetry "),
    ] {
        let method: reqwest::Method = method.parse().expect("a method");
        let has_body = method == "POST";
        let mut request = http.request(method, format!("{}{path}", gateway.url));
        if has_body {
            request = request.body(body.clone()).header("content-encoding", "gzip");
        }
        let response = request
            .header("authorization", "Bearer gw-key")
            .header("x-api-key", "gw-key")
            .header("x-odd", "gw-key")
            .header("cookie", "c=1")
            .header("x-forwarded-for", "10.0.0.1")
            .header("x-amp-client-type", "cli")
            .send()
            .await
            .expect("an answer");
        assert_eq!(response.status(), 302, "{path}");
        let headers = response.headers().clone();
        assert_eq!(headers["content-type"], "application/x-thing");
        assert_eq!(headers["x-amp-answer"], "yes");
        assert_eq!(headers["location"], "https://ampcode.com/login");
        assert!(!headers.contains_key("set-cookie") && !headers.contains_key("server"));
        assert_eq!(response.text().await.expect("text"), "{ \"as\": \"it is\" }");
        let seen = upstream.seen().last().expect("a call").clone();
        assert!(seen.head.starts_with(expected), "{path}: {}", seen.head);
        assert!(seen.head.contains("authorization: bearer from-env\r\n"), "{}", seen.head);
        assert!(seen.head.contains("x-api-key: from-env\r\n"), "{}", seen.head);
        assert!(seen.head.contains("x-amp-client-type: cli\r\n"), "{}", seen.head);
        let host = format!("host: {}\r\n", upstream.address);
        assert!(seen.head.contains(&host), "{}", seen.head);
        for secret in ["gw-key", "cookie", "x-forwarded-for", "x-odd"] {
            assert!(!seen.head.contains(secret), "{secret} in {}", seen.head);
        }
        assert_eq!(seen.body, if has_body { body.clone() } else { Vec::new() });
    }
}

#[tokio::test]
async fn what_is_not_surely_amps_is_not_carried_away() {
    let upstream = Upstream::start(|_| reply(200, "{}")).await;
    let gateway = carrying(&upstream.address.to_string(), "token").await;
    for path in ["/api/chat", "/api/tags", "/api/generate"] {
        let request =
            gateway.http.post(format!("{}{path}", gateway.url)).body("{\"prompt\":\"x\"}");
        let response = request.header("x-api-key", "gw-key").send().await.expect("an answer");
        assert_eq!(response.status(), 404, "{path}");
    }
    // Calls of models never go there, whatever they ask for.
    let request = gateway.http.post(format!("{}/api/provider/openai/v1/none", gateway.url));
    let response = request.header("x-api-key", "gw-key").send().await.expect("an answer");
    assert_eq!(response.status(), 404);
    // And nobody without the gateway's key.
    let response = gateway.post("/api/internal?getUserInfo", "{}").await;
    assert_eq!(response.status(), 401);
    assert!(upstream.seen().is_empty());
}

#[tokio::test]
async fn answers_come_piece_by_piece() {
    let upstream = Upstream::start(|_| {
        let mut acts = stream(&["data: 1\n\n"]);
        acts.push(Act::Hang);
        acts
    })
    .await;
    let gateway = carrying(&upstream.address.to_string(), "token").await;
    let request = gateway.http.get(format!("{}/actors/events", gateway.url));
    let mut response = request.header("x-api-key", "gw-key").send().await.expect("an answer");
    let piece = response.chunk().await.expect("a piece").expect("a piece");
    assert_eq!(piece, "data: 1\n\n");
    let mut left = upstream.left.clone();
    drop(response);
    left.wait_for(|left| *left == 1).await.expect("the call was dropped with the client");
}

#[tokio::test]
async fn a_server_that_cannot_be_asked_is_told() {
    for (address, key, status, expected) in [
        (nobody().await.to_string(), "token", 502, "Amp's server could not be reached"),
        ("127.0.0.1:1".to_owned(), "env:NONE", 500, "`ampRouting.upstreamApiKey` is not to be had"),
    ] {
        let gateway = carrying(&address, key).await;
        let request = gateway.http.get(format!("{}/api/internal?getUserInfo", gateway.url));
        let response = request.header("x-api-key", "gw-key").send().await.expect("an answer");
        assert_eq!(response.status(), status);
        let text = response.text().await.expect("text");
        assert!(text.contains(expected) && !text.contains("token"), "{text}");
    }
}

/// Reads to the end of a head.
async fn head(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.expect("a byte") == 0 {
            break;
        }
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).expect("text")
}

const PROTOCOLS: &str =
    "rivet, rivet_encoding.bare, rivet_conn_params.%7B%22wsToken%22%3A%22w%22%7D";

/// A server that takes one websocket, says something first, echoes what it gets, and tells the head
/// that it saw, and when the other side was gone.
async fn websocket_server() -> (String, JoinHandle<String>, oneshot::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (gone, is_gone) = oneshot::channel();
    #[expect(clippy::disallowed_methods, reason = "servers of a test live as long as its runtime")]
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        let seen = head(&mut stream).await;
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                      Sec-WebSocket-Accept: accepted=\r\nSec-WebSocket-Protocol: rivet\r\n\r\nfirst";
        stream.write_all(answer.as_bytes()).await.expect("written");
        let mut piece = [0; 64];
        loop {
            let read = stream.read(&mut piece).await.unwrap_or(0);
            if read == 0 || &piece[..read] == b"bye" {
                break;
            }
            stream.write_all(&piece[..read]).await.expect("written");
        }
        let _ = gone.send(());
        seen
    });
    (address, task, is_gone)
}

async fn open_websocket(gateway: &Running, key: &str) -> TcpStream {
    let address = gateway.url.trim_start_matches("http://");
    let mut client = TcpStream::connect(address).await.expect("the gateway");
    let request = format!(
        "GET /actors/gateway/threadActor/websocket/?rvt-namespace=default&rvt-key=T-1 HTTP/1.1\r\n\
         Host: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n\
         Sec-WebSocket-Protocol: {PROTOCOLS}\r\nx-api-key: {key}\r\n\r\n"
    );
    client.write_all(request.as_bytes()).await.expect("written");
    client
}

async fn expect_bytes(client: &mut TcpStream, expected: &[u8]) {
    let mut piece = vec![0; expected.len()];
    client.read_exact(&mut piece).await.expect("bytes");
    assert_eq!(piece, expected);
}

#[tokio::test]
async fn a_websocket_is_joined_both_ways() {
    for client_leaves in [true, false] {
        let (address, server, gone) = websocket_server().await;
        let gateway = carrying(&address, "token").await;
        let mut client = open_websocket(&gateway, "gw-key").await;
        let answer = head(&mut client).await.to_lowercase();
        assert!(answer.starts_with("http/1.1 101 "), "{answer}");
        for line in [
            "upgrade: websocket",
            "connection: upgrade",
            "sec-websocket-accept: accepted=",
            "sec-websocket-protocol: rivet",
        ] {
            assert!(answer.contains(&format!("{line}\r\n")), "{line} in {answer}");
        }
        // The server speaks first, and single bytes are not held back.
        expect_bytes(&mut client, b"first").await;
        for message in [&b"x"[..], b"\x81\x00\xff", b"hello"] {
            client.write_all(message).await.expect("written");
            expect_bytes(&mut client, message).await;
        }
        if client_leaves {
            drop(client);
            gone.await.expect("the server sees it");
        } else {
            client.write_all(b"bye").await.expect("written");
            assert_eq!(client.read(&mut [0; 8]).await.expect("the end"), 0);
        }
        let seen = server.await.expect("a head").to_lowercase();
        let line = "get /actors/gateway/threadactor/websocket/?rvt-namespace=default&rvt-key=t-1 ";
        assert!(seen.starts_with(line), "{seen}");
        assert!(
            seen.contains(&format!("sec-websocket-protocol: {}\r\n", PROTOCOLS.to_lowercase()))
        );
        assert!(seen.contains("sec-websocket-key: dghlihnhbxbszq==\r\n"), "{seen}");
        assert!(seen.contains("authorization: bearer token\r\n"), "{seen}");
        assert!(!seen.contains("gw-key"), "{seen}");
    }
}

#[tokio::test]
async fn a_refused_websocket_is_refused_to_the_client() {
    let upstream = Upstream::start(|_| reply(403, "{\"error\":\"no\"}")).await;
    let gateway = carrying(&upstream.address.to_string(), "token").await;
    for (key, status, text) in
        [("gw-key", "403", "{\"error\":\"no\"}"), ("wrong", "401", "not this gateway's")]
    {
        let mut client = open_websocket(&gateway, key).await;
        let mut told = Vec::new();
        // The connection stays open for the next request.
        while !String::from_utf8_lossy(&told).contains(text) {
            assert_ne!(client.read_buf(&mut told).await.expect("more"), 0, "{told:?}");
        }
        let told = String::from_utf8_lossy(&told);
        assert!(told.starts_with(&format!("HTTP/1.1 {status}")), "{told}");
    }
    assert_eq!(upstream.seen().len(), 1);
}
