"""Replies, streams and errors of Anthropic Messages."""

import json

from . import INPUT, OUTPUT, pieces, sse

KINDS = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error", 413: "request_too_large",
         429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}
TOO_LONG = "prompt is too long: 210000 tokens > 200000 maximum"


def blocks(answer):
    if answer.think and answer.sealed:
        thinking = answer.think if answer.shows else ""
        # What is not shown may come back empty or, from who knows it, whole.
        yield {"type": "thinking", "thinking": thinking, "signature": answer.seal([thinking])}
    if answer.text:
        yield {"type": "text", "text": answer.text}
    for number, (name, arguments) in enumerate(answer.calls):
        yield {"type": "tool_use", "id": answer.id("toolu_", number), "name": name, "input": arguments}


def message(answer):
    stop = "tool_use" if answer.calls else {"limit": "max_tokens", "sequence": "stop_sequence"}.get(answer.stop, "end_turn")
    usage = {"input_tokens": INPUT, "output_tokens": OUTPUT, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "service_tier": "standard"}
    return {"id": answer.id("msg_"), "type": "message", "role": "assistant", "model": answer.model, "content": list(blocks(answer)), "stop_reason": stop,
            "stop_sequence": answer.sequence or None, "usage": usage}


def deltas(block):
    if block["type"] == "text":
        return [{"type": "text_delta", "text": piece} for piece in pieces(block["text"])]
    if block["type"] == "thinking":
        return [{"type": "thinking_delta", "thinking": piece} for piece in pieces(block["thinking"])] + [{"type": "signature_delta", "signature": block["signature"]}]
    text = json.dumps(block["input"], ensure_ascii=False)
    return [{"type": "input_json_delta", "partial_json": piece} for piece in ["", *(pieces(text) if block["input"] else [])]]


EMPTY = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}


def stream(answer):
    whole = message(answer)
    start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": {**whole["usage"], "output_tokens": 1}}
    events = [{"type": "message_start", "message": start}]
    for index, block in enumerate(whole["content"]):
        events.append({"type": "content_block_start", "index": index, "content_block": {**block, **EMPTY[block["type"]]}})
        events += [{"type": "ping"}] if index == 0 else []
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas(block)]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}, "usage": {"output_tokens": OUTPUT}})
    return [sse(event["type"], event) for event in [*events, {"type": "message_stop"}]]


def fault(status, words, _place=None):
    return {"type": "error", "error": {"type": KINDS.get(status, "api_error"), "message": words}, "request_id": "req_strict"}


def break_off():
    return [sse("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})]


COUNT = {"input_tokens": 42}
OVERLOADED = (529, "Overloaded")
