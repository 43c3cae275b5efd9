"""The floor: a bare `mcp` server with one tool that does nothing.  python bench/noop_server.py stdio | http PORT"""

from __future__ import annotations

import sys


def main() -> None:
    from mcp.server import MCPServer

    server = MCPServer("noop", version="0", log_level="ERROR")

    @server.tool()
    async def noop(x: int = 0) -> dict[str, int]:
        """Return the argument."""
        return {"x": x}

    if sys.argv[1] == "stdio":
        server.run()
    else:
        import uvicorn

        uvicorn.run(
            server.streamable_http_app(), host="127.0.0.1", port=int(sys.argv[2]), log_level="error", access_log=False
        )


if __name__ == "__main__":
    main()
