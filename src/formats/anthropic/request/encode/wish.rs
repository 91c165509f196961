//! Wishes about the reply → Anthropic Messages.

use super::{
    super::super::{closed::closed, words::FORMAT},
    Writer,
    plan::Plan,
    tool::is_forced,
};
use crate::{
    chat::{Effort, Output, Place, ReasoningMode, ReasoningWish, ServiceTier, Show},
    formats::{dropped::Field, effort::How, hints::Quirk, ids::hash, write::Members},
    protocol::Format,
};

/// What is said about thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thinking {
    Off,
    Adaptive,
    Budget(u64),
}

impl<'r> Writer<'r> {
    /// Writes `thinking` and `output_config`; whether the model is told to think.
    pub(super) fn reasoning(
        &mut self,
        plan: &Plan<'r>,
        limit: u64,
        body: &mut Members<'_>,
    ) -> bool {
        let wish = &self.request.reasoning;
        let says_nothing =
            self.hints.reasoning.how == How::Not || self.hints.quirks.has(Quirk::NoReasoning);
        let (thinking, effort) = if *wish == ReasoningWish::default() {
            (None, None)
        } else if says_nothing {
            if !is_off(wish) {
                let why = "the model cannot be told how to think";
                self.losses.field(self.request, Field::Reasoning, why);
            }
            (None, None)
        } else if self.hints.reasoning.how == How::Adaptive {
            (self.adaptive(), self.effort(limit))
        } else {
            (self.budget(plan, limit), None)
        };
        let thinks = matches!(thinking, Some(Thinking::Adaptive | Thinking::Budget(_)));
        if let Some(thinking) = thinking.filter(|_| !self.carries("thinking")) {
            self.thinking(thinking, body);
        }
        self.output_config(effort, body);
        thinks
    }

    /// Models since 4.6 think as they see fit; an effort of OpenAI's means that they should, unless
    /// it is next to nothing.
    fn adaptive(&mut self) -> Option<Thinking> {
        let request = self.request;
        let wish = &request.reasoning;
        if is_off(wish) {
            return Some(Thinking::Off);
        }
        if wish.budget.is_some() {
            self.losses.field(request, Field::ReasoningBudget, "the model takes an effort instead");
        }
        let asked = wish.mode.is_some()
            || (request.format != FORMAT
                && !self.forbids_thinking()
                && (wish.effort.is_some_and(|effort| effort > Effort::Minimal)
                    || wish.budget.is_some()
                    || wish.show.is_some_and(|show| show != Show::Nothing)));
        asked.then_some(Thinking::Adaptive)
    }

    /// Whether the client asks for what cannot stand beside thinking. That it asks for outright;
    /// thinking is only read into an effort.
    fn forbids_thinking(&self) -> bool {
        let sampling = &self.request.sampling;
        is_forced(&self.request.tool_choice)
            || sampling.temperature.is_some_and(|value| !is_one(value))
            || sampling.top_p.is_some_and(|value| value < 0.95)
            || sampling.top_k.is_some()
    }

    /// The effort in words that the model knows.
    fn effort(&mut self, limit: u64) -> Option<Effort> {
        let request = self.request;
        let wish = ReasoningWish { mode: None, show: None, ..request.reasoning };
        if wish.effort == Some(Effort::None) || (wish.effort.is_none() && wish.budget.is_none()) {
            return None;
        }
        let effort = self.hints.reasoning.effort(&wish, Some(limit))?;
        if wish.effort.is_some_and(|wanted| wanted != effort) {
            let why = format!("the model takes {} instead", effort.name());
            if request.format == FORMAT {
                self.losses.member(Place::new("/output_config", &[]), "effort", why);
            } else {
                self.losses.field(request, Field::Reasoning, why);
            }
        }
        Some(effort)
    }

