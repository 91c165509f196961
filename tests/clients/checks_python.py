"""The official Python SDKs against the gateway: one function a check, run in order."""

import asyncio
import os
import sys

import anthropic
import openai
from google import genai
from google.genai import types

DEMO, SCRIPTED, KEYED = (os.environ[name] for name in ("DEMO_URL", "SCRIPTED_URL", "KEYED_URL"))
ASK = [{"role": "user", "content": "call the tool weather"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CHECKS = []
OPEN = []  # this SDK closes a client that nobody holds


def check(function):
    CHECKS.append(function)
    return function


def claude(url, key="any", **more):
    return anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, **more)


def gpt(url, key="any", **more):
    return openai.OpenAI(base_url=url + "/openai/v1", api_key=key, max_retries=0, **more)


def gem(url, key="any", version="v1beta"):
    OPEN.append(genai.Client(api_key=key, http_options=types.HttpOptions(base_url=url, api_version=version)))
    return OPEN[-1]


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")




@check
def anthropic_text_and_stream():
    for url, model, words in [(DEMO, "demo/echo", "llm-router demo"), (SCRIPTED, "p/text", "scripted text")]:
        message = claude(url).messages.create(model=model, max_tokens=500, messages=ASK)
        assert words in message.content[0].text and message.usage.output_tokens > 0
        with claude(url).messages.stream(model=model, max_tokens=500, messages=ASK) as stream:
            assert words in "".join(stream.text_stream)
            assert stream.get_final_message().stop_reason == "end_turn"


@check
def anthropic_tool_and_result():
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    for url, model in [(DEMO, "demo/agent"), (SCRIPTED, "p/tool")]:
        for streamed in (False, True):
            if streamed:
                with claude(url).messages.stream(model=model, max_tokens=500, messages=ASK, tools=tools) as stream:
                    message = stream.get_final_message()
            else:
                message = claude(url).messages.create(model=model, max_tokens=500, messages=ASK, tools=tools)
            assert message.stop_reason == "tool_use"
            call = next(block for block in message.content if block.type == "tool_use")
            assert call.name == "weather" and call.input["city"]
            result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "sunny"}]}
            turn = [*ASK, {"role": "assistant", "content": message.content}, result]
            done = claude(url).messages.create(model=model, max_tokens=500, messages=turn, tools=tools)
            assert done.stop_reason == "end_turn" and done.content[0].text


@check
def anthropic_errors():
    for model, kind in [("k/e401", anthropic.AuthenticationError), ("p/e404", anthropic.NotFoundError), ("p/e429", anthropic.RateLimitError), ("p/e400", anthropic.BadRequestError), ("p/e500", anthropic.InternalServerError), ("p/txt", anthropic.NotFoundError)]:
        error = raises(kind, lambda: claude(SCRIPTED).messages.create(model=model, max_tokens=5, messages=ASK))
        assert model != "p/txt" or "p/text" in str(error), error
        assert model != "p/e429" or error.response.headers["retry-after"] == "1"
    error = raises(anthropic.APIStatusError, lambda: claude(SCRIPTED).messages.create(model="p/e529", max_tokens=5, messages=ASK))
    assert error.status_code == 529
    error = raises(anthropic.AuthenticationError, lambda: claude(KEYED, "wrong").messages.create(model="demo/echo", max_tokens=5, messages=ASK))
    assert error.body["error"]["type"] == "authentication_error"


@check
def anthropic_failover_and_breaks():
    for alias in ("after-errfirst", "after-empty", "after-e529", "after-nobody"):
        with claude(SCRIPTED).messages.stream(model=alias, max_tokens=5, messages=ASK) as stream:
            assert "scripted text" in "".join(stream.text_stream), alias

    def cut():
        with claude(SCRIPTED).messages.stream(model="p/cut", max_tokens=5, messages=ASK) as stream:
            "".join(stream.text_stream)

    raises(anthropic.APIError, cut)


