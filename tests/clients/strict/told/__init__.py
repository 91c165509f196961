"""What each format's vendor says: whole replies, streams and errors, from one script."""

import base64
import json
from dataclasses import dataclass, field

INPUT, OUTPUT, THOUGHT = 30, 12, 5  # tokens; those of thought are part of the output


@dataclass
class Answer:
    """What the model does at one turn of a run."""

    run: str
    turn: int
    model: str
    think: str = ""
    text: str = ""
    calls: list = field(default_factory=list)  # (name, arguments)
    stop: str = ""  # limit, sequence or nothing
    sequence: str = ""
    usage: bool = True
    shows: bool = False
    sealed: bool = False
    issued: dict = field(default_factory=dict)
    seals: list = field(default_factory=list)

    def seal(self, belongs_to):
        """A seal that only this run knows, in base64."""
        text = f"seal {len(self.seals)} of turn {self.turn} of {self.run}: {'x' * 60}"
        self.seals.append(base64.b64encode(text.encode()).decode())
        self.issued[self.seals[-1]] = belongs_to
        return self.seals[-1]

    def id(self, prefix, number=0):
        return f"{prefix}{self.run}{self.turn}{number}"


def sse(name, data):
    line = f"event: {name}\n" if name else ""
    return f"{line}data: {json.dumps(data, ensure_ascii=False)}\n\n"


def pieces(text, size=7):
    return [text[at : at + size] for at in range(0, len(text), size)]
