"""The gateway's config for the strict providers: `python3 -m strict.config PORT`.

Each provider speaks one format, so that clients of the other three are translated for. What fails
rests, so failures have models of their own, and a refused key has a provider of its own.
"""

import json
import sys
from pathlib import Path

# Who they are taken for. That of Chat is nobody known: OpenAI itself would be asked in Responses.
VENDORS = {"messages": {"vendor": "anthropic"}, "chat": {}, "responses": {"vendor": "openai"}, "google": {"vendor": "gemini"}}
FORMATS = {"messages": "anthropic", "chat": "openai", "responses": "openai-responses", "google": "gemini"}
FAILING = ("forbidden", "limited", "failing", "loaded", "broken")


def config(port, models):
    providers = []
    for provider, format_ in FORMATS.items():
        known = models[provider]
        one = {"id": provider, **VENDORS[provider], "baseUrl": f"http://127.0.0.1:{port}/{provider}/base", "apiKey": "provider-key", "formats": [format_], "models": list(known.values())}
        failing = [{**one, "id": f"{provider}-{name}", "models": [known["plain"]]} for name in FAILING]
        providers += [one, *failing, {**one, "id": f"{provider}-refused", "apiKey": "another-key"}]
    return {"providers": providers, "server": {"retry": {"attempts": 1}}}


if __name__ == "__main__":
    table = json.loads(Path(__file__).with_name("scenarios.json").read_text())
    print(json.dumps(config(sys.argv[1], table["models"])))
