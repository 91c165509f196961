"""OpenAI Responses, as its API reference and its errors have it."""

import json

from ..rules import anything, below, between, boolean, by, closed, either, fields, like, maybe, need, of, several, string, table, whole
from ..seen import Seen
from .chat import NAME

IMAGE_URL = like(r"https?://.+|data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/]+=*")
INPUT = by("type", input_text=fields("type text", type=string, text=string), input_file=anything,
           input_image=fields("type image_url", type=string, image_url=IMAGE_URL, detail=maybe(of("auto", "low", "high", "original")), file_id=maybe(string)))
OUTPUT = by("type", output_text=fields("type text", type=string, text=string, annotations=several(table), logprobs=maybe(anything)), refusal=fields("refusal", type=string, refusal=string))
STATUS = maybe(of("in_progress", "completed", "incomplete"))
PHASE = maybe(of("commentary", "final_answer"))
MESSAGE = fields("role content", type=string, role=of("user", "assistant", "system", "developer"), content=anything, id=like(r"msg_.+"), status=STATUS, phase=PHASE)
ITEMS = by("type", message=MESSAGE,
           function_call=fields("call_id name arguments", type=string, id=maybe(like(r"fc_.+")), call_id=below(64), name=like(NAME), arguments=string, status=STATUS, namespace=maybe(string)),
           function_call_output=fields("call_id output", type=string, id=maybe(like(r"fco?_.+")), call_id=below(64), output=either(string, several(INPUT, 1)), status=STATUS),
           reasoning=fields("summary", type=string, id=like(r"rs_.+"), summary=several(fields("type text", type=of("summary_text"), text=string)),
                            content=maybe(several(fields(type=of("reasoning_text"), text=string))), encrypted_content=maybe(string), status=STATUS))
FUNCTION = fields("name parameters", type=string, name=like(NAME), description=maybe(string), parameters=maybe(table), strict=maybe(boolean))
TOOL = by("type", function=FUNCTION, namespace=fields("name tools", type=string, name=like(NAME), description=string, tools=several(by("type", function=FUNCTION), 1)),
          web_search=fields(type=string, external_web_access=boolean, search_context_size=of("low", "medium", "high"), user_location=anything, filters=anything))
CHOICE = either(of("none", "auto", "required"), by("type", function=fields("name", type=string, name=like(NAME)), allowed_tools=anything))
FORM = by("type", text=fields(type=string), json_object=fields(type=string),
          json_schema=fields("name schema", type=string, name=like(NAME), description=maybe(string), schema=table, strict=maybe(boolean)))
INCLUDE = of("reasoning.encrypted_content", "message.output_text.logprobs", "file_search_call.results", "web_search_call.results", "web_search_call.action.sources",
             "message.input_image.image_url", "computer_call_output.output.image_url", "code_interpreter_call.outputs")
COUNT = dict(model=string, input=either(string, several(table, 1)), instructions=maybe(string), tools=several(TOOL), tool_choice=CHOICE, parallel_tool_calls=boolean,
             reasoning=maybe(fields(effort=maybe(string), summary=maybe(of("auto", "concise", "detailed")), generate_summary=maybe(string))),
             text=fields(format=FORM, verbosity=maybe(of("low", "medium", "high"))), truncation=of("auto", "disabled"))
BODY = fields("model input", **COUNT, stream=maybe(boolean), stream_options=fields(include_obfuscation=boolean), store=maybe(boolean), include=maybe(several(INCLUDE)),
              max_output_tokens=maybe(whole(16)), max_tool_calls=whole(1), metadata=maybe(table), prompt_cache_key=below(64), prompt_cache_retention=of("in_memory", "24h"),
              safety_identifier=below(64), client_metadata=table, user=string, service_tier=of("auto", "default", "flex", "scale", "priority"), temperature=between(0, 2), top_p=between(0, 1), top_logprobs=whole(0))
MODELS = {"gpt-4.1": None, "gpt-5.1": ("none", "low", "medium", "high")}


