"""Replies, streams and errors of OpenAI Responses."""

import json

from . import INPUT, OUTPUT, THOUGHT, pieces, sse
from .chat import CODES, KINDS

TOO_LONG = "Your input exceeds the context window of this model. Please adjust your input and try again."


def items(answer):
    thought = None
    if answer.think:
        thought = answer.id("rs_")
        summary = [{"type": "summary_text", "text": answer.think}] if answer.shows else []
        kept = {"encrypted_content": answer.seal(thought)} if answer.sealed else {}
        yield {"id": thought, "type": "reasoning", "summary": summary, **kept}
    if answer.text:
        yield {"id": answer.id("msg_"), "type": "message", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}]}
    for number, (name, arguments) in enumerate(answer.calls):
        item = answer.id("fc_", number)
        answer.issued[item] = thought
        yield {"id": item, "type": "function_call", "status": "completed", "call_id": answer.id("call_", number), "name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}


def message(answer):
    limited = answer.stop == "limit"
    usage = {"input_tokens": INPUT, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": OUTPUT, "output_tokens_details": {"reasoning_tokens": THOUGHT if answer.think else 0}, "total_tokens": INPUT + OUTPUT}
    return {"id": answer.id("resp_"), "object": "response", "created_at": 1_760_000_000, "status": "incomplete" if limited else "completed", "background": False, "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if limited else None, "instructions": None, "max_output_tokens": None, "model": f"{answer.model}-2026-01-01", "output": list(items(answer)),
            "parallel_tool_calls": True, "previous_response_id": None, "reasoning": {"effort": None, "summary": None}, "store": False, "temperature": 1.0, "text": {"format": {"type": "text"}},
            "tool_choice": "auto", "tools": [], "top_p": 1.0, "truncation": "disabled", "usage": usage, "user": None, "metadata": {}}


def filled(item, index):
    at = {"item_id": item["id"], "output_index": index}
    if item["type"] == "function_call":
        events = [{"type": "response.function_call_arguments.delta", **at, "delta": piece} for piece in pieces(item["arguments"])]
        return [*events, {"type": "response.function_call_arguments.done", **at, "arguments": item["arguments"]}]
    if item["type"] == "reasoning":
        kind, field, parts, at_part = "response.reasoning_summary_text", "summary_index", item["summary"], "response.reasoning_summary_part"
    else:
        kind, field, parts, at_part = "response.output_text", "content_index", item["content"], "response.content_part"
    events = []
    for number, part in enumerate(parts):
        here, more = {**at, field: number}, {} if item["type"] == "reasoning" else {"logprobs": []}
        events.append({"type": f"{at_part}.added", **here, "part": {**part, "text": ""}})
        events += [{"type": f"{kind}.delta", **here, "delta": piece, **more} for piece in pieces(part["text"])]
        events += [{"type": f"{kind}.done", **here, "text": part["text"], **more}, {"type": f"{at_part}.done", **here, "part": part}]
    return events


EMPTY = {"message": {"content": [], "status": "in_progress"}, "function_call": {"arguments": "", "status": "in_progress"}, "reasoning": {"summary": []}}


def stream(answer):
    whole = message(answer)
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    events = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for index, item in enumerate(whole["output"]):
        events += [{"type": "response.output_item.added", "output_index": index, "item": {**item, **EMPTY[item["type"]]}}, *filled(item, index),
                   {"type": "response.output_item.done", "output_index": index, "item": item}]
    events.append({"type": f"response.{whole['status']}", "response": whole})
    return [sse(event["type"], {**event, "sequence_number": number}) for number, event in enumerate(events)]


def fault(status, words, place=None):
    code = "context_length_exceeded" if words == TOO_LONG else CODES.get(status)
    return {"error": {"message": words, "type": KINDS.get(status, "invalid_request_error"), "param": place, "code": code}}


def break_off():
    error = {"code": "server_error", "message": "An error occurred while processing your request."}
    return [sse("response.failed", {"type": "response.failed", "sequence_number": 99, "response": {"id": "resp_broken", "object": "response", "status": "failed", "error": error, "output": [], "usage": None}})]


COUNT = {"object": "response.input_tokens", "input_tokens": 42}
OVERLOADED = (503, "The server is overloaded or not ready yet.")
