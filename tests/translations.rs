//! Golden translations: each folder of `tests/translations/` is one behaviour, readable by itself.
//! Its `README.md` says how to add one; no Rust is needed for that.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use expect_test::expect_file;
use http::StatusCode;
use llm_router::{
    chat::{Event, Fault},
    formats::{
        Framing, codec,
        dropped::Dropped,
        hints::{Hints, Quirk},
        names::{Names, Restore},
        refuse_state,
    },
    protocol::Format,
};
use serde::Serialize;
use serde_json::{Value, ser::PrettyFormatter};

/// A folder, and what its `case.md` says.
struct Case {
    folder: PathBuf,
    facts: BTreeMap<String, String>,
}

impl Case {
    fn open(folder: PathBuf) -> Self {
        let text = fs::read_to_string(folder.join("case.md"))
            .unwrap_or_else(|error| panic!("{}/case.md: {error}", folder.display()));
        let facts: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase()))
            .map(|(key, value)| (key.to_owned(), value.trim().to_owned()))
            .collect();
        assert!(
            !text.lines().next().unwrap_or_default().is_empty(),
            "{}: no sentence",
            folder.display()
        );
        assert!(facts.contains_key("source"), "{}: no `source: ...`", folder.display());
        Self { folder, facts }
    }

    fn fact(&self, key: &str) -> &str {
        self.facts.get(key).map_or("", String::as_str)
    }

    /// The formats that `to: ...` names.
    fn targets(&self) -> Vec<Format> {
        let words = self.fact("to").split(',').map(str::trim).filter(|word| !word.is_empty());
        words.map(|word| word.parse().unwrap_or_else(|e| panic!("{}: {e}", self.name()))).collect()
    }

    fn name(&self) -> String {
        self.folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The file `kind.<format>.<ending>`, for the one format that has it.
    fn input(&self, kind: &str, ending: &str) -> Option<(Format, String)> {
        let found = Format::ALL.into_iter().filter_map(|format| {
            let path = self.folder.join(format!("{kind}.{format}.{ending}"));
            fs::read_to_string(path).ok().map(|text| (format, text))
        });
        let mut found: Vec<_> = found.collect();
        assert!(found.len() <= 1, "{}: several {kind}.*.{ending}", self.name());
        found.pop()
    }

    /// Compares, or writes with `UPDATE_EXPECT=1`. A missing file is an empty one; nothing expected
    /// and nothing there is as it should be.
    fn expect(&self, file: &str, actual: &str) {
        let path = self.folder.join(file);
        if actual.is_empty() && !path.exists() {
            return;
        }
        let path = fs::canonicalize(&self.folder).expect("the folder").join(file);
        expect_file![path].assert_eq(actual);
    }

    fn hints(&self, format: Format) -> Hints<'_> {
        let model = match (self.fact("model"), format) {
            ("", Format::OpenAi | Format::OpenAiResponses) => "gpt-5.4",
            ("", Format::Anthropic) => "claude-opus-4-7",
            ("", Format::Gemini) => "gemini-3-flash",
            (model, _) => model,
        };
        let mut hints = Hints::of_model(model);
        hints.genuine = self.fact("genuine") != "no";
        hints.max_output = self.fact("maxoutput").parse().ok();
        for word in self.fact("quirks").split(',').map(str::trim).filter(|word| !word.is_empty()) {
            let quirk = Quirk::ALL.into_iter().find(|quirk| format!("{quirk:?}") == word);
            let quirk = quirk.unwrap_or_else(|| panic!("{}: no quirk {word}", self.name()));
            hints.quirks = hints.quirks.with(quirk);
        }
        hints
    }

    /// The client's request, to each target.
    fn requests(&self) -> Option<(Format, BTreeMap<Format, Names>)> {
        let (client, body) = self.input("in", "json")?;
        let mut names = BTreeMap::new();
        let request = codec(client)
            .decode_request(&body)
            .unwrap_or_else(|error| panic!("{}: {error} at {:?}", self.name(), error.pointer));
        for target in self.targets() {
            if let Some(fault) = refuse_state(&request) {
                self.expect(&format!("refused.{client}.txt"), &pretty_fault(client, &fault));
                continue;
            }
            let mut hints = self.hints(target);
            hints.stream = request.stream;
            let encoded = codec(target)
                .encode_request(&request, &hints)
                .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
            self.expect(&format!("out.{target}.json"), &pretty(&encoded.body));
            let line = |d: &Dropped| format!("{} {}: {}\n", d.weight.name(), d.path, d.reason);
            let dropped: Vec<String> = encoded.dropped.iter().map(line).collect();
            self.expect(&format!("dropped.{target}.txt"), &dropped.concat());
            names.insert(target, encoded.names);
        }
        Some((client, names))
    }

    /// The clients that a reply of `provider` is written for: the one that asked, else those that
    /// `to` names; and what has to be undone.
    fn clients(
        &self,
        provider: Format,
        asked: Option<&(Format, BTreeMap<Format, Names>)>,
    ) -> Vec<(Format, Names)> {
        match asked {
            Some((client, names)) => {
                vec![(*client, names.get(&provider).cloned().unwrap_or_default())]
            }
            None => self.targets().into_iter().map(|client| (client, Names::default())).collect(),
        }
    }

    fn run(&self) {
        let asked = self.requests();
        if let Some((provider, body)) = self.input("reply.in", "json") {
            let reply = codec(provider)
                .decode_reply(&body)
                .unwrap_or_else(|error| panic!("{}: {error}", self.name()));
            for (client, names) in self.clients(provider, asked.as_ref()) {
                let body = codec(client).encode_reply(&names.restore(reply.clone()));
                self.expect(&format!("reply.out.{client}.json"), &pretty(&body));
            }
        }
        if let Some((provider, bytes)) = self.input("stream.in", "sse") {
            for (client, names) in self.clients(provider, asked.as_ref()) {
                let out = translate(provider, bytes.as_bytes(), client, names);
                self.expect(&format!("stream.out.{client}.sse"), &out);
            }
        }
        if let Some((provider, body)) = self.input("fault.in", "json") {
            let status = self
                .fact("status")
                .parse()
                .unwrap_or_else(|_| panic!("{}: `status: 400` or another is missing", self.name()));
            let status = StatusCode::from_u16(status).expect("a status");
            let fault = codec(provider).decode_fault(status, body.as_bytes());
            for (client, _) in self.clients(provider, asked.as_ref()) {
                let file = format!("fault.out.{client}.txt");
                self.expect(&file, &pretty_fault(client, &fault.clone().of_request("req_1")));
            }
        }
    }
}

