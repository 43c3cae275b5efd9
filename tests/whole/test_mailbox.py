"""A mailbox at a real Dovecot, from `letterlock connect` to the code, and what its own log says was read."""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import os
import pwd
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes import make_certificate
from running import SCRIPT, call, clean_environment, free_port, letter, over_http, serving, wait_until

DOVECOT = shutil.which("dovecot") or "/usr/sbin/dovecot"
USER, PASSWORD = "you@provider.example", "right password"


def _has_dovecot() -> bool:
    """It wants users of its own, which only root can become."""
    with contextlib.suppress(KeyError):
        return Path(DOVECOT).exists() and os.geteuid() == 0 and bool(pwd.getpwnam("dovenull"))
    return False


pytestmark = pytest.mark.skipif(
    not _has_dovecot(), reason="NOT TESTED against a real server: it takes Dovecot (apt install dovecot-imapd) and root"
)


@contextlib.contextmanager
def dovecot(base: Path) -> Iterator[tuple[int, Path]]:
    """Its port, and its log."""
    make_certificate(base)
    port, log, mail = free_port(), base / "log", pwd.getpwnam("mail")
    base.chmod(0o755)
    for name in ("mail", "home"):
        (base / name).mkdir()
        os.chown(base / name, mail.pw_uid, mail.pw_gid)
    (base / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}::::::\n")
    (base / "conf").write_text(
        f"base_dir={base}/run\nstate_dir={base}/state\nlog_path={log}\nprotocols=imap\nlisten=127.0.0.1\nssl=required\n"
        f"ssl_cert=<{base}/certificate.pem\nssl_key=<{base}/key.pem\nmail_location=maildir:{base}/mail/%n\n"
        "first_valid_uid=0\nfirst_valid_gid=0\nservice imap-login {\n chroot=\n inet_listener imap {\n port=0\n }\n"
        f" inet_listener imaps {{\n port={port}\n }}\n}}\n"
        "service anvil {\n chroot=\n}\nservice stats {\n chroot=\n}\n"
        f"passdb {{\n driver=passwd-file\n args={base}/users\n}}\n"
        f"userdb {{\n driver=static\n args=uid={mail.pw_uid} gid={mail.pw_gid} home={base}/home/%n\n}}\n"
        "namespace inbox {\n inbox=yes\n mailbox Spam {\n auto=subscribe\n special_use=\\Junk\n }\n}\n"
    )
    with (base / "stderr").open("wb") as stderr:
        process = subprocess.Popen([DOVECOT, "-F", "-c", str(base / "conf")], stderr=stderr, stdout=stderr)
    try:
        wait_until(lambda: log.exists() and "starting up" in log.read_text(), 20)
        yield port, log
    finally:
        process.terminate()
        process.wait(20)


async def test_a_code_comes_out_of_a_real_mailbox_and_nothing_else_is_read(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "letterlock.toml").write_text('dns = "off"\n')
    # Its processes are other users, who may not enter the test's own folder; and the paths of its sockets are short.
    with (
        tempfile.TemporaryDirectory(prefix="dovecot-", ignore_cleanup_errors=True) as name,
        dovecot(Path(name)) as (
            port,
            log,
        ),
    ):
        base = Path(name)
        trust = ssl.create_default_context(cafile=str(base / "certificate.pem"))

        def put(folder: str, *mails: bytes) -> None:
            with imaplib.IMAP4_SSL("127.0.0.1", port, ssl_context=trust, timeout=20) as owner:
                owner.login(USER, PASSWORD)
                for mail in mails:
                    assert owner.append(folder, "", "", mail)[0] == "OK"

        put("INBOX", letter("Old", To="you+shop@provider.example"), letter("Private", To=USER))
        done = subprocess.run(
            [SCRIPT, "connect", USER, "--host", "127.0.0.1", "--port", str(port), "--pin", "--password-file", "-",
             "--data", str(data)],
            input=PASSWORD, text=True, capture_output=True, env=clean_environment(), timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Spam (spam): watched" in done.stdout
        assert f"the key to that is in {data / 'vault.key'}" in done.stdout
        with serving(data) as served:
            async with over_http(served.url, served.key) as client:
                inbox = (await call(client, "create_inbox", name="shop"))["address"]
                code = letter("Your code", "Your code is 482913.", To=inbox, Message_ID="<1@shop.example>")
                await asyncio.to_thread(put, "Spam", code)
                await asyncio.to_thread(put, "INBOX", letter("Private too", To=USER))
                given = await call(client, "wait_for_otp", inbox=inbox, timeout_s=30)
                assert (given["code"], "spam folder" in given["warning"]) == ("482913", True)
                listed = await call(client, "list_emails", inbox=inbox)
                assert [one["subject"] for one in listed["emails"]] == ["Your code"]
            served.terminate()
        wait_until(lambda: log.read_text().count("Disconnected: Connection closed") >= 2)
        bodies = [line for line in log.read_text().splitlines() if "body_count=" in line and "body_count=0" not in line]
        assert len(bodies) == 1 and "body_count=1 " in bodies[0]