@check
def anthropic_models_and_counting():
    models = list(claude(SCRIPTED).models.list(limit=1000))
    assert models[0].id == "after-errfirst" and any(model.id == "p/text" for model in models)
    assert claude(SCRIPTED).models.retrieve("p/text").type == "model"
    assert claude(SCRIPTED).messages.count_tokens(model="p/text", messages=ASK).input_tokens == 42
    assert claude(DEMO).messages.count_tokens(model="demo/echo", messages=ASK).input_tokens > 0


@check
def anthropic_request_ids_and_keys():
    raw = claude(SCRIPTED).messages.with_raw_response.create(model="p/text", max_tokens=5, messages=ASK)
    assert raw.headers["request-id"] == "req_up" and raw.headers["x-llm-router-target"] == "p/text"
    assert "set-cookie" not in raw.headers and raw.headers["x-request-id"]
    message = anthropic.Anthropic(base_url=KEYED, auth_token="gw-key", api_key=None).messages.create(model="demo/echo", max_tokens=500, messages=ASK)
    assert "demo" in message.content[0].text


@check
def openai_chat_text_and_stream():
    for url, model, words in [(DEMO, "demo/echo", "llm-router demo"), (SCRIPTED, "p/text", "scripted text")]:
        reply = gpt(url).chat.completions.create(model=model, messages=ASK)
        assert words in reply.choices[0].message.content
        stream = gpt(url).chat.completions.create(model=model, messages=ASK, stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        assert words in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        assert url != DEMO or chunks[-1].usage.total_tokens > 0


@check
def openai_chat_tool_and_result():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    for url, model in [(DEMO, "demo/agent"), (SCRIPTED, "p/tool")]:
        for streamed in (False, True):
            if streamed:
                with gpt(url).chat.completions.stream(model=model, messages=ASK, tools=tools) as stream:
                    message = stream.get_final_completion().choices[0].message
            else:
                message = gpt(url).chat.completions.create(model=model, messages=ASK, tools=tools).choices[0].message
            call = message.tool_calls[0]
            assert call.function.name == "weather" and "city" in call.function.arguments
            turn = [*ASK, {"role": "assistant", "tool_calls": [{"id": call.id, "type": "function", "function": {"name": "weather", "arguments": call.function.arguments}}]}, {"role": "tool", "tool_call_id": call.id, "content": "sunny"}]
            done = gpt(url).chat.completions.create(model=model, messages=turn, tools=tools)
            assert done.choices[0].finish_reason == "stop" and done.choices[0].message.content


@check
def openai_responses_text_tool_and_stream():
    tools = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
    for url, echo, agent, words in [(DEMO, "demo/echo", "demo/agent", "llm-router demo"), (SCRIPTED, "p/text", "p/tool", "scripted text")]:
        assert words in gpt(url).responses.create(model=echo, input="hi").output_text
        with gpt(url).responses.stream(model=echo, input="hi") as stream:
            kinds = [event.type for event in stream]
            assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
            assert words in stream.get_final_response().output_text
        with gpt(url).responses.stream(model=agent, input=ASK, tools=tools) as stream:
            list(stream)
            call = next(item for item in stream.get_final_response().output if item.type == "function_call")
        assert call.name == "weather" and "city" in call.arguments
        turn = [*ASK, {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments}, {"type": "function_call_output", "call_id": call.call_id, "output": "sunny"}]
        assert gpt(url).responses.create(model=agent, input=turn, tools=tools).output_text


@check
def openai_errors_and_failover():
    for model, kind in [("k/e401", openai.AuthenticationError), ("p/e404", openai.NotFoundError), ("p/e429", openai.RateLimitError), ("p/e400", openai.BadRequestError), ("p/e500", openai.InternalServerError), ("p/txt", openai.NotFoundError)]:
        error = raises(kind, lambda: gpt(SCRIPTED).chat.completions.create(model=model, messages=ASK))
        assert model != "p/txt" or error.code == "model_not_found" and "p/text" in error.message
    raises(openai.AuthenticationError, lambda: gpt(KEYED, "wrong").models.list())
    for alias in ("after-errfirst", "after-empty", "after-e529", "after-nobody"):
        stream = gpt(SCRIPTED).chat.completions.create(model=alias, messages=ASK, stream=True)
        assert "scripted" in "".join(chunk.choices[0].delta.content or "" for chunk in stream), alias
        assert gpt(SCRIPTED).responses.create(model=alias, input="hi", stream=False) if alias in ("after-e529", "after-nobody") else True
    raises(openai.APIError, lambda: list(gpt(SCRIPTED).chat.completions.create(model="p/cut", messages=ASK, stream=True)))


@check
def openai_models_embeddings_completions():
    assert [model.id for model in gpt(SCRIPTED).models.list()][0] == "after-errfirst"
    assert gpt(SCRIPTED).models.retrieve("p/text").owned_by == "p"
    assert gpt(SCRIPTED).embeddings.create(model="p/text", input="x", encoding_format="float").data[0].embedding == [0.5, 0.25]
    assert gpt(SCRIPTED).completions.create(model="p/text", prompt="x").choices[0].text == "done"
    raw = gpt(SCRIPTED).chat.completions.with_raw_response.create(model="p/text", messages=ASK)
    assert raw.headers["x-request-id"] and raw.headers["x-llm-router-target"] == "p/text"


@check
def openai_async():
    async def ask():
        client = openai.AsyncOpenAI(base_url=DEMO + "/v1", api_key="any")
        replies = await asyncio.gather(*[client.chat.completions.create(model="demo/echo", messages=ASK) for _ in range(20)])
        return [reply.choices[0].message.content for reply in replies]

    assert all("demo" in text for text in asyncio.run(ask()))


@check
def gemini_text_stream_and_tools():
    declaration = types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)
    config = types.GenerateContentConfig(tools=[types.Tool(function_declarations=[declaration])], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True))
    for version in ("v1beta", "v1"):
        for url, echo, agent, words in [(DEMO, "demo/echo", "demo/agent", "llm-router demo"), (SCRIPTED, "p/text", "p/tool", "scripted text")]:
            models = gem(url, version=version).models
            assert words in models.generate_content(model=echo, contents="hi").text
            assert words in "".join(chunk.text or "" for chunk in models.generate_content_stream(model=echo, contents="hi"))
            call = models.generate_content(model=agent, contents="call the tool weather", config=config).function_calls[0]
            assert call.name == "weather" and call.args["city"]
            assert models.count_tokens(model=echo, contents="hi").total_tokens > 0