    /// Earlier models think within a number of tokens that lies below the limit of the reply.
    fn budget(&mut self, plan: &Plan<'r>, limit: u64) -> Option<Thinking> {
        let request = self.request;
        let mut wish = request.reasoning;
        if is_off(&wish) {
            return Some(Thinking::Off);
        }
        if wish == (ReasoningWish { show: Some(Show::Nothing), ..ReasoningWish::default() }) {
            return None;
        }
        if wish.effort.is_none() && wish.budget.is_none() {
            wish.mode = Some(ReasoningMode::On);
        }
        if plan.goes_on_without_thinking() {
            let why = "the turn that goes on began without thinking";
            self.losses.field(request, Field::Reasoning, why);
            return None;
        }
        let Some(budget) = self.hints.reasoning.budget(&wish, limit) else {
            let why = "the limit of the reply leaves no room to think";
            if wish.effort != Some(Effort::Minimal) {
                self.losses.field(request, Field::Reasoning, why);
            }
            return None;
        };
        if wish.budget.is_some_and(|wanted| wanted != budget) {
            let why = format!("{budget} within the limit of the reply");
            self.losses.field(request, Field::ReasoningBudget, why);
        }
        Some(Thinking::Budget(budget))
    }

    fn thinking(&mut self, thinking: Thinking, body: &mut Members<'_>) {
        let request = self.request;
        let show = request.reasoning.show.filter(|_| thinking != Thinking::Off);
        if matches!(show, Some(Show::Concise | Show::Detailed)) {
            let why = "Anthropic has one kind of summary";
            self.losses.field(request, Field::ReasoningShow, why);
        }
        body.object("thinking", |out| {
            match thinking {
                Thinking::Off => out.value("type", "disabled"),
                Thinking::Adaptive => out.value("type", "adaptive"),
                Thinking::Budget(tokens) => {
                    out.value("type", "enabled");
                    out.value("budget_tokens", &tokens);
                }
            }
            out.maybe(
                "display",
                show.map(|show| match show {
                    Show::Nothing => "omitted",
                    Show::Auto | Show::Concise | Show::Detailed => "summarized",
                }),
            );
        });
    }

    fn output_config(&mut self, effort: Option<Effort>, body: &mut Members<'_>) {
        let schema = match &self.request.output {
            Some(Output::JsonSchema { schema, .. }) => {
                self.output_members();
                (!self.hints.quirks.has(Quirk::NoJsonSchema)).then_some(schema)
            }
            Some(Output::JsonObject) => {
                let why = "Anthropic has no JSON without a schema";
                if self.request.format == Format::Gemini {
                    let place = Place::new("/generationConfig", &[]);
                    self.losses.member(place, "responseMimeType", why);
                } else {
                    self.losses.field(self.request, Field::Output, why);
                }
                None
            }
            Some(Output::Text) | None => None,
        };
        if self.carries("output_config") || (effort.is_none() && schema.is_none()) {
            return;
        }
        body.object("output_config", |out| {
            out.maybe("effort", effort.map(Effort::name));
            if let Some(schema) = schema {
                out.object("format", |out| {
                    out.value("type", "json_schema");
                    out.value("schema", &closed(schema));
                });
            }
        });
    }

    /// What OpenAI says of a schema besides the schema.
    fn output_members(&mut self) {
        let request = self.request;
        let Some(Output::JsonSchema { name, description, strict, .. }) = &request.output else {
            return;
        };
        if self.hints.quirks.has(Quirk::NoJsonSchema) {
            let why = "the provider does not know schemas";
            self.losses.field(request, Field::Output, why);
            return;
        }
        let place = match request.format {
            Format::OpenAi => Place::new("/response_format/json_schema", &[]),
            Format::OpenAiResponses | Format::Anthropic | Format::Gemini => {
                Place::new(Field::Output.pointer(request.format), &[])
            }
        };
        let why = "Anthropic's schemas have none";
        for (key, said) in [("name", name.is_some()), ("description", description.is_some())] {
            if said {
                self.losses.member(place, key, why);
            }
        }
        if strict.is_some() {
            self.losses.member(place, "strict", "Anthropic's schemas are always strict");
        }
    }

