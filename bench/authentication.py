"""How right and how fast sender authentication is: the public conformance suites, hostile emails, honest emails.

The suites are not ours and are read from where they are. `pyspf` carries that of RFC 7208 in its source distribution
(test/rfc7208-tests.yml), `Mail-DKIM` that of ARC (t/arc_test_suite/arc-draft-validation-tests.yml); both are YAML, so
PyYAML is needed for them alone.

    python bench/authentication.py --spf rfc7208-tests.yml --arc arc-draft-validation-tests.yml
    python bench/authentication.py --cpu
    python bench/authentication.py --spf rfc7208-tests.yml --write tests/message/rfc7208.json
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import resource
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from fakes import DictResolver
from letterlock.dns import DnsTrouble
from letterlock.message import dkim
from letterlock.message.arc import verify_chain
from letterlock.message.authenticate import authenticate
from letterlock.message.envelope import Envelope
from letterlock.message.spf import check_host
from signing import Key, sign

TIMEOUT = "TIMEOUT"
_KINDS = ("TXT", "A", "AAAA", "MX", "PTR")
_BODY_OCTETS = 25_000_000


def spf_sections(suite: Path) -> list[dict[str, Any]]:
    """The suite as values for DictResolver: names with their records (TIMEOUT in place of some) and cases."""
    import yaml

    sections = []
    for scenario in yaml.safe_load_all(suite.read_text("utf-8")):
        if not scenario or "tests" not in scenario:
            continue
        names = {host.rstrip(".").lower(): _zone(records) for host, records in scenario["zonedata"].items()}
        for host, records in tuple(names.items()):
            if "CNAME" in records:
                names[host] = names.get(records["CNAME"][0].rstrip(".").lower(), {})
            if host.endswith(".in-addr.arpa"):
                names[".".join(reversed(host.removesuffix(".in-addr.arpa").split(".")))] = names.pop(host)
            elif host.endswith(".ip6.arpa"):
                number = int("".join(reversed(host.removesuffix(".ip6.arpa").split("."))), 16)
                names[str(ipaddress.IPv6Address(number))] = names.pop(host)
        cases = [
            {
                "name": name,
                "ip": case["host"],
                "sender": case.get("mailfrom") or "",
                "helo": case["helo"],
                "results": case["result"] if isinstance(case["result"], list) else [case["result"]],
            }
            for name, case in scenario["tests"].items()
        ]
        sections.append({"description": scenario["description"], "names": names, "cases": cases})
    return sections


def _zone(records: list[Any]) -> dict[str, Any]:
    """One host. Type SPF stands for TXT unless there are TXT records too; whatever is not named next to a TIMEOUT
    times out; NONE only says that there is no TXT (the suite's own conventions)."""
    zone: dict[str, Any] = {}
    spf: list[str] = []
    times_out = TIMEOUT in records
    explicit = False
    for record in records:
        if record == TIMEOUT:
            continue
        ((kind, value),) = record.items()
        explicit |= kind == "TXT"
        if value in ("NONE", TIMEOUT):
            if value == TIMEOUT and kind != "SPF":
                zone[kind] = TIMEOUT
            continue
        if kind in ("TXT", "SPF"):
            value = value if isinstance(value, str) else "".join(value)
        (spf if kind == "SPF" else zone.setdefault(kind, [])).append(value)
    if spf and not explicit and not times_out:
        zone["TXT"] = spf
    if times_out:
        zone = dict.fromkeys(_KINDS, TIMEOUT) | zone
    return zone


def resolver_of(names: dict[str, Any]) -> DictResolver:
    """DictResolver for the names of a section."""
    return DictResolver(
        {name: {kind: _records(kind, records) for kind, records in zone.items()} for name, zone in names.items()}
    )


def _records(kind: str, records: Any) -> Any:
    if records == TIMEOUT:
        return DnsTrouble(TIMEOUT)
    return (
        [text.encode("latin-1") for text in records]
        if kind == "TXT"
        else [tuple(record) if isinstance(record, list) else record for record in records]
    )


def run_spf(sections: list[dict[str, Any]]) -> None:
    right, cases = 0, 0
    for section in sections:
        resolver = resolver_of(section["names"])
        for case in section["cases"]:
            found = check_host(case["ip"], case["sender"], case["helo"], resolver)
            cases += 1
            right += found in case["results"]
            if found not in case["results"]:
                print(f"  {section['description']}: {case['name']}: {found}, not {case['results']}")
    print(f"SPF, RFC 7208 suite: {right} of {cases}")


def run_arc(suite: Path) -> None:
    """As shipped, and once more with rsa-sha1, which the suite is older than the ban of (RFC 8301)."""
    import yaml

    class EveryCase(yaml.SafeLoader):
        """Some names are given to two cases; both count."""

        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            seen: dict[str, int] = {}
            for key, _ in node.value:
                seen[key.value] = seen.get(key.value, 0) + 1
                if seen[key.value] > 1:
                    key.value = f"{key.value} ({seen[key.value]})"
            return dict(super().construct_mapping(node, deep))

    scenarios = list(yaml.load_all(suite.read_text("utf-8"), EveryCase))
    for label, algorithms in (
        ("as shipped", {}),
        ("with rsa-sha1 let in", {b"rsa-sha1": (b"rsa", "sha1")}),
    ):
        right, cases = 0, 0
        before = dict(dkim.ALGORITHMS)
        dkim.ALGORITHMS.update(algorithms)
        for scenario in scenarios:
            resolver = DictResolver({name: {"TXT": [text]} for name, text in scenario["txt-records"].items()})
            for name, case in scenario["tests"].items():
                # An empty cv is one the suite leaves open between fail and no result at all.
                wanted = {"None": "none", "Pass": "pass"}.get(case["cv"], "fail")
                found = verify_chain(dkim.read_message((case["message"] or "").encode()), resolver, None)
                cases += 1
                right += found == wanted
                if found != wanted:
                    print(f"  {name}: {found}, not {wanted} ({case['description']})")
        dkim.ALGORITHMS.clear()
        dkim.ALGORITHMS.update(before)
        print(f"ARC, validation suite, {label}: {right} of {cases}")


def run_cpu() -> None:
    """CPU time of whole reports. Hostile: 25 MB, or a header as large as is read, eight signatures over it."""
    key = Key.rsa("example.com", "s")
    resolver = DictResolver(
        {
            "example.com": {"TXT": ["v=spf1 ip4:192.0.2.0/24 -all"]},
            "_dmarc.example.com": {"TXT": ["v=DMARC1; p=reject"]},
            **key.names,
        }
    )
    envelope = Envelope("a@example.com", ("b@example.net",), datetime.now(UTC), "smtp", "192.0.2.1", "mx.example.com")
    head = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: Hello\r\nDate: Mon, 4 May 2026 12:00:00 +0000\r\n"
    text = b"Good morning, this is an email of a usual length with a few words in each of its lines.\r\n"
    honest = head + b"\r\n" + text * 100

    def measure(label: str, raw: bytes, times: int) -> None:
        start = time.process_time()
        for _ in range(times):
            report = authenticate(raw, envelope, resolver)
        each = (time.process_time() - start) / times * 1_000
        print(f"  {label:44} {len(raw) / 1e6:6.2f} MB  {each:9.2f} ms   {report.verdict}, dkim {report.dkim}")

    authenticate(sign(honest, key), envelope, resolver)
    measure("honest, not signed", honest, 500)
    measure("honest, one RSA signature", sign(honest, key), 500)
    measure("honest, two RSA signatures", sign(sign(honest, key), key), 500)
    broken = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; c=" + form + b"; d=example.com; s=s; h=from:subject:x; bh=AAAA; b=AAAA\r\n"
        for form in (b"relaxed/relaxed", b"simple/simple") * 4
    )
    for label, unit in (
        ("text", text),
        ("spaces", b" "),
        ("spaces and tabs", b" \t"),
        ("empty lines", b"\r\n"),
        ("lines of one space", b" \r\n"),
        ("bare LF", b"\n"),
        ("bare CR", b"\r"),
        ("CR CR LF", b"\r\r\n"),
    ):
        measure(f"body of {label}", broken + head + b"\r\n" + unit * (_BODY_OCTETS // len(unit)), 1)
    signed = sign(head + b"X: " + b"a " * 480_000 + b"\r\n\r\nHi\r\n", key, names=b"from:subject:x")
    measure("one long field, signed eight times", _eight(signed), 1)
    measure("folds", broken + head + b"X: y\r\n" + b" \r\n" * 300_000 + b"\r\nHi\r\n", 1)
    measure("names in h=", b"".join(_many_names() for _ in range(8)) + head + b"\r\nHi\r\n", 1)
    measure("comments in From", b"From: " + b"(" * 900_000 + b"\r\n\r\nHi\r\n", 1)
    measure("mailboxes in From", b"From: " + b"a@b.com," * 110_000 + b"\r\n\r\nHi\r\n", 1)
    measure("fifty ARC sets", _chain() + head + b"\r\nHi\r\n", 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
    print(f"  peak memory of this process: {peak:.0f} MB")


def _eight(signed: bytes) -> bytes:
    end = signed.index(b"\r\nFrom:") + 2
    return signed[:end] * 8 + signed[end:]


def _many_names() -> bytes:
    names = b":".join([b"from"] * 6_000)
    return b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s; h=" + names + b"; bh=AAAA; b=AAAA\r\n"


def _chain() -> bytes:
    return b"".join(
        b"ARC-Seal: i=%d; a=rsa-sha256; cv=%s; d=example.com; s=s; b=AAAA\r\n"
        b"ARC-Message-Signature: i=%d; a=rsa-sha256; d=example.com; s=s; h=from; bh=AAAA; b=AAAA\r\n"
        b"ARC-Authentication-Results: i=%d; %s\r\n" % (i, b"pass" if i > 1 else b"none", i, i, b"x" * 4_000)
        for i in range(1, 51)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spf", type=Path, help="rfc7208-tests.yml")
    parser.add_argument("--arc", type=Path, help="arc-draft-validation-tests.yml")
    parser.add_argument("--cpu", action="store_true", help="CPU time of honest and hostile emails")
    parser.add_argument("--write", type=Path, help="write the SPF suite as JSON for the tests")
    options = parser.parse_args()
    if options.spf:
        sections = spf_sections(options.spf)
        run_spf(sections)
        if options.write:
            licence = options.spf.with_name("rfc7208-tests.LICENSE").read_text("utf-8")
            suite = {"licence": licence.splitlines(), "sections": sections}
            options.write.write_text(json.dumps(suite, indent=1, ensure_ascii=True) + "\n", "utf-8")
    if options.arc:
        run_arc(options.arc)
    if options.cpu:
        run_cpu()


if __name__ == "__main__":
    main()
