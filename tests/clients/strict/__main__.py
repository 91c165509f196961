"""Serves the four strict providers on one port, each under its own path: `python3 -m strict`.

What a model does stands in `scenarios.json`; the user's text names the scenario and the run, as
`[[text run1]]`. What was wrong with a run's requests is at `/log/RUN`: a gateway that mends a refused
request does not hide it.
"""

import json
import re
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from .asked import chat, google, messages, responses
from .rules import Refused
from .seen import names, wrong
from .told import Answer
from .told import chat as chat_told, google as google_told, messages as messages_told, responses as responses_told

KEY = "provider-key"
TABLE = json.loads(Path(__file__).with_name("scenarios.json").read_text())
FORMATS = {"messages": (messages, messages_told), "chat": (chat, chat_told), "responses": (responses, responses_told), "google": (google, google_told)}
KEYS = {"messages": "x-api-key", "chat": "authorization", "responses": "authorization", "google": "x-goog-api-key"}
TAG = re.compile(rf"\[\[({'|'.join(TABLE['scenarios'])}) (\w+)\]\]")
RUNS = {}


# What a gateway cannot know of a provider but learns from its refusal, and then must not do again:
# as often as clients may ask at once.
LEARNED, MOST = {("chat", "max_tokens"): 0}, 4


def mended(provider, refused):
    key = (provider, refused.place)
    if key not in LEARNED:
        return False
    LEARNED[key] += 1
    return LEARNED[key] <= MOST


class Run:
    def __init__(self):
        self.wrong, self.received, self.issued, self.seals, self.turns = [], [], {}, {}, 0


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        run = RUNS.get(self.path.rsplit("/", 1)[1], Run())
        self.json({"wrong": run.wrong, "received": run.received[-3:], "turns": run.turns})

    def do_POST(self):
        text = self.rfile.read(int(self.headers["content-length"])).decode()
        tag = TAG.search(text)
        scenario, name = tag.groups() if tag else ("unscripted", "unscripted")
        run = RUNS.setdefault(name, Run())
        run.received.append(text)
        path = self.path.split("?")[0]
        provider, _, rest = path.strip("/").partition("/")
        try:
            self.answer(provider, rest, json.loads(text), TABLE["scenarios"][scenario], name)
        except Refused as refused:
            if refused.status == 400 and not mended(provider, refused):
                run.wrong.append(f"{provider} refuses {refused}")
            self.json(FORMATS[provider][1].fault(refused.status, str(refused), refused.place), refused.status)
        except BrokenPipeError:
            self.close_connection = True
        except Exception as error:  # a hole in a rule must not look like the gateway's fault
            run.wrong.append(f"the strict provider itself failed: {type(error).__name__}: {error}")
            self.json({"error": {"message": str(error)}}, 500)

    def answer(self, provider, rest, body, scenario, name):
        run, (asked_, told_) = RUNS[name], FORMATS[provider]
        self.known(provider)
        headers = {key.lower(): value for key, value in self.headers.items()}
        if provider == "google":
            headers["x-model"], _, headers["x-verb"] = rest.rsplit("/", 1)[1].partition(":")
        counting = rest.endswith(("count_tokens", "input_tokens", ":countTokens"))
        seen = asked_.check(body, headers, run.issued, counting)
        if counting:
            return self.json(told_.COUNT)
        if seen.turn >= len(scenario["turns"]):
            raise Refused("turns", f"the scenario has {len(scenario['turns'])} turns, this is one more")
        issued = [seal for turn in range(seen.turn) for seal in run.seals.get(turn, [])]
        lines = wrong(seen, scenario, TABLE, issued)
        if lines:
            raise Refused(f"turn {seen.turn}", "; ".join(lines))
        run.turns = seen.turn + 1
        script = scenario["turns"][seen.turn]["model"]
        if "error" in script:
            return self.fault(script["error"], told_)
        self.tell(script, seen, run, name, provider)

    def tell(self, script, seen, run, name, provider):
        told_ = FORMATS[provider][1]
        received = {ours: theirs for theirs, ours in names(seen, TABLE).items()}
        calls = [(received.get(tool, tool), arguments) for tool, arguments in script.get("calls", [])]
        think = script.get("think", "") if seen.thinks else ""
        answer = Answer(name, seen.turn, seen.model, think, script.get("text", ""), calls, script.get("stop", ""), script.get("sequence", ""), seen.usage, seen.shows, seen.sealed, run.issued)
        if not seen.stream:
            self.json(told_.message(answer))
        else:
            events = told_.stream(answer)
            begun = events[:4] if len(events) > 6 else events[:-1]
            ends = {"error": begun + told_.break_off(), "cut": begun}
            breaks = script.get("breaks")
            self.stream(ends[breaks] if breaks else events, breaks == "cut")
        # In a stream of Messages nothing may stand behind a last text (`claude -p` prints the last block),
        # and Google only recommends that the seal of a text comes back.
        may_stay = provider == "google" and seen.stream and ("messages" in name or "claude" in name)
        run.seals[seen.turn] = [seal for seal in answer.seals if not may_stay or run.issued[seal]]

    def known(self, provider):
        """The key in its own place and nothing that a gateway must keep to itself."""
        given = {name: self.headers[name] for name in ("x-api-key", "authorization", "x-goog-api-key", "cookie") if name in self.headers}
        if given != {KEYS[provider]: ("Bearer " if KEYS[provider] == "authorization" else "") + KEY}:
            raise Refused("key", "invalid key", 401)

    def fault(self, error, told_):
        status, words = (400, told_.TOO_LONG) if error == "too long" else told_.OVERLOADED if error == "overloaded" else (error, f"scripted {error}")
        self.json(told_.fault(status, words), status, {"retry-after": "7"} if status == 429 else {})

    def stream(self, events, cut):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream; charset=utf-8")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if cut:
            self.close_connection = True
            return self.connection.close()
        self.wfile.write(b"0\r\n\r\n")

    def json(self, body, status=200, headers={}):
        data = json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), "set-cookie": "a=b", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()
