"""A Bokeh page for the user of this computer and nobody else, for as long as it is looked at.

Loopback keeps other machines out, not other users of this one, nor a web page in the same browser. So every request,
the websocket's included, passes one gate: the address must hold a random token, and Host and Origin must be this
server's own (a foreign name that resolves to 127.0.0.1, DNS rebinding, fails there). The page's scripts come from the
installed package through the same gate; the browser is told to load nothing from anywhere else.
"""

import asyncio
import contextlib
import hmac
import logging
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from bokeh.application import Application
from bokeh.application.handlers.function import FunctionHandler
from bokeh.document import Document
from bokeh.resources import Resources
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.views.static_handler import StaticHandler
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.web import OutputTransform, RequestHandler

from calibration.errors import InputError

__all__ = ["LOOPBACK", "PageServer", "running", "serve"]

LOOPBACK = "127.0.0.1"
_CHECK_EVERY_S = 0.25


class PageServer:
    """One document behind the gate; every tab gets its own from `build`.

    port: 0 takes a free one. grace_s: how long after the last tab has closed the server waits for another (a reload
    closes and opens). url: the address with the token. start: an address that leads there once, so that the command
    line of the browser, which other users may list, tells nobody the token.
    Raises InputError where the port cannot be had.
    """

    def __init__(
        self, build: Callable[[Document], object], *, port: int = 0, grace_s: float = 5.0
    ) -> None:
        self._build = build
        self._grace_s = grace_s
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._token, self._ticket = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.url = f"http://{LOOPBACK}:{self.port}/{self._token}/"
        self.start = f"http://{LOOPBACK}:{self.port}/start/{self._ticket}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: asyncio.Event | None = None

    @property
    def ended(self) -> bool:
        """Whether the server has run and is gone."""
        return self._loop is not None and self._loop.is_closed()

    def run(self, *, ready: Callable[[], object] = lambda: None) -> None:
        """Serve until the last tab has closed, `stop` is called, or Ctrl-C; blocks, and returns in every case.

        ready: called once requests are answered.
        """
        # a tab that closes while a result is on its way to it is no news to the user
        logging.getLogger("bokeh.server.views.ws").setLevel(logging.ERROR)
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._serve(ready))

    def stop(self) -> None:
        """End `run`, from any thread."""
        if self._loop is not None and self._stopped is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stopped.set)

    async def _serve(self, ready: Callable[[], object]) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        application = _Gated(
            Application(FunctionHandler(_quiet(self._build))),
            port=self.port,
            token=self._token,
            ticket=self._ticket,
        )
        http = HTTPServer(application)
        http.add_sockets([self._socket])
        server = BaseServer(IOLoop.current(), application, http)
        server.start()
        try:
            ready()
            await self._until_closed(application, self._stopped)
        finally:
            server.stop()
            await http.close_all_connections()
            # what was about to be sent to a tab finds out that it is gone
            await asyncio.sleep(0.05)
            self._socket.close()

    async def _until_closed(self, application: "_Gated", stopped: asyncio.Event) -> None:
        seen, empty_s = False, 0.0
        while empty_s < self._grace_s:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stopped.wait(), _CHECK_EVERY_S)
                return
            tabs = sum(session.connection_count for session in application.get_sessions("/"))
            seen = seen or tabs > 0
            empty_s = empty_s + _CHECK_EVERY_S if seen and tabs == 0 else 0.0


def serve(
    build: Callable[[Document], object],
    *,
    tell: Callable[[str], object],
    browser: bool = True,
    port: int = 0,
) -> None:
    """Serve a document to this computer until its last tab closes or Ctrl-C.

    build: fills an empty document, once for every tab that opens. tell: gets the address once it answers. browser: open
    it in the user's browser. Raises InputError where the port cannot be had.
    """
    server = PageServer(build, port=port)

    def ready() -> None:
        tell(server.url)
        if browser:
            # a text browser blocks; a graphical one returns at once
            threading.Thread(target=webbrowser.open, args=(server.start,), daemon=True).start()

    server.run(ready=ready)


def _quiet(build: Callable[[Document], object]) -> Callable[[Document], None]:
    def filled(document: Document) -> None:
        build(document)

    return filled