/// A stream from a provider to a client, byte by byte.
fn translate(provider: Format, bytes: &[u8], client: Format, names: Names) -> String {
    let mut decoder = codec(provider).stream_decoder(Framing::Sse);
    let mut encoder = codec(client).stream_encoder(Framing::Sse, true);
    let mut restore = Restore::new(names);
    let mut out = Vec::new();
    let mut pass = |event: Event<'_>| {
        restore.event(event, &mut |event| encoder.encode(&event, &mut out));
    };
    for piece in bytes.chunks(1) {
        decoder.feed(piece, &mut pass);
    }
    decoder.finish(&mut pass);
    String::from_utf8(out).expect("a stream is text")
}

fn pretty_fault(client: Format, fault: &Fault) -> String {
    let codec = codec(client);
    format!("{} {}", codec.status(fault.kind).as_u16(), pretty(&codec.encode_fault(fault)))
}

/// JSON for people, with a line feed at its end; the order of keys is kept, for it matters to
/// prompt caches.
fn pretty(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body)
        .unwrap_or_else(|error| panic!("no JSON: {error}\n{}", String::from_utf8_lossy(body)));
    let mut out = Vec::new();
    let mut writer =
        serde_json::Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b"  "));
    value.serialize(&mut writer).expect("JSON");
    out.push(b'\n');
    String::from_utf8(out).expect("text")
}

fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new("tests/translations")).expect("tests/translations");
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_case_is_translated_as_its_folder_says() {
    let folders = folders();
    assert!(!folders.is_empty());
    for folder in folders {
        Case::open(folder).run();
    }
}

/// A file that no case reads or writes is a typing error.
#[test]
fn every_file_of_a_case_has_a_meaning() {
    let kinds = [
        ("in", "json"),
        ("out", "json"),
        ("dropped", "txt"),
        ("refused", "txt"),
        ("reply.in", "json"),
        ("reply.out", "json"),
        ("stream.in", "sse"),
        ("stream.out", "sse"),
        ("fault.in", "json"),
        ("fault.out", "txt"),
    ];
    let mut known: Vec<String> = vec!["case.md".to_owned()];
    for (kind, ending) in kinds {
        known.extend(Format::ALL.map(|format| format!("{kind}.{format}.{ending}")));
    }
    for folder in folders() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            assert!(known.contains(&name), "{}/{name}", folder.display());
        }
    }
}
