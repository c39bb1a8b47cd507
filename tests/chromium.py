"""A headless Chromium driven over its DevTools protocol: enough to look at a page of ours and to use it."""

import asyncio
import base64
import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient
from tornado.websocket import WebSocketClientConnection, websocket_connect

__all__ = ["Tab", "chromium", "open_tab"]

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--remote-debugging-port=0", "--hide-scrollbars",
)  # fmt: skip


def chromium() -> str | None:
    """The browser, None where there is none."""
    return (
        shutil.which("chromium")
        or shutil.which("chromium-browser")
        or shutil.which("google-chrome")
    )


class Tab:
    """One page. requests: every address that it asked for; errors: what its scripts complained of."""

    def __init__(self, loop: asyncio.AbstractEventLoop, socket: WebSocketClientConnection) -> None:
        self._loop, self._socket = loop, socket
        self._number = 0
        self.requests: list[str] = []
        self.errors: list[str] = []

    def call(self, method: str, **parameters: Any) -> Any:
        """One command of the protocol, its result."""
        self._number += 1
        number = self._number
        message = json.dumps({"id": number, "method": method, "params": parameters})

        async def ask() -> Any:
            await self._socket.write_message(message)
            while True:
                text = await asyncio.wait_for(self._socket.read_message(), 60.0)
                if text is None:
                    raise RuntimeError("the browser went away")
                answer = json.loads(text)
                if answer.get("id") == number:
                    if "error" in answer:
                        raise RuntimeError(f"{method}: {answer['error']}")
                    return answer["result"]
                self._noted(answer)

        return self._loop.run_until_complete(ask())

    def _noted(self, event: dict[str, Any]) -> None:
        content = event.get("params", {})
        if event.get("method") == "Network.requestWillBeSent":
            self.requests.append(content["request"]["url"])
        elif event.get("method") == "Network.webSocketCreated":
            self.requests.append(content["url"])
        elif event.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(content["exceptionDetails"]))
        elif event.get("method") == "Log.entryAdded" and content["entry"]["level"] == "error":
            self.errors.append(content["entry"]["text"])

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"])
        return found["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = 60.0) -> Any:
        """The first true value of an expression. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.run(script)
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(script)

    def open(self, url: str) -> None:
        """Go to an address."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.navigate", url=url)

    def size(self, width: int, height: int) -> None:
        """Set the size of the window."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def mouse(self, kind: str, x: float, y: float) -> None:
        """mousePressed, mouseMoved or mouseReleased of the left button."""
        self.call(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1
        )

    def screenshot(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])


@contextlib.contextmanager
def open_tab(profile: Path) -> Iterator[Tab]:
    """A browser of its own with a fresh profile in a folder. Raises RuntimeError where it does not start."""
    path = chromium()
    if path is None:
        raise RuntimeError("no chromium")
    process = subprocess.Popen(
        [path, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    loop = asyncio.new_event_loop()
    try:
        port = _port(profile / "DevToolsActivePort", process)

        async def connect() -> WebSocketClientConnection:
            pages = await AsyncHTTPClient().fetch(f"http://127.0.0.1:{port}/json/list")
            page = next(p for p in json.loads(pages.body) if p["type"] == "page")
            return await websocket_connect(page["webSocketDebuggerUrl"], max_message_size=2**28)

        socket = loop.run_until_complete(connect())
        yield Tab(loop, socket)

        async def leave() -> None:
            socket.close()
            with contextlib.suppress(TimeoutError):
                while await asyncio.wait_for(socket.read_message(), 5.0) is not None:
                    pass

        loop.run_until_complete(leave())
    finally:
        process.terminate()
        try:
            process.wait(10.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        loop.close()


def _port(file: Path, process: subprocess.Popen[bytes]) -> int:
    end = time.monotonic() + 30.0
    while time.monotonic() < end and process.poll() is None:
        if file.exists() and (lines := file.read_text().split()):
            return int(lines[0])
        time.sleep(0.05)
    raise RuntimeError("chromium did not start")