def _bound(port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setblocking(False)
    try:
        listening.bind((LOOPBACK, port))
        listening.listen(16)
    except (OSError, OverflowError) as error:
        listening.close()
        raise InputError(
            f"port {port} of this computer cannot be had",
            why=getattr(error, "strerror", None) or str(error),
            remedy="leave the port out: a free one is taken",
        ) from error
    return listening


class _Gated(BokehTornado):
    """Bokeh's application, but for the gate before every handler and headers after it."""

    def __init__(self, application: Application, *, port: int, token: str, ticket: str) -> None:
        self._hosts = tuple(f"{name}:{port}" for name in (LOOPBACK, "localhost"))
        self._token = token
        self._tickets = {ticket}
        super().__init__(
            application,
            prefix=f"/{token}",
            extra_websocket_origins=list(self._hosts),
            include_headers=[],
            include_cookies=[],
            transforms=[_headers_for(self._hosts)],
        )

    def find_handler(self, request: HTTPServerRequest, **kwargs: Any) -> Any:
        """The handler of a request that may pass, else one that refuses it."""
        refusal = self._refusal(request)
        if refusal is not None:
            return self.get_handler_delegate(request, _Refused, {"reason": refusal})
        first, _, rest = request.path.removeprefix("/").partition("/")
        if first == "start":
            found = next((t for t in self._tickets if hmac.compare_digest(t, rest)), None)
            if found is None:
                return self.get_handler_delegate(
                    request, _Refused, {"reason": "this address has been used"}
                )
            self._tickets.discard(found)
            return self.get_handler_delegate(request, _Sent, {"to": f"/{self._token}/"})
        if not hmac.compare_digest(first.encode(), self._token.encode()):
            return self.get_handler_delegate(
                request, _Refused, {"reason": "the address lacks its token"}
            )
        return super().find_handler(request, **kwargs)

    def _refusal(self, request: HTTPServerRequest) -> str | None:
        """Why a request may not pass, whatever its address."""
        if request.headers.get_list("Host") not in [[host] for host in self._hosts]:
            return "the page is served to this computer under its own name only"
        origins = request.headers.get_list("Origin")
        is_socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if not origins:
            return "a websocket must say where it comes from" if is_socket else None
        parts = [urlsplit(origin) for origin in origins]
        own = all(p.scheme == "http" and p.netloc in self._hosts for p in parts)
        return None if own and len(origins) == 1 else "another page asks"

    def resources(self, absolute_url: str | bool | None = None) -> Resources:
        """Scripts of the installed package, whatever BOKEH_RESOURCES says."""
        return Resources(
            mode="server", root_url=self.prefix, path_versioner=StaticHandler.append_version
        )


class _Refused(RequestHandler):
    """403 for every method, and the reason."""

    def initialize(self, reason: str) -> None:
        self._why = reason

    def prepare(self) -> None:
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"refused: {self._why}\n")


class _Sent(RequestHandler):
    """On to the page."""

    def initialize(self, to: str) -> None:
        self._to = to

    def get(self) -> None:
        self.redirect(self._to)


def _headers_for(hosts: tuple[str, ...]) -> type[OutputTransform]:
    """Headers that keep the page to itself: nothing from elsewhere, in no frame, its address told to nobody."""
    sockets = " ".join(f"ws://{host}" for host in hosts)
    policy = (
        "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
        f"connect-src 'self' {sockets}; frame-ancestors 'none'; form-action 'none'; base-uri 'none'"
    )

    class Headers(OutputTransform):
        def transform_first_chunk(
            self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
        ) -> tuple[int, HTTPHeaders, bytes]:
            headers["Content-Security-Policy"] = policy
            headers["Referrer-Policy"] = "no-referrer"
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Cross-Origin-Resource-Policy"] = "same-origin"
            return status_code, headers, chunk

    return Headers


@contextlib.contextmanager
def running(server: PageServer) -> Iterator[PageServer]:
    """The server in a thread of its own, for as long as the block lasts."""
    ready = threading.Event()
    thread = threading.Thread(target=server.run, kwargs={"ready": ready.set}, daemon=True)
    thread.start()
    try:
        if not ready.wait(10.0):
            raise RuntimeError("the page's server did not start")
        yield server
    finally:
        server.stop()
        thread.join(10.0)