    /// Writes sampling, stop sequences and the tier, and reports what there is no word for.
    pub(super) fn sampling(&mut self, thinks: bool, body: &mut Members<'_>) {
        let request = self.request;
        let sampling = &request.sampling;
        let mut temperature = sampling.temperature;
        if temperature.is_some_and(|value| value > 1.0) {
            self.losses.field(request, Field::Temperature, "1 at most");
            temperature = Some(1.0);
        }
        if thinks && temperature.is_some_and(|value| !is_one(value)) {
            self.losses.field(request, Field::Temperature, "not together with thinking");
            temperature = None;
        }
        body.maybe("temperature", temperature.as_ref());
        let mut top_p = sampling.top_p;
        if thinks && top_p.is_some_and(|value| value < 0.95) {
            self.losses.field(request, Field::TopP, "0.95 at least together with thinking");
            top_p = None;
        }
        body.maybe("top_p", top_p.as_ref());
        let mut top_k = sampling.top_k;
        if thinks && top_k.take().is_some() {
            self.losses.field(request, Field::TopK, "not together with thinking");
        }
        body.maybe("top_k", top_k.as_ref());
        self.stop(body);
        let tier = request.tier.and_then(|tier| match tier {
            ServiceTier::Auto => Some("auto"),
            ServiceTier::Standard => Some("standard_only"),
            ServiceTier::Flex | ServiceTier::Priority | ServiceTier::Scale | ServiceTier::Batch => {
                None
            }
        });
        if tier.is_none() && request.tier.is_some() {
            self.losses.field(request, Field::Tier, "Anthropic has no such tier");
        }
        body.maybe("service_tier", tier);
        self.unsaid();
    }

    /// Stop sequences; Anthropic refuses those of white space alone.
    fn stop(&mut self, body: &mut Members<'_>) {
        let blank = |text: &str| text.trim().is_empty();
        let stop = &self.request.stop;
        if stop.iter().any(|text| blank(text)) {
            let why = "Anthropic takes no stop sequence of white space alone";
            self.losses.field(self.request, Field::Stop, why);
        }
        let stop: Vec<_> = stop.iter().filter(|text| !blank(text)).collect();
        if !stop.is_empty() {
            body.value("stop_sequences", &stop);
        }
    }

    /// Wishes that Anthropic has no words for.
    fn unsaid(&mut self) {
        let request = self.request;
        let sampling = &request.sampling;
        let audible = request.modalities.iter().any(|kind| !kind.eq_ignore_ascii_case("text"));
        for (said, field) in [
            (sampling.presence_penalty.is_some(), Field::PresencePenalty),
            (sampling.frequency_penalty.is_some(), Field::FrequencyPenalty),
            (sampling.seed.is_some(), Field::Seed),
            (sampling.n.is_some_and(|n| n > 1), Field::N),
            (sampling.logprobs == Some(true), Field::Logprobs),
            (sampling.top_logprobs.is_some_and(|count| count > 0), Field::TopLogprobs),
            (request.verbosity.is_some(), Field::Verbosity),
            (audible, Field::Modalities),
        ] {
            if said {
                self.losses.field(request, field, "Anthropic has no such wish");
            }
        }
    }

    /// Writes on whose behalf the client asks.
    pub(super) fn user(&mut self, body: &mut Members<'_>) {
        let request = self.request;
        let user = &request.user;
        if user.metadata.is_some() {
            let why = "Anthropic keeps no records for clients";
            self.losses.field(request, Field::Metadata, why);
        }
        if user.safety_id.is_some() {
            let why = if user.id.is_some() {
                "Anthropic has one id of a user"
            } else {
                "becomes the id of the user"
            };
            self.losses.field(request, Field::SafetyId, why);
        }
        let Some(id) = user.id.as_ref().or(user.safety_id.as_ref()) else { return };
        if self.carries("metadata") {
            return;
        }
        body.object("metadata", |out| {
            if id.chars().count() > LONGEST_ID {
                out.value("user_id", &format!("{:016x}", hash(id.as_bytes())));
            } else {
                out.value("user_id", id);
            }
        });
    }
}

/// Anthropic, "Create a Message": `metadata.user_id` has 256 characters at most; Claude Code's own
/// fits.
const LONGEST_ID: usize = 256;

fn is_one(value: f64) -> bool {
    (value - 1.0).abs() < f64::EPSILON
}

fn is_off(wish: &ReasoningWish) -> bool {
    wish.mode == Some(ReasoningMode::Off)
        || (wish.effort == Some(Effort::None)
            && matches!(wish.mode, None | Some(ReasoningMode::Off)))
}
