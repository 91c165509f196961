"""OpenAI Chat Completions, as its API reference and its errors have it."""

import json

from ..rules import anything, below, between, boolean, by, closed, either, fields, like, maybe, need, of, several, string, table, whole
from ..seen import Seen

NAME = r"[a-zA-Z0-9_-]{1,64}"
TEXT = fields("type text", type=string, text=string)
IMAGE = fields("type image_url", type=string, image_url=fields("url", url=like(r"https?://.+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*"), detail=of("auto", "low", "high", "original")))
CALL = fields("id type function", id=below(40), type=of("function"), function=fields("name arguments", name=like(NAME), arguments=string))
SAID = either(string, several(by("type", text=TEXT), 1))
ROLES = {
    "system": fields("role content", role=string, content=SAID, name=string),
    "developer": fields("role content", role=string, content=SAID, name=string),
    "user": fields("role content", role=string, content=either(string, several(by("type", text=TEXT, image_url=IMAGE), 1)), name=string),
    "assistant": fields("role", role=string, content=maybe(either(string, several(by("type", text=TEXT, refusal=anything), 1))), refusal=maybe(string), name=string, tool_calls=several(CALL, 1), annotations=anything, audio=maybe(table)),
    "tool": fields("role content tool_call_id", role=string, content=SAID, tool_call_id=below(40)),
}
TOOL = fields("type function", type=of("function"), function=fields("name", name=like(NAME), description=string, parameters=table, strict=maybe(boolean)))
CHOICE = either(of("none", "auto", "required"), by("type", function=fields("function", type=string, function=fields("name", name=like(NAME))), allowed_tools=anything))
FORM = by("type", text=fields(type=string), json_object=fields(type=string),
          json_schema=fields("json_schema", type=string, json_schema=fields("name", name=like(NAME), description=string, schema=table, strict=maybe(boolean))))
BODY = fields("model messages", model=string, messages=several(table, 1), stream=maybe(boolean), stream_options=fields(include_usage=boolean, include_obfuscation=boolean),
              max_tokens=maybe(whole(1)), max_completion_tokens=maybe(whole(1)), temperature=between(0, 2), top_p=between(0, 1), n=whole(1), stop=either(string, several(string, 1, 4)),
              tools=several(TOOL, 1), tool_choice=CHOICE, parallel_tool_calls=boolean, response_format=FORM, reasoning_effort=maybe(string), verbosity=of("low", "medium", "high"),
              metadata=table, store=maybe(boolean), user=string, safety_identifier=below(64), prompt_cache_key=below(64), prompt_cache_retention=of("in_memory", "24h"),
              service_tier=of("auto", "default", "flex", "scale", "priority"), seed=whole(0), logprobs=boolean, top_logprobs=whole(0), frequency_penalty=between(-2, 2), presence_penalty=between(-2, 2))
MODELS = {"gpt-4.1": None, "gpt-5.1": ("none", "low", "medium", "high")}
OF_PLAIN_MODELS = ("max_tokens", "stop", "temperature", "top_p", "frequency_penalty", "presence_penalty", "logprobs", "top_logprobs")


def check(body, _headers, _issued, counting=False):
    need(body.get("model") in MODELS, "model", f"the model `{body.get('model')}` does not exist")
    BODY(body, "")
    efforts = MODELS[body["model"]]
    for name in OF_PLAIN_MODELS if efforts else ():
        need(name not in body, name, "unsupported parameter: it is not supported with this model")
    effort = body.get("reasoning_effort")
    need(effort is None or efforts, "reasoning_effort", "unrecognized request argument supplied")
    need(effort is None or effort in efforts, "reasoning_effort", f"unsupported value: {effort} is not supported with this model")
    need("stream_options" not in body or body.get("stream"), "stream_options", "only allowed when stream is enabled")
    seen = Seen(model=body["model"], stream=body.get("stream") or False, usage=body.get("stream_options", {}).get("include_usage", False),
                limit=body.get("max_completion_tokens", body.get("max_tokens")), thinks=effort not in (None, "none"))
    seen.shows = seen.thinks
    stop = body.get("stop", [])
    seen.stop = [stop] if isinstance(stop, str) else stop
    tools(body, seen)
    form = body.get("response_format", {})
    if form.get("type") == "json_schema":
        seen.schema = form["json_schema"].get("schema")
        if form["json_schema"].get("strict"):
            closed(seen.schema, "response_format.json_schema.schema", all_required=True)
    history(body["messages"], seen)
    return seen


def tools(body, seen):
    for at, tool in enumerate(body.get("tools", [])):
        function, place = tool["function"], f"tools.{at}.function"
        schema = function.get("parameters", {"type": "object"})
        need(schema.get("type") == "object", f"{place}.parameters", f"schema must be of type 'object', got {schema.get('type')!r}")
        if function.get("strict"):
            closed(schema, f"{place}.parameters", all_required=True)
        need(function["name"] not in seen.tools, place, "duplicate function name")
        seen.tools[function["name"]] = function.get("description")
    for name in ("tool_choice", "parallel_tool_calls"):
        need(name not in body or seen.tools, name, "only allowed when 'tools' are specified")
    choice = body.get("tool_choice", "auto")
    seen.choice = {"required": "any"}.get(choice, choice) if isinstance(choice, str) else choice["function"]["name"]
    need(seen.choice in ("auto", "any", "none") or seen.choice in seen.tools, "tool_choice", "no such tool")


def texts(content):
    return [content] if isinstance(content, str) else [part["text"] for part in content if part["type"] == "text"]


def history(messages, seen):
    waiting, before = {}, None
    for at, message in enumerate(messages):
        place, role = f"messages.{at}", message.get("role")
        need(role in ROLES, f"{place}.role", f"invalid value {role!r}, supported are {sorted(ROLES)}")
        ROLES[role](message, place)
        need(role == "tool" or not waiting, place, f"an assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id': {sorted(waiting)}")
        if role == "tool":
            call = message["tool_call_id"]
            need(call in waiting, place, "messages with role 'tool' must be a response to a preceding message with 'tool_calls'")
            seen.results.append((waiting.pop(call), " ".join(texts(message["content"]))))
        elif role == "assistant":
            calls = message.get("tool_calls", [])
            need(message.get("content") or message.get("refusal") or calls, f"{place}.content", "expected a string, got null or nothing")
            for call in calls:
                function = call["function"]
                need(call["id"] not in waiting, place, f"duplicate id {call['id']}")
                waiting[call["id"]] = seen.calls[call["id"]] = (function["name"], json.loads(function["arguments"]))
            seen.turn += before != "assistant"
        elif role == "user":
            seen.says += texts(message["content"])
            if not isinstance(message["content"], str):
                seen.images += [part["image_url"]["url"].split("base64,")[-1] for part in message["content"] if part["type"] == "image_url"]
        else:
            seen.system += texts(message["content"])
        before = role
    need(not waiting, "messages", f"tool_call_ids did not have response messages: {sorted(waiting)}")
