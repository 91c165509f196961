"""The official Python SDKs behind one face: `ask`, `answer`, `count`. One class a format."""

import json
from dataclasses import dataclass, field
from functools import cache

import anthropic
import openai
from google import genai
from google.genai import types
from pydantic import BaseModel


# One of each for all checks: to make one costs more than a check.
@cache
def claude(url):
    return anthropic.Anthropic(base_url=url, api_key="any", max_retries=0)


@cache
def gpt(url):
    return openai.OpenAI(base_url=url + "/v1", api_key="any", max_retries=0)


@cache
def gemini(url):
    return genai.Client(api_key="any", http_options=types.HttpOptions(base_url=url, api_version="v1beta"))


class Weather(BaseModel):
    """The table's schema, as the SDKs' helpers want it."""

    city: str
    degrees: int


@dataclass
class Reply:
    text: str = ""
    think: str = ""
    calls: list = field(default_factory=list)  # [name, arguments]
    ids: list = field(default_factory=list)
    limited: bool = False
    input: int = 0
    output: int = 0


class Client:
    """A conversation with a model, in the words of one SDK."""

    def __init__(self, url, model, kind, scenario, table, stream):
        self.url, self.model, self.kind, self.stream = url, model, kind, stream
        self.send, self.forgets = scenario.get("send", {}), scenario.get("forgets", False)
        self.tools = {name: table["tools"][name] for name in self.send.get("tools", [])}
        self.images, self.schema, self.history, self.last = table["images"], table["schema"], [], None
        self.open()

    def image(self, name):
        """Its type and data, or no type and its address."""
        data = self.images[name]
        return (None, data) if data.startswith("https:") else ("image/png", data)

    def ask(self, text, images=()):
        self.history.append(self.user(text, [self.image(name) for name in images]))
        return self.turn()

    def answer(self, results):
        images = [self.image(result["image"]) if "image" in result else None for result in results]
        self.history += self.results([(call, result.get("text", ""), image) for call, result, image in zip(self.last.ids, results, images)])
        return self.turn()

    def turn(self):
        self.last = self.reply()
        return self.last


class Messages(Client):
    errors = {"too long": anthropic.BadRequestError, 400: anthropic.BadRequestError, 401: anthropic.AuthenticationError, 403: anthropic.PermissionDeniedError,
              429: anthropic.RateLimitError, 500: anthropic.InternalServerError, "overloaded": anthropic.InternalServerError, "broken": anthropic.APIError}
    too_long = "prompt is too long"

    def open(self):
        self.api = claude(self.url).messages

    def user(self, text, images):
        sources = [{"type": "base64", "media_type": kind, "data": data} if kind else {"type": "url", "url": data} for kind, data in images]
        blocks = [{"type": "image", "source": source} for source in sources]
        return {"role": "user", "content": [*blocks, {"type": "text", "text": text}] if blocks else text}

    def results(self, results):
        blocks = []
        for (call, _name), text, image in results:
            content = [{"type": "text", "text": text}, {"type": "image", "source": {"type": "base64", "media_type": image[0], "data": image[1]}}] if image else text
            blocks.append({"type": "tool_result", "tool_use_id": call, "content": content})
        return [{"role": "user", "content": blocks}]

    def options(self):
        send, more = self.send, {}
        if self.tools:
            more["tools"] = [{"name": name, "description": tool["description"], "input_schema": tool["parameters"]} for name, tool in self.tools.items()]
        if "choice" in send:
            more["tool_choice"] = {"type": send["choice"]} if send["choice"] in ("any", "none") else {"type": "tool", "name": send["choice"]}
        if "system" in send:
            more["system"] = [{"type": "text", "text": send["system"], "cache_control": {"type": "ephemeral"}}]
        if "stop" in send:
            more["stop_sequences"] = send["stop"]
        if send.get("thinking"):
            more |= {"thinking": {"type": "enabled", "budget_tokens": 2048}} if self.kind == "budget" else {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "high"}}
        return more

    def reply(self):
        options = {"model": self.model, "max_tokens": self.send.get("limit", 4000), "messages": self.history, **self.options()}
        if self.send.get("schema") and not self.stream:
            message = self.api.parse(output_format=Weather, **options)
            assert isinstance(message.parsed_output, Weather), message
        elif self.send.get("schema"):
            options["output_config"] = {"format": {"type": "json_schema", "schema": self.schema}}
        if self.stream:
            with self.api.stream(**options) as stream:
                message = stream.get_final_message()
        elif not self.send.get("schema"):
            message = self.api.create(**options)
        kept = [block for block in message.content if not (self.forgets and block.type == "thinking")]
        self.history.append({"role": "assistant", "content": [block.model_dump(exclude_none=True, exclude={"parsed_output"}) for block in kept]})
        of = lambda kind: [block for block in message.content if block.type == kind]  # noqa: E731
        uses = of("tool_use")
        assert message.stop_reason == ("tool_use" if uses else "max_tokens" if "limit" in self.send else message.stop_reason), message
        return Reply("".join(block.text for block in of("text")), "".join(block.thinking for block in of("thinking")), [[use.name, use.input] for use in uses],
                     [(use.id, use.name) for use in uses], message.stop_reason == "max_tokens", message.usage.input_tokens, message.usage.output_tokens)

    def count(self, text):
        return self.api.count_tokens(model=self.model, messages=[{"role": "user", "content": text}], **self.options()).input_tokens


