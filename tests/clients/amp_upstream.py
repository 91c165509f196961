"""A scripted vendor for Amp: every format, and an agent that does what it is told. Standard library.

"call the tool NAME with {...}" in what the user said is done once, and so is what `amp review` asks
for; a tool that must be called is called; what a tool answered is said back, with the model and the format that said it, so that a check
sees who answered. Requests are taken as strictly as vendors take them: unknown members, calls
without results, results without calls, forms of other formats are refused with 400. Each request is
a line in the file that the first argument names.
"""

import json
import re
import sys
import threading
from xml.sax.saxutils import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "provider-key"
WISH = re.compile(r"call the tool (\S+) with (\{.*\})")
# How `amp review` asks for its review since May 2026.
REVIEW = re.compile(r"Call (\w+) exactly once with this argument object:\s+```json\s+(\{.*?\})\s+```", re.S)
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}$")
SEAL = "c2VhbC1vZi10aGlzLXZlbmRvcg=="
LOG = open(sys.argv[1], "a", buffering=1)
LOCK = threading.Lock()

MEMBERS = {
    "chat": "model messages tools tool_choice stream stream_options max_tokens max_completion_tokens temperature top_p stop n parallel_tool_calls reasoning_effort response_format user metadata store seed presence_penalty frequency_penalty logprobs top_logprobs prompt_cache_key prompt_cache_retention service_tier safety_identifier verbosity logit_bias",
    "responses": "model input instructions tools tool_choice parallel_tool_calls stream stream_options max_output_tokens temperature top_p reasoning text include store metadata previous_response_id prompt_cache_key prompt_cache_retention service_tier truncation user safety_identifier top_logprobs background max_tool_calls",
    "messages": "model messages system max_tokens tools tool_choice stream temperature top_p top_k stop_sequences thinking metadata output_config service_tier cache_control",
    "google": "contents systemInstruction tools toolConfig generationConfig safetySettings cachedContent labels",
}
SCHEMA = set("type format title description nullable enum maxItems minItems properties required minProperties maxProperties minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum".split())


class Refused(Exception):
    pass


def check(condition, message):
    if not condition:
        raise Refused(message)


def only(value, members, where):
    check(isinstance(value, dict), f"{where} is no object")
    for key in value:
        check(key in members.split(), f"Unknown name \"{key}\" at {where}")


class Seen:
    """What a request comes to, whatever its format."""

    def __init__(self):
        self.said, self.called, self.results, self.tools, self.forced = "", [], [], [], None
        self.thinks = False

    def user(self, text):
        self.said = self.said + "\n" + text

    def wish(self):
        """The tool that the user wants called, and its arguments."""
        if wish := WISH.search(self.said) or REVIEW.search(self.said):
            return wish[1], json.loads(wish[2])
        if "Review the following diff" in self.said:
            return "Bash", {"cmd": "git diff HEAD"}
        return None, None

    def turn(self):
        """The call to make and its arguments, or None and what to say."""
        if self.forced:
            return self.forced, {"title": "A title"}
        tool, arguments = self.wish()
        if tool and tool not in self.called:
            # A skill says which further tools there are "and can be called directly by name".
            if tool in self.tools or "skill" in self.called and tool in self.results[-1]:
                return tool, arguments
            if "skill" in self.tools and "skill" not in self.called:
                return "skill", {"name": tool.replace("_", "-")}
        return None, f"and got {self.results[-1].strip()[:600]}" if self.results else "and was asked"


def report(said):
    """What a review ends with, in the form that Amp asks for."""
    inner = {"filename": "a.txt", "startLine": 2, "endLine": 2, "severity": "high", "commentType": "bug", "text": said, "why": "w", "fix": "f"}
    inner = "".join(f"<{key}>{escape(str(value))}</{key}>" for key, value in inner.items())
    return f"<codeReview><comment>{inner}</comment></codeReview>"


def texts(content, kinds, where):
    """The text of a content that is a string or parts of these kinds."""
    if isinstance(content, str):
        check(content != "", f"{where} is empty")
        return content
    check(isinstance(content, list) and content, f"{where} has no parts")
    for part in content:
        check(part.get("type") in kinds, f"{where} has a part of type {part.get('type')}")
        check(part["type"] not in ("text", "input_text", "output_text") or part["text"] != "", f"{where} has an empty text")
    return "\n".join(part.get("text", "") for part in content)


