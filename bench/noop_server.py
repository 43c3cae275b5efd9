"""The floor: a bare `mcp` server with a tool that does nothing, and one that gives a page of fixed rows.

python bench/noop_server.py stdio | http PORT
"""

from __future__ import annotations

import sys
from typing import Any

ROWS: list[dict[str, Any]] = [
    {
        "email_id": f"em_{n:026}",
        "inbox": "box0@letterlock.localhost",
        "from_": "Service 77 <no-reply@sender.example>",
        "subject": f"Your order {n:032}",
        "received_at": "2026-11-20T10:00:00.123000Z",
        "snippet": "a line of words about an order that somebody made, as long as snippets are; " * 2,
        "level": "normal",
        "unread": True,
        "category": "other",
    }
    for n in range(20)
]


def main() -> None:
    from mcp.server import MCPServer

    server = MCPServer("noop", version="0", log_level="ERROR")

    @server.tool()
    async def noop(x: int = 0) -> dict[str, int]:
        """Return the argument."""
        return {"x": x}

    @server.tool()
    async def page() -> dict[str, Any]:
        """Return as much as a list of 20 emails is."""
        return {"emails": ROWS}

    if sys.argv[1] == "stdio":
        server.run()
    else:
        import uvicorn

        uvicorn.run(
            server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False
        )


if __name__ == "__main__":
    main()
