"""Replies, streams and errors of Google's generateContent."""

from . import INPUT, OUTPUT, THOUGHT, pieces, sse

KINDS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
TOO_LONG = "The input token count (2100000) exceeds the maximum number of tokens allowed (1048576)."


def parts(answer):
    if answer.think and answer.shows:
        yield {"text": answer.think, "thought": True}
    if answer.text:
        sealed = {"thoughtSignature": answer.seal(None)} if answer.sealed and answer.think and not answer.calls else {}
        yield {"text": answer.text, **sealed}
    for number, (name, arguments) in enumerate(answer.calls):
        # Only the first call of a step carries a signature.
        sealed = {"thoughtSignature": answer.seal(name)} if answer.sealed and answer.think and number == 0 else {}
        yield {"functionCall": {"id": answer.id("fc", number), "name": name, "args": arguments}, **sealed}


def reply(answer, some, last):
    candidate = {"content": {"role": "model", "parts": some}, "index": 0}
    usage = {"promptTokenCount": INPUT, "totalTokenCount": INPUT, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": INPUT}]}
    if last:
        thought = THOUGHT if answer.think else 0
        candidate["finishReason"] = "MAX_TOKENS" if answer.stop == "limit" else "STOP"
        usage |= {"candidatesTokenCount": OUTPUT - thought, "totalTokenCount": INPUT + OUTPUT, **({"thoughtsTokenCount": thought} if thought else {})}
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": answer.model, "responseId": answer.id("r")}


def message(answer):
    return reply(answer, list(parts(answer)), True)


def stream(answer):
    chunks = []
    for part in parts(answer):
        if "text" not in part:
            chunks.append([part])
            continue
        kept = {name: value for name, value in part.items() if name == "thought"}
        chunks += [[{"text": piece, **kept}] for piece in pieces(part["text"], 20)]
        # The signature of a text comes behind it, with an empty one.
        chunks += [[{"text": "", "thoughtSignature": part["thoughtSignature"]}]] if "thoughtSignature" in part else []
    return [sse("", reply(answer, chunk, at == len(chunks) - 1)) for at, chunk in enumerate(chunks)]


def fault(status, words, _place=None):
    return {"error": {"code": status, "message": words, "status": KINDS.get(status, "UNKNOWN")}}


def break_off():
    return [sse("", fault(503, "The model is overloaded. Please try again later."))]


COUNT = {"totalTokens": 42}
OVERLOADED = (503, "The model is overloaded. Please try again later.")
