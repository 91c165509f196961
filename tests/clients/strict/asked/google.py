"""Google's generateContent, as its API reference and its errors have it."""

import base64
import re

from ..rules import anything, between, boolean, either, fields, like, need, number, of, several, string, table, whole
from ..seen import Seen

NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}"
# What the vendor takes in place of a signature that is not there.
INSTEAD = ("skip_thought_signature_validator", "context_engineering_is_the_way_to_go")
IMAGE = fields("mimeType data", mimeType=of("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"), data=like(r"[A-Za-z0-9+/_-]+=*"), displayName=string)
CALL = fields("name", id=string, name=like(NAME), args=table)
ANSWER = fields("name response", id=string, name=like(NAME), response=table, parts=several(fields(inlineData=IMAGE), 1), willContinue=boolean, scheduling=string)
DATA = dict(text=string, inlineData=IMAGE, fileData=fields("fileUri", fileUri=string, mimeType=string), functionCall=CALL, functionResponse=ANSWER)
PART = fields(**DATA, thought=boolean, thoughtSignature=string)
CONTENT = fields("parts", role=of("user", "model"), parts=several(PART, 1))
# https://ai.google.dev/api/caching#Schema
KNOWN = "type format title description nullable enum maxItems minItems properties required minProperties maxProperties minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum".split()
TYPES = "STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL".split()
LEVELS = of("minimal", "low", "medium", "high", "MINIMAL", "LOW", "MEDIUM", "HIGH")
CONFIG = fields(temperature=between(0, 2), topP=between(0, 1), topK=number, candidateCount=whole(1), maxOutputTokens=whole(1), stopSequences=several(string, 0, 5), responseMimeType=of("text/plain", "application/json"),
                responseSchema=table, responseJsonSchema=table, responseModalities=anything, presencePenalty=number, frequencyPenalty=number, seed=number, responseLogprobs=boolean, logprobs=whole(0),
                thinkingConfig=fields(includeThoughts=boolean, thinkingBudget=whole(-1), thinkingLevel=LEVELS))
DECLARATION = fields("name description", name=like(NAME), description=string, parameters=table, parametersJsonSchema=table)
COUNT = dict(contents=several(CONTENT, 1), systemInstruction=fields("parts", role=string, parts=several(fields("text", text=string), 1)), tools=several(fields(functionDeclarations=several(DECLARATION, 1), googleSearch=table, urlContext=table, codeExecution=table), 1),
             toolConfig=fields(functionCallingConfig=fields(mode=of("AUTO", "ANY", "NONE", "VALIDATED"), allowedFunctionNames=several(like(NAME), 1)), includeServerSideToolInvocations=boolean),
             generationConfig=CONFIG, safetySettings=anything, store=boolean, serviceTier=of("flex", "priority", "standard"), cachedContent=like("cachedContents/.+"))
BODY = fields("contents", **COUNT)
COUNTED = fields(contents=COUNT["contents"], generateContentRequest=fields("model", model=like(r"models/.+"), **COUNT))
MODELS = {"gemini-2.5-flash": "budget", "gemini-2.5-pro": "budget", "gemini-3-pro-preview": "level"}


FREE = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema")