class Chat(Client):
    errors = {"too long": openai.BadRequestError, 400: openai.BadRequestError, 401: openai.AuthenticationError, 403: openai.PermissionDeniedError,
              429: openai.RateLimitError, 500: openai.InternalServerError, "overloaded": openai.InternalServerError, "broken": openai.APIError}
    too_long = "context_length_exceeded"

    def open(self):
        self.api = gpt(self.url).chat.completions
        if "system" in self.send:
            self.history.append({"role": "system", "content": self.send["system"]})

    def user(self, text, images):
        parts = [{"type": "image_url", "image_url": {"url": f"data:{kind};base64,{data}" if kind else data}} for kind, data in images]
        return {"role": "user", "content": [*parts, {"type": "text", "text": text}] if parts else text}

    def results(self, results):
        return [{"role": "tool", "tool_call_id": call, "content": text} for (call, _name), text, _image in results]

    def options(self):
        send, more = self.send, {}
        if self.tools:
            more["tools"] = [{"type": "function", "function": {"name": name, **tool}} for name, tool in self.tools.items()]
        if "choice" in send:
            more["tool_choice"] = {"any": "required", "none": "none"}.get(send["choice"], {"type": "function", "function": {"name": send["choice"]}})
        if "stop" in send:
            more["stop"] = send["stop"]
        if "limit" in send:
            more["max_completion_tokens"] = send["limit"]
        if send.get("thinking"):
            more["reasoning_effort"] = "high"
        if send.get("schema") and self.stream:
            more["response_format"] = {"type": "json_schema", "json_schema": {"name": "weather", "schema": self.schema, "strict": True}}
        return more

    def reply(self):
        options = {"model": self.model, "messages": self.history, **self.options()}
        if self.stream:
            reply = whole_chat(self.api.create(stream=True, stream_options={"include_usage": True}, **options))
        elif self.send.get("schema"):
            reply = self.api.parse(response_format=Weather, **options)
            assert isinstance(reply.choices[0].message.parsed, Weather), reply
        else:
            reply = self.api.create(**options)
        message, reason = reply.choices[0].message, reply.choices[0].finish_reason
        dump = message.model_dump(exclude_none=True, exclude={"parsed"})
        if self.forgets:
            dump = {name: dump[name] for name in ("role", "content", "tool_calls") if name in dump}
        self.history.append(dump)
        calls = message.tool_calls or []
        assert reason == ("tool_calls" if calls else "length" if "limit" in self.send else "stop") or reason == "stop" and isinstance(self.send.get("choice"), str), reply
        return Reply(message.content or "", getattr(message, "reasoning_content", None) or "", [[call.function.name, json.loads(call.function.arguments)] for call in calls],
                     [(call.id, call.function.name) for call in calls], reason == "length", reply.usage.prompt_tokens, reply.usage.completion_tokens)


