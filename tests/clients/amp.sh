# Amp of spring 2026, with models of other vendors: every mode on every format, subagents, reviews, a
# terminal. Sourced by run.sh, which has installed the packages and started the demo's gateway.

: >"$work/amp.log"
python3 amp_upstream.py "$work/amp.log" >"$work/amp.port" 2>"$work/amp.err" & pids+=($!)
for _ in $(seq 100); do [ -s "$work/amp.port" ] && break; sleep 0.05; done
amp_port=$(cat "$work/amp.port")
[ -n "$amp_port" ] || { echo "FAILED Amp's scripted vendor does not start"; cat "$work/amp.err"; exit 1; }

# Models by what they stand in for. Google's third generation insists on signatures.
amp_models=$(printf ',"gemini-3-%s"' smart deep rush large title oracle finder review reviewer)
amp_vendor() { # provider, format
  printf '{"id":"%s","baseUrl":"http://127.0.0.1:%s","apiKey":"provider-key","formats":["%s"],"models":[%s]}' \
    "$1" "$amp_port" "$2" "${amp_models#,}"
}
amp_vendors="$(amp_vendor chat openai),$(amp_vendor responses openai-responses),$(amp_vendor messages anthropic),$(amp_vendor google gemini)"
amp_wires=(chat responses messages google)
amp_gateway() { # name, ampRouting
  gateway "$1" "{\"masterKey\":\"gw-key\",\"server\":{\"requireAuth\":true},\"providers\":[$amp_vendors],\"ampRouting\":$2}"
}
# Four gateways by modes (until April 2026; since then by the models that stand for them) and four by
# agents and models, each with its vendors one place further.
for turn in 0 1 2 3; do
  w=("${amp_wires[@]:turn}" "${amp_wires[@]:0:turn}")
  amp_gateway "modes$turn" "{
    \"modeMap\":{\"smart\":\"${w[0]}/gemini-3-smart\",\"deep\":\"${w[1]}/gemini-3-deep\",\"rush\":\"${w[2]}/gemini-3-rush\",\"large\":\"${w[3]}/gemini-3-large\"},
    \"modelMap\":{\"claude-opus-4-7\":\"${w[0]}/gemini-3-smart\",\"gpt-5.4\":\"${w[1]}/gemini-3-deep\",\"claude-haiku-4-5-20251001\":\"${w[2]}/gemini-3-rush\",\"claude-opus-4-6\":\"${w[3]}/gemini-3-large\"}}"
  amp_modes[turn]=$url
  amp_gateway "agents$turn" "{
    \"agentMap\":{\"review\":\"${w[1]}/gemini-3-review\"},
    \"modelMap\":{\"claude-opus-4-6\":\"${w[0]}/gemini-3-smart\",\"claude-opus-4-7\":\"${w[0]}/gemini-3-smart\",\"gpt-5.4\":\"${w[1]}/gemini-3-oracle\",
      \"claude-haiku-4-5-20251001\":\"${w[2]}/gemini-3-title\",\"gemini-3-flash-preview\":\"${w[3]}/gemini-3-finder\",
      \"google/gemini-3-pro-preview\":\"${w[3]}/gemini-3-reviewer\"},
    \"fallbackRoute\":\"${w[3]}/gemini-3-reviewer\"}"
  amp_agents[turn]=$url
done

