"""Anthropic Messages, as its API reference and its errors have it."""

import re

from ..rules import Refused, anything, below, between, boolean, by, closed, either, fields, like, maybe, need, of, said, several, string, table, whole
from ..seen import Seen

NAME = r"[a-zA-Z0-9_-]{1,128}"
CACHE = maybe(fields("type", type=of("ephemeral"), ttl=of("5m", "1h")))
SOURCE = by("type",
            base64=fields("type media_type data", type=string, media_type=of("image/png", "image/jpeg", "image/gif", "image/webp"), data=like(r"[A-Za-z0-9+/]+=*")),
            url=fields("type url", type=string, url=like(r"https?://.+")))
TEXT = fields("type text", type=string, text=said, cache_control=CACHE, citations=anything)
IMAGE = fields("type source", type=string, source=SOURCE, cache_control=CACHE)
RESULT = fields("type tool_use_id", type=string, tool_use_id=like(NAME), content=either(string, several(by("type", text=TEXT, image=IMAGE))), is_error=boolean, cache_control=CACHE)
USE = fields("type id name input", type=string, id=like(NAME), name=like(NAME), input=table, cache_control=CACHE, caller=anything)
THINKING = fields("type thinking signature", type=string, thinking=string, signature=string)
REDACTED = fields("type data", type=string, data=string)
BLOCKS = {
    "user": by("type", text=TEXT, image=IMAGE, tool_result=RESULT),
    "assistant": by("type", text=TEXT, tool_use=USE, thinking=THINKING, redacted_thinking=REDACTED),
    "system": by("type", text=TEXT),
}
MESSAGE = fields("role content", role=of("user", "assistant", "system"), content=either(said, several(table, 1)))
TOOL = fields("name input_schema", type=of("custom"), name=like(NAME), description=string, input_schema=table, cache_control=CACHE, strict=boolean, eager_input_streaming=boolean, defer_loading=boolean)
SEARCH = fields("type name", type=string, name=of("web_search"), max_uses=whole(1), allowed_domains=several(string), blocked_domains=several(string), user_location=table, cache_control=CACHE)
TOOLS = several(lambda value, place: (SEARCH if value.get("type") == "web_search_20250305" else TOOL)(value, place))
CHOICE = by("type", auto=fields(type=string, disable_parallel_tool_use=boolean), any=fields(type=string, disable_parallel_tool_use=boolean),
            none=fields(type=string), tool=fields("name", type=string, name=like(NAME), disable_parallel_tool_use=boolean))
SHOWN = maybe(of("summarized", "omitted"))
THINK = by("type", disabled=fields(type=string), adaptive=fields(type=string, display=SHOWN), enabled=fields("budget_tokens", type=string, budget_tokens=whole(1024), display=SHOWN))
FORMAT = maybe(fields("type schema", type=of("json_schema"), schema=table))
COUNT = dict(model=string, messages=several(MESSAGE, 1), system=either(string, several(TEXT)), tools=TOOLS, tool_choice=CHOICE, thinking=THINK, cache_control=CACHE,
             output_config=fields(effort=of("low", "medium", "high", "xhigh", "max"), format=FORMAT))
BODY = fields("model messages max_tokens", **COUNT, max_tokens=whole(1), stream=boolean, metadata=fields(user_id=maybe(below(256))), stop_sequences=several(said),
              service_tier=of("auto", "standard_only"), context_management=table, temperature=between(0, 1), top_p=between(0, 1), top_k=whole(0))
COUNTED = fields("model messages", **COUNT)
MODELS = {  # how they think, and whether they know an effort
    "claude-haiku-4-5": ("budget", False),
    "claude-sonnet-4-5": ("budget", False),
    "claude-opus-4-7": ("adaptive", True),
}


def check(body, headers, issued, counting=False):
    need(headers.get("anthropic-version") in ("2023-06-01", "2026-10-21"), "anthropic-version", "header is required")
    need(body.get("model") in MODELS, "model", f"no such model: {body.get('model')}")
    (COUNTED if counting else BODY)(body, "")
    seen = Seen(model=body["model"], stream=body.get("stream", False), limit=body.get("max_tokens"), stop=body.get("stop_sequences", []))
    system = body.get("system", [])
    seen.system = [system] if isinstance(system, str) else [block["text"] for block in system]
    need(str(body).count("'cache_control': {") <= 4, "cache_control", "a maximum of 4 blocks with cache_control may be provided")
    for at, tool in enumerate(body.get("tools", [])):
        need("input_schema" not in tool or tool["input_schema"].get("type") == "object", f"tools.{at}.input_schema.type", "field required")
        need(tool["name"] not in seen.tools, "tools", "tool names must be unique")
        seen.tools[tool["name"]] = tool.get("description")
    wishes(body, seen)
    history(body["messages"], body["model"], seen, issued)
    last = body["messages"][-1]
    need(not (seen.thinks and last["role"] == "assistant"), "messages", "with thinking the last message must be the user's")
    if MODELS[body["model"]][0] == "budget" and seen.thinks:
        begins_with_thought(body["messages"])
    return seen


