//! Any bytes as the body of a request.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use llm_router::{
    formats::{
        codec,
        head::{detect, read, replace_model},
    },
    protocol::Format,
};
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Ok(head) = read(data) else { return };
    let body = Bytes::copy_from_slice(data);
    let text = std::str::from_utf8(data).expect("an accepted body is text");
    let _format = detect(text, false);
    for format in Format::ALL {
        let _request = codec(format).decode_request(text);
    }

    let model = Bytes::from_static(b"\"other/model\"");
    let spliced = replace_model(&body, &head.span, &model);
    let length = spliced.len();
    let replaced: Vec<u8> = spliced.into_pieces().flatten().collect();
    assert_eq!(replaced.len(), length);
    let again = read(&replaced).unwrap_or_else(|bad| panic!("{}", bad.message));
    assert_eq!(again.model.as_deref(), Some("other/model"));
    assert_eq!(again.stream, head.stream);

    // The document refuses what nobody looks at: deep nesting, lone surrogates, huge numbers.
    let Ok(mut before) = serde_json::from_str::<Value>(text) else { return };
    before["model"] = "other/model".into();
    let after: Value = serde_json::from_slice(&replaced).expect("the result is JSON");
    assert_eq!(before, after);
});
