# The MCP server in the official SDKs, the inspector and the agents. Sourced by run.sh, which has
# installed the packages and started the scripted provider.

export LLM_ROUTER_BIN=$bin PROVIDER_PORT=$port
if [ -x .venv/bin/python ] && .venv/bin/python -c 'import mcp' 2>/dev/null; then
  timeout 300 .venv/bin/python checks_mcp.py >"$work/mcp-python" 2>"$work/mcp-python.err"
  status=$?
  tally "$work/mcp-python"
  [ $status -eq 0 ] || tail -15 "$work/mcp-python.err"
  [ $status -eq 0 ] || grep -q '^FAILED' "$work/mcp-python" || verdict "mcp, python ended early ($status)" 1
else
  skip "mcp, python" "its package is not there"
fi
if [ -d node_modules/@modelcontextprotocol/sdk ]; then
  timeout 120 "$node" checks_mcp.mjs >"$work/mcp-node" 2>"$work/mcp-node.err"
  status=$?
  tally "$work/mcp-node"
  [ $status -eq 0 ] || tail -15 "$work/mcp-node.err"
  [ $status -eq 0 ] || grep -q '^FAILED' "$work/mcp-node" || verdict "mcp, typescript ended early ($status)" 1
else
  skip "mcp, typescript" "its package is not there"
fi

# What `client-config` prints, in the tools that it is for.
if [ -x .venv/bin/python ]; then
  NODE=$node NODE_MODULES=$here/node_modules timeout 900 .venv/bin/python checks_mcp_lines.py >"$work/lines" 2>"$work/lines.err"
  status=$?
  tally "$work/lines"
  skipped=$((skipped + $(grep -c '^SKIPPED' "$work/lines")))
  [ $status -eq 0 ] || tail -25 "$work/lines.err"
  [ $status -eq 0 ] || grep -q '^FAILED' "$work/lines" || verdict "client-config, python ended early ($status)" 1
else
  skip "client-config" "there is no python"
fi

# Agents find the program by its name.
mkdir -p "$work/bin"
ln -sf "$bin" "$work/bin/llm-router"
agent_path=$work/bin:$(dirname "$node"):$PATH

as_agent() { # name of a home, command...: runs a command of an agent in a home of its own
  local home=$work/mcp/$1
  shift
  mkdir -p "$home"
  (cd "$home" && HOME=$home CODEX_HOME=$home/.codex PATH=$agent_path IS_SANDBOX=1 AMP_API_KEY=any AMP_SKIP_UPDATE_CHECK=1 \
    GEMINI_CLI_TRUST_WORKSPACE=true timeout 90 "$@" </dev/null)
}
says() { # name, words that must come, home, command...
  local name=$1 words=$2
  shift 2
  as_agent "$@" >"$work/mcp.out" 2>&1
  grep -q -- "$words" "$work/mcp.out"
  local status=$?
  verdict "mcp, $name" $status
  [ $status -eq 0 ] || tail -c 600 "$work/mcp.out"
}

inspector=$here/node_modules/.bin/mcp-inspector
if [ -x "$inspector" ] && PATH=$agent_path "$inspector" --help >/dev/null 2>&1; then
  for era in legacy modern; do
    as_agent inspector "$inspector" --cli --protocol-era $era --format json llm-router mcp --method tools/list --strict >"$work/mcp.out" 2>&1
    verdict "mcp, inspector, strict: $era" $?
  done
  says "inspector: a call" '"exists":false' inspector "$inspector" --cli --format json llm-router mcp --method tools/call --tool-name get_config --tool-args-json '{}'
  says "inspector: 500 calls, 20 at once" '"ok":500' inspector "$inspector" --cli --format json llm-router mcp --method tools/call --tool-name list --load --load-requests 500 --load-concurrency 20
else
  skip "mcp, inspector" "it needs node 22.19 or newer"
fi

