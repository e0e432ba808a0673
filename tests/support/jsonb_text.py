"""JSON as PostgreSQL prints a `jsonb`: keys by length, blanks, numbers without exponents, of equal keys the last."""

import json
from decimal import Decimal
from typing import Any


def as_jsonb_prints(text: str) -> str:
    """What comes back from a column of type `jsonb` that got this text."""

    def spell(value: Any) -> str:
        if isinstance(value, dict):
            keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
            return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {spell(value[key])}" for key in keys) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(spell, value)) + "]"
        return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)

    return spell(json.loads(text, parse_float=Decimal))
