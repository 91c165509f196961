"""Every scenario of `strict/scenarios.json` with every Python SDK against every format's provider.

One line for each pair, one more for each scenario that fails. `matrix_python.py [WORD...]` runs the
pairs and scenarios whose name holds each word.
"""

import json
import os
import sys
import urllib.request
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sdks_python import CLIENTS

warnings.filterwarnings("ignore")
URL, STRICT = os.environ["STRICT_GATEWAY"], os.environ["STRICT_URL"]
TABLE = json.loads((Path(__file__).parent / "strict" / "scenarios.json").read_text())
THOUGHTS_STAY_WITHIN = ("chat",)  # providers, and clients, that do not show them


def cells(client, provider):
    """What the table has for a pair: scenario, kind of model, mode."""
    cannot = {*TABLE["clients cannot"][client], *TABLE["providers cannot"][provider]}
    for name, scenario in TABLE["scenarios"].items():
        if scenario.get("agent") or cannot & set(scenario.get("needs", [])) or client not in scenario.get("clients", CLIENTS) or scenario.get("forgets") and client == provider:
            continue
        for kind in scenario.get("models", ["plain"]):
            for mode in ("whole", "stream"):
                known = kind in TABLE["models"][provider] or "raises" in scenario
                if known and scenario.get("only", mode) == mode:
                    yield name, scenario, kind, mode


def same(wanted, got, what):
    assert wanted == got, f"{what}: the provider sent {wanted!r}, the client received {got!r}"


def converse(client, scenario, name, run, provider):
    for turn in scenario["turns"]:
        tag = f"[[{name} {run}]] " if client.last is None else ""
        reply = client.ask(tag + turn["say"], turn.get("images", [])) if "say" in turn else client.answer(turn["results"])
        wanted = turn["model"]
        same(wanted.get("text", ""), reply.text, "text")
        same(wanted.get("calls", []), reply.calls, "calls")
        same(wanted.get("stop") == "limit", reply.limited, "whether it was the limit")
        if "think" in wanted and not scenario.get("forgets") and not {provider, client.format} & set(THOUGHTS_STAY_WITHIN):
            same(wanted["think"], reply.think, "thoughts")
        same((30, 12), (reply.input, reply.output), "tokens")
    return len(scenario["turns"])


def fails(client, scenario, name, run):
    kind = scenario["raises"]
    try:
        client.ask(f"[[{name} {run}]] {scenario['turns'][0]['say']}")
    except client.errors[kind] as error:
        assert not isinstance(error, AssertionError), error
        response = getattr(error, "response", None)
        assert kind != "too long" or client.too_long in f"{error} {getattr(error, 'code', None)}", f"the words that clients act on are missing: {error}"
        assert kind != 429 or response.headers["retry-after"] == "7", "no Retry-After"
        status = getattr(error, "status_code", None) or getattr(error, "code", None)
        assert not isinstance(kind, int) or kind == status, f"{status}, not {kind}"
        assert kind != "overloaded" or status in (503, 529), f"{status} of an overload"
        return
    except Exception as error:
        raise AssertionError(f"raised {type(error).__name__}, not {client.errors[kind].__name__}: {error}") from error
    raise AssertionError(f"no {client.errors[kind].__name__}")


def log_of(run):
    with urllib.request.urlopen(f"{STRICT}/log/{run}") as reply:
        return json.load(reply)


def play(format_, provider, name, scenario, kind, mode, run):
    """Nothing, or what went wrong."""
    models = TABLE["models"][provider]
    target = f"{provider}/{models[kind]}" if kind in models else f"{provider}-{kind}/{models['plain']}"
    client = CLIENTS[format_](URL, target, kind, scenario, TABLE, mode == "stream")
    client.format, turns = format_, 0
    try:
        if "raises" in scenario:
            fails(client, scenario, name, run)
        elif scenario.get("counts"):
            assert client.count(f"[[{name} {run}]] {scenario['turns'][0]['say']}") > 0
        else:
            turns = converse(client, scenario, name, run, provider)
        words = None
    except Exception as error:
        words = f"{type(error).__name__}: {error}"
    log = log_of(run)
    if log["wrong"]:
        words = " / ".join(log["wrong"]) + (f" / and the client: {words}" if words else "")
    if not words and turns and log["turns"] != turns:
        words = f"the provider saw {log['turns']} of {turns} turns"
    return words and f"{words}\n    received: " + "\n    received: ".join(text[-1800:] for text in log["received"])


def pairs_of(format_, wanted):
    """All providers for one client: how much failed."""
    failed, run = 0, 0
    for provider in TABLE["models"]:
        fine, seen = {}, 0
        for name, scenario, kind, mode in cells(format_, provider):
            title = f"python {format_} -> {provider}: {name}, {kind}, {mode}"
            if not all(word in title for word in wanted):
                continue
            run, seen = run + 1, seen + 1
            words = play(format_, provider, name, scenario, kind, mode, f"py{format_}{run}")
            if words:
                failed += 1
                print(f"FAILED {title}: {words}", flush=True)
            else:
                fine[name] = fine.get(name, 0) + 1
        if fine:
            print(f"ok     python {format_} -> {provider}, {sum(fine.values())} of {seen}: {', '.join(fine)}", flush=True)
    return failed


# Clients side by side: most of the time is waiting.
with ThreadPoolExecutor(len(CLIENTS)) as pool:
    failed = sum(pool.map(lambda format_: pairs_of(format_, sys.argv[1:]), CLIENTS))
sys.exit(failed > 0)