def whole_chat(chunks):
    """A stream put together as programs do that know nothing but the format: calls by their index, other fields by their kind."""
    message, calls, reason, usage = {"role": "assistant", "content": None}, {}, None, None
    for chunk in chunks:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            reason = choice.finish_reason or reason
            for name, value in choice.delta.model_dump(exclude_none=True, exclude={"role", "tool_calls"}).items():
                message[name] = value if message.get(name) is None else message[name] + value
            for delta in choice.delta.tool_calls or []:
                call = calls.setdefault(delta.index, {"id": delta.id, "type": "function", "function": {"name": delta.function.name, "arguments": ""}})
                call["function"]["arguments"] += delta.function.arguments or ""
                call |= delta.model_extra or {}
    if calls:
        message["tool_calls"] = list(calls.values())
    choice = {"index": 0, "message": message, "finish_reason": reason}
    reply = {"id": "", "object": "chat.completion", "created": 0, "model": "", "choices": [choice], "usage": usage and usage.model_dump()}
    return openai.types.chat.ChatCompletion.model_validate(reply)


class Responses(Client):
    errors, too_long = Chat.errors, Chat.too_long

    def open(self):
        self.api = gpt(self.url).responses

    def user(self, text, images):
        parts = [{"type": "input_image", "image_url": f"data:{kind};base64,{data}" if kind else data, "detail": "auto"} for kind, data in images]
        return {"role": "user", "content": [*parts, {"type": "input_text", "text": text}] if parts else text}

    def results(self, results):
        outputs = []
        for (call, _name), text, image in results:
            output = [{"type": "input_text", "text": text}, {"type": "input_image", "image_url": f"data:{image[0]};base64,{image[1]}", "detail": "auto"}] if image else text
            outputs.append({"type": "function_call_output", "call_id": call, "output": output})
        return outputs

    def options(self):
        send, more = self.send, {}
        if self.tools:
            more["tools"] = [{"type": "function", "name": name, "strict": False, **tool} for name, tool in self.tools.items()]
        if "choice" in send:
            more["tool_choice"] = {"any": "required", "none": "none"}.get(send["choice"], {"type": "function", "name": send["choice"]})
        if "system" in send:
            more["instructions"] = send["system"]
        if send.get("thinking"):
            more["reasoning"] = {"effort": "high", "summary": "auto"}
        return more

    def reply(self):
        more, send = self.options(), self.send
        more |= {"max_output_tokens": send["limit"]} if "limit" in send else {}
        more |= {"include": ["reasoning.encrypted_content"]} if send.get("thinking") else {}
        options = {"model": self.model, "input": self.history, "store": False, **more}
        if send.get("schema") and self.stream:
            options["text"] = {"format": {"type": "json_schema", "name": "weather", "schema": self.schema, "strict": True}}
        if self.stream:
            with self.api.stream(**options) as stream:
                events = list(stream)
                reply = next((event.response for event in events if event.type in ("response.completed", "response.incomplete", "response.failed")), None)
            assert events[0].type == "response.created" and [event.sequence_number for event in events] == list(range(len(events))), [event.type for event in events]
            assert reply, "no last event"
            if reply.status == "failed":
                raise openai.APIError(reply.error.message, None, body=None)
        elif send.get("schema"):
            reply = self.api.parse(text_format=Weather, **options)
            assert isinstance(reply.output_parsed, Weather), reply
        else:
            reply = self.api.create(**options)
        for item in reply.output:
            dump = item.model_dump(exclude_none=True, exclude={"parsed_arguments": True, "content": {"__all__": {"parsed"}}} if item.type in ("message", "function_call") else {})
            if self.forgets and item.type == "reasoning":
                continue
            self.history.append({name: value for name, value in dump.items() if not (self.forgets and name == "id")})
        calls = [item for item in reply.output if item.type == "function_call"]
        summaries = [part.text for item in reply.output if item.type == "reasoning" for part in item.summary]
        assert reply.status == ("incomplete" if "limit" in send else "completed"), reply
        limited = reply.status == "incomplete" and reply.incomplete_details.reason == "max_output_tokens"
        return Reply(reply.output_text, "".join(summaries), [[call.name, json.loads(call.arguments)] for call in calls], [(call.call_id, call.name) for call in calls],
                     limited, reply.usage.input_tokens, reply.usage.output_tokens)

    def count(self, text):
        return self.api.input_tokens.count(model=self.model, input=text, **self.options()).input_tokens


