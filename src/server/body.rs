//! Request bodies: bounded, decompressed, in one piece.

use std::{io::Read, time::Duration};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::{HeaderMap, header};

use crate::{chat::FaultKind, exchange::error::GatewayError};

/// How long the next piece of a body may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of a body that is too large is read and thrown away so that its sender, who may not
/// listen before the last byte is out, gets to read the answer.
const DISCARDED: usize = 256 * 1024 * 1024;

/// The encodings that are understood.
const ENCODINGS: &str = "gzip, br, zstd, deflate";

/// Reads a whole body of at most `limit` bytes, decompressed.
///
/// # Errors
/// 413 with the limit, 415 for an unknown encoding, 400 for a body that breaks off or does not
/// decompress.
pub async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, GatewayError> {
    let encoding = encoding(headers)?;
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        discard(body).await;
        return Err(too_large(limit));
    }
    let body = collect(body, declared.unwrap_or_default(), limit).await?;
    match encoding {
        None => Ok(body),
        Some(encoding) => decompress(encoding, &body, limit),
    }
}

async fn collect(body: Body, expected: usize, limit: usize) -> Result<Bytes, GatewayError> {
    let mut pieces = body.into_data_stream();
    let mut collected = BytesMut::new();
    let mut first: Option<Bytes> = None;
    loop {
        let piece = match tokio::time::timeout(PATIENCE, pieces.next()).await {
            Ok(Some(Ok(piece))) => piece,
            Ok(Some(Err(error))) => {
                return Err(GatewayError::new(
                    FaultKind::InvalidRequest,
                    format!("the body broke off: {error}"),
                ));
            }
            Ok(None) => break,
            Err(_) => {
                let message = format!("the body stopped for {} s", PATIENCE.as_secs());
                return Err(GatewayError::new(FaultKind::InvalidRequest, message));
            }
        };
        let so_far = collected.len() + first.as_ref().map_or(0, Bytes::len);
        if so_far + piece.len() > limit {
            discard(Body::from_stream(pieces)).await;
            return Err(too_large(limit));
        }
        // A small body comes in one piece, which then needs no copy.
        match first.take() {
            None if collected.is_empty() => first = Some(piece),
            None => collected.extend_from_slice(&piece),
            Some(begin) => {
                collected.reserve(expected.max(begin.len() + piece.len()));
                collected.extend_from_slice(&begin);
                collected.extend_from_slice(&piece);
            }
        }
    }
    Ok(first.unwrap_or_else(|| collected.freeze()))
}

async fn discard(body: Body) {
    let mut pieces = body.into_data_stream();
    let mut left = DISCARDED;
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            left = left.saturating_sub(piece.len());
            if left == 0 {
                break;
            }
        }
    };
    // Whoever takes longer than this does not get the answer.
    let _in_time = tokio::time::timeout(Duration::from_secs(10), reading).await;
}

fn too_large(limit: usize) -> GatewayError {
    let message = format!(
        "the body is larger than the limit of {limit} bytes; raise `server.maxBodyBytes` if it is \
         meant to pass"
    );
    GatewayError::new(FaultKind::TooLarge, message)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, GatewayError> {
    let Some(value) = headers.get(header::CONTENT_ENCODING) else { return Ok(None) };
    let name = value.to_str().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Encoding::Gzip)),
        "deflate" => Ok(Some(Encoding::Deflate)),
        "br" => Ok(Some(Encoding::Brotli)),
        "zstd" => Ok(Some(Encoding::Zstd)),
        other => {
            let shown: String = other.chars().take(60).collect();
            Err(GatewayError::new(
                FaultKind::UnsupportedMediaType,
                format!("the Content-Encoding `{shown}` is not understood; accepted: {ENCODINGS}"),
            ))
        }
    }
}

fn decompress(encoding: Encoding, body: &[u8], limit: usize) -> Result<Bytes, GatewayError> {
    let bad = |error: std::io::Error| {
        GatewayError::new(
            FaultKind::InvalidRequest,
            format!("the body does not decompress as its Content-Encoding says: {error}"),
        )
    };
    let decoded = match encoding {
        Encoding::Gzip => bounded(flate2::read::MultiGzDecoder::new(body), limit),
        Encoding::Deflate => bounded(flate2::read::ZlibDecoder::new(body), limit),
        Encoding::Brotli => bounded(brotli_decompressor::Decompressor::new(body, 64 * 1024), limit),
        Encoding::Zstd => match ruzstd::decoding::StreamingDecoder::new(body) {
            Ok(decoder) => bounded(decoder, limit),
            Err(error) => Err(std::io::Error::other(error.to_string())),
        },
    };
    decoded.map_err(bad)?.ok_or_else(|| too_large(limit))
}

/// All of `reader`, or `None` if that is more than `limit` bytes: a few compressed bytes can stand
/// for gigabytes.
fn bounded(reader: impl Read, limit: usize) -> std::io::Result<Option<Bytes>> {
    let mut decoded = Vec::new();
    let allowed = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(allowed).read_to_end(&mut decoded)?;
    Ok((decoded.len() <= limit).then(|| decoded.into()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_small_body_that_stands_for_a_large_one_is_refused() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&vec![b' '; 1_000_000]).unwrap();
        let bomb = encoder.finish().unwrap();
        assert!(bomb.len() < 2000);
        let error = decompress(Encoding::Gzip, &bomb, 1000).unwrap_err();
        assert_eq!(error.kind, FaultKind::TooLarge);
        assert_eq!(decompress(Encoding::Gzip, &bomb, 1_000_000).unwrap().len(), 1_000_000);
    }

    #[test]
    fn garbage_is_told_from_every_encoding() {
        for encoding in [Encoding::Gzip, Encoding::Deflate, Encoding::Brotli, Encoding::Zstd] {
            let error = decompress(encoding, b"{\"model\":\"m\"}", 1000).unwrap_err();
            assert_eq!(error.kind, FaultKind::InvalidRequest, "{encoding:?}");
        }
    }
}
