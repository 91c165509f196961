//! Wishes about the reply → OpenAI Responses.

use std::borrow::Cow;

use super::{super::super::FORMAT, Writer, attribution};
use crate::{
    chat::{
        Effort, Output, Place, ReasoningMode, ReasoningWish, Retention, Role, ServerState,
        ServiceTier, Show, Verbosity,
    },
    formats::{
        dropped::Field,
        effort::How,
        hints::Quirk,
        ids,
        write::{Elements, Members},
    },
    protocol::Format,
};

/// OpenAI refuses smaller limits: agents ask for one token to see whether a model is there.
const LEAST_LIMIT: u64 = 16;

/// The longest `user`, `safety_identifier` and `prompt_cache_key`.
const LONGEST: usize = 64;

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
        let Some(wanted) = self.request.max_tokens else { return };
        let limit = self.hints.limit(Some(wanted)).unwrap_or(wanted).max(LEAST_LIMIT);
        if limit > wanted {
            self.lose(Field::MaxTokens, "raised to the least that is accepted");
        } else if limit < wanted {
            self.lose(Field::MaxTokens, "lowered to the most that the model can say");
        }
        body.value("max_output_tokens", &limit);
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
        let reasons = self.reasons();
        let effort = self.effort(&wish).filter(|_| reasons);
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

    /// Whether anything may be said about reasoning.
    fn reasons(&self) -> bool {
        self.hints.reasoning.how != How::Not && !self.hints.quirks.has(Quirk::NoReasoning)
    }

    /// The effort in the model's own words. What is rounded on the way is reported.
    fn effort(&mut self, wish: &ReasoningWish) -> Option<Effort> {
        let effort = self.hints.reasoning.effort(wish, self.request.max_tokens);
        let wanted = match wish.mode {
            Some(ReasoningMode::Off) => Some(Effort::None),
            Some(ReasoningMode::On | ReasoningMode::Adaptive) | None => wish.effort,
        };
        if !self.reasons() {
            return effort;
        }
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
        effort
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
            text.maybe(
                "verbosity",
                request.verbosity.map(|verbosity| match verbosity {
                    Verbosity::Low => "low",
                    Verbosity::Medium => "medium",
                    Verbosity::High => "high",
                }),
            );
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
        let wish = &self.request.cache;
        if wish.mark.is_some() {
            self.lose(Field::CacheMark, "the target caches by itself");
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
        body.maybe(
            "prompt_cache_key",
            wish.key.as_deref().map(short).or(made.map(Cow::Owned)).as_ref(),
        );
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
            add(tool.schema().map(crate::chat::Json::get).unwrap_or_default());
        }
        let user = self.request.messages.iter().find(|message| message.role == Role::User);
        let said = user.and_then(|message| message.blocks.iter().find_map(|block| block.text()));
        add(said.unwrap_or_default());
        format!("llm-router:{:016x}", ids::hash(&digests))
    }

    fn user(&mut self, body: &mut Members<'_>) {
        let user = &self.request.user;
        body.maybe("user", user.id.as_deref().map(short).as_ref());
        body.maybe("safety_identifier", user.safety_id.as_deref().map(short).as_ref());
        body.maybe("metadata", user.metadata.as_ref());
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
            Some(ServerState::Thread(_) | ServerState::CachedContent(_)) => {
                self.lose(Field::State, "only its own vendor has it");
            }
            None => {}
        }
    }

    /// Asks for what is only sent if it is asked for: reasoning that can be given back, for nothing
    /// is kept at the vendor's.
    fn include(&mut self, body: &mut Members<'_>) {
        let sealed = self.hints.genuine && self.reasons();
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

/// The text, or its hash if it is too long.
fn short(text: &str) -> Cow<'_, str> {
    if text.chars().count() <= LONGEST {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{:016x}", ids::hash(text.as_bytes())))
}
