//! A real gateway on loopback against scripted upstreams.

mod amp;
mod buckets;
mod demo;
mod failover;
mod guards;
mod outcomes;
mod passthrough;
mod reload;
mod routing;
mod storms;
mod telling;
mod translate;
mod waits;

/// What a whole stream of each format looks like: path, body, pieces.
pub(crate) struct Sample {
    pub(crate) path: &'static str,
    /// The body, `MODEL` standing for the model.
    pub(crate) body: &'static str,
    pub(crate) preamble: &'static str,
    pub(crate) content: &'static str,
    pub(crate) ending: &'static str,
    pub(crate) error: &'static str,
    /// What a client is told if the stream breaks after its content.
    pub(crate) broken: &'static str,
}

/// One for each format that streams.
pub(crate) const SAMPLES: [Sample; 4] = [
    Sample {
        path: "/openai/v1/chat/completions",
        body: r#"{"model":"MODEL","stream":true,"messages":[{"role":"user","content":"ä"}],"x_unknown":1.50}"#,
        preamble: "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        content: "data: {\"choices\":[{\"delta\":{\"content\":\"hé\"}}]}\n\n",
        ending: "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
        error: "data: {\"error\":{\"message\":\"overloaded\"}}\n\n",
        broken: "data: {\"error\":{",
    },
    Sample {
        path: "/openai/v1/responses",
        body: r#"{"model":"MODEL","stream":true,"input":"hi"}"#,
        preamble: "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"model\":\"m\"}}\n\n",
        content: "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"hi\"}\n\n",
        ending: "event: response.completed\ndata: {\"type\":\"response.completed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_1\"}}\n\n",
        error: "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\",\"message\":\"no\"}}}\n\n",
        broken: "\"id\":\"resp_1\"",
    },
    Sample {
        path: "/anthropic/v1/messages?beta=true",
        body: r#"{"stream":true,"model" : "MODEL", "max_tokens":5,"messages":[]}"#,
        preamble: "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n",
        content: "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n",
        ending: "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        error: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
        broken: "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"",
    },
    Sample {
        path: "/v1beta/models/MODEL:streamGenerateContent?alt=sse",
        body: r#"{"contents":[{"parts":[{"text":"hi"}]}]}"#,
        preamble: "data: {\"usageMetadata\":{}}\r\n\r\n",
        content: "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hi\"}]}}]}\r\n\r\n",
        ending: "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\r\n\r\n",
        error: "data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\",\"message\":\"overloaded\"}}\r\n\r\n",
        broken: "data: {\"error\":{\"code\":502",
    },
];
