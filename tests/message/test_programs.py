from __future__ import annotations

import gzip
import io
import random
import tarfile
import time
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.message.programs import Danger, danger_of
from timing import takes_linear_time

PE = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"
ELF = b"\x7fELF\x02\x01\x01" + bytes(9)
PDF = b"%PDF-1.7\n" + bytes(100)


def why_program(name: str, data: bytes) -> str:
    return danger_of(name, data).runs


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return held.getvalue()


def tarred(*files: tuple[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


@pytest.mark.parametrize(
    "name",
    [
        *(
            "setup.exe",
            "saver.scr",
            "run.js",
            "run.vbs",
            "doc.lnk",
            "disk.iso",
            "page.hta",
            "setup.msi",
            "a.bat",
            "a.cmd",
        ),
        *(
            "a.ps1",
            "a.jar",
            "a.apk",
            "a.dmg",
            "invoice.pdf.exe",
            "photo.jpg      .scr",
            "INVOICE.EXE",
            "a.exe.",
            "a.exe ",
        ),
        *(
            "report.docm",
            "b/c/tool.exe",
            r"b\c\tool.exe",
            "a.exe:zone",
            "invoice\u202efdp.exe",
            "invoice\u202excod.pdf",
        ),
    ],
)
def test_a_name_that_runs_is_a_program(name: str) -> None:
    assert why_program(name, b"harmless words")


@pytest.mark.parametrize(
    "data",
    [
        *(PE, ELF, b"\xcf\xfa\xed\xfe" + bytes(20), b"\xca\xfe\xba\xbe\0\0\0\x34", b"#!/bin/sh\nrm -rf ~\n"),
        *(b"L\0\0\0\x01\x14\x02\0" + bytes(20), b"<html><HTA:APPLICATION id=x>", bytes(0x8001) + b"CD001" + bytes(9)),
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "_VBA_PROJECT".encode("utf-16-le") + bytes(50),
    ],
)
def test_content_that_runs_is_a_program_whatever_its_name(data: bytes) -> None:
    assert why_program("invoice.pdf", data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_holds_a_program_is_one(method: int) -> None:
    assert why_program("a.zip", zipped(("notes.txt", b"x"), ("dir/invoice.js", b"x"), method=method))
    assert why_program("a.zip", zipped(("notes.txt", b"x"), ("invoice.pdf", PE * 50), method=method))
    assert why_program("a.zip", zipped(("notes.txt", b"x"), ("in.dat", zipped(("x.exe", PE))), method=method))
    assert why_program("a.docx", zipped(("word/document.xml", b"<w/>"), ("word/vbaProject.bin", b"x"), method=method))
    assert why_program("a.pdf", b"%PDF-1.7" + zipped(("x.exe", PE), method=method))
    assert why_program("a.tar", tarred(("notes.txt", b"x" * 700), ("tool", ELF)))
    assert why_program("a.tgz", gzip.compress(tarred(("notes.txt", b"x" * 700), ("tool", ELF))))
    assert why_program("tool.gz", gzip.compress(PE * 50))


def test_a_locked_archive_shows_its_names() -> None:
    packed = bytearray(zipped(("x.exe", b"secret")))
    packed[6] |= 1
    assert why_program("a.zip", bytes(packed))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        *(
            ("notes.txt", b"MZ is how it begins, and #! stands here"),
            ("report.pdf", PDF),
            ("photo.jpg", b"\xff\xd8\xff\xe0"),
        ),
        *(
            ("table.csv", b"a,b\n1,2\n"),
            ("page.html", b"<p>Hello"),
            ("logo.svg", b"<svg/>"),
            ("exe.txt", b""),
            ("exe", b""),
        ),
        ("letter.docx", zipped(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>"))),
        ("photos.zip", zipped(("a.jpg", b"\xff\xd8\xff"), ("sub/", b""), ("in.zip", zipped(("b.pdf", PDF))))),
        ("logs.tar.gz", gzip.compress(tarred(("a.log", b"line\n" * 500), ("b.log", b"x")), mtime=0)),
        ("invite.ics", b"BEGIN:VCALENDAR\r\n"),
    ],
)
def test_files_of_the_office_are_none(name: str, data: bytes) -> None:
    assert why_program(name, data) == ""


@given(st.text(max_size=60), st.binary(max_size=400), st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b\x08", b"MZ"]))
def test_no_file_raises(name: str, data: bytes, start: bytes) -> None:
    why_program(name, start + data)
    why_program(name, zipped(("a.txt", data), ("b.bin", start + data))[: len(data) * 3])
    why_program(name, bytes(257) + b"ustar" + data)


def bomb(size: int) -> bytes:
    inner = zipped(("zeros.bin", bytes(size)))
    return zipped(*((f"{n}.zip", inner) for n in range(20)))


def test_a_bomb_is_not_blown_up() -> None:
    start = time.process_time()
    assert why_program("a.zip", bomb(20_000_000)) == ""
    assert time.process_time() - start < 1


@pytest.mark.parametrize("kind", ["headers", "tails", "stored", "random"])
def test_hostile_archives_take_linear_time(kind: str) -> None:
    header = b"PK\x03\x04" + bytes(4) + b"\x08\0" + bytes(16) + b"\x01\0\0\0" + b"x"
    within = zipped(("a", b"PK\x03\x04" + bytes(30)))
    rng = random.Random(1)
    pieces = {"headers": header, "tails": within, "stored": zipped(("a", b"b"), method=0), "random": rng.randbytes(999)}

    start = b"PK\x03\x04" + bytes(26)
    assert takes_linear_time(lambda data: why_program("a.zip", start + data), pieces[kind], 200_000, 0.05)


@pytest.mark.parametrize(
    "ending",
    [
        *(
            "xll",
            "url",
            "library-ms",
            "search-ms",
            "chm",
            "iso",
            "img",
            "vhd",
            "vhdx",
            "appref-ms",
            "ps1",
            "jar",
            "apk",
        ),
        *("settingcontent-ms", "dmg", "pkg", "reg", "inf", "scf", "wsf", "hta", "desktop", "docm", "xlsm", "pptm"),
    ],
)
def test_what_runs_on_opening_is_refused_packed_or_not(ending: str) -> None:
    assert why_program(f"a.{ending}", b"x") == f"a .{ending} file"
    assert why_program("a.zip", zipped((f"in/a.{ending.upper()}", b"x"))) == f"an archive that holds a .{ending} file"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tool.py", b"#!/usr/bin/env python3\nprint(1)\n"),
        ("tool.py", b"print(1)\n"),
        ("run.sh", b"echo\n"),
        ("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"),
        ("logo.svg", b"<svg onload=alert(1)>"),
        ("logo.svg", b"<svg><a href='java&#115;cript:x'>"),
        ("page.html", b"<p>Hi<script src=x></script>"),
        ("page.htm", "<p><form action=x>".encode("utf-16")),
        ("page.html", b"<meta http-equiv=refresh content=0>"),
        ("page", b"\xef\xbb\xbf <!DOCTYPE html><iframe src=x>"),
        ("page.html", b"<p>" + b" " * 5_000_001),
        ("page.mhtml", b"From: x"),
        ("desk.rdp", b"full address:s:x"),
        ("notes.one", b"x"),
        ("notes.pdf", bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")),
        ("a.7z", b"x"),
        ("a.dat", b"7z\xbc\xaf\x27\x1c\0\4"),
        ("a.cab", b"MSCF\0\0\0\0"),
        ("a.tar.xz", b"\xfd7zXZ\0"),
        ("a.zip", zipped(("src/tool.py", b"print(1)"))),
        ("a.zip", zipped(("site/index.html", b"<p>Hello"))),
        ("a.zip", zipped(("in.rar", b"Rar!\x1a\x07\0"))),
        ("tool.py.gz", gzip.compress(b"print(1)", mtime=0)),
    ],
)
def test_what_acts_or_cannot_be_looked_into_is_no_program_but_said(name: str, data: bytes) -> None:
    danger = danger_of(name, data)
    assert danger.active
    assert danger.runs == ""


def test_a_locked_archive_cannot_be_looked_into() -> None:
    packed = bytearray(zipped(("notes.txt", b"secret")))
    packed[6] |= 1
    assert danger_of("a.zip", bytes(packed)).active == "a locked archive"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.html", b"<!doctype html><p style='color:red'>We go on = today"),
        ("logo.svg", b"<?xml version='1.0'?><svg><path d='M0 0'/></svg>"),
        ("notes.txt", b"import os; <script>"),
        ("deck.pptx", zipped(("ppt/slides/slide1.xml", b"<p/>"), ("ppt/media/image1.svg", b"<svg/>"))),
        ("photos.zip", zipped(("a.jpg", b"\xff\xd8\xff"), ("in.zip", zipped(("b.pdf", PDF))))),
        ("report.pdf", PDF),
    ],
)
def test_honest_files_neither_run_nor_act(name: str, data: bytes) -> None:
    assert danger_of(name, data) == Danger()


@pytest.mark.parametrize("piece", [b"<", b"<!--", b" on", b"&#", b"<a:", b" ", b"http-equiv ="])
def test_a_hostile_page_takes_linear_time(piece: bytes) -> None:
    assert takes_linear_time(lambda data: danger_of("a.svg", b"<svg>" + data), piece, 100_000, 0.05)
