// The official Node SDKs against the gateway: one entry a check, run in order.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const { DEMO_URL, SCRIPTED_URL, KEYED_URL } = process.env;
const ask = [{ role: "user", content: "call the tool weather" }];
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const claude = (url, apiKey = "any") => new Anthropic({ baseURL: url, apiKey, maxRetries: 0 });
const gpt = (url, apiKey = "any") => new OpenAI({ baseURL: url + "/v1", apiKey, maxRetries: 0 });
const backends = [[DEMO_URL, "demo/echo", "demo/agent", /llm-router demo/], [SCRIPTED_URL, "p/text", "p/tool", /scripted text/]];

const checks = {
  async anthropic_text_stream_and_tool() {
    const tools = [{ name: "weather", input_schema: schema }];
    for (const [url, echo, agent, words] of backends) {
      const message = await claude(url).messages.create({ model: echo, max_tokens: 500, messages: ask });
      assert.match(message.content[0].text, words);
      const streamed = await claude(url).messages.stream({ model: echo, max_tokens: 500, messages: ask }).finalText();
      assert.match(streamed, words);
      const turn = await claude(url).messages.stream({ model: agent, max_tokens: 500, messages: ask, tools }).finalMessage();
      assert.equal(turn.stop_reason, "tool_use");
      assert.ok(turn.content.find((block) => block.type === "tool_use").input.city);
    }
  },
  async anthropic_errors() {
    const create = (url, key, model) => claude(url, key).messages.create({ model, max_tokens: 5, messages: ask });
    await assert.rejects(create(SCRIPTED_URL, "any", "p/txt"), Anthropic.NotFoundError);
    await assert.rejects(create(SCRIPTED_URL, "any", "p/e429"), Anthropic.RateLimitError);
    await assert.rejects(create(SCRIPTED_URL, "any", "p/e400"), Anthropic.BadRequestError);
    await assert.rejects(create(KEYED_URL, "wrong", "demo/echo"), Anthropic.AuthenticationError);
    await assert.rejects(claude(SCRIPTED_URL).messages.stream({ model: "p/cut", max_tokens: 5, messages: ask }).finalText());
  },
  async anthropic_tool_runner_falls_back_to_the_whole_history() {
    const tool = { name: "weather", description: "weather", input_schema: schema, run: () => "sunny", parse: (input) => input };
    const runner = claude(SCRIPTED_URL).beta.messages.toolRunner({ model: "p/tool", max_tokens: 50, messages: ask, tools: [tool] });
    const last = await runner;
    assert.match(last.content[0].text, /scripted text/);
  },
  async anthropic_models() {
    const ids = [];
    for await (const model of claude(SCRIPTED_URL).models.list()) ids.push(model.id);
    assert.ok(ids.includes("p/text"));
  },
  async openai_chat_and_responses() {
    for (const [url, echo, agent, words] of backends) {
      const reply = await gpt(url).chat.completions.create({ model: echo, messages: ask });
      assert.match(reply.choices[0].message.content, words);
      const stream = await gpt(url).chat.completions.stream({ model: echo, messages: ask }).finalContent();
      assert.match(stream, words);
      const response = await gpt(url).responses.stream({ model: echo, input: "hi" }).finalResponse();
      assert.match(response.output_text, words);
      const tools = [{ type: "function", function: { name: "weather", parameters: schema } }];
      const call = await gpt(url).chat.completions.stream({ model: agent, messages: ask, tools }).finalChatCompletion();
      assert.equal(call.choices[0].message.tool_calls[0].function.name, "weather");
    }
  },
  async openai_errors_models_and_embeddings() {
    await assert.rejects(gpt(SCRIPTED_URL).responses.create({ model: "p/txt", input: "x" }), OpenAI.NotFoundError);
    await assert.rejects(gpt(KEYED_URL, "wrong").models.list(), OpenAI.AuthenticationError);
    await assert.rejects(async () => { for await (const _ of await gpt(SCRIPTED_URL).chat.completions.create({ model: "p/cut", messages: ask, stream: true })); });
    const ids = [];
    for await (const model of gpt(SCRIPTED_URL).models.list()) ids.push(model.id);
    assert.ok(ids.includes("p/text"));
    const embedded = await gpt(SCRIPTED_URL).embeddings.create({ model: "p/text", input: "x", encoding_format: "float" });
    assert.deepEqual(embedded.data[0].embedding, [0.5, 0.25]);
  },
};

let failed = false;
for (const [name, run] of Object.entries(checks)) {
  try {
    await run();
    console.log(`ok     node ${name}`);
  } catch (error) {
    failed = true;
    console.log(`FAILED node ${name}: ${String(error.stack).split("\n").slice(0, 4).join(" | ")}`);
  }
}
process.exit(failed ? 1 : 0);
