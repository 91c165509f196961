// Every scenario of strict/scenarios.json with every Node SDK against every format's provider, as
// matrix_python.py: one line for each pair, one more for each scenario that fails.
// `matrix_node.mjs [WORD...]` runs the pairs and scenarios whose name holds each word.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CLIENTS } from "./sdks_node.mjs";

const { STRICT_GATEWAY: URL, STRICT_URL: STRICT } = process.env;
const TABLE = JSON.parse(readFileSync(new globalThis.URL("strict/scenarios.json", import.meta.url)));
const wanted = process.argv.slice(2);

// What the table has for a pair: scenario, kind of model, mode.
function* cells(client, provider) {
  const cannot = [...TABLE["clients cannot"][client], ...TABLE["providers cannot"][provider]];
  for (const [name, scenario] of Object.entries(TABLE.scenarios)) {
    const { agent, needs = [], clients = [client], forgets, models = ["plain"], raises, only } = scenario;
    if (agent || needs.some((need) => cannot.includes(need)) || !clients.includes(client) || (forgets && client === provider)) continue;
    for (const kind of models)
      for (const mode of ["whole", "stream"])
        if ((kind in TABLE.models[provider] || raises) && (only ?? mode) === mode) yield { name, scenario, kind, mode };
  }
}

const same = (sent, got, what) => assert.deepEqual(got, sent, `${what}: the provider sent ${JSON.stringify(sent)}, the client received ${JSON.stringify(got)}`);

async function converse(client, scenario, name, run, shows) {
  for (const turn of scenario.turns) {
    const tag = client.last ? "" : `[[${name} ${run}]] `;
    const reply = "say" in turn ? await client.ask(tag + turn.say, turn.images) : await client.answer(turn.results);
    const { model } = turn;
    same(model.text ?? "", reply.text, "text");
    same(model.calls ?? [], reply.calls, "calls");
    same(model.stop === "limit", reply.limited, "whether it was the limit");
    if ("think" in model && shows && !scenario.forgets) same(model.think, reply.think, "thoughts");
    same([30, 12], reply.tokens, "tokens");
  }
}

async function fails(client, scenario, name, run) {
  const { errors, tooLong } = client.constructor;
  const kind = scenario.raises;
  const error = await client.ask(`[[${name} ${run}]] ${scenario.turns[0].say}`).then(
    () => null,
    (error) => error,
  );
  assert.ok(error, `no ${errors[kind].name}`);
  assert.ok(error instanceof errors[kind], `raised ${error.constructor.name}, not ${errors[kind].name}: ${error.message}`);
  const status = error.status;
  assert.ok(kind !== "too long" || (status === 400 && `${error.message} ${error.code}`.includes(tooLong)), `${status}, or the words that clients act on are missing: ${error.message}`);
  assert.ok(kind !== 429 || !error.headers || error.headers.get("retry-after") === "7", "no Retry-After");
  assert.ok(typeof kind !== "number" || kind === status, `${status}, not ${kind}`);
  assert.ok(kind !== "overloaded" || [503, 529].includes(status), `${status} of an overload`);
}

async function play(format, provider, { name, scenario, kind, mode }, run) {
  const models = TABLE.models[provider];
  const target = kind in models ? `${provider}/${models[kind]}` : `${provider}-${kind}/${models.plain}`;
  const client = new CLIENTS[format](URL, target, kind, scenario, TABLE, mode === "stream");
  let words;
  let turns = 0;
  try {
    if (scenario.raises) await fails(client, scenario, name, run);
    else if (scenario.counts) assert.ok((await client.count(`[[${name} ${run}]] ${scenario.turns[0].say}`)) > 0);
    else {
      turns = scenario.turns.length;
      await converse(client, scenario, name, run, format !== "chat" && provider !== "chat");
    }
  } catch (error) {
    words = `${error.constructor.name}: ${error.message}`;
  }
  const log = await (await fetch(`${STRICT}/log/${run}`)).json();
  if (log.wrong.length) words = `${log.wrong.join(" / ")}${words ? ` / and the client: ${words}` : ""}`;
  if (!words && turns && log.turns !== turns) words = `the provider saw ${log.turns} of ${turns} turns`;
  return words && [words, ...log.received.map((text) => text.slice(-1800))].join("\n    received: ");
}

async function pairs(format) {
  let failed = 0;
  let run = 0;
  for (const provider of Object.keys(TABLE.models)) {
    const fine = {};
    let seen = 0;
    for (const cell of cells(format, provider)) {
      const title = `node ${format} -> ${provider}: ${cell.name}, ${cell.kind}, ${cell.mode}`;
      if (!wanted.every((word) => title.includes(word))) continue;
      seen += 1;
      const words = await play(format, provider, cell, `js${format}${(run += 1)}`);
      if (words) {
        failed += 1;
        console.log(`FAILED ${title}: ${words}`);
      } else fine[cell.name] = (fine[cell.name] ?? 0) + 1;
    }
    const sum = Object.values(fine).reduce((sum, one) => sum + one, 0);
    if (sum) console.log(`ok     node ${format} -> ${provider}, ${sum} of ${seen}: ${Object.keys(fine).join(", ")}`);
  }
  return failed;
}

// Clients side by side: most of the time is waiting.
const failed = await Promise.all(Object.keys(CLIENTS).map(pairs));
process.exit(failed.some((count) => count > 0) ? 1 : 0);
