//! Wishes about the reply → Chat.

use super::{
    super::super::{FORMAT, words::tier_name},
    Writer,
};
use crate::{
    chat::{Effort, Output, Place, ReasoningMode, ReasoningWish, ServerState, Show},
    formats::{dropped::Field, hints::Quirk, openai, write::Members},
};

/// OpenAI, `stop`: "up to 4 sequences".
const MOST_STOPS: usize = 4;

impl Writer<'_, '_> {
    pub(super) fn wishes(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        self.limit(body);
        self.sampling(body);
        self.reasoning(body);
        self.form(request.output.as_ref(), body);
        body.maybe("verbosity", request.verbosity.map(openai::verbosity));
        if !request.modalities.is_empty() {
            body.value("modalities", &request.modalities);
        }
        self.cache(body);
        self.user(body);
        if self.hints.stream {
            body.value("stream", &true);
            // Without it OpenAI does not tell what a stream has used.
            if !self.hints.quirks.has(Quirk::NoStreamOptions) {
                body.object("stream_options", |options| options.value("include_usage", &true));
            }
        }
        self.losses.extras(&request.extra, Place::default(), FORMAT, &mut |extra| {
            body.value(&extra.key, &extra.value);
        });
    }

    fn lose(&mut self, field: Field, reason: &'static str) {
        self.losses.field(self.request, field, reason);
    }

    fn limit(&mut self, body: &mut Members<'_>) {
        // Models that reason need some room.
        let strict = self.hints.genuine && openai::reasons(self.hints);
        let least = if strict { openai::LEAST_LIMIT } else { 1 };
        let limit = openai::limit(self.request, self.hints, least, &mut self.losses);
        body.maybe(self.hints.completion_limit(), limit.as_ref());
    }

    fn sampling(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        let wish = request.sampling;
        body.maybe("temperature", wish.temperature.as_ref());
        body.maybe("top_p", wish.top_p.as_ref());
        match wish.top_k {
            Some(_) if self.hints.genuine => self.lose(Field::TopK, "OpenAI does not know it"),
            top_k => body.maybe("top_k", top_k.as_ref()),
        }
        body.maybe("presence_penalty", wish.presence_penalty.as_ref());
        body.maybe("frequency_penalty", wish.frequency_penalty.as_ref());
        body.maybe("seed", wish.seed.as_ref());
        match wish.n {
            Some(n) if n > 1 && request.format != FORMAT => {
                self.lose(Field::N, "only one reply can be translated");
            }
            n => body.maybe("n", n.as_ref()),
        }
        let logprobs = wish.logprobs.or(wish.top_logprobs.map(|_| true));
        body.maybe("logprobs", logprobs.as_ref());
        body.maybe("top_logprobs", wish.top_logprobs.as_ref());
        if request.stop.len() > MOST_STOPS && self.hints.genuine {
            self.lose(Field::Stop, "OpenAI takes four at most");
        }
        let most = if self.hints.genuine { MOST_STOPS } else { usize::MAX };
        if !request.stop.is_empty() {
            let stops: Vec<_> = request.stop.iter().take(most).collect();
            body.value("stop", &stops);
        }
    }

    fn reasoning(&mut self, body: &mut Members<'_>) {
        let wish = self.request.reasoning;
        if wish == ReasoningWish::default() {
            return;
        }
        if !openai::reasons(self.hints) {
            if wish.mode != Some(ReasoningMode::Off) && wish.effort != Some(Effort::None) {
                self.lose(Field::Reasoning, "the model is not told how to reason");
            }
            return;
        }
        if matches!(wish.show, Some(Show::Concise | Show::Detailed)) {
            self.lose(Field::ReasoningShow, "the format has no summaries of reasoning");
        }
        let effort = openai::effort(self.request, self.hints, &mut self.losses);
        body.maybe("reasoning_effort", effort.map(Effort::name));
    }

    fn form(&mut self, output: Option<&Output<'_>>, body: &mut Members<'_>) {
        let Some(output) = output else { return };
        let reduced = matches!(output, Output::JsonSchema { .. })
            && self.hints.quirks.has(Quirk::NoJsonSchema);
        if reduced {
            self.lose(Field::Output, "the provider takes no schema: any JSON object");
        }
        body.object("response_format", |form| match output {
            Output::Text => form.value("type", "text"),
            Output::JsonSchema { name, description, schema, strict } if !reduced => {
                form.value("type", "json_schema");
                form.object("json_schema", |inner| {
                    inner.value("name", name.as_deref().unwrap_or("response"));
                    inner.maybe("description", description.as_deref());
                    inner.value("schema", schema);
                    inner.maybe("strict", strict.as_ref());
                });
            }
            Output::JsonObject | Output::JsonSchema { .. } => form.value("type", "json_object"),
        });
    }

    fn cache(&mut self, body: &mut Members<'_>) {
        let wish = &self.request.cache;
        match wish.mark {
            Some(mark) if self.hints.takes_cache_marks(FORMAT) => super::write_mark(mark, body),
            Some(_) => self.lose(Field::CacheMark, super::NO_MARKS),
            None => {}
        }
        openai::cache(self.request, (self.hints, FORMAT), &mut self.losses, body);
    }

    fn user(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        openai::user(request, body);
        self.metadata(body);
        match request.tier.map(tier_name) {
            Some(Some(name)) => body.value("service_tier", name),
            Some(None) => self.lose(Field::Tier, "the target has no such lane"),
            None => {}
        }
        body.maybe("store", request.store.as_ref());
        match &request.state {
            Some(
                ServerState::PreviousResponse(_)
                | ServerState::Conversation(_)
                | ServerState::StoredPrompt(_)
                | ServerState::Item(_)
                | ServerState::Compacted(_)
                | ServerState::Thread(_)
                | ServerState::CachedContent(_),
            ) => self.lose(Field::State, "only its own vendor has it"),
            None => {}
        }
    }
}

impl Writer<'_, '_> {
    /// OpenAI refuses `metadata` of replies that it does not keep.
    fn metadata(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        let kept = request.store == Some(true) || request.format == FORMAT || !self.hints.genuine;
        match &request.user.metadata {
            Some(metadata) if kept => body.value("metadata", metadata),
            Some(_) => self.lose(Field::Metadata, "OpenAI takes it only for replies that it keeps"),
            None => {}
        }
    }
}