def read_chat(body, seen, _):
    open_calls = []
    for at, message in enumerate(body["messages"]):
        where, role = f"messages[{at}]", message["role"]
        check(role == "tool" or not open_calls, f"{where}: the calls {open_calls} have no results")
        if role in ("system", "developer"):
            only(message, "role content name", where)
            texts(message["content"], ("text",), where)
        elif role == "user":
            only(message, "role content name", where)
            seen.user(texts(message["content"], ("text", "image_url", "file", "input_audio"), where))
        elif role == "assistant":
            only(message, "role content name refusal tool_calls audio", where)
            for call in message.get("tool_calls") or []:
                only(call, "id type function", where)
                only(call["function"], "name arguments", where)
                json.loads(call["function"]["arguments"])
                open_calls.append(call["id"])
                seen.called.append(call["function"]["name"])
            check(message.get("content") or message.get("tool_calls"), f"{where} says nothing")
        else:
            check(role == "tool", f"{where} has the role {role}")
            only(message, "role content tool_call_id", where)
            check(message["tool_call_id"] in open_calls, f"{where} is no result of a call before it")
            open_calls.remove(message["tool_call_id"])
            seen.results.append(texts(message["content"], ("text",), where) if message["content"] else "nothing")
    check(not open_calls, f"the calls {open_calls} have no results")
    for at, tool in enumerate(body.get("tools", [])):
        only(tool, "type function", f"tools[{at}]")
        only(tool["function"], "name description parameters strict", f"tools[{at}]")
        seen.tools.append(tool["function"]["name"])
    choice = body.get("tool_choice")
    seen.forced = choice["function"]["name"] if isinstance(choice, dict) else None


def read_responses(body, seen, _):
    items, calls = body["input"], {}
    if isinstance(items, str):
        return seen.user(items)
    for at, item in enumerate(items):
        where, kind = f"input[{at}]", item.get("type", "message")
        if kind == "message":
            only(item, "type role content id status phase", where)
            text = texts(item["content"], ("output_text", "refusal") if item["role"] == "assistant" else ("input_text", "input_image", "input_file"), where)
            if item["role"] == "user":
                seen.user(text)
            else:
                check(item["role"] in ("system", "developer", "assistant"), f"{where} has the role {item['role']}")
        elif kind == "function_call":
            only(item, "type id call_id name arguments status", where)
            check(item.get("id", "fc_").startswith("fc_"), f"{where}: the id {item.get('id')} does not begin with 'fc'")
            json.loads(item["arguments"])
            calls[item["call_id"]] = False
            seen.called.append(item["name"])
        elif kind == "function_call_output":
            only(item, "type id call_id output status", where)
            check(calls.get(item["call_id"]) is False, f"{where} is no result of a call before it")
            calls[item["call_id"]] = True
            seen.results.append(texts(item["output"], ("input_text", "input_image"), where) if item["output"] else "nothing")
        else:
            check(kind == "reasoning", f"{where} has the type {kind}")
            check(item.get("encrypted_content") in (None, SEAL), f"{where}: the encrypted content is not of this vendor")
    check(all(calls.values()), f"calls without a result: {calls}")
    for at, tool in enumerate(body.get("tools", [])):
        check(tool["type"] == "function", f"tools[{at}] has the type {tool['type']}")
        only(tool, "type name description parameters strict", f"tools[{at}]")
        seen.tools.append(tool["name"])
    choice = body.get("tool_choice")
    seen.forced = choice["name"] if isinstance(choice, dict) else None


