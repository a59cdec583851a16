"""One request by HTTP, with limits on its time, its redirections and the size of its response.

An error never holds the URL: its path is often the only secret of a receiver.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

from msgspec import Struct
from msgspec.structs import replace

import core
from core.config.types import URL_PATTERN
from core.errors import NotTold

_REDIRECTIONS: Final = 3
_ANSWER_BYTES: Final = 64 << 10
_KEEP_METHOD: Final = frozenset({301, 302, 307, 308})
_SEE_OTHER: Final = 303
_SCHEMES: Final = frozenset({("http", "http"), ("http", "https"), ("https", "https")})
_LEAST_S: Final = 0.1


class Request(Struct, frozen=True, kw_only=True):
    """A request. `token` and `headers` are sent to the first host only."""

    url: str
    body: bytes
    content_type: str
    headers: Mapping[str, str]
    token: str | None = None
    token_header: str = "Authorization"  # noqa: S105 - a name
    ca_file: str | None = None


def post(request: Request, deadline_s: float) -> None:
    """Send it, by `time.monotonic()` before the deadline. Raises NotTold."""
    try:
        _post(request, deadline_s)
    except NotTold:
        raise
    except TimeoutError:
        raise NotTold("no answer in time") from None
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or "TLS failed"
        raise NotTold(f"TLS: {reason}") from None
    except OSError as error:
        raise NotTold(error.strerror or type(error).__name__) from None
    except (http.client.HTTPException, ValueError, UnicodeError) as error:
        raise NotTold(f"no HTTP ({type(error).__name__})") from None


def _post(request: Request, deadline_s: float) -> None:
    target, method = _target(request.url), "POST"
    first = target.netloc
    for _ in range(_REDIRECTIONS + 1):
        if target.netloc != first:  # nothing that was meant for the first host
            request = replace(request, token=None, headers={})
        status, location = _send(request, target, method, deadline_s)
        if 200 <= status < 300:
            return
        if status not in _KEEP_METHOD | {_SEE_OTHER} or not location:
            raise NotTold(f"the answer was {status}")
        there = _target(urljoin(target.geturl(), location))
        if (target.scheme, there.scheme) not in _SCHEMES:
            raise NotTold(f"a redirection leads from {target.scheme} to {there.scheme}")
        target = there
        method = "GET" if status == _SEE_OTHER else method
    raise NotTold(f"more than {_REDIRECTIONS} redirections")


def _target(url: str) -> SplitResult:
    if len(url) > 4096 or not re.match(URL_PATTERN, url):
        scheme = urlsplit(url).scheme[:16]
        known = scheme in {"", "http", "https"}
        raise NotTold(
            "the URL is no http or https URL without user and password"
            if known
            else f"{scheme!r} is neither http nor https"
        )
    return urlsplit(url)


def _send(
    request: Request, target: SplitResult, method: str, deadline_s: float
) -> tuple[int, str | None]:
    """Return status and Location of the answer."""
    connection = _connection(request, target, deadline_s)
    headers = {
        "User-Agent": f"magerewind/{core.__version__}",
        "Connection": "close",
        **request.headers,
    }
    if request.token is not None:
        scheme = "Bearer " if request.token_header.lower() == "authorization" else ""
        headers[request.token_header] = f"{scheme}{request.token}"
    body = request.body if method == "POST" else None
    if body is not None:
        headers["Content-Type"] = request.content_type
    path = (target.path or "/") + (f"?{target.query}" if target.query else "")
    try:
        connection.request(method, path, body=body, headers=headers)
        if connection.sock is not None:
            connection.sock.settimeout(_left(deadline_s))
        answer = connection.getresponse()
        answer.read(_ANSWER_BYTES)
        return answer.status, answer.getheader("Location")
    finally:
        connection.close()


def _connection(
    request: Request, target: SplitResult, deadline_s: float
) -> http.client.HTTPConnection:
    left_s = _left(deadline_s)
    host = target.hostname or ""
    if target.scheme == "http":
        return http.client.HTTPConnection(host, target.port, timeout=left_s)
    context = ssl.create_default_context(cafile=request.ca_file)
    return http.client.HTTPSConnection(host, target.port, timeout=left_s, context=context)


def _left(deadline_s: float) -> float:
    left_s = deadline_s - time.monotonic()
    if left_s < _LEAST_S:
        raise TimeoutError
    return left_s
