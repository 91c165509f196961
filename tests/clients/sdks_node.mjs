// The official Node SDKs behind one face: `ask`, `answer`, `count`. One class a format.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";

// One of each for all checks.
const made = new Map();
const once = (key, make) => made.get(key) ?? made.set(key, make()).get(key);
const join = (list, field) => list.map((one) => one[field] ?? "").join("");
const plain = (value) => JSON.parse(JSON.stringify(value));
const without = (object, ...names) => Object.fromEntries(Object.entries(object).filter(([name, value]) => !names.includes(name) && value !== null && value !== undefined));

// An item as it goes back: without what the SDK added of its own, and without its id if that is forgotten.
const bare = ({ content, ...item }, forgets) => ({
  ...without(item, "parsed_arguments", ...(forgets ? ["id"] : [])),
  ...(content && { content: content.map((part) => without(part, "parsed")) }),
});

class Client {
  last = null;
  history = [];

  constructor(url, model, kind, scenario, table, stream) {
    Object.assign(this, { url, model, kind, stream, send: scenario.send ?? {}, forgets: scenario.forgets ?? false });
    this.tools = (this.send.tools ?? []).map((name) => ({ name, ...table.tools[name] }));
    this.images = table.images;
    this.schema = table.schema;
    this.open();
  }

  image(name) {
    const data = this.images[name];
    return data.startsWith("https:") ? { url: data } : { type: "image/png", data };
  }

  async ask(text, images = []) {
    this.history.push(this.user(text, images.map((name) => this.image(name))));
    return (this.last = await this.reply());
  }

  async answer(results) {
    const told = results.map((result, at) => ({ ...this.last.ids[at], text: result.text ?? "", image: result.image && this.image(result.image) }));
    this.history.push(...this.results(told));
    return (this.last = await this.reply());
  }

  // How the forced choice is said: by the words for any and none, or the word for a name.
  choice(any, none, named) {
    const { choice } = this.send;
    return choice === "any" ? any : choice === "none" ? none : named(choice);
  }
}

class Messages extends Client {
  static errors = { "too long": Anthropic.BadRequestError, 400: Anthropic.BadRequestError, 401: Anthropic.AuthenticationError, 403: Anthropic.PermissionDeniedError, 429: Anthropic.RateLimitError, 500: Anthropic.InternalServerError, overloaded: Anthropic.InternalServerError, broken: Anthropic.APIError };
  static tooLong = "prompt is too long";

  open() {
    this.api = once(`messages ${this.url}`, () => new Anthropic({ baseURL: this.url, apiKey: "any", maxRetries: 0 })).messages;
  }

  user(text, images) {
    const blocks = images.map(({ url, type, data }) => ({ type: "image", source: url ? { type: "url", url } : { type: "base64", media_type: type, data } }));
    return { role: "user", content: [...blocks, { type: "text", text }] };
  }

  results(results) {
    const content = results.map(({ id, text, image }) => ({
      type: "tool_result",
      tool_use_id: id,
      content: image ? [{ type: "text", text }, { type: "image", source: { type: "base64", media_type: image.type, data: image.data } }] : text,
    }));
    return [{ role: "user", content }];
  }

  options() {
    const { send } = this;
    const more = {};
    if (this.tools.length) more.tools = this.tools.map(({ name, description, parameters }) => ({ name, description, input_schema: parameters }));
    if (send.choice) more.tool_choice = this.choice({ type: "any" }, { type: "none" }, (name) => ({ type: "tool", name }));
    if (send.system) more.system = send.system;
    if (send.stop) more.stop_sequences = send.stop;
    if (send.schema) more.output_config = { format: { type: "json_schema", schema: this.schema } };
    if (send.thinking && this.kind === "budget") more.thinking = { type: "enabled", budget_tokens: 2048 };
    else if (send.thinking) Object.assign(more, { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } });
    return more;
  }

  async reply() {
    const options = { model: this.model, max_tokens: this.send.limit ?? 4000, messages: this.history, ...this.options() };
    const message = this.stream ? await this.api.stream(options).finalMessage() : await this.api.create(options);
    const kept = message.content.filter((block) => !(this.forgets && block.type === "thinking"));
    this.history.push({ role: "assistant", content: kept.map((block) => without(block, "parsed_output")) });
    const of = (type) => message.content.filter((block) => block.type === type);
    if (of("tool_use").length) assert.equal(message.stop_reason, "tool_use");
    return {
      text: join(of("text"), "text"), think: join(of("thinking"), "thinking"), calls: of("tool_use").map(({ name, input }) => [name, input]), ids: of("tool_use").map(({ id, name }) => ({ id, name })),
      limited: message.stop_reason === "max_tokens", tokens: [message.usage.input_tokens, message.usage.output_tokens],
    };
  }

  async count(text) {
    return (await this.api.countTokens({ model: this.model, messages: [{ role: "user", content: text }], ...this.options() })).input_tokens;
  }
}