def read_messages(body, seen, _):
    check(isinstance(body.get("max_tokens"), int) and body["max_tokens"] > 0, "max_tokens: Field required")
    if body.get("system"):
        texts(body["system"], ("text",), "system")
    open_calls = []
    for at, message in enumerate(body["messages"]):
        where = f"messages.{at}"
        only(message, "role content", where)
        check(message["role"] in ("user", "assistant"), f"{where} has the role {message['role']}")
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        check(blocks, f"{where}: content is empty")
        answered = []
        for number, block in enumerate(blocks):
            kind, inner = block["type"], f"{where}.content.{number}"
            if kind == "tool_result":
                only(block, "type tool_use_id content is_error cache_control", inner)
                check(message["role"] == "user" and all(b["type"] == "tool_result" for b in blocks[:number]), f"{inner}: results come first, from the user")
                check(block["tool_use_id"] in open_calls, f"{inner}: unexpected `tool_use_id`")
                answered.append(block["tool_use_id"])
                seen.results.append(texts(block["content"], ("text", "image"), inner) if block.get("content") else "nothing")
            elif kind == "text":
                only(block, "type text cache_control citations", inner)
                check(block["text"].strip(), f"{inner}: text content blocks must be non-empty")
                if message["role"] == "user":
                    seen.user(block["text"])
            elif kind == "tool_use":
                only(block, "type id name input cache_control", inner)
                check(message["role"] == "assistant" and isinstance(block["input"], dict), f"{inner}: bad tool_use")
                seen.called.append(block["name"])
            elif kind == "thinking":
                only(block, "type thinking signature", inner)
                check(block["signature"] == SEAL, f"{inner}: Invalid `signature` in `thinking` block")
            else:
                check(kind in ("image", "document"), f"{inner} has the type {kind}")
        check(sorted(answered) == sorted(open_calls), f"{where}: `tool_use` ids were found without `tool_result` blocks: {open_calls}")
        open_calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    check(body["messages"][0]["role"] == "user", "the first message must be the user's")
    check(not open_calls, f"calls without a result: {open_calls}")
    for at, tool in enumerate(body.get("tools", [])):
        only(tool, "type name description input_schema cache_control strict eager_input_streaming", f"tools.{at}")
        check(tool["input_schema"]["type"] == "object", f"tools.{at}.input_schema.type: Field required")
        seen.tools.append(tool["name"])
    choice = body.get("tool_choice") or {}
    seen.forced = choice.get("name")
    thinking = body.get("thinking") or {"type": "disabled"}
    if thinking["type"] == "enabled":
        check(1024 <= thinking["budget_tokens"] < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`")
    seen.thinks = thinking["type"] != "disabled"
    if seen.thinks:
        check(body.get("temperature", 1) == 1, "`temperature` may only be set to 1 when thinking is enabled")
        check(choice.get("type", "auto") in ("auto", "none"), "Thinking may not be enabled when tool_choice forces tool use.")


def schema(value, where):
    check(isinstance(value, dict), f"{where} is no schema")
    for key, inner in value.items():
        check(key in SCHEMA, f"Unknown name \"{key}\" at {where}")
        if key == "properties":
            for name, property in inner.items():
                schema(property, f"{where}.{name}")
        elif key == "items":
            schema(inner, f"{where}.items")
        elif key == "anyOf":
            for number, option in enumerate(inner):
                schema(option, f"{where}.any_of[{number}]")
    check(isinstance(value.get("type", "object"), str), f"{where}.type is no string")
    check(value.get("type") != "array" or "items" in value, f"{where}.items: missing field")


def read_google(body, seen, model):
    third = model.startswith("gemini-3")
    only(body.get("systemInstruction", {}), "role parts", "system_instruction")
    pending = []
    for at, content in enumerate(body["contents"]):
        where = f"contents[{at}]"
        only(content, "role parts", where)
        check(content.get("role", "user") in ("user", "model"), f"{where} has the role {content.get('role')}")
        check(content.get("parts"), f"{where}.parts must not be empty")
        answered = [part["functionResponse"] for part in content["parts"] if "functionResponse" in part]
        check([a["name"] for a in answered] == pending, f"{where}: the number of function response parts must equal that of the function call parts: {pending}")
        pending = []
        for number, part in enumerate(content["parts"]):
            only(part, "text thought thoughtSignature functionCall functionResponse inlineData fileData", f"{where}.parts[{number}]")
            if "functionCall" in part:
                check(content["role"] == "model" and isinstance(part["functionCall"].get("args", {}), dict), f"{where}: bad functionCall")
                first = not any("functionCall" in before for before in content["parts"][:number])
                check(not (first and third) or part.get("thoughtSignature") in (SEAL, "skip_thought_signature_validator"), f"Function call is missing a thought_signature in functionCall parts ({where})")
                pending.append(part["functionCall"]["name"])
                seen.called.append(part["functionCall"]["name"])
            elif "functionResponse" in part:
                only(part["functionResponse"], "id name response parts", where)
                check(isinstance(part["functionResponse"]["response"], dict), f"{where}: response is no object")
                seen.results.append("\n".join(v if isinstance(v, str) else json.dumps(v) for v in part["functionResponse"]["response"].values()))
            elif content.get("role", "user") == "user":
                seen.user(part.get("text", ""))
    check(not pending, f"calls without a response: {pending}")
    for tool in body.get("tools", []):
        only(tool, "functionDeclarations googleSearch urlContext codeExecution", "tools")
        for declared in tool.get("functionDeclarations", []):
            only(declared, "name description parameters parametersJsonSchema response", "function_declarations")
            if "parameters" in declared:
                schema(declared["parameters"], declared["name"])
            seen.tools.append(declared["name"])
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    if calling.get("mode") == "ANY" and len(calling.get("allowedFunctionNames", [])) == 1:
        seen.forced = calling["allowedFunctionNames"][0]


READERS = {"chat": read_chat, "responses": read_responses, "messages": read_messages, "google": read_google}


def halves(text):
    return [text[: len(text) // 2], text[len(text) // 2 :]]


def event(data, name=None):
    return (f"event: {name}\n" if name else "") + f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def say_chat(model, tool, said, _):
    head = {"id": "chatcmpl-1", "created": 1, "model": model}
    usage = {"prompt_tokens": 30, "completion_tokens": 4, "total_tokens": 34}
    call = {"id": "call_1", "type": "function", "function": {"name": tool, "arguments": json.dumps(said)}}
    message = {"role": "assistant", "content": None, "tool_calls": [call]} if tool else {"role": "assistant", "content": said}
    reason = "tool_calls" if tool else "stop"
    whole = {**head, "object": "chat.completion", "choices": [{"index": 0, "message": message, "finish_reason": reason}], "usage": usage}
    if tool:
        first, second = halves(call["function"]["arguments"])
        begun = {"index": 0, **call, "function": {"name": tool, "arguments": ""}}
        deltas = [{"tool_calls": [begun]}] + [{"tool_calls": [{"index": 0, "function": {"arguments": half}}]} for half in (first, second)]
    else:
        deltas = [{"content": half} for half in halves(said)]
    chunk = lambda delta, reason=None: {**head, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    chunks = [chunk({"role": "assistant", "content": ""})] + [chunk(delta) for delta in deltas] + [chunk({}, reason), {**head, "object": "chat.completion.chunk", "choices": [], "usage": usage}]
    return whole, [event(chunk) for chunk in chunks] + [event("[DONE]")]


def say_responses(model, tool, said, _):
    usage = {"input_tokens": 30, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 4, "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 34}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": SEAL}
    if tool:
        item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": tool, "arguments": json.dumps(said), "status": "completed"}
        blank = {**item, "arguments": "", "status": "in_progress"}
        place = {"item_id": "fc_1", "output_index": 1}
        fill = [{"type": "response.function_call_arguments.delta", **place, "delta": half} for half in halves(item["arguments"])] + [{"type": "response.function_call_arguments.done", **place, "arguments": item["arguments"]}]
    else:
        item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [{"type": "output_text", "text": said, "annotations": []}]}
        blank = {**item, "content": [], "status": "in_progress"}
        place = {"item_id": "msg_1", "output_index": 1, "content_index": 0}
        fill = [{"type": "response.content_part.added", **place, "part": {"type": "output_text", "text": "", "annotations": []}}] + [{"type": "response.output_text.delta", **place, "delta": half} for half in halves(said)]
        fill += [{"type": "response.output_text.done", **place, "text": said}, {"type": "response.content_part.done", **place, "part": item["content"][0]}]
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": model, "output": [thought, item], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "usage": usage, "error": None, "incomplete_details": None, "instructions": None, "metadata": {}}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    events = [{"type": "response.created", "response": begun}, {"type": "response.output_item.added", "output_index": 0, "item": {**thought, "encrypted_content": None}}, {"type": "response.output_item.done", "output_index": 0, "item": thought}]
    events += [{"type": "response.output_item.added", "output_index": 1, "item": blank}, *fill, {"type": "response.output_item.done", "output_index": 1, "item": item}, {"type": "response.completed", "response": whole}]
    return whole, [event({**it, "sequence_number": number}, it["type"]) for number, it in enumerate(events)]


def say_messages(model, tool, said, thinks):
    thoughts = [{"type": "thinking", "thinking": "hm", "signature": SEAL}] if thinks else []
    block = {"type": "tool_use", "id": "toolu_1", "name": tool, "input": said} if tool else {"type": "text", "text": said}
    reason = "tool_use" if tool else "end_turn"
    usage = {"input_tokens": 30, "output_tokens": 4, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": [*thoughts, block], "stop_reason": reason, "stop_sequence": None, "usage": usage}
    begun = {**block, "input": {}} if tool else {**block, "text": ""}
    fill = [{"type": "input_json_delta", "partial_json": half} for half in halves(json.dumps(said))] if tool else [{"type": "text_delta", "text": half} for half in halves(said)]
    thinking = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": SEAL}]
    blocks = [({"type": "thinking", "thinking": "", "signature": ""}, thinking) for _ in thoughts] + [(begun, fill)]
    events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None}}, {"type": "ping"}]
    for index, (block, deltas) in enumerate(blocks):
        events += [{"type": "content_block_start", "index": index, "content_block": block}]
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events += [{"type": "content_block_stop", "index": index}]
    events += [{"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}, {"type": "message_stop"}]
    return message, [event(it, it["type"]) for it in events]


def say_google(model, tool, said, _):
    usage = {"promptTokenCount": 30, "candidatesTokenCount": 4, "totalTokenCount": 34}
    parts = [{"functionCall": {"name": tool, "args": said}, "thoughtSignature": SEAL}] if tool else [{"text": half} for half in halves(said)]
    piece = lambda part, **more: {"candidates": [{"content": {"role": "model", "parts": [part]}, "index": 0, **more}], "modelVersion": model, "responseId": "r1", "usageMetadata": usage}
    whole = {**piece(parts[0], finishReason="STOP")}
    whole["candidates"][0]["content"]["parts"] = parts
    return whole, [event(piece(part)) for part in parts] + [event(piece({"text": ""}, finishReason="STOP"))]


WRITERS = {"chat": say_chat, "responses": say_responses, "messages": say_messages, "google": say_google}


def place_of(path, body):
    """Format, model and whether a stream is wanted."""
    if ":" in path:
        verb = path.split(":")[1]
        check(verb in ("generateContent", "streamGenerateContent"), f"nothing at {path}")
        return "google", path.rsplit("/", 1)[1].split(":")[0], verb.startswith("stream")
    for ending, wire in (("/v1/chat/completions", "chat"), ("/v1/responses", "responses"), ("/v1/messages", "messages")):
        if path == ending:
            return wire, body["model"], bool(body.get("stream"))
    raise Refused(f"nothing at {path}")


class Vendor(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        wire = model = problem = None
        try:
            keys = [self.headers.get("x-api-key"), self.headers.get("x-goog-api-key"), (self.headers.get("authorization") or "").removeprefix("Bearer ") or None]
            check([key for key in keys if key] == [KEY] and "cookie" not in self.headers, "wrong key or a cookie")
            for name in self.headers:
                check(not name.lower().startswith("x-amp-"), f"{name} is none of a vendor's business")
            wire, model, streams = place_of(self.path.split("?")[0], body)
            only(body, MEMBERS[wire], "the request")
            seen = Seen()
            READERS[wire](body, seen, model)
            for name in seen.tools:
                check(NAME.match(name), f"the name {name} of a tool")
            check(len(set(seen.tools)) == len(seen.tools), "two tools have one name")
            tool, said = seen.turn()
            if not tool:
                said = f"{model} speaks {wire} {said}"
                said = report(said) if "<codeReview>" in seen.said else said
            whole, events = WRITERS[wire](model, tool, said, seen.thinks)
        except Refused as refused:
            problem = str(refused)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as odd:
            problem = f"misshapen: {odd!r}"
        with LOCK:
            LOG.write(json.dumps({"format": wire, "model": model, "stream": bool(body.get("stream")) or "stream" in self.path, "problem": problem, "body": body}) + "\n")
        if problem:
            return self.send(400, "application/json", [json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": problem, "code": 400, "status": "INVALID_ARGUMENT"}})])
        if streams:
            return self.send(200, "text/event-stream", events)
        self.send(200, "application/json", [json.dumps(whole)])

    def send(self, status, kind, pieces):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in [piece.encode() for piece in pieces] + [b""]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))


server = ThreadingHTTPServer(("127.0.0.1", 0), Vendor)
print(server.server_address[1], flush=True)
server.serve_forever()
