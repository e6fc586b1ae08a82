"""The sign-in's routes, and what they check of a request.

A page signs in with a cookie, any other client with the token of the answer. Foreign pages can't use the cookie: it is
SameSite=Strict, and what changes anything is refused unless the browser says that its own origin asks. That holds for
signing in too, or a foreign page could sign a visitor in as somebody else.
"""

import logging
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.exceptions import HTTPException
from litestar.params import JSONBody
from msgspec import Meta

from .account import LOGINS
from .description import describe, problems
from .keys import public_set
from .passwords import LONGEST, Users
from .problems import MAX_BODY, Problem, answer
from .throttle import Rate, Throttle, network_of
from .tokens import Session, Tokens

COOKIE = "__Host-journal"
"""The prefix makes browsers refuse it unless it is Secure, of this host alone and for every path (RFC 6265bis)."""
CHALLENGE = {"www-authenticate": 'Bearer realm="journal"'}
BY_NAME, BY_CLIENT = Rate(attempts=10, seconds=30), Rate(attempts=20, seconds=10)
WAITING = 20
"""How many sign-ins may wait for their turn to be hashed."""

AnyRequest = Request[Any, Any, Any]
log = logging.getLogger(__name__)


class Login(msgspec.Struct, forbid_unknown_fields=True):
    """Who signs in."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    password: Annotated[str, Meta(min_length=1, max_length=LONGEST)]


class SignedIn(msgspec.Struct):
    """Who is signed in, and until when."""

    user: str
    expires: datetime


class Issued(SignedIn):
    """The same, with the token."""

    token: str


def check_origin(request: AnyRequest) -> None:
    """Refuses what a page of a foreign origin sends; programs send neither header."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = f"{request.scope['scheme']}://{request.headers.get('host')}"
    if site not in (None, "same-origin", "none") or origin not in (None, own):
        raise Problem(403, "Pages of this origin may not sign anybody in or out.")


def cookie(value: str, seconds: int) -> Cookie:
    return Cookie(key=COOKIE, value=value, path="/", max_age=seconds, secure=True, httponly=True, samesite="strict")


def application(users: Users, tokens: Tokens, session_seconds: int, version: str) -> Litestar:
    """Handlers raise Problem for the client's mistakes."""
    by_name, by_client, waiting = Throttle(BY_NAME), Throttle(BY_CLIENT), 0

    async def check(request: AnyRequest) -> None:
        if request.method != "POST":
            return
        check_origin(request)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if "json" in request.route_handler.opt and kind != "application/json":
            raise Problem(415, "Send the body as application/json.", {"accept": "application/json"})

    async def verified(name: str, password: str, client: str) -> bool:
        """Takes an attempt of the name and of the client before the password is looked at, so that none come free."""
        nonlocal waiting
        pairs = ((by_name, name), (by_client, client))
        if seconds := max(throttle.wait(key) for throttle, key in pairs):
            LOGINS.labels("slowed").inc()
            raise Problem(429, "Too many attempts: wait, then try again.", {"retry-after": str(int(seconds) + 1)})
        if waiting >= WAITING:
            raise Problem(503, "Too many sign-ins at once.", {"retry-after": "1"})
        for throttle, key in pairs:
            throttle.take(key)
        waiting += 1
        try:
            fits = await users.verify(name, password)
        finally:
            waiting -= 1
        for throttle, key in pairs if fits else ():
            throttle.give_back(key)
        return fits

    def session_of(request: AnyRequest) -> Session:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        token = given.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE, "")
        session = tokens.read(token) if token else None
        if session is None:
            raise Problem(401, "Nobody is signed in.", CHALLENGE)
        return session

    @post(
        "/auth/login",
        status_code=200,
        opt={"json": True},
        summary="Sign in",
        responses=problems(400, 401, 403, 413, 415, 422, 429, 500, 503),
    )
    async def login(request: AnyRequest, data: JSONBody[Login]) -> Response[Issued]:
        client = network_of(request.scope["client"][0] if request.scope["client"] else "")
        fits = await verified(data.name, data.password, client)
        LOGINS.labels("ok" if fits else "refused").inc()
        if not fits:
            raise Problem(401, "The name or the password is wrong.", CHALLENGE)
        token, session = tokens.issue(data.name)
        log.info("%s signed in", session.user, extra={"request_id": request.scope["state"]["request_id"]})
        issued = Issued(session.user, session.expires, token)
        return Response(issued, cookies=[cookie(token, session_seconds)])

    @post(
        "/auth/logout",
        status_code=204,
        summary="Take the cookie away",
        response_cookies=[cookie("", 0)],
        responses=problems(403, 413, 500),
    )
    async def logout() -> None:
        """Whoever asks: nobody needs to be signed in."""

    @get("/auth/session", summary="Who is signed in", responses=problems(401, 500))
    async def session(request: AnyRequest) -> SignedIn:
        found = session_of(request)
        return SignedIn(found.user, found.expires)

    @get("/auth/keys", summary="The keys that verify tokens, a JWK set", responses=problems(500))
    async def keys() -> dict[str, list[dict[str, str]]]:
        return public_set(tokens.keys.get())

    @get("/auth/openapi.json", summary="This description", responses=problems(500))
    async def described() -> dict[str, Any]:
        return description

    handlers = [login, logout, session, keys, described]
    description = describe(handlers, version)
    return Litestar(
        handlers,
        before_request=check,
        request_max_body_size=MAX_BODY,
        exception_handlers={HTTPException: answer, Exception: answer},
        openapi_config=None,
        logging_config=None,
    )
