//! Wishes about the reply → Chat.

use std::borrow::Cow;

use super::{
    super::super::{FORMAT, words::tier_name},
    Writer, attribution,
};
use crate::{
    chat::{
        Effort, Json, Output, Place, ReasoningMode, ReasoningWish, Retention, Role, ServerState,
        Show, Verbosity,
    },
    formats::{dropped::Field, effort::How, hints::Quirk, ids, write::Members},
    protocol::Format,
};

/// OpenAI's reasoning models refuse a request that leaves them no room: agents ask for one token to
/// see whether a model is there.
const LEAST_LIMIT: u64 = 16;

/// The longest `user`, `safety_identifier` and `prompt_cache_key`.
const LONGEST: usize = 64;

/// OpenAI, `stop`: "up to 4 sequences".
const MOST_STOPS: usize = 4;

impl Writer<'_, '_> {
    pub(super) fn wishes(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        self.limit(body);
        self.sampling(body);
        self.reasoning(body);
        self.form(request.output.as_ref(), body);
        body.maybe(
            "verbosity",
            request.verbosity.map(|verbosity| match verbosity {
                Verbosity::Low => "low",
                Verbosity::Medium => "medium",
                Verbosity::High => "high",
            }),
        );
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
        let Some(wanted) = self.request.max_tokens else { return };
        let least = if self.hints.genuine && self.reasons() { LEAST_LIMIT } else { 1 };
        let limit = self.hints.limit(Some(wanted)).unwrap_or(wanted).max(least);
        if limit > wanted {
            self.lose(Field::MaxTokens, "raised to the least that is accepted");
        } else if limit < wanted {
            self.lose(Field::MaxTokens, "lowered to the most that the model can say");
        }
        body.value(self.hints.completion_limit(), &limit);
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

    /// Whether anything may be said about reasoning.
    fn reasons(&self) -> bool {
        self.hints.reasoning.how != How::Not && !self.hints.quirks.has(Quirk::NoReasoning)
    }

    fn reasoning(&mut self, body: &mut Members<'_>) {
        let wish = self.request.reasoning;
        if wish == ReasoningWish::default() {
            return;
        }
        if !self.reasons() {
            if wish.mode != Some(ReasoningMode::Off) && wish.effort != Some(Effort::None) {
                self.lose(Field::Reasoning, "the model is not told how to reason");
            }
            return;
        }
        if matches!(wish.show, Some(Show::Concise | Show::Detailed)) {
            self.lose(Field::ReasoningShow, "the format has no summaries of reasoning");
        }
        let effort = self.hints.reasoning.effort(&wish, self.request.max_tokens);
        let wanted = match wish.mode {
            Some(ReasoningMode::Off) => Some(Effort::None),
            Some(ReasoningMode::On | ReasoningMode::Adaptive) | None => wish.effort,
        };
        if wish.budget.is_some() && wish.effort.is_none() {
            self.lose(Field::ReasoningBudget, "becomes an effort");
        } else if let (Some(effort), Some(wanted)) = (effort, wanted)
            && effort != wanted
        {
            let reason = format!("becomes `{}`, the nearest that the model knows", effort.name());
            if self.request.format == Format::Anthropic && wish.effort.is_some() {
                self.losses.whole(Place::new("/output_config/effort", &[]), reason);
            } else {
                self.losses.field(self.request, Field::Reasoning, reason);
            }
        }
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
        if !self.hints.takes_cache_key(FORMAT) {
            if wish.key.is_some() {
                self.lose(Field::CacheKey, "the provider does not know it");
            }
            if wish.retention.is_some() {
                self.lose(Field::CacheRetention, "the provider does not know it");
            }
            return;
        }
        let made = (wish.key.is_none() && self.request.has_cache_marks()).then(|| self.cache_key());
        let key = wish.key.as_deref().map(short).or(made.map(Cow::Owned));
        body.maybe("prompt_cache_key", key.as_ref());
        body.maybe(
            "prompt_cache_retention",
            wish.retention.map(|retention| match retention {
                Retention::InMemory => "in_memory",
                Retention::Day => "24h",
            }),
        );
    }

    /// A key for the conversation: the same in each of its turns, for it comes from what does not
    /// change in it.
    fn cache_key(&self) -> String {
        let mut digests = Vec::new();
        let mut add = |text: &str| digests.extend(ids::hash(text.as_bytes()).to_le_bytes());
        let left_out = attribution(self.request).map(std::ptr::from_ref);
        let leading = self.request.messages.iter();
        let leading = leading.take_while(|m| matches!(m.role, Role::System | Role::Developer));
        for block in leading.flat_map(|message| &message.blocks) {
            if left_out != Some(std::ptr::from_ref(block)) {
                add(block.text().unwrap_or_default());
            }
        }
        for tool in &self.request.tools {
            add(&tool.name);
            add(tool.description.as_deref().unwrap_or_default());
            add(tool.schema().map(Json::get).unwrap_or_default());
        }
        let user = self.request.messages.iter().find(|message| message.role == Role::User);
        let said = user.and_then(|message| message.blocks.iter().find_map(|block| block.text()));
        add(said.unwrap_or_default());
        format!("llm-router:{:016x}", ids::hash(&digests))
    }

    fn user(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        body.maybe("user", request.user.id.as_deref().map(short).as_ref());
        body.maybe("safety_identifier", request.user.safety_id.as_deref().map(short).as_ref());
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

/// The text, or its hash if it is too long.
fn short(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= LONGEST {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{:016x}", ids::hash(text.as_bytes())))
}