class Google(Client):
    errors = {"too long": genai.errors.ClientError, 400: genai.errors.ClientError, 401: genai.errors.ClientError, 403: genai.errors.ClientError,
              429: genai.errors.ClientError, 500: genai.errors.ServerError, "overloaded": genai.errors.ServerError, "broken": Exception}
    too_long = ""  # nobody acts on words of it

    def open(self):
        self.api = gemini(self.url).models

    def user(self, text, images):
        blobs = [types.Part(inline_data=types.Blob(mime_type=kind, data=data)) for kind, data in images]
        return types.Content(role="user", parts=[*blobs, types.Part(text=text)])

    def results(self, results):
        parts = []
        for (call, name), text, image in results:
            more = {"parts": [types.FunctionResponsePart(inline_data=types.FunctionResponseBlob(mime_type=image[0], data=image[1]))]} if image else {}
            parts.append(types.Part(function_response=types.FunctionResponse(id=call, name=name, response={"output": text}, **more)))
        return [types.Content(role="user", parts=parts)]

    def options(self):
        send, more = self.send, {}
        if self.tools:
            declarations = [types.FunctionDeclaration(name=name, description=tool["description"], parameters_json_schema=tool["parameters"]) for name, tool in self.tools.items()]
            more["tools"] = [types.Tool(function_declarations=declarations)]
        if "choice" in send:
            named = {"allowed_function_names": [send["choice"]]} if send["choice"] not in ("any", "none") else {}
            more["tool_config"] = types.ToolConfig(function_calling_config=types.FunctionCallingConfig(mode="NONE" if send["choice"] == "none" else "ANY", **named))
        more |= {"system_instruction": send["system"]} if "system" in send else {}
        more |= {"stop_sequences": send["stop"]} if "stop" in send else {}
        more |= {"max_output_tokens": send["limit"]} if "limit" in send else {}
        if send.get("thinking"):
            more["thinking_config"] = types.ThinkingConfig(include_thoughts=True, **({"thinking_budget": 2048} if self.kind == "budget" else {"thinking_level": "HIGH"}))
        if send.get("schema"):
            more |= {"response_mime_type": "application/json", **({"response_json_schema": self.schema} if self.stream else {"response_schema": Weather})}
        return more

    def reply(self):
        off = types.AutomaticFunctionCallingConfig(disable=True)
        options = {"model": self.model, "contents": self.history, "config": types.GenerateContentConfig(automatic_function_calling=off, **self.options())}
        chunks = list(self.api.generate_content_stream(**options)) if self.stream else [self.api.generate_content(**options)]
        assert chunks, "an empty stream"
        if self.send.get("schema") and not self.stream:
            assert isinstance(chunks[0].parsed, Weather), chunks[0]
        parts = [part for chunk in chunks for candidate in chunk.candidates or [] for part in (candidate.content and candidate.content.parts) or []]
        kept = [part.model_copy(update={"thought_signature": None}) for part in parts if not part.thought] if self.forgets else parts
        self.history.append(types.Content(role="model", parts=[part for part in kept if part.text != "" or part.thought_signature]))
        reason, usage = chunks[-1].candidates[0].finish_reason, chunks[-1].usage_metadata
        assert reason and reason.name == ("MAX_TOKENS" if "limit" in self.send else "STOP"), chunks[-1]
        calls = [part.function_call for part in parts if part.function_call]
        return Reply("".join(part.text for part in parts if part.text and not part.thought), "".join(part.text for part in parts if part.text and part.thought),
                     [[call.name, call.args or {}] for call in calls], [(call.id, call.name) for call in calls], reason.name == "MAX_TOKENS",
                     usage.prompt_token_count, (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0))

    def count(self, text):
        return self.api.count_tokens(model=self.model, contents=text).total_tokens


CLIENTS = {"messages": Messages, "chat": Chat, "responses": Responses, "google": Google}
