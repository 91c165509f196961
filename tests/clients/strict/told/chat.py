"""Replies, streams and errors of OpenAI Chat Completions."""

import json

from . import INPUT, OUTPUT, THOUGHT, pieces, sse

TOO_LONG = "This model's maximum context length is 128000 tokens. However, your messages resulted in 210000 tokens. Please reduce the length of the messages."
KINDS = {401: "invalid_request_error", 404: "invalid_request_error", 429: "requests", 500: "server_error", 503: "server_error"}
CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def calls(answer):
    for number, (name, arguments) in enumerate(answer.calls):
        yield {"id": answer.id("call_", number), "type": "function", "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}}


def usage(answer):
    thought = THOUGHT if answer.think else 0
    return {"prompt_tokens": INPUT, "completion_tokens": OUTPUT, "total_tokens": INPUT + OUTPUT, "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": thought, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}


def head(answer, kind):
    return {"id": answer.id("chatcmpl-"), "object": kind, "created": 1_760_000_000, "model": f"{answer.model}-2026-01-01", "service_tier": "default", "system_fingerprint": "fp_1"}


def reason(answer):
    return "tool_calls" if answer.calls else {"limit": "length"}.get(answer.stop, "stop")


def message(answer):
    said = {"role": "assistant", "content": answer.text or None, "refusal": None, "annotations": []}
    if answer.calls:
        said["tool_calls"] = list(calls(answer))
    choice = {"index": 0, "message": said, "logprobs": None, "finish_reason": reason(answer)}
    return {**head(answer, "chat.completion"), "choices": [choice], "usage": usage(answer)}


def stream(answer):
    deltas = [{"role": "assistant", "content": None if answer.calls and not answer.text else "", "refusal": None}]
    deltas += [{"content": piece} for piece in pieces(answer.text)]
    for index, call in enumerate(calls(answer)):
        arguments = call["function"]["arguments"]
        deltas.append({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in pieces(arguments)]
    choices = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "logprobs": None, "finish_reason": reason(answer)})
    begin = head(answer, "chat.completion.chunk") | ({"usage": None} if answer.usage else {})
    chunks = [{**begin, "choices": [choice]} for choice in choices]
    if answer.usage:
        chunks.append({**begin, "choices": [], "usage": usage(answer)})
    return [sse("", chunk) for chunk in chunks] + ["data: [DONE]\n\n"]


def fault(status, words, place=None):
    code = "context_length_exceeded" if words == TOO_LONG else CODES.get(status)
    return {"error": {"message": words, "type": KINDS.get(status, "invalid_request_error"), "param": place, "code": code}}


def break_off():
    return [sse("", {"error": {"message": "The server had an error while processing your request. Sorry about that!", "type": "server_error", "param": None, "code": None}})]


COUNT = {}
OVERLOADED = (503, "The engine is currently overloaded, please try again later")