def check(body, _headers, issued, counting=False):
    need(body.get("model") in MODELS, "model", f"the model `{body.get('model')}` does not exist")
    (fields("model input", **COUNT) if counting else BODY)(body, "")
    efforts, reasoning = MODELS[body["model"]], body.get("reasoning") or {}
    effort, include = reasoning.get("effort"), body.get("include") or []
    need(not reasoning or efforts, "reasoning.effort", "unsupported parameter: it is not supported with this model")
    need("reasoning.encrypted_content" not in include or efforts, "include", "encrypted content is not supported with this model")
    need(effort is None or effort in efforts, "reasoning.effort", f"unsupported value: {effort} is not supported with this model")
    for name in ("temperature", "top_p", "top_logprobs") if efforts else ():
        need(name not in body, name, "unsupported parameter: it is not supported with this model")
    seen = Seen(model=body["model"], stream=body.get("stream") or False, limit=body.get("max_output_tokens"), thinks=effort not in (None, "none"))
    seen.shows, seen.sealed = bool(reasoning.get("summary")), bool(efforts) and "reasoning.encrypted_content" in include
    seen.system = [body["instructions"]] if body.get("instructions") else []
    tools(body, seen)
    form = body.get("text", {}).get("format", {})
    if form.get("type") == "json_schema":
        seen.schema = form["schema"]
        if form.get("strict"):
            closed(form["schema"], "text.format.schema", all_required=True)
    items = body["input"]
    history([{"role": "user", "content": items}] if isinstance(items, str) else items, seen, issued)
    return seen


def tools(body, seen):
    for at, tool in enumerate(body.get("tools", [])):
        if tool["type"] != "function":
            continue
        schema = tool["parameters"] or {"type": "object"}
        need(schema.get("type") == "object", f"tools.{at}.parameters", f"schema must be of type 'object', got {schema.get('type')!r}")
        if tool.get("strict"):
            closed(schema, f"tools.{at}.parameters", all_required=True)
        seen.tools[tool["name"]] = tool.get("description")
    choice = body.get("tool_choice", "auto")
    need("tool_choice" not in body or choice == "auto" or seen.tools, "tool_choice", "must be specified with 'tools'")
    seen.choice = {"required": "any"}.get(choice, choice) if isinstance(choice, str) else choice["name"]
    need(seen.choice in ("auto", "any", "none") or seen.choice in seen.tools, "tool_choice", "no such tool")


def history(items, seen, issued):
    waiting, ids, theirs = {}, set(), False
    for at, item in enumerate(items):
        place = f"input.{at}"
        kind = item.get("type", "message")
        ITEMS({"type": kind, **item}, place)
        need("id" not in item or item["id"] is None or item["id"] not in ids, f"{place}.id", f"duplicate item found with id {item.get('id')}")
        mine = kind in ("reasoning", "function_call") or item.get("role") == "assistant"
        seen.turn += mine and not theirs
        if kind == "reasoning":
            sealed(items, at, seen, issued)
        elif kind == "function_call":
            needs = issued.get(item.get("id"))
            need(needs is None or needs in ids, place, f"item '{item.get('id')}' of type 'function_call' was provided without its required 'reasoning' item: '{needs}'")
            waiting[item["call_id"]] = seen.calls[item["call_id"]] = (item["name"], json.loads(item["arguments"]))
        elif kind == "function_call_output":
            need(item["call_id"] in waiting, place, f"no tool call found for function call output with call_id {item['call_id']}")
            output = item["output"]
            parts = [{"type": "input_text", "text": output}] if isinstance(output, str) else output
            seen.results.append((waiting.pop(item["call_id"]), " ".join(part["text"] for part in parts if part["type"] == "input_text")))
            seen.images += [part["image_url"].split("base64,")[-1] for part in parts if part["type"] == "input_image"]
        else:
            message(item, place, seen)
        ids.add(item.get("id"))
        theirs = mine
    need(not waiting, "input", f"no tool output found for function call {sorted(waiting)}")


def sealed(items, at, seen, issued):
    item, following = items[at], items[at + 1] if at + 1 < len(items) else {}
    kept = item.get("encrypted_content")
    need(kept, f"input.{at}", f"item with id '{item.get('id')}' not found: items are not persisted when `store` is set to false")
    known = issued.get(kept)
    need(known is not None, f"input.{at}.encrypted_content", "the encrypted content could not be verified")
    need("id" not in item or item["id"] == known, f"input.{at}", f"encrypted content item_id did not match the target item id: {item.get('id')} is not {known}")
    fits = following.get("type", "message") in ("function_call", "reasoning") or following.get("role") == "assistant"
    need(fits, f"input.{at}", f"item '{item.get('id')}' of type 'reasoning' was provided without its required following item")
    seen.seals.append(kept)


def message(item, place, seen):
    role, content = item["role"], item["content"]
    if isinstance(content, str):
        texts = [content]
    else:
        several(OUTPUT if role == "assistant" else INPUT, 1)(content, f"{place}.content")
        texts = [part.get("text", "") for part in content]
        seen.images += [part["image_url"].split("base64,")[-1] for part in content if part["type"] == "input_image"]
    if role != "assistant":
        (seen.says if role == "user" else seen.system).extend(texts)
