//! Wishes about the reply → OpenAI Responses.

use super::{super::super::FORMAT, Writer};
use crate::{
    chat::{Effort, Output, Place, ReasoningMode, ReasoningWish, ServerState, ServiceTier, Show},
    formats::{
        dropped::Field,
        hints::Quirk,
        openai,
        write::{Elements, Members},
    },
};

impl Writer<'_, '_> {
    pub(super) fn wishes(&mut self, body: &mut Members<'_>) {
        self.limit(body);
        self.sampling(body);
        self.reasoning(body);
        self.text(body);
        self.cache(body);
        self.user(body);
        self.service(body);
        self.include(body);
        if self.hints.stream {
            body.value("stream", &true);
        }
        let request = self.request;
        let nested = |key: &str| key.starts_with("reasoning.") || key.starts_with("text.");
        self.losses.extras(&request.extra, Place::default(), FORMAT, &mut |extra| {
            if !nested(&extra.key) {
                body.value(&extra.key, &extra.value);
            }
        });
    }

    fn lose(&mut self, field: Field, reason: &'static str) {
        self.losses.field(self.request, field, reason);
    }

    fn limit(&mut self, body: &mut Members<'_>) {
        let limit = openai::limit(self.request, self.hints, openai::LEAST_LIMIT, &mut self.losses);
        body.maybe("max_output_tokens", limit.as_ref());
    }

    fn sampling(&mut self, body: &mut Members<'_>) {
        let wish = self.request.sampling;
        body.maybe("temperature", wish.temperature.as_ref());
        body.maybe("top_p", wish.top_p.as_ref());
        body.maybe("top_logprobs", wish.top_logprobs.as_ref());
        for (there, field) in [
            (wish.top_k.is_some(), Field::TopK),
            (wish.presence_penalty.is_some(), Field::PresencePenalty),
            (wish.frequency_penalty.is_some(), Field::FrequencyPenalty),
            (wish.seed.is_some(), Field::Seed),
            (wish.n.is_some_and(|n| n > 1), Field::N),
            (!self.request.stop.is_empty(), Field::Stop),
            (self.request.modalities.iter().any(|kind| kind != "text"), Field::Modalities),
        ] {
            if there {
                self.lose(field, "the format has no such wish");
            }
        }
    }

    fn reasoning(&mut self, body: &mut Members<'_>) {
        let wish = self.request.reasoning;
        let reasons = openai::reasons(self.hints);
        let effort =
            if reasons { openai::effort(self.request, self.hints, &mut self.losses) } else { None };
        let summary = match wish.show.filter(|_| reasons) {
            Some(Show::Auto) => Some("auto"),
            Some(Show::Concise) => Some("concise"),
            Some(Show::Detailed) => Some("detailed"),
            Some(Show::Nothing) | None => None,
        };
        if !reasons && wish.mode != Some(ReasoningMode::Off) && wish != ReasoningWish::default() {
            self.lose(Field::Reasoning, "the model is not told how to reason");
        }
        let request = self.request;
        let rest: Vec<_> = request
            .extra
            .iter()
            .filter(|extra| extra.format == FORMAT && reasons)
            .filter_map(|extra| Some((extra.key.strip_prefix("reasoning.")?, &extra.value)))
            .filter(|(key, _)| *key != "effort" || effort.is_none())
            .collect();
        if effort.is_none() && summary.is_none() && rest.is_empty() {
            return;
        }
        body.object("reasoning", |object| {
            object.maybe("effort", effort.map(Effort::name));
            object.maybe("summary", summary);
            for (key, value) in rest {
                object.value(key, value);
            }
        });
    }

    fn text(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        let rest: Vec<_> = request
            .extra
            .iter()
            .filter(|extra| extra.format == FORMAT)
            .filter_map(|extra| Some((extra.key.strip_prefix("text.")?, &extra.value)))
            .collect();
        if request.output.is_none() && request.verbosity.is_none() && rest.is_empty() {
            return;
        }
        body.object("text", |text| {
            if let Some(output) = &request.output {
                text.object("format", |format| self.form(output, format));
            }
            text.maybe("verbosity", request.verbosity.map(openai::verbosity));
            for (key, value) in rest {
                text.value(key, value);
            }
        });
    }

    fn form(&mut self, output: &Output<'_>, format: &mut Members<'_>) {
        match output {
            Output::Text => format.value("type", "text"),
            Output::JsonObject => format.value("type", "json_object"),
            Output::JsonSchema { .. } if self.hints.quirks.has(Quirk::NoJsonSchema) => {
                self.lose(Field::Output, "the provider takes no schema: any JSON object");
                format.value("type", "json_object");
            }
            Output::JsonSchema { name, description, schema, strict } => {
                format.value("type", "json_schema");
                format.value("name", name.as_deref().unwrap_or("response"));
                format.maybe("description", description.as_deref());
                format.value("schema", schema);
                format.maybe("strict", strict.as_ref());
            }
        }
    }

    fn cache(&mut self, body: &mut Members<'_>) {
        if self.request.cache.mark.is_some() {
            self.lose(Field::CacheMark, "the target caches by itself");
        }
        openai::cache(self.request, (self.hints, FORMAT), &mut self.losses, body);
    }

    fn user(&mut self, body: &mut Members<'_>) {
        openai::user(self.request, body);
        body.maybe("metadata", self.request.user.metadata.as_ref());
    }

    fn service(&mut self, body: &mut Members<'_>) {
        match self.request.tier {
            Some(ServiceTier::Batch) => self.lose(Field::Tier, "the target has no such lane"),
            Some(tier) => body.maybe("service_tier", super::super::super::tier_name(tier)),
            None => {}
        }
        // Here replies are kept unless the client says no; elsewhere it need not say it.
        let elsewhere = (self.request.format != FORMAT).then_some(false);
        body.maybe("store", self.request.store.or(elsewhere).as_ref());
        match &self.request.state {
            Some(ServerState::PreviousResponse(id)) => body.value("previous_response_id", id),
            Some(ServerState::Conversation(conversation)) => {
                body.value("conversation", conversation);
            }
            Some(ServerState::StoredPrompt(prompt)) => body.value("prompt", prompt),
            Some(ServerState::Item(_) | ServerState::Compacted(_)) => {}
            Some(ServerState::Thread(_) | ServerState::CachedContent(_)) => {
                self.lose(Field::State, "only its own vendor has it");
            }
            None => {}
        }
    }

    /// Asks for what is only sent if it is asked for: reasoning that can be given back, for nothing
    /// is kept at the vendor's.
    fn include(&mut self, body: &mut Members<'_>) {
        let sealed = self.hints.genuine && openai::reasons(self.hints);
        let logprobs = self.request.sampling.logprobs == Some(true);
        if sealed || logprobs {
            body.array("include", |list: &mut Elements<'_>| {
                if sealed {
                    list.value("reasoning.encrypted_content");
                }
                if logprobs {
                    list.value("message.output_text.logprobs");
                }
            });
        }
    }
}