@check
def gemini_models_and_errors():
    models = [model.name for model in gem(SCRIPTED).models.list()]
    assert models[0] == "models/after-errfirst", models[0]
    assert gem(SCRIPTED).models.get(model="p/text").name == "models/p/text"
    assert raises(genai.errors.ClientError, lambda: gem(SCRIPTED).models.generate_content(model="p/txt", contents="hi")).code == 404
    assert raises(genai.errors.ClientError, lambda: gem(SCRIPTED).models.generate_content(model="p/e429", contents="hi")).code == 429
    assert raises(genai.errors.ClientError, lambda: gem(KEYED, "wrong").models.generate_content(model="demo/echo", contents="hi")).code == 401
    assert "demo" in gem(KEYED, "gw-key").models.generate_content(model="demo/echo", contents="hi").text
    assert "scripted" in "".join(chunk.text or "" for chunk in gem(SCRIPTED).models.generate_content_stream(model="after-empty", contents="hi"))


# Providers of the scripted gateway that speak one format each.
OTHERS = {"chat", "responses", "messages", "google"}
CITY = {"command": "echo hi", "cmd": "echo hi", "description": "say hi", "city": "Oslo"}


@check
def anthropic_translated():
    tools = [{"name": "weather", "input_schema": SCHEMA}]
    for other in sorted(OTHERS - {"messages"}):
        message = claude(SCRIPTED).messages.create(model=f"{other}/text", max_tokens=500, messages=ASK)
        assert message.content[0].text == "scripted text" and message.usage.input_tokens == 3
        with claude(SCRIPTED).messages.stream(model=f"{other}/tool", max_tokens=500, messages=ASK, tools=tools) as stream:
            message = stream.get_final_message()
        call = next(block for block in message.content if block.type == "tool_use")
        assert (call.name, call.input, message.stop_reason) == ("weather", CITY, "tool_use"), message
        history = [*ASK, {"role": "assistant", "content": message.content}, {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]}]
        message = claude(SCRIPTED).messages.create(model=f"{other}/tool", max_tokens=500, messages=history, tools=tools)
        assert message.content[0].text == "scripted text"
        assert raises(anthropic.RateLimitError, lambda: claude(SCRIPTED).messages.create(model=f"{other}/e429", max_tokens=9, messages=ASK)).response.headers["retry-after"] == "1"
        assert raises(anthropic.BadRequestError, lambda: claude(SCRIPTED).messages.create(model=f"{other}/e400", max_tokens=9, messages=ASK)).type == "invalid_request_error"
        assert claude(SCRIPTED).messages.count_tokens(model=f"{other}/text", messages=ASK).input_tokens > 3


