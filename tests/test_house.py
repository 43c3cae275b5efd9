"""The plan of the house, read from its files: floors, a module for each library, light start, errors, the drawing."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from letterlock import errors
from letterlock.errors import LetterlockError
from running import clean_environment

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "letterlock"
MODULES = sorted(SOURCE.rglob("*.py"))

FLOORS = {
    1: {"ids", "errors", "settings", "fair", "folder", "keyfile", "dns", "wake", "telemetry", "patterns", "together"},
    2: {
        "inspection",
        "policy",
        "carried",
        "disguises",
        "canary",
        "outgoing",
        "fraud",
        "domains",
        "routing",
        "providers",
        "screen",
        "message",
    },
    3: {"app", "lookout", "store", "vault", "masterkey", "kv", "sealing"},
    4: {"inbound", "outbound", "claims", "logins", "upkeep"},
    5: {"actions", "postmaster"},
    6: {"doors", "__main__"},
}
# (from, to): what may be imported on one's own floor besides errors.
NEIGHBOURS = {
    ("keyfile", "folder"),
    ("wake", "folder"),
    ("fair", "ids"),
    ("screen", "message"),
    ("policy", "screen"),
    ("policy", "message"),
    ("policy", "carried"),
    ("policy", "outgoing"),
    ("carried", "message"),
    ("carried", "disguises"),
    ("canary", "disguises"),
    ("outgoing", "message"),
    ("outgoing", "fraud"),
    ("fraud", "message"),
    ("domains", "message"),
    ("inspection", "screen"),
    ("inspection", "message"),
    ("app", "store"),
    ("app", "lookout"),
    ("lookout", "store"),
    ("app", "vault"),
    ("vault", "store"),
    ("vault", "masterkey"),
    ("vault", "kv"),
    ("vault", "sealing"),
    ("masterkey", "kv"),
    ("outbound", "inbound.accept"),
    ("outbound", "logins"),
    ("inbound", "logins"),
    ("postmaster", "actions.webhooks"),
    ("postmaster", "actions.finishing"),
    ("__main__", "doors"),
}
# Each library and the modules that may know it; a trailing / allows a whole room. Adding one is a decision.
LIBRARIES = {
    "aiosmtpd": {"inbound.listener"},
    "aiosmtplib": {"outbound.relay"},
    "aiosqlite": {"store.sqlite"},
    "anyascii": {"message.names"},
    "anyio": {"doors.stdio"},
    "click": {"doors/"},
    "cryptography": {"sealing", "message.dkim", "message.sign", "inbound.sns"},
    "dkim": {"message.authenticate", "message.sign"},
    "dns": {"dns"},
    "filelock": {"wake"},
    "httpx2": {
        "outbound.mta_sts",
        "outbound.webhooks",
        "inbound.reviewer",
        "inbound.autoconfig",
        "inbound.sns",
        "logins",
    },
    "hvac": {"kv"},
    "idna": {"message.address"},
    "imapclient": {"inbound.imap"},
    "jinja2": {"doors.pages"},
    "mailparser": {"message.parse"},
    "keyring": {"masterkey"},
    "markdown_it": {"message.markdown"},
    "mcp": {"doors/"},
    "docx": {"message.attached"},
    "numpy": {"screen.model"},
    "platformdirs": {"settings"},
    "publicsuffixlist": {"message.extract.domains"},
    "phonenumbers": {"message.extract.facts"},
    "pypdf": {"message.attached"},
    "python_multipart": {"doors.recipes"},
    "opentelemetry": {"telemetry"},
    "prometheus_client": {"telemetry"},
    "pydantic": {"settings", "inspection", "store.emails", "inbound.workers", "actions/", "doors/"},
    "pydantic_settings": {"settings"},
    "requests": {"kv"},
    "selectolax": {"message.visible", "message.markdown"},
    "stackone_defender": {"screen.second_opinion"},
    "starlette": {"doors/"},
    "tinycss2": {"message.sheets"},
    "uvicorn": {"doors.http"},
    "uvloop": {"doors.cli"},
    "zstandard": {"store.emails"},
}
# Too slow for the start of a chat client: imported inside the function that needs them.
HEAVY = {
    "mailparser",
    "markdown_it",
    "selectolax",
    "tinycss2",
    "dkim",
    "numpy",
    "aiosmtpd",
    "aiosmtplib",
    "dns",
    "imapclient",
    "stackone_defender",
    "jinja2",
    "publicsuffixlist",
    "phonenumbers",
}
# uvicorn speaks WebSocket with it; doors.http names it there.
THROUGH_OTHERS = {"websockets"}
DISTRIBUTIONS = {"mail_parser": "mailparser", "markdown_it_py": "markdown_it", "dkimpy": "dkim", "dnspython": "dns"}


def dotted(module: Path) -> str:
    """inbound.listener for src/letterlock/inbound/listener.py; a room for its __init__."""
    return ".".join(module.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text("utf-8"))


@cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(module)))


@cache
def imports(module: Path) -> frozenset[tuple[str, bool]]:
    """(what is imported, whether at the top level) for every import of a module; our own from the package's root on."""
    top = {id(node) for node in tree(module).body}
    found = set[tuple[str, bool]]()
    for node in nodes(module):
        if isinstance(node, ast.Import):
            found |= {(alias.name, id(node) in top) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: imports are written in full"
            name = node.module or ""
            # `from letterlock.store import emails` is an import of letterlock.store.emails.
            found |= {(f"{name}.{alias.name}" if _is_room(name) else name, id(node) in top) for alias in node.names}
    return frozenset(found)


def _is_room(name: str) -> bool:
    return name.startswith("letterlock") and (SOURCE.parent / name.replace(".", "/")).is_dir()


def ours(module: Path) -> Iterator[str]:
    """The modules of the house that a module imports, such as `store.emails`."""
    for name, _ in imports(module):
        if name.startswith("letterlock."):
            yield name.removeprefix("letterlock.")


def floor(room: str) -> int:
    found = [number for number, rooms in FLOORS.items() if room in rooms]
    assert found, f"{room} is on no floor: add it to the drawing"
    return found[0]


def test_imports_go_down_the_floors_only() -> None:
    upward = []
    for module in MODULES:
        room = dotted(module).split(".")[0]
        for target in ours(module):
            to = target.split(".")[0]
            neighbour = any(start == room and f"{target}.".startswith(f"{end}.") for start, end in NEIGHBOURS)
            if to not in (room, "errors") and not neighbour and floor(to) >= floor(room):
                upward.append(f"{dotted(module)} imports {target}")
    assert upward == []


def test_nothing_imports_in_a_circle() -> None:
    graph = {dotted(module): set(ours(module)) for module in MODULES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"a circle: {' -> '.join((*path, name))}"
        if name in done:
            return
        for target in graph.get(name, set()):
            # A name inside a module stands for the module.
            visit(target if target in graph else target.rpartition(".")[0], (*path, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_each_library_is_known_by_its_one_module() -> None:
    strange = []
    for module in MODULES:
        name = dotted(module)
        for library in {imported.split(".")[0] for imported, _ in imports(module)}:
            if library in sys.stdlib_module_names or library == "letterlock":
                continue
            known = LIBRARIES.get(library, set())
            if not any(name == one or (one[-1] == "/" and name.startswith(f"{one[:-1]}.")) for one in known):
                strange.append(f"{name} imports {library}")
    assert strange == [], "a library has one module: name it in LIBRARIES"


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    at_top = [(dotted(m), name) for m in MODULES for name, top in imports(m) if top and name.split(".")[0] in HEAVY]
    assert at_top == []


def test_the_start_on_stdio_is_light() -> None:
    script = "import sys, letterlock.doors.stdio; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=clean_environment()
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert "mcp" in loaded
    assert loaded & HEAVY == set()


def test_every_dependency_is_used_and_has_a_lower_bound() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    used = THROUGH_OTHERS | {name.split(".")[0] for module in MODULES for name, _ in imports(module)}
    for requirement in wanted:
        found = re.match(r"[\w-]+", requirement)
        assert found is not None
        name = found[0].replace("-", "_")
        assert DISTRIBUTIONS.get(name, name) in used, f"nothing imports {name}"
        assert ">=" in requirement, f"{requirement} has no lower bound"


def test_sql_lives_in_the_store() -> None:
    statement = re.compile(
        r"\s*(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s.+\sSET|DELETE\s+FROM|CREATE\s+TABLE)\s", re.DOTALL
    )
    elsewhere = [
        f"{dotted(module)}, line {node.lineno}"
        for module in MODULES
        if module.parent.name != "store"
        for node in nodes(module)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and statement.match(node.value)
    ]
    assert elsewhere == []


def test_every_module_says_what_it_promises() -> None:
    silent = [
        dotted(module) for module in MODULES if module.name != "__init__.py" and not ast.get_docstring(tree(module))
    ]
    assert silent == []


def error_classes() -> list[type[LetterlockError]]:
    return [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, LetterlockError)]


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [error.__dict__.get("code") for error in error_classes()]
    assert None not in codes
    assert len(set(codes)) == len(codes)


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"^ {4}[ |'-]*([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE)
    assert sorted(drawn) == sorted(error.__name__ for error in error_classes())


def test_errors_meant_for_callers_have_statuses_of_the_4xx_and_5xx() -> None:
    statuses = {error.__name__: error.http_status for error in error_classes() if issubclass(error, errors.CallerError)}
    assert all(400 <= status < 600 for status in statuses.values())


# The drawing

ARCHITECTURE = ROOT / "docs" / "architecture.md"


def drawn_modules(text: str) -> set[str]:
    """Module paths in the fenced drawing that begins with src/letterlock/: a room's line ends its name with /, modules
    stand one or more to a line, a floor's number may stand before them."""
    found = re.search(r"^```\w*\nsrc/letterlock/\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert found, "no drawing that begins with src/letterlock/"
    modules: set[str] = set()
    rooms: list[tuple[int, str]] = []
    for line in found[1].splitlines():
        line = re.sub(r"^\d", " ", line)
        indent = len(line) - len(line.lstrip())
        names = re.match(r"\s*((?:[a-z_][a-z0-9_]*(?:\.py|/)\s*)*)", line)
        assert names is not None
        if not names[1]:
            continue
        while rooms and rooms[-1][0] >= indent:
            rooms.pop()
        for name in names[1].split():
            if name.endswith("/"):
                rooms.append((indent, name))
            else:
                modules.add("".join(room for _, room in rooms) + name)
    return modules


def test_a_drawing_is_read_as_people_read_it() -> None:
    drawing = """
```
src/letterlock/
  __main__.py            python -m letterlock

6 doors/                 each translates
    cli.py               the command line
5 actions/
    inboxes.py  reading.py  waiting.py
  postmaster.py          takes the lock; see also doors/cli.py
2 message/
    extract/             codes.py is the hard one
      codes.py links.py
    parse.py             [mail-parser]
1 ids.py
```
"""
    assert drawn_modules(drawing) == {
        "__main__.py",
        "doors/cli.py",
        "actions/inboxes.py",
        "actions/reading.py",
        "actions/waiting.py",
        "postmaster.py",
        "message/extract/codes.py",
        "message/extract/links.py",
        "message/parse.py",
        "ids.py",
    }


@pytest.mark.skipif(not ARCHITECTURE.exists(), reason="docs/architecture.md is not there")
def test_the_architecture_page_shows_every_module_and_no_other() -> None:
    there = {module.relative_to(SOURCE).as_posix() for module in MODULES if module.name != "__init__.py"}
    drawn = drawn_modules(ARCHITECTURE.read_text("utf-8"))
    assert (there - drawn, drawn - there) == (set(), set()), "(not drawn, not there)"