class Chat extends Client {
  static errors = { "too long": OpenAI.BadRequestError, 400: OpenAI.BadRequestError, 401: OpenAI.AuthenticationError, 403: OpenAI.PermissionDeniedError, 429: OpenAI.RateLimitError, 500: OpenAI.InternalServerError, overloaded: OpenAI.InternalServerError, broken: OpenAI.APIError };
  static tooLong = "context_length_exceeded";

  sdk() {
    return once(`openai ${this.url}`, () => new OpenAI({ baseURL: `${this.url}/v1`, apiKey: "any", maxRetries: 0 }));
  }

  open() {
    this.api = this.sdk().chat.completions;
    if (this.send.system) this.history.push({ role: "developer", content: this.send.system });
  }

  user(text, images) {
    const parts = images.map(({ url, type, data }) => ({ type: "image_url", image_url: { url: url ?? `data:${type};base64,${data}` } }));
    return { role: "user", content: [...parts, { type: "text", text }] };
  }

  results(results) {
    return results.map(({ id, text }) => ({ role: "tool", tool_call_id: id, content: text }));
  }

  options() {
    const { send } = this;
    const more = {};
    if (this.tools.length) more.tools = this.tools.map((tool) => ({ type: "function", function: tool }));
    if (send.choice) more.tool_choice = this.choice("required", "none", (name) => ({ type: "function", function: { name } }));
    if (send.stop) more.stop = send.stop;
    if (send.limit) more.max_completion_tokens = send.limit;
    if (send.thinking) more.reasoning_effort = "high";
    if (send.schema) more.response_format = { type: "json_schema", json_schema: { name: "weather", schema: this.schema, strict: true } };
    return more;
  }

  async streamed(options) {
    if (!this.send.thinking) return this.api.stream(options).finalChatCompletion();
    return wholeChat(await this.api.create({ ...options, stream: true }));
  }

  async reply() {
    const options = { model: this.model, messages: this.history, ...this.options() };
    const reply = this.stream ? await this.streamed({ ...options, stream_options: { include_usage: true } }) : await this.api.create(options);
    const [{ message, finish_reason: reason }] = reply.choices;
    const calls = (message.tool_calls ?? []).map((call) => ({ ...call, function: without(call.function, "parsed_arguments") }));
    const kept = plain({ ...without(message, "parsed", "tool_calls"), ...(calls.length && { tool_calls: calls }) });
    const bare = { role: kept.role, content: kept.content ?? null, ...(calls.length && { tool_calls: calls.map(({ id, type, function: { name, arguments: text } }) => ({ id, type, function: { name, arguments: text } })) }) };
    this.history.push(this.forgets ? bare : kept);
    if (calls.length && !this.send.choice) assert.equal(reason, "tool_calls");
    return {
      text: message.content ?? "", think: message.reasoning_content ?? "", calls: calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      ids: calls.map((call) => ({ id: call.id, name: call.function.name })), limited: reason === "length", tokens: [reply.usage.prompt_tokens, reply.usage.completion_tokens],
    };
  }
}

// Of fields that the format does not have, the SDK's own helper keeps the last piece alone, as here
// `reasoning_content`. Who wants to send them back puts them together.
async function wholeChat(chunks) {
  const message = { role: "assistant", content: null };
  const calls = [];
  let reason, usage;
  for await (const { choices, usage: told } of chunks) {
    usage = told ?? usage;
    for (const { delta: { role: _, tool_calls: deltas = [], ...rest }, finish_reason } of choices) {
      reason = finish_reason ?? reason;
      for (const [name, value] of Object.entries(rest)) if (value != null) message[name] = message[name] == null ? value : message[name].concat(value);
      for (const { index, function: { name, arguments: text = "" }, ...more } of deltas) {
        calls[index] ??= { type: "function", function: { name, arguments: "" } };
        Object.assign(calls[index], without(more));
        calls[index].function.arguments += text;
      }
    }
  }
  return { choices: [{ message: { ...message, ...(calls.length && { tool_calls: calls }) }, finish_reason: reason }], usage };
}

class Responses extends Client {
  static errors = Chat.errors;
  static tooLong = Chat.tooLong;

  open() {
    this.api = Chat.prototype.sdk.call(this).responses;
  }

  user(text, images) {
    const parts = images.map(({ url, type, data }) => ({ type: "input_image", image_url: url ?? `data:${type};base64,${data}`, detail: "auto" }));
    return { role: "user", content: [...parts, { type: "input_text", text }] };
  }

  results(results) {
    return results.map(({ id, text, image }) => ({
      type: "function_call_output",
      call_id: id,
      output: image ? [{ type: "input_text", text }, { type: "input_image", image_url: `data:${image.type};base64,${image.data}`, detail: "auto" }] : text,
    }));
  }

  options() {
    const { send } = this;
    const more = {};
    if (this.tools.length) more.tools = this.tools.map((tool) => ({ type: "function", strict: false, ...tool }));
    if (send.choice) more.tool_choice = this.choice("required", "none", (name) => ({ type: "function", name }));
    if (send.system) more.instructions = send.system;
    if (send.thinking) more.reasoning = { effort: "high", summary: "auto" };
    if (send.schema) more.text = { format: { type: "json_schema", name: "weather", schema: this.schema, strict: true } };
    return more;
  }