# The registrations of the README, word for word, and what each agent then says of the server.
if [ -x "$claude" ]; then
  says "claude mcp add" "Added stdio MCP server" claude "$claude" mcp add llm-router -- llm-router mcp
  says "claude mcp list" "✔ Connected" claude "$claude" mcp list
  says "claude -p calls a tool" '\\"revision\\"' claude env ANTHROPIC_BASE_URL="$DEMO_URL" ANTHROPIC_AUTH_TOKEN=any ANTHROPIC_DEFAULT_HAIKU_MODEL=demo/agent \
    "$claude" --model demo/agent -p 'call the tool mcp__llm-router__get_config with {}' --output-format stream-json --verbose --allowedTools 'mcp__llm-router__*'
  says "claude -p --mcp-config calls a tool" 'The tool answered:.*exists' claude env ANTHROPIC_BASE_URL="$DEMO_URL" ANTHROPIC_AUTH_TOKEN=any ANTHROPIC_DEFAULT_HAIKU_MODEL=demo/agent \
    "$claude" --model demo/agent -p 'call the tool mcp__router__get_config with {}' --strict-mcp-config \
    --mcp-config '{"mcpServers":{"router":{"command":"llm-router","args":["mcp"]}}}' --allowedTools 'mcp__router__*'
else
  skip "claude mcp" "its package has no binary for this machine"
fi
codex=$here/node_modules/.bin/codex
if [ -x "$codex" ] && PATH=$agent_path "$codex" --version >/dev/null 2>&1; then
  mkdir -p "$work/mcp/codex/.codex"
  says "codex mcp add" "Added global MCP server" codex "$codex" mcp add llm-router -- llm-router mcp
  says "codex mcp list" "enabled" codex "$codex" mcp list
  says "codex exec calls a tool" '"running":false' codex env ROUTER_KEY=any "$codex" exec --skip-git-repo-check \
    -c model=demo/agent -c model_provider=router \
    -c "model_providers.router={name=\"router\",base_url=\"$DEMO_URL/v1\",env_key=\"ROUTER_KEY\",wire_api=\"responses\"}" \
    'call the tool mcp__llm_router__status with {}'
else
  skip "codex mcp" "its package has no binary for this machine"
fi
gemini=$here/node_modules/.bin/gemini
if [ -x "$gemini" ]; then
  says "gemini mcp add" "added to user settings" gemini "$gemini" mcp add -s user llm-router llm-router mcp
  says "gemini mcp list" "llm-router.*Connected" gemini "$gemini" mcp list
  printf '%s' '{"security":{"auth":{"selectedType":"gemini-api-key"}},"mcpServers":{"llm-router":{"command":"llm-router","args":["mcp"]}}}' \
    >"$work/mcp/gemini/.gemini/settings.json"
  says "gemini -p calls a tool" '"running":false' gemini env GOOGLE_GEMINI_BASE_URL="$DEMO_URL" GEMINI_API_KEY=any \
    "$gemini" -m demo/agent --yolo -p 'call the tool mcp_llm-router_status with {}'
else
  skip "gemini mcp" "its package is not there"
fi
opencode=$here/node_modules/opencode-linux-x64/bin/opencode
if [ -x "$opencode" ]; then
  mkdir -p "$work/mcp/opencode"
  printf '%s' '{"mcp":{"llm-router":{"type":"local","command":["llm-router","mcp"],"enabled":true}}}' >"$work/mcp/opencode/opencode.json"
  says "opencode mcp list" "llm-router.*connected" opencode "$opencode" mcp list
  printf '%s' '{"mcp":{"llm-router":{"type":"local","command":["llm-router","mcp"],"enabled":true}},
    "provider":{"router":{"npm":"@ai-sdk/openai-compatible","options":{"baseURL":"'"$DEMO_URL"'/v1","apiKey":"any"},"models":{"demo/agent":{}}}},
    "model":"router/demo/agent","small_model":"router/demo/agent"}' >"$work/mcp/opencode/opencode.json"
  says "opencode run calls a tool" 'The tool answered:.*running' opencode "$opencode" run 'call the tool llm-router_status with {}'
else
  skip "opencode mcp" "its package has no binary for this machine"
fi
amp=$here/node_modules/@ampcode/cli-linux-x64/amp
if [ -x "$amp" ]; then
  says "amp mcp add" "Added amp.mcpServers.llm-router" amp "$amp" mcp add llm-router -- llm-router mcp
  says "amp mcp doctor" "llm-router (user settings): connected" amp "$amp" mcp doctor
else
  skip "amp mcp" "its package has no binary for this machine"
fi