@check
def chat_translated():
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    for other in sorted(OTHERS - {"chat"}):
        chat = gpt(SCRIPTED).chat.completions
        reply = chat.create(model=f"{other}/text", messages=ASK)
        assert reply.choices[0].message.content == "scripted text" and reply.usage.prompt_tokens == 3
        with gpt(SCRIPTED).chat.completions.stream(model=f"{other}/tool", messages=ASK, tools=tools) as stream:
            reply = stream.get_final_completion()
        message = reply.choices[0].message
        assert reply.choices[0].finish_reason == "tool_calls" and message.tool_calls[0].function.name == "weather"
        history = [*ASK, message.model_dump(exclude_none=True, exclude={"parsed"}), {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "rain"}]
        assert chat.create(model=f"{other}/tool", messages=history, tools=tools).choices[0].message.content == "scripted text"
        raises(openai.RateLimitError, lambda: chat.create(model=f"{other}/e429", messages=ASK))
        raises(openai.BadRequestError, lambda: chat.create(model=f"{other}/e400", messages=ASK))


@check
def responses_translated():
    tools = [{"type": "function", "name": "weather", "parameters": SCHEMA, "strict": False}]
    for other in sorted(OTHERS - {"responses"}):
        api = gpt(SCRIPTED).responses
        assert api.create(model=f"{other}/text", input="hi").output_text == "scripted text"
        with gpt(SCRIPTED).responses.stream(model=f"{other}/tool", input="call the tool", tools=tools) as stream:
            reply = stream.get_final_response()
        call = next(item for item in reply.output if item.type == "function_call")
        assert call.name == "weather"
        history = [{"role": "user", "content": "call the tool"}, *[item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in reply.output], {"type": "function_call_output", "call_id": call.call_id, "output": "rain"}]
        assert api.create(model=f"{other}/tool", input=history, tools=tools).output_text == "scripted text"
        raises(openai.RateLimitError, lambda: api.create(model=f"{other}/e429", input="hi"))
        assert "previous_response_id" in str(raises(openai.BadRequestError, lambda: api.create(model=f"{other}/text", input="hi", previous_response_id="resp_1")))


@check
def google_translated():
    tool = types.Tool(function_declarations=[types.FunctionDeclaration(name="weather", parameters_json_schema=SCHEMA)])
    for other in sorted(OTHERS - {"google"}):
        models = gem(SCRIPTED).models
        reply = models.generate_content(model=f"{other}/text", contents="hi")
        assert reply.text == "scripted text" and reply.usage_metadata.prompt_token_count == 3
        pieces = list(models.generate_content_stream(model=f"{other}/text", contents="hi"))
        assert "".join(piece.text or "" for piece in pieces) == "scripted text"
        reply = models.generate_content(model=f"{other}/tool", contents="call the tool", config=types.GenerateContentConfig(tools=[tool], automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True)))
        assert reply.function_calls[0].name == "weather"
        assert models.count_tokens(model=f"{other}/text", contents="hi").total_tokens > 0


failed = 0
for function in CHECKS:
    try:
        function()
        print(f"ok     python {function.__name__}", flush=True)
    except BaseException as error:
        failed += 1
        frame = error.__traceback__
        while frame.tb_next and frame.tb_next.tb_frame.f_code.co_filename == __file__:
            frame = frame.tb_next
        print(f"FAILED python {function.__name__}, line {frame.tb_lineno}: {type(error).__name__}: {error}", flush=True)
sys.exit(failed > 0)
