//! Amp's own server behind TLS, as the real one is. The gateway trusts whom the machine trusts, which
//! `SSL_CERT_FILE` replaces on Linux: here by an authority that exists for these tests alone.
//!
//! The files in `tls/` were made with OpenSSL: a self-signed authority, whose key is gone, and a
//! certificate of it for `localhost` and 127.0.0.1 with its key, both for a hundred years.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde_json::json;

use super::binary::Binary;
use crate::support::client;

/// What a server saw: the protocol that was agreed on, and the head of the request.
type Seen = (Option<Vec<u8>>, String);

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gateway/amp/tls").join(name)
}

/// A server on a free port that takes connections one after the other, likes `protocols` best
/// first, and tells what it saw. A websocket is greeted and echoed, anything else gets an answer.
fn server(protocols: &[&[u8]]) -> (u16, mpsc::Receiver<Seen>) {
    let chain = CertificateDer::from_pem_file(file("server.pem")).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(file("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a pair");
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (tell, seen) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut stream = StreamOwned::new(connection, stream.expect("a connection"));
            // Whoever does not trust this server leaves before it asks.
            let Some(head) = head(&mut stream) else { continue };
            let websocket = head.contains("upgrade: websocket\r\n");
            let agreed = stream.conn.alpn_protocol().map(<[u8]>::to_vec);
            if tell.send((agreed, head)).is_err() {
                return;
            }
            if websocket {
                echo(&mut stream);
            } else {
                let answer = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"ok\":true}";
                stream.write_all(answer.as_bytes()).expect("written");
                stream.conn.send_close_notify();
                drop(stream.flush());
            }
        }
    });
    (port, seen)
}

/// Reads to the end of a head, in lower case; `None` if it does not come.
fn head(stream: &mut impl Read) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&bytes).to_lowercase())
}

fn echo(stream: &mut (impl Read + Write)) {
    let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                  Sec-WebSocket-Accept: accepted=\r\nSec-WebSocket-Protocol: rivet\r\n\r\nfirst";
    stream.write_all(answer.as_bytes()).expect("written");
    let mut piece = [0; 64];
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        stream.write_all(&piece[..read]).expect("written");
        stream.flush().expect("written");
    }
}

/// The binary in front of such a server, trusting the authority in this file.
fn carrying(port: u16, trusted: &Path) -> Binary {
    let server = format!("https://localhost:{port}");
    let config = json!({
        "providers": [{ "id": "p", "baseUrl": server, "apiKey": "provider-key", "models": ["m"] }],
        "ampRouting": { "upstreamUrl": server, "upstreamApiKey": "token" },
    });
    Binary::start(Some(&config), &[("SSL_CERT_FILE", trusted)])
}

async fn who(binary: &Binary) -> (u16, String) {
    let http = client().build().expect("a client");
    let request = http.get(format!("{}/api/internal?getUserInfo", binary.url));
    let response = request.header("x-api-key", "any").send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("text"))
}

#[tokio::test]
async fn a_server_that_is_trusted_is_asked() {
    let (port, seen) = server(&[b"http/1.1"]);
    let binary = carrying(port, &file("authority.pem"));
    assert_eq!(who(&binary).await, (200, "{\"ok\":true}".to_owned()));
    let (_, head) = seen.recv().expect("a request");
    assert!(head.starts_with("get /api/internal?getuserinfo http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer token\r\n"), "{head}");
    // Providers are asked in the same way.
    let http = client().build().expect("a client");
    let request = http.post(format!("{}/v1/chat/completions", binary.url));
    let request = request.header("content-type", "application/json");
    let response = request.body(r#"{"model":"p/m","messages":[]}"#).send().await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.expect("text"), "{\"ok\":true}");
    let (_, head) = seen.recv().expect("a request");
    assert!(head.starts_with("post /v1/chat/completions http/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: bearer provider-key\r\n"), "{head}");
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_told_nothing() {
    let (port, seen) = server(&[b"http/1.1"]);
    // Its own certificate is no authority's.
    let binary = carrying(port, &file("server.pem"));
    let (status, text) = who(&binary).await;
    assert_eq!(status, 502, "{text}");
    assert!(text.contains("Amp's server") && text.contains("certificate"), "{text}");
    assert!(!text.contains("token"), "{text}");
    assert!(seen.try_recv().is_err());
}

/// HTTP/2 has no `Upgrade`: a server that prefers it must not be asked in it.
#[tokio::test]
async fn a_websocket_is_joined_over_tls() {
    let (port, seen) = server(&[b"h2", b"http/1.1"]);
    let binary = carrying(port, &file("authority.pem"));
    let address = binary.url.trim_start_matches("http://");
    let mut client = TcpStream::connect(address).expect("the gateway");
    let protocols = "rivet, rivet_encoding.bare, rivet_conn_params.%7B%22wstoken%22%3A%22w%22%7D";
    let request = format!(
        "GET /actors/gateway/threadActor/websocket/?rvt-key=T-1 HTTP/1.1\r\nHost: {address}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\nSec-WebSocket-Protocol: {protocols}\r\n\r\n"
    );
    client.write_all(request.as_bytes()).expect("written");
    let answer = head(&mut client).expect("an answer");
    assert!(answer.starts_with("http/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-protocol: rivet\r\n"), "{answer}");
    let expect = |client: &mut TcpStream, expected: &[u8]| {
        let mut piece = vec![0; expected.len()];
        client.read_exact(&mut piece).expect("bytes");
        assert_eq!(piece, expected);
    };
    expect(&mut client, b"first");
    for message in [&b"x"[..], b"\x81\x00\xff", b"hello"] {
        client.write_all(message).expect("written");
        expect(&mut client, message);
    }
    let (agreed, head) = seen.recv().expect("a request");
    assert_eq!(agreed.as_deref(), Some(&b"http/1.1"[..]));
    let protocols = protocols.to_lowercase();
    assert!(head.contains(&format!("sec-websocket-protocol: {protocols}\r\n")), "{head}");
    // It presents a token of its own in its subprotocol, and no key.
    assert!(!head.contains("authorization"), "{head}");
}
