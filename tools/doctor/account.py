"""The way to an AWS account: read-only operations by name, and each failure as a sentence.

botocore is loaded when the first account is opened: no other command waits for it.
"""

import json
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from botocore.session import Session

READ_ONLY = ("Describe", "Get", "List", "Head", "BatchGet")
"""What the names of operations begin with that change nothing."""
GLOBAL_REGION = "us-east-1"
"""The region that answers for IAM, Route 53 and the account; it cannot be disabled."""
CONNECTIONS = 16
DENIED = {
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "Forbidden", "UnauthorizedException",
    "UnauthorizedOperation", "403",
}  # fmt: skip
MISSING = {
    "ImageNotFoundException", "NoSuchBucket", "NoSuchEntity", "NoSuchHostedZone", "NoSuchResourceException",
    "NotFound", "NotFoundException", "RepositoryNotFoundException", "ResourceNotFoundException",
}  # fmt: skip
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
REFUSED = {"AuthFailure", "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"}
THROTTLED = {
    "RequestLimitExceeded", "RequestThrottled", "SlowDown", "Throttling", "ThrottlingException", "ThrottledException",
    "TooManyRequestsException",
}  # fmt: skip
ACTIONS = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
}
"""IAM actions that are not named as their operation is (Service Authorization Reference)."""
PREFIXES = {"elbv2": "elasticloadbalancing", "service-quotas": "servicequotas"}


class CouldNotAsk(Exception):
    """A question got no answer; the text says why, and for a denied one which permission is missing."""


class NotThere(Exception):
    """AWS says that what was asked for does not exist."""


class BadCredentials(Exception):
    """The credentials cannot be used for any question. The text says why, `remedy` what to do."""

    remedy = (
        "Sign in again (aws sso login, aws login), or correct AWS_PROFILE. Where the AWS CLI can sign in and this "
        'cannot, hand its credentials over: eval "$(aws configure export-credentials --format env)"'
    )


class Asks(Protocol):
    """Answers questions about an account."""

    def ask(self, service: str, operation: str, *, region: str = "", **parameters: Any) -> Mapping[str, Any]:
        """The answer of an operation, all pages of it.

        service: as botocore names it. operation: as the API names it. region: empty for the account's own.
        Raises NotThere, CouldNotAsk and BadCredentials.
        """
        ...


def action_of(service: str, operation: str) -> str:
    """The IAM action that an operation needs."""
    action = f"{PREFIXES.get(service, service)}:{operation}"
    return ACTIONS.get(action, action)


def explained(error: Exception, service: str, operation: str, region: str) -> Exception:
    """What an error of botocore means for the question. Only the kinds that `Asks.ask` names come out."""
    from botocore import exceptions

    match error:
        case exceptions.ClientError():
            return _refusal(error.response.get("Error", {}), service, operation, region)
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError():
            return BadCredentials(f"The credentials are not complete: {error}.")
        case (
            exceptions.SSOError()
            | exceptions.LoginError()
            | exceptions.TokenRetrievalError()
            | exceptions.CredentialRetrievalError()
            | exceptions.ProfileNotFound()
            | exceptions.ConfigParseError()
            | exceptions.ConfigNotFound()
            | exceptions.InvalidConfigError()
            | json.JSONDecodeError()
            | FileNotFoundError()
            | PermissionError()
        ):
            return BadCredentials(f"The credentials cannot be read: {error}")
        case exceptions.HTTPClientError() | exceptions.ConnectionError() | OSError():
            kind = type(error).__name__
            return CouldNotAsk(f"no answer from {service} in {region} ({kind}): is there a way to the internet?")
    return CouldNotAsk(f"{action_of(service, operation)}: {error}")


def _refusal(error: Mapping[str, Any], service: str, operation: str, region: str) -> Exception:
    code, message = str(error.get("Code", "")), str(error.get("Message", "")).partition("\n")[0]
    if code in MISSING or (code == "404" and operation.startswith("Head")):  # whose answers have no body
        return NotThere(message)
    if code in DENIED:
        return CouldNotAsk(f"needs {action_of(service, operation)}")
    if code in THROTTLED:
        return CouldNotAsk(f"AWS slows {service} down; run it again in a minute")
    if code in EXPIRED:
        return BadCredentials("The credentials have expired.")
    if code in REFUSED:
        return BadCredentials(f"AWS in {region} does not know the credentials ({code}).")
    if code == "OptInRequired":
        return CouldNotAsk(f"the account is not signed up for {service} in {region}")
    return CouldNotAsk(f"{action_of(service, operation)}: {message or code}")


class Account:
    """The account that the session's credentials belong to. Several threads may ask at once."""

    def __init__(self, session: "Session", region: str) -> None:
        self._session, self._region = session, region
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def ask(self, service: str, operation: str, *, region: str = "", **parameters: Any) -> Mapping[str, Any]:
        from botocore import xform_name
        from botocore.exceptions import BotoCoreError, ClientError

        if not operation.startswith(READ_ONLY):
            raise ValueError(f"{service} {operation}: the doctor reads, and changes nothing")
        where = region or self._region
        try:
            client = self._client(service, where)
            name = xform_name(operation)
            if client.can_paginate(name):
                return client.get_paginator(name).paginate(**parameters).build_full_result()
            return getattr(client, name)(**parameters)
        except (BotoCoreError, ClientError, OSError, ValueError) as error:  # ValueError: an address that is none
            raise explained(error, service, operation, where) from error

    def _client(self, service: str, region: str) -> Any:
        """Making a client is not safe among threads, using one is (botocore's documentation of clients)."""
        from botocore.config import Config

        with self._lock:
            if (service, region) not in self._clients:
                config = Config(
                    connect_timeout=5,
                    read_timeout=20,
                    retries={"mode": "standard", "total_max_attempts": 4},
                    max_pool_connections=CONNECTIONS,
                )
                self._clients[service, region] = self._session.create_client(service, region, config=config)
            return self._clients[service, region]


def sign_in() -> "Session | None":
    """A session with the credentials that the AWS CLI would use; None where there are none.

    A profile that wants a code of a second factor asks for it here. Raises BadCredentials.
    """
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    session = botocore.session.get_session()
    try:
        credentials = session.get_credentials()
        if credentials is None:
            return None
        credentials.get_frozen_credentials()
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        found = explained(error, "sts", "AssumeRole", GLOBAL_REGION)
        raise (
            found if isinstance(found, BadCredentials) else BadCredentials(f"There are no credentials: {found}")
        ) from error
    return session
