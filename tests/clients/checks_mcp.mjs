// The MCP server with the official TypeScript SDK, whose validator refuses all tools for one bad schema.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

async function connect() {
  const home = mkdtempSync(join(tmpdir(), "mcp-"));
  const client = new Client({ name: "typescript", version: "1" });
  const env = { HOME: home, PATH: "/usr/bin:/bin" };
  await client.connect(new StdioClientTransport({ command: process.env.LLM_ROUTER_BIN, args: ["mcp"], env }));
  return client;
}
const provider = { provider: "p", base_url: "http://127.0.0.1:9/v1", models: ["m"] };

const checks = {
  async every_tool_is_listed_and_results_fit() {
    const client = await connect();
    const { tools } = await client.listTools();
    assert.ok(tools.length >= 20);
    const call = (name, args) => client.callTool({ name, arguments: args });
    const added = await call("add_provider", provider);
    assert.equal(added.structuredContent.changed, true);
    assert.equal(JSON.parse(added.content[0].text).revision, added.structuredContent.revision);
    for (const name of ["get_config", "list", "validate", "history"]) assert.ok((await call(name, {})).structuredContent, name);
    const wrong = await call("set_alias", { alias: 7 });
    assert.ok(wrong.isError && !wrong.structuredContent && /must be a string/.test(wrong.content[0].text));
    await client.close();
  },
  async resources_prompts_completions() {
    const client = await connect();
    assert.match(client.getInstructions(), /gateway/);
    for (const { uri } of (await client.listResources()).resources) assert.ok((await client.readResource({ uri })).contents[0].text);
    for (const { name } of (await client.listPrompts()).prompts) assert.ok((await client.getPrompt({ name })).messages[0].content.text);
    const ref = { type: "ref/prompt", name: "setup" };
    const { completion } = await client.complete({ ref, argument: { name: "provider", value: "open" } });
    assert.deepEqual(completion.values.slice(0, 2), ["openai", "openrouter"]);
    await client.close();
  },
  async subscriptions() {
    const client = await connect();
    const told = new Promise((resolve) => client.setNotificationHandler(ResourceUpdatedNotificationSchema, resolve));
    await client.subscribeResource({ uri: "llm-router://config" });
    await client.callTool({ name: "add_provider", arguments: provider });
    assert.equal((await told).params.uri, "llm-router://config");
    await client.close();
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log("ok     mcp, typescript:", name.replaceAll("_", " "));
  } catch (error) {
    failed += 1;
    console.log("FAILED mcp, typescript:", name.replaceAll("_", " "));
    console.error(error);
  }
}
process.exit(failed ? 1 : 0);
