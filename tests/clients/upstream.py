"""A scripted provider for the checks with real clients. Standard library only.

The model's id says what happens: `text`, `tool` (calls the first tool, then answers), `e429` and the
like (an error with that status in the vendor's shape), `cut` (a stream that breaks after content),
`errfirst` (200, then an error event), `empty` (200, then nothing). It refuses whatever a provider
would refuse or a gateway must not send: another key than its own, cookies, the gateway's names.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "provider-key"
KINDS = {400: "invalid_request_error", 401: "authentication_error", 404: "not_found_error",
         429: "rate_limit_error", 500: "api_error", 529: "overloaded_error"}


def sse(name, data):
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(data) if not isinstance(data, str) else data}\n\n"


def tools_of(body):
    """The names of the tools that a request offers, in any format."""
    names = []
    for tool in body.get("tools") or []:
        if "functionDeclarations" in tool:
            names += [f["name"] for f in tool["functionDeclarations"]]
        else:
            names.append(tool.get("name") or tool.get("function", {}).get("name"))
    return [name for name in names if name]


def has_result(body):
    text = json.dumps(body)
    return any(sign in text for sign in ('"tool_result"', '"role": "tool"', '"function_call_output"', '"functionResponse"'))


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        assert "content-length" in self.headers, "no Content-Length"
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        path = self.path.split("?")[0]
        keys = [self.headers.get("x-api-key"), self.headers.get("x-goog-api-key"), (self.headers.get("authorization") or "").removeprefix("Bearer ") or None]
        if [key for key in keys if key] != [KEY] or "cookie" in self.headers:
            return self.refuse(401, path, "wrong key or a cookie")
        gemini = ":" in path
        model = path.rsplit("/", 1)[1].split(":")[0] if gemini else body["model"]
        verb = path.split(":")[1] if gemini else ""
        if "/" in model:
            return self.refuse(400, path, f"the model {model} is not an id of this provider")
        if model.startswith("e") and model[1:].isdigit():
            return self.refuse(int(model[1:]), path, f"scripted {model}")
        if path.endswith("count_tokens") or verb == "countTokens":
            return self.json({"input_tokens": 42, "totalTokens": 42})
        if path.endswith("/embeddings"):
            return self.json({"object": "list", "model": model, "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 0.25]}], "usage": {"prompt_tokens": 1, "total_tokens": 1}})
        if path.endswith("/v1/completions"):
            return self.json({"id": "cmpl-1", "object": "text_completion", "created": 1, "model": model, "choices": [{"index": 0, "text": "done", "finish_reason": "stop", "logprobs": None}]})
        if "thread" in body:
            error = {"type": "invalid_request_error", "message": "threads are not kept", "details": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}}
            return self.json({"type": "error", "error": error, "request_id": "req_1"}, 400)
        tools = tools_of(body)
        tool = tools[0] if model == "tool" and tools and not has_result(body) else None
        wire = anthropic if path.endswith("/messages") else responses if path.endswith("/responses") else google if gemini else chat
        whole, events = wire(model, tool)
        if not (body.get("stream") or verb.startswith("stream")):
            return self.json(whole)
        self.stream(model, events)

    def stream(self, model, events):
        if model == "empty":
            events = []
        if model == "errfirst":
            events = [sse("error", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events[:-2] if model == "cut" else events:
            data = event.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        if model == "cut":
            self.wfile.flush()
            self.close_connection = True
            return self.connection.close()
        self.wfile.write(b"0\r\n\r\n")

    def refuse(self, status, path, message):
        if ":" in path:
            body = {"error": {"code": status, "message": message, "status": "RESOURCE_EXHAUSTED"}}
        elif path.endswith("/messages"):
            body = {"type": "error", "error": {"type": KINDS.get(status, "api_error"), "message": message}, "request_id": "req_1"}
        else:
            body = {"error": {"message": message, "type": KINDS.get(status), "param": None, "code": None}}
        self.json(body, status, {"retry-after": "1"} if status == 429 else {})

    def json(self, body, status=200, headers={}):
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", "content-length": str(len(data)), "request-id": "req_up", "set-cookie": "a=b", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


ARGUMENTS = {"command": "echo hi", "cmd": "echo hi", "description": "say hi", "city": "Oslo"}


def anthropic(model, tool):
    block = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": ARGUMENTS} if tool else {"type": "text", "text": "scripted text"}
    stop = "tool_use" if tool else "end_turn"
    usage = {"input_tokens": 3, "output_tokens": 4, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [block], "stop_reason": stop, "stop_sequence": None, "usage": usage}
    start = {**block, "input": {}} if tool else {**block, "text": ""}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(ARGUMENTS)} if tool else {"type": "text_delta", "text": block["text"]}
    events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}, {"type": "content_block_start", "index": 0, "content_block": start}, {"type": "content_block_delta", "index": 0, "delta": delta}, {"type": "content_block_stop", "index": 0}, {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": usage}, {"type": "message_stop"}]
    return message, [sse(event["type"], event) for event in events]


def chat(model, tool):
    call = {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": json.dumps(ARGUMENTS)}}
    said = {"content": None, "tool_calls": [call]} if tool else {"content": "scripted text"}
    reason = "tool_calls" if tool else "stop"
    head = {"id": "chatcmpl-1", "created": 1, "model": model}
    whole = {**head, "object": "chat.completion", "choices": [{"index": 0, "message": {"role": "assistant", **said}, "finish_reason": reason}], "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}}
    delta = {"tool_calls": [{"index": 0, **call}]} if tool else said
    pieces = [{"role": "assistant", "content": ""}, delta, {}]
    chunks = [{**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": piece, "finish_reason": reason if piece == {} else None}]} for piece in pieces]
    return whole, [sse("", chunk) for chunk in chunks] + [sse("", "[DONE]")]


def responses(model, tool):
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": tool, "arguments": json.dumps(ARGUMENTS), "status": "completed"} if tool else {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": "scripted text", "annotations": []}]}
    usage = {"input_tokens": 3, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 7}
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": model, "output": [item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage, "error": None, "incomplete_details": None, "instructions": None, "metadata": {}}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    blank = {**item, "status": "in_progress", **({"arguments": ""} if tool else {"content": []})}
    if tool:
        fill = [{"type": "response.function_call_arguments.delta", "item_id": "fc_1", "output_index": 0, "delta": item["arguments"]}, {"type": "response.function_call_arguments.done", "item_id": "fc_1", "output_index": 0, "arguments": item["arguments"]}]
    else:
        part = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
        fill = [{"type": "response.content_part.added", **part, "part": {"type": "output_text", "text": "", "annotations": []}}, {"type": "response.output_text.delta", **part, "delta": "scripted text", "logprobs": []}, {"type": "response.output_text.done", **part, "text": "scripted text", "logprobs": []}, {"type": "response.content_part.done", **part, "part": item["content"][0]}]
    events = [{"type": "response.created", "response": begun}, {"type": "response.output_item.added", "output_index": 0, "item": blank}, *fill, {"type": "response.output_item.done", "output_index": 0, "item": item}, {"type": "response.completed", "response": whole}]
    return whole, [sse(event["type"], {**event, "sequence_number": number}) for number, event in enumerate(events)]


def google(model, tool):
    part = {"functionCall": {"name": tool, "args": ARGUMENTS}} if tool else {"text": "scripted text"}
    chunk = {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0}], "modelVersion": model, "responseId": "r1"}
    last = {"candidates": [{"content": {"role": "model", "parts": [{"text": ""}]}, "finishReason": "STOP", "index": 0}], "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}}
    whole = {**chunk, "candidates": [{**chunk["candidates"][0], "finishReason": "STOP"}], "usageMetadata": last["usageMetadata"]}
    return whole, [sse("", chunk), sse("", chunk), sse("", last)]


server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
print(server.server_address[1], flush=True)
server.serve_forever()