  async reply() {
    const { send } = this;
    const options = { model: this.model, input: this.history, store: false, ...this.options(), ...(send.limit && { max_output_tokens: send.limit }), ...(send.thinking && { include: ["reasoning.encrypted_content"] }) };
    const reply = this.stream ? await this.streamed(options) : await this.api.create(options);
    const items = plain(reply.output).filter((item) => !(this.forgets && item.type === "reasoning"));
    this.history.push(...items.map((item) => bare(item, this.forgets)));
    const calls = reply.output.filter((item) => item.type === "function_call");
    const summaries = reply.output.filter((item) => item.type === "reasoning").flatMap((item) => item.summary);
    return {
      text: reply.output_text, think: join(summaries, "text"), calls: calls.map((call) => [call.name, JSON.parse(call.arguments)]), ids: calls.map((call) => ({ id: call.call_id, name: call.name })),
      limited: reply.incomplete_details?.reason === "max_output_tokens", tokens: [reply.usage.input_tokens, reply.usage.output_tokens],
    };
  }

  async streamed(options) {
    const stream = this.api.stream(options);
    let failed;
    for await (const event of stream) if (event.type === "response.failed") failed = event.response.error;
    if (failed) throw new OpenAI.APIError(undefined, failed, failed.message, undefined);
    return stream.finalResponse();
  }

  async count(text) {
    return (await this.api.inputTokens.count({ model: this.model, input: text, ...this.options() })).input_tokens;
  }
}

class Google extends Client {
  static errors = { "too long": Error, 400: Error, 401: Error, 403: Error, 429: Error, 500: Error, overloaded: Error, broken: Error };
  static tooLong = ""; // nobody acts on words of it

  open() {
    this.api = once(`google ${this.url}`, () => new GoogleGenAI({ apiKey: "any", httpOptions: { baseUrl: this.url } })).models;
  }

  user(text, images) {
    return { role: "user", parts: [...images.map(({ type, data }) => ({ inlineData: { mimeType: type, data } })), { text }] };
  }

  results(results) {
    const part = ({ id, name, text, image }) => ({ functionResponse: { ...(id && { id }), name, response: { output: text }, ...(image && { parts: [{ inlineData: { mimeType: image.type, data: image.data } }] }) } });
    return [{ role: "user", parts: results.map(part) }];
  }

  options() {
    const { send } = this;
    const more = {};
    if (this.tools.length) more.tools = [{ functionDeclarations: this.tools.map(({ name, description, parameters }) => ({ name, description, parametersJsonSchema: parameters })) }];
    if (send.choice) more.toolConfig = { functionCallingConfig: this.choice({ mode: "ANY" }, { mode: "NONE" }, (name) => ({ mode: "ANY", allowedFunctionNames: [name] })) };
    if (send.system) more.systemInstruction = send.system;
    if (send.stop) more.stopSequences = send.stop;
    if (send.limit) more.maxOutputTokens = send.limit;
    if (send.thinking) more.thinkingConfig = { includeThoughts: true, ...(this.kind === "budget" ? { thinkingBudget: 2048 } : { thinkingLevel: "HIGH" }) };
    if (send.schema) Object.assign(more, { responseMimeType: "application/json", responseJsonSchema: this.schema });
    return more;
  }

  async reply() {
    const options = { model: this.model, contents: this.history, config: this.options() };
    const chunks = [];
    if (this.stream) for await (const chunk of await this.api.generateContentStream(options)) chunks.push(chunk);
    else chunks.push(await this.api.generateContent(options));
    const parts = chunks.flatMap((chunk) => chunk.candidates?.[0]?.content?.parts ?? []);
    const kept = this.forgets ? parts.filter((part) => !part.thought).map((part) => without(part, "thoughtSignature")) : parts;
    this.history.push({ role: "model", parts: plain(kept.filter((part) => part.text !== "" || part.thoughtSignature)) });
    const last = chunks.at(-1);
    const { finishReason } = last.candidates[0];
    assert.ok(["STOP", "MAX_TOKENS"].includes(finishReason), `finishReason ${finishReason}`);
    const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
    const { promptTokenCount, candidatesTokenCount = 0, thoughtsTokenCount = 0 } = last.usageMetadata;
    return {
      text: join(parts.filter((part) => !part.thought), "text"), think: join(parts.filter((part) => part.thought), "text"), calls: calls.map((call) => [call.name, call.args ?? {}]),
      ids: calls.map(({ id, name }) => ({ id, name })), limited: finishReason === "MAX_TOKENS", tokens: [promptTokenCount, candidatesTokenCount + thoughtsTokenCount],
    };
  }

  async count(text) {
    return (await this.api.countTokens({ model: this.model, contents: text })).totalTokens;
  }
}

export const CLIENTS = { messages: Messages, chat: Chat, responses: Responses, google: Google };