def wishes(body, seen):
    thinking, config = body.get("thinking", {}), body.get("output_config", {})
    how, efforts = MODELS[body["model"]]
    kind = thinking.get("type", "disabled")
    need(kind in ("disabled", {"budget": "enabled", "adaptive": "adaptive"}[how]), "thinking.type", f"{kind} is not supported for this model")
    need("effort" not in config or efforts, "output_config.effort", "this model does not support the effort parameter")
    seen.thinks = seen.sealed = kind != "disabled"
    seen.shows = seen.thinks and thinking.get("display", "summarized" if how == "budget" else "omitted") == "summarized"
    need("budget_tokens" not in thinking or thinking["budget_tokens"] < body.get("max_tokens", 1e9), "max_tokens", "must be greater than thinking.budget_tokens")
    sampling = [name for name in ("temperature", "top_p", "top_k") if name in body]
    need(not sampling or how != "adaptive", "/".join(sampling), "is not supported for this model")
    need(not seen.thinks or body.get("temperature", 1) == 1 and "top_k" not in body, "temperature", "may only be set to 1 when thinking is enabled")
    choice = body.get("tool_choice", {"type": "auto"})
    need("tool_choice" not in body or seen.tools, "tool_choice", "may only be specified while providing tools")
    need(not seen.thinks or choice["type"] in ("auto", "none"), "tool_choice", "thinking may not be enabled when tool_choice forces tool use")
    seen.choice = choice.get("name", choice["type"])
    need(seen.choice in ("auto", "any", "none") or seen.choice in seen.tools, "tool_choice.name", "no such tool")
    form = config.get("format")
    if form:
        closed(form["schema"], "output_config.format.schema")
        seen.schema = form["schema"]


def history(messages, model, seen, issued):
    need(messages[0]["role"] == "user", "messages.0.role", "first message must use the user role")
    before, open_uses = None, {}
    for at, message in enumerate(messages):
        role, place = message["role"], f"messages.{at}"
        need(role != "system" or not re.match("claude-.*-4-", model), f"{place}.role", "'system' is not supported by this model")
        need(role != before, f"{place}.role", f"roles must alternate between user and assistant, but found two of {role}")
        blocks = [{"type": "text", "text": message["content"]}] if isinstance(message["content"], str) else message["content"]
        for number, block in enumerate(blocks):
            BLOCKS[role](block, f"{place}.content.{number}")
        if role == "user":
            asked(blocks, place, open_uses, seen)
            open_uses = {}
        elif role == "assistant":
            need(not open_uses, place, f"tool_use ids were found without tool_result blocks immediately after: {sorted(open_uses)}")
            open_uses = told(blocks, place, seen, issued)
        before = role if role != "system" else before
    need(not open_uses, "messages", f"tool_use ids were found without tool_result blocks: {sorted(open_uses)}")


def asked(blocks, place, open_uses, seen):
    results = [block for block in blocks if block["type"] == "tool_result"]
    ids = [result["tool_use_id"] for result in results]
    missing = sorted(set(open_uses) - set(ids))
    need(not missing, place, f"tool_use ids were found without tool_result blocks immediately after: {missing}")
    need(blocks[: len(results)] == results, place, "tool_result blocks must come first in their message")
    for result in results:
        need(result["tool_use_id"] in open_uses, place, f"unexpected tool_use_id found in tool_result blocks: {result['tool_use_id']}")
        need(ids.count(result["tool_use_id"]) == 1, place, "each tool_use must have a single result")
        content = result.get("content", "")
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        seen.results.append((open_uses[result["tool_use_id"]], " ".join(part["text"] for part in parts if part["type"] == "text")))
        seen.images += [image(part) for part in parts if part["type"] == "image"]
    seen.says += [block["text"] for block in blocks if block["type"] == "text"]
    seen.images += [image(block) for block in blocks if block["type"] == "image"]


def image(block):
    return block["source"].get("data") or block["source"]["url"]


def told(blocks, place, seen, issued):
    seen.turn += 1
    uses = {}
    for at, block in enumerate(blocks):
        if block["type"] == "thinking":
            known = issued.get(block["signature"])
            need(known is not None, f"{place}.content.{at}", "Invalid `signature` in `thinking` block")
            need(block["thinking"] in known, f"{place}.content.{at}", "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. These blocks must remain as they were in the original response.")
            seen.seals.append(block["signature"])
        elif block["type"] == "tool_use":
            need(block["id"] not in seen.calls, f"{place}.content.{at}.id", "tool_use ids must be unique")
            uses[block["id"]] = seen.calls[block["id"]] = (block["name"], block["input"])
    need(blocks[-1]["type"] not in ("thinking", "redacted_thinking"), place, "the final block of an assistant message cannot be `thinking`")
    return uses


def begins_with_thought(messages):
    """With a budget the assistant's turn that waits for results begins with its thinking."""
    for message in reversed(messages):
        if message["role"] == "assistant" and isinstance(message["content"], list):
            kinds = [block["type"] for block in message["content"]]
            if "tool_use" in kinds and kinds[0] not in ("thinking", "redacted_thinking"):
                raise Refused("messages", f"expected `thinking` or `redacted_thinking`, but found `{kinds[0]}`: when `thinking` is enabled, a final assistant message must start with a thinking block")
        if message["role"] == "user" and not (isinstance(message["content"], list) and any(block["type"] == "tool_result" for block in message["content"])):
            return
