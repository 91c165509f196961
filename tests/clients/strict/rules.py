"""How the rules of a format are written down: a shape is a table of fields, a table of kinds or a
function of a value and its place. What does not fit raises `Refused` with place and words.

It knows no format.
"""

import re


class Refused(Exception):
    """A request that the vendor answers with an error."""

    def __init__(self, place, words, status=400):
        super().__init__(f"{place}: {words}")
        self.place, self.words, self.status = place, words, status


def need(fine, place, words):
    if not fine:
        raise Refused(place, words)


def string(value, place, most=None):
    need(isinstance(value, str), place, f"not a string: {value!r:.80}")
    need(most is None or len(value) <= most, place, f"string too long: {len(value)} is above {most}")


def said(value, place):
    string(value, place)
    need(value.strip(), place, "text must be non-empty")


def boolean(value, place):
    need(isinstance(value, bool), place, f"not a boolean: {value!r:.80}")


def number(value, place):
    need(isinstance(value, (int, float)) and not isinstance(value, bool), place, f"not a number: {value!r:.80}")


def anything(_value, _place):
    pass


def table(value, place):
    need(isinstance(value, dict), place, f"not an object: {value!r:.80}")


def below(most):
    return lambda value, place: string(value, place, most)


def whole(least):
    def shape(value, place):
        need(isinstance(value, int) and not isinstance(value, bool), place, f"not an integer: {value!r:.80}")
        need(value >= least, place, f"integer below minimum value: {value} is below {least}")

    return shape


def between(least, most):
    def shape(value, place):
        number(value, place)
        need(least <= value <= most, place, f"{value} is not between {least} and {most}")

    return shape


def of(*values):
    return lambda value, place: need(value in values, place, f"invalid value {value!r:.80}, supported are {list(values)}")


def like(pattern):
    def shape(value, place):
        string(value, place)
        need(re.fullmatch(pattern, value), place, f"{value!r:.100} does not match the pattern {pattern}")

    return shape


def maybe(shape):
    return lambda value, place: None if value is None else shape(value, place)


def several(shape, least=0, most=10_000):
    def check(value, place):
        need(isinstance(value, list), place, f"not a list: {value!r:.80}")
        need(least <= len(value) <= most, place, f"has {len(value)} entries, not {least} to {most}")
        for at, one in enumerate(value):
            shape(one, f"{place}.{at}")

    return check


def fields(required=None, **known):
    """An object with these fields alone; those in `required`, words with spaces between, must be there."""

    def check(value, place):
        table(value, place)
        for name in value:
            need(name in known, f"{place}.{name}", "unknown field: extra inputs are not permitted")
            known[name](value[name], f"{place}.{name}")
        for name in (required or "").split():
            need(name in value, f"{place}.{name}", "field required")

    return check


def by(tag, **kinds):
    """An object whose field `tag` tells which shape it has. A dash in a name is written `__`."""

    def check(value, place):
        table(value, place)
        kind = value.get(tag)
        need(kind in kinds, f"{place}.{tag}", f"invalid value {kind!r:.80}, supported are {sorted(kinds)}")
        kinds[kind](value, place)

    return check


def either(text, other):
    """A string of one shape, or else the other shape."""
    return lambda value, place: (text if isinstance(value, str) else other)(value, place)


def closed(schema, place, all_required=False):
    """A schema whose objects are closed, as structured output wants it."""
    table(schema, place)
    if schema.get("type") == "object" or "properties" in schema:
        need(schema.get("additionalProperties") is False, place, "for type 'object', 'additionalProperties' must be explicitly set to false")
        missing = set(schema.get("properties", {})) - set(schema.get("required", []))
        need(not (all_required and missing), place, f"'required' must include every key in properties; missing {sorted(missing)}")
    for at in ("properties", "$defs", "definitions"):
        for name, inner in schema.get(at, {}).items():
            closed(inner, f"{place}.{at}.{name}", all_required)
    for at in ("anyOf", "allOf"):
        for number_, inner in enumerate(schema.get(at, [])):
            closed(inner, f"{place}.{at}.{number_}", all_required)
    if isinstance(schema.get("items"), dict):
        closed(schema["items"], f"{place}.items", all_required)
