"""What a request asks for, in words that all formats share: checks of a scenario are written once.

It knows no format.
"""

import json
from dataclasses import dataclass, field


@dataclass
class Seen:
    model: str = ""
    stream: bool = False
    usage: bool = True  # whether a stream ends with its usage
    system: list = field(default_factory=list)  # texts
    says: list = field(default_factory=list)  # texts of the user
    images: list = field(default_factory=list)  # base64 or addresses, those in results too
    calls: dict = field(default_factory=dict)  # id -> (name, arguments)
    results: list = field(default_factory=list)  # ((name, arguments), text)
    seals: list = field(default_factory=list)  # what came back of our own
    tools: dict = field(default_factory=dict)  # name -> description
    choice: str = "auto"  # auto, any, none or a name
    stop: list = field(default_factory=list)
    limit: int | None = None
    schema: dict | None = None
    thinks: bool = False  # reasoning is asked for
    shows: bool = False  # and is to be shown
    sealed: bool = False  # and can be sealed
    turn: int = 0  # how many turns of the model there were


def names(seen, shared):
    """The names that the client gave to its tools, by those that arrived: the description tells."""
    ours = {tool["description"]: name for name, tool in shared["tools"].items()}
    return {name: ours.get(description, name) for name, description in seen.tools.items()}


def tell(wanted, got, what):
    """Nothing if both are equal, else words."""
    if wanted == got:
        return []
    return [f"{what}: the client sent {json.dumps(wanted, ensure_ascii=False)[:400]}, the provider received {json.dumps(got, ensure_ascii=False)[:400]}"]


def wrong(seen, scenario, shared, issued):
    """What of a scenario did not arrive at this turn, as lines."""
    send, so_far = scenario.get("send", {}), scenario["turns"][: seen.turn + 1]
    ours, text = names(seen, shared), " ".join(seen.says)
    lines = [f"the client said {turn['say']!r}, the provider received {text[:600]!r}" for turn in so_far if turn.get("say", "") not in text]
    if send.get("system", "") not in " ".join(seen.system):
        lines.append(f"the system text {send['system']!r} is missing in {seen.system!r:.400}")
    results = [result for turn in so_far for result in turn.get("results", [])]
    images = [image for turn in so_far for image in turn.get("images", [])] + [result["image"] for result in results if "image" in result]
    lines += tell([shared["images"][image] for image in images], seen.images, "images")
    calls = [call for turn in so_far[:-1] for call in turn["model"].get("calls", [])]
    lines += tell(len(results), len(seen.results), "how many results")
    # Agents run tools side by side and send what comes first first.
    order = calls.index if scenario.get("agent") else None
    told = sorted(seen.results, key=lambda one: order(list(one[0])) if list(one[0]) in calls else -1) if order else seen.results
    for call, result, ((name, arguments), got) in zip(calls, results, told):
        if call != [ours.get(name, name), arguments] or result.get("text", "") not in got:
            lines += tell([call, result], [[name, arguments], got], "the result of a call")
    if send.get("thinking") and not scenario.get("forgets"):
        lines += tell(issued, seen.seals, "seals that were issued")
    return lines if scenario.get("agent") else lines + wishes(seen, scenario, send, shared, ours)


def wishes(seen, scenario, send, shared, ours):
    lines = tell(sorted(send.get("tools", [])), sorted(ours.values()), "tools")
    lines += tell(send.get("stop", []), seen.stop, "stop sequences")
    lines += tell(bool(send.get("schema")), bool(seen.schema), "a schema of the output")
    if "limit" in send:
        lines += tell(send["limit"], seen.limit, "the limit of tokens")
    if seen.schema and send.get("schema"):
        lines += tell(sorted(shared["schema"]["properties"]), sorted(seen.schema.get("properties", {})), "the schema's properties")
    # No vendor lets a forced tool go with thinking everywhere: which of both stays is not asked here.
    if not ("choice" in send and send.get("thinking")):
        lines += tell(send.get("choice", "auto"), ours.get(seen.choice, seen.choice), "the choice of a tool")
        # Without the thoughts of a turn that waits for results some vendors take no wish for more.
        waits = scenario.get("forgets") and seen.turn > 0
        lines += tell(True, seen.thinks, "reasoning asked for") if send.get("thinking") and not waits else []
    return lines
