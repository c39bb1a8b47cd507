"""The page's server: for this computer, this user and its own page; nobody else gets an answer."""

import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from bokeh.document import Document
from bokeh.models import Div
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from calibration.errors import InputError
from calibration.page.serve import PageServer, running

ROOT = Path(__file__).resolve().parents[2]


def page(document: Document) -> None:
    document.title = "a page"
    document.add_root(Div(text="hello", name="greeting"))


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    with running(PageServer(page)) as started:
        yield started


def ask(
    server: PageServer, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    own = {"Host": f"127.0.0.1:{server.port}"}
    connection.putrequest(method, path, skip_host=True)
    for name, value in {**own, **(headers or {})}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    answer.body = answer.read().decode()  # type: ignore[attr-defined]
    connection.close()
    return answer


def own_path(server: PageServer) -> str:
    return urlsplit(server.url).path


def test_the_token_opens_the_page_and_everything_is_of_this_server(server: PageServer) -> None:
    answer = ask(server, own_path(server))
    assert answer.status == 200
    text = answer.body  # type: ignore[attr-defined]
    assert "bokeh.min.js" in text
    assert "cdn." not in text
    assert "https://" not in text
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    script = text.split('src="')[1].split('"')[0]
    assert script.startswith(own_path(server))
    assert ask(server, script).status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/ws", "/static/js/bokeh.min.js", "/autoload.js", "/metadata", "/favicon.ico", "/x/ws",
     "/start/x", "/start/", "//", "/%2e%2e/"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_without_the_token_nothing_is_answered(server: PageServer, path: str, method: str) -> None:
    assert ask(server, path, method=method).status == 403


def test_a_token_that_is_nearly_right_is_wrong(server: PageServer) -> None:
    token = own_path(server).strip("/")
    for wrong in (token[:-1], token + "x", token.swapcase(), ""):
        assert ask(server, f"/{wrong}/").status == 403
    # in the query or as Bokeh's own session id it opens nothing either
    assert ask(server, f"/?bokeh-session-id={token}").status == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil", ""]
)  # fmt: skip
def test_another_host_name_is_refused_even_with_the_token(server: PageServer, host: str) -> None:
    headers = {"Host": host.format(port=server.port)}
    assert ask(server, own_path(server), headers).status == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1", "http://127.0.0.1:{port}@evil.example"]
)  # fmt: skip
def test_another_origin_is_refused_even_with_the_token(server: PageServer, origin: str) -> None:
    headers = {"Origin": origin.format(port=server.port)}
    assert ask(server, own_path(server), headers).status == 403


def connect(server: PageServer, path: str, headers: dict[str, str]) -> None:
    async def attempt() -> None:
        request = HTTPRequest(f"ws://127.0.0.1:{server.port}{path}", headers=headers)
        connection = await websocket_connect(request, subprotocols=["bokeh", "x"])
        connection.close()

    asyncio.run(attempt())


def test_the_websocket_stands_behind_the_same_gate(server: PageServer) -> None:
    own, path = f"http://127.0.0.1:{server.port}", own_path(server) + "ws"
    for where, headers in (
        ("/ws", {"Origin": own}),
        (path, {"Origin": "http://evil.example"}),
        (path, {}),
        (path, {"Origin": own, "Host": f"evil.example:{server.port}"}),
    ):
        with pytest.raises(HTTPClientError) as refused:
            connect(server, where, headers)
        assert refused.value.code == 403


def test_a_widened_list_of_origins_in_the_environment_changes_nothing(
    server: PageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOKEH_ALLOW_WS_ORIGIN", "*")
    monkeypatch.setenv("BOKEH_RESOURCES", "cdn")
    with pytest.raises(HTTPClientError) as refused:
        connect(server, own_path(server) + "ws", {"Origin": "http://evil.example"})
    assert refused.value.code == 403
    assert "cdn." not in ask(server, own_path(server)).body  # type: ignore[attr-defined]


def test_the_address_for_the_browser_leads_to_the_page_once() -> None:
    with running(PageServer(page)) as server:
        token = own_path(server).strip("/")
        assert token not in server.start
        first = ask(server, urlsplit(server.start).path)
        assert first.status == 302
        assert first.headers["Location"] == own_path(server)
        assert ask(server, urlsplit(server.start).path).status == 403


def test_tokens_differ_and_are_long() -> None:
    servers = [PageServer(page) for _ in range(3)]
    tokens = {own_path(s).strip("/") for s in servers}
    for one in servers:
        one._socket.close()
    assert len(tokens) == 3
    assert min(map(len, tokens)) >= 43  # 256 bits


def test_only_loopback_listens(server: PageServer) -> None:
    assert server._socket.getsockname()[0] == "127.0.0.1"
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        if address.startswith("127."):
            continue
        with pytest.raises((ConnectionError, TimeoutError)):
            socket.create_connection((address, server.port), timeout=0.5)


def test_a_taken_port_is_said() -> None:
    first = PageServer(page)
    try:
        with pytest.raises(InputError, match=f"port {first.port}"):
            PageServer(page, port=first.port)
    finally:
        first._socket.close()


def open_tab(server: PageServer) -> Callable[[], None]:
    """A tab as far as the server can tell: the page, then its websocket. Returns what closes it."""
    text = ask(server, own_path(server)).body  # type: ignore[attr-defined]
    token = re.search(r'"token":"([^"]+)"', text)
    assert token is not None
    loop = asyncio.new_event_loop()

    async def attach() -> WebSocketClientConnection:
        request = HTTPRequest(
            f"ws://127.0.0.1:{server.port}{own_path(server)}ws",
            headers={"Origin": f"http://127.0.0.1:{server.port}"},
        )
        connection = await websocket_connect(request, subprotocols=["bokeh", token[1]])
        await connection.read_message()  # the server's welcome
        return connection

    connection = loop.run_until_complete(attach())

    def close() -> None:
        async def leave() -> None:
            connection.close()
            while await connection.read_message() is not None:
                pass

        loop.run_until_complete(leave())
        loop.close()

    return close


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_a_port_that_cannot_be_is_said(port: int) -> None:
    with pytest.raises(InputError, match=f"port {port}"):
        PageServer(page, port=port)


def test_every_tab_has_its_own_document_and_the_last_one_ends_the_server() -> None:
    built: list[Document] = []
    server = PageServer(built.append, grace_s=0.5)
    with running(server):
        close_first, close_second = open_tab(server), open_tab(server)
        assert len({id(document) for document in built}) == 2
        close_first()
        time.sleep(1.2)
        assert ask(server, "/").status == 403  # it still answers
        close_second()
        for _ in range(60):
            time.sleep(0.1)
            if server.ended:
                break
        with pytest.raises(ConnectionError):
            ask(server, "/")


def test_ctrl_c_ends_it_cleanly() -> None:
    code = (
        "from calibration.page.serve import serve\n"
        "serve(lambda document: None, tell=lambda text: print(text, flush=True), browser=False)\n"
        "print('ended')"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "ended\n", "")