# In a terminal Amp would load ripgrep from its maker; nothing here has a use for it.
export AMP_RIPGREP_PATH=$(command -v rg || command -v true)
amp_names=() amp_words=() amp_running=()
amp_begin() { # name, words, url, command...: begins a check in a folder of its own; four run at once
  local home=$work/amp/${#amp_names[@]}
  amp_names+=("$1") amp_words+=("$2")
  mkdir -p "$home/repo"
  (cd "$home/repo" && amp_folder && HOME=$home AMP_URL=$3 AMP_API_KEY=gw-key AMP_SKIP_UPDATE_CHECK=1 \
    timeout 120 "${@:4}" </dev/null >../out 2>../err) &
  amp_running+=($!)
  [ ${#amp_running[@]} -lt 4 ] || amp_wait
}
amp_wait() { [ ${#amp_running[@]} -eq 0 ] || wait "${amp_running[@]}"; amp_running=(); }
amp_folder() { # something to review
  { git init -q && echo one >a.txt && git add . && git -c user.name=a -c user.email=a@b commit -qm one && echo two >>a.txt; } >/dev/null 2>&1
  true
}
amp_turn() { # name, words, url, release, mode, prompt
  local flags=()
  [ "$5" = smart ] || flags=(-m "$5")
  amp_begin "amp -x, $4: $1" "$2" "$3" "$node" "$here/node_modules/amp-$4/dist/main.js" -x "$6" --dangerously-allow-all "${flags[@]}"
}

for release in march may; do
  main=$here/node_modules/amp-$release/dist/main.js
  if [ ! -f "$main" ]; then
    skip "amp, $release" "its package is not there"
    continue
  fi
  for turn in 0 1 2 3; do
    w=("${amp_wires[@]:turn}" "${amp_wires[@]:0:turn}")
    for place in 0 1 2 3; do
      modes=(smart deep rush large) mode=${modes[place]} wire=${w[place]}
      prompt="call the tool Bash with {\"cmd\":\"echo from-$mode\"}"
      [ "$mode" = deep ] && prompt="call the tool shell_command with {\"command\":\"echo from-$mode\"}"
      amp_turn "a tool turn in $mode, on $wire" "gemini-3-$mode speaks $wire and got .*from-$mode" "${amp_modes[turn]}" $release "$mode" "$prompt"
    done
    look='call the tool Read with {\"path\":\"/etc/passwd\"}'
    amp_turn "the subagent oracle on ${w[1]}, with a tool" "smart speaks ${w[0]} and got gemini-3-oracle speaks ${w[1]} and got .*root:" \
      "${amp_agents[turn]}" $release smart "call the tool oracle with {\"task\":\"$look\"}"
    amp_turn "the subagent finder on ${w[3]}, with a tool" "smart speaks ${w[0]} and got gemini-3-finder speaks ${w[3]} and got .*root:" \
      "${amp_agents[turn]}" $release smart "call the tool finder with {\"query\":\"$look\"}"
    if command -v git >/dev/null; then
      amp_begin "amp review, $release: on ${w[1]} and ${w[3]}, with a tool" "gemini-3-review speaks ${w[1]}.*gemini-3-reviewer speaks ${w[3]} and got .*+two" \
        "${amp_agents[turn]}" "$node" "$main" --dangerously-allow-all review
    fi
  done
  amp_turn "what needs Amp's own server" "upstreamUrl" "${amp_agents[0]}" $release smart 'call the tool web_search with {"objective":"x","search_queries":["x"]}'
  amp_begin "amp, $release: in a terminal" "seen" "${amp_agents[0]}" python3 "$here/amp_terminal.py" "Welcome to Amp" "hello" "smart sp.*was asked" "$node" "$main"
done
asked=${#amp_names[@]}
if [ -f "$here/node_modules/amp-march/dist/main.js" ]; then
  amp_begin "amp -x, march: smart, by the demo, without a key" "llm-router demo" "$DEMO_URL" "$node" "$here/node_modules/amp-march/dist/main.js" -x hello --dangerously-allow-all
fi
amp_wait
for number in "${!amp_names[@]}"; do
  tr '\n' ' ' <"$work/amp/$number/out" | grep -q "${amp_words[number]}"
  status=$?
  verdict "${amp_names[number]}" $status
  [ $status -eq 0 ] || tail -c 600 "$work/amp/$number/out" "$work/amp/$number/err"
done
if [ "$asked" -gt 0 ]; then
  # What Amp itself takes amiss (a title that is no call, for one; the demo makes none), and what the
  # vendors would refuse. Without Amp's server there is no feed of news.
  rm -rf "$work/amp/$asked"
  grep -h '"level":"error"' "$work"/amp/*/.cache/amp/logs/cli.log 2>/dev/null | grep -v 'News feed error' | cut -c1-300 >"$work/amp.errors"
  [ ! -s "$work/amp.errors" ]
  verdict "amp: nothing goes wrong inside" $?
  head -3 "$work/amp.errors"
  grep -v '"problem": null' "$work/amp.log" | grep -o '^.*"problem": "[^"]*' >"$work/amp.refused"
  [ -s "$work/amp.log" ] && [ ! -s "$work/amp.refused" ]
  verdict "amp: vendors are asked as they want to be" $?
  head -3 "$work/amp.refused"
fi
