"""Lines on stdin that are no message: each is answered, so that no client waits for ever."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.types import jsonrpc_message_adapter
from pydantic import ValidationError

from letterlock.doors.stdio import refusal, top_level

DEEP = "[" * 5000 + "]" * 5000


def answer(line: str) -> tuple[int, Any] | None:
    with pytest.raises(ValidationError) as error:
        jsonrpc_message_adapter.validate_json(line, by_name=False)
    told = refusal(error.value)
    if told is None:
        return None
    said = json.loads(told.model_dump_json(by_alias=True, exclude_unset=True))
    assert said["jsonrpc"] == "2.0"
    return said["error"]["code"], said["id"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"query":"\\ud800"}}', (-32700, 7)),
        ('{"jsonrpc":"2.0","method":"x","params":' + DEEP + ',"id":"a1"}', (-32700, "a1")),
        ('{"jsonrpc":"2.0","params":{"id":1},"id":8,"method":"x",', (-32700, 8)),
        ('{"params":["id",1,{"id":2}]', (-32700, None)),
        ('{"id":"\\ud800","x":', (-32700, None)),
        ('{"id":' + "9" * 5000 + ',"x":', (-32700, None)),
        ('{"id":tru', (-32700, None)),
        ("this is no JSON", (-32700, None)),
        ("{", (-32700, None)),
        ('{"jsonrpc":"2.0","id":7,"method":5}', (-32600, 7)),
        ('{"jsonrpc":"1.0","id":"x","method":"ping"}', (-32600, "x")),
        ('{"jsonrpc":"2.0","id":3,"method":"ping","params":[1]}', (-32600, 3)),
        ('{"id":true}', (-32600, None)),
        ('[{"jsonrpc":"2.0","id":1,"method":"ping"}]', (-32600, None)),
        ("17", (-32600, None)),
        ("", None),
        ("  \t", None),
        ('{"jsonrpc":"2.0","id":1,"result":3}', None),
        ('{"jsonrpc":"2.0","id":1,"error":', None),
    ],
)
def test_a_line_that_is_no_message_is_answered_with_its_id(line: str, told: tuple[int, Any] | None) -> None:
    assert answer(line) == told


@given(st.text(alphabet='{}[]":,\\\\iden0 \n\ud800'))
def test_the_top_level_of_anything_can_be_looked_for(line: str) -> None:
    assert isinstance(top_level(line), dict)


@given(st.dictionaries(st.text(min_size=1), st.integers(-(10**15), 10**15)))
def test_the_top_level_of_whole_json_is_found(said: dict[str, int]) -> None:
    expected = {name: value for name, value in said.items() if name.isprintable()}
    assert top_level(json.dumps(said)) == expected


@pytest.mark.parametrize("piece", ['"', '\\\\"', '"\\\\', "{", '{"id":', "[,", "a"])
def test_the_top_level_is_looked_for_in_linear_time(piece: str) -> None:
    began = time.process_time()
    top_level(piece * 200_000)
    assert time.process_time() - began < 2