def camel(value):
    """The names of fields as the reference has them: the vendor takes the other spelling too, and its Python SDK uses it."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = {name: re.sub("_([a-z])", lambda letter: letter[1].upper(), name) for name in value}
    return {names[name]: inner if names[name] in FREE else camel(inner) for name, inner in value.items()}


def check(body, headers, issued, counting=False):
    body = camel(body)
    need(headers["x-model"] in MODELS, "model", f"models/{headers['x-model']} is not found for API version v1beta")
    (COUNTED if counting else BODY)(body, "")
    body = body.get("generateContentRequest", body)
    config, how = body.get("generationConfig", {}), MODELS[headers["x-model"]]
    seen = Seen(model=headers["x-model"], limit=config.get("maxOutputTokens"), stop=config.get("stopSequences", []), stream=headers["x-verb"] == "streamGenerateContent")
    seen.system = [part["text"] for part in body.get("systemInstruction", {}).get("parts", [])]
    tools(body, seen)
    hosted = [name for tool in body.get("tools", []) for name in tool if name != "functionDeclarations"]
    need(not (hosted and seen.tools) or how == "level", "tools", "built-in tools and function calling cannot be combined in the same request with this model")
    thinking = config.get("thinkingConfig", {})
    need("thinkingLevel" not in thinking or how == "level", "generationConfig.thinkingConfig", "thinking level is not supported for this model")
    need(not {"thinkingLevel", "thinkingBudget"} <= set(thinking), "generationConfig.thinkingConfig", "you can only set only one of thinking budget and thinking level")
    seen.shows = thinking.get("includeThoughts", False)
    seen.thinks = seen.shows or thinking.get("thinkingBudget", 0) != 0 or "thinkingLevel" in thinking
    seen.sealed = how == "level" or seen.thinks
    schema = config.get("responseJsonSchema") or config.get("responseSchema")
    need(not schema or config.get("responseMimeType") == "application/json", "generationConfig", "a response schema is only supported with responseMimeType application/json")
    need(not {"responseSchema", "responseJsonSchema"} <= set(config), "generationConfig", "only one of responseSchema and responseJsonSchema may be set")
    if "responseSchema" in config:
        known(schema, "generationConfig.responseSchema")
    seen.schema = schema
    history(body["contents"], seen, issued, how == "level")
    return seen


def known(schema, place):
    table(schema, place)
    for name, value in schema.items():
        name = {"property_ordering": "propertyOrdering", "any_of": "anyOf"}.get(name, name)
        need(name in KNOWN, f"{place}.{name}", f'unknown name "{name}": cannot find field')
        if name == "properties":
            need(value, f"{place}.properties", "should be non-empty for OBJECT type")
            for key, inner in value.items():
                known(inner, f"{place}.properties.{key}")
        elif name == "anyOf":
            several(known)(value, f"{place}.anyOf")
        elif name == "items":
            known(value, f"{place}.items")
    need(str(schema.get("type", "STRING")).upper() in TYPES and isinstance(schema.get("type", ""), str), f"{place}.type", f"invalid value {schema.get('type')!r}")
    several(string)(schema.get("enum", []), f"{place}.enum")
    need("enum" not in schema or schema.get("type", "").upper() == "STRING", f"{place}.enum", "only allowed for STRING type")
    need(schema.get("type", "").upper() != "ARRAY" or "items" in schema, f"{place}.items", "missing field")
    absent = set(schema.get("required", [])) - set(schema.get("properties", {}))
    need(not absent, f"{place}.required", f"property is not defined: {sorted(absent)}")


def tools(body, seen):
    for at, tool in enumerate(body.get("tools", [])):
        for number_, declaration in enumerate(tool.get("functionDeclarations", [])):
            place = f"tools.{at}.functionDeclarations.{number_}"
            need(not {"parameters", "parametersJsonSchema"} <= set(declaration), place, "only one of parameters and parametersJsonSchema may be set")
            if "parameters" in declaration:
                known(declaration["parameters"], f"{place}.parameters")
            need(declaration["name"] not in seen.tools, place, f"duplicate function declaration {declaration['name']}")
            seen.tools[declaration["name"]] = declaration["description"]
    config = body.get("toolConfig", {}).get("functionCallingConfig", {})
    mode, allowed = config.get("mode", "AUTO"), config.get("allowedFunctionNames", [])
    need(not allowed or mode in ("ANY", "VALIDATED"), "toolConfig", "allowedFunctionNames may only be set when the mode is ANY or VALIDATED")
    need(mode != "ANY" or seen.tools, "toolConfig", "function calling mode ANY needs function declarations")
    need(set(allowed) <= set(seen.tools), "toolConfig", "allowedFunctionNames must be declared")
    seen.choice = allowed[0] if len(allowed) == 1 else {"VALIDATED": "auto"}.get(mode, mode.lower())


def history(contents, seen, issued, wants_signatures):
    waiting, before = [], None
    last_said = max((at for at, content in enumerate(contents) if content.get("role", "user") == "user" and any("text" in part or "inlineData" in part for part in content["parts"])), default=0)
    for at, content in enumerate(contents):
        place, role, parts = f"contents.{at}", content.get("role", "user"), content["parts"]
        for number_, part in enumerate(parts):
            data = [name for name in DATA if name in part]
            need(len(data) == 1, f"{place}.parts.{number_}", f"required oneof field 'data' must have one initialized field, has {data}")
        calls = [part for part in parts if "functionCall" in part]
        answers = [part["functionResponse"] for part in parts if "functionResponse" in part]
        need(len(answers) == len(waiting), place, f"please ensure that the number of function response parts ({len(answers)}) is equal to the number of function call parts of the function call turn ({len(waiting)})")
        need(not calls or role == "model" and before == "user", place, "please ensure that function call turn comes immediately after a user turn or after a function response turn")
        results(answers, waiting, place, seen)
        if role == "model":
            seen.turn += before != "model"
            signatures(parts, place, seen, issued, wants_signatures and at > last_said)
        else:
            seen.says += [part["text"] for part in parts if "text" in part]
            seen.images += [plain(part["inlineData"]["data"]) for part in parts if "inlineData" in part] + [part["fileData"]["fileUri"] for part in parts if "fileData" in part]
        waiting = [part["functionCall"] for part in calls]
        before = role
    need(not waiting, "contents", "function calls without their responses")


def plain(data):
    """Base64 in the one alphabet: the vendor takes both, and its Python SDK sends the other."""
    return data.replace("-", "+").replace("_", "/")


def results(answers, waiting, place, seen):
    rest = list(waiting)
    for answer in answers:
        match = [call for call in rest if call["name"] == answer["name"] and call.get("id") == answer.get("id")]
        need(match, place, f"no function call of the turn before has the name {answer['name']} and the id {answer.get('id')}")
        rest.remove(match[0])
        seen.results.append(((answer["name"], match[0].get("args", {})), " ".join(str(value) for value in answer["response"].values())))
        seen.images += [plain(part["inlineData"]["data"]) for part in answer.get("parts", [])]


def signatures(parts, place, seen, issued, wanted):
    for at, part in enumerate(parts):
        signature = part.get("thoughtSignature")
        first = "functionCall" in part and not any("functionCall" in before for before in parts[:at])
        need(signature or not (wanted and first), f"{place}.parts.{at}", "function call is missing a thought_signature in functionCall parts")
        if not signature or signature in INSTEAD:
            continue
        try:
            base64.b64decode(signature, validate=True)
        except ValueError:
            need(False, f"{place}.parts.{at}.thoughtSignature", "base64 decoding failed")
        need(signature in issued, f"{place}.parts.{at}", "thought signature is not valid")
        need(issued[signature] == (part.get("functionCall", {}).get("name")), f"{place}.parts.{at}", "corrupted thought signature: it belongs to another part")
        seen.seals.append(signature)
