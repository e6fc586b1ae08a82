"""The way to an account: it only reads, and each failure is one sentence. botocore sends nothing in these tests."""

import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    LoginRefreshRequired,
    MissingDependencyException,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.retries.standard import ExponentialBackoff

from tests.conftest import ROOT
from tools.doctor.account import READ_ONLY, Account, BadCredentials, CouldNotAsk, NotThere, action_of, sign_in

REGION = "eu-central-1"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credentials of this machine's, and no waiting between attempts."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                 "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
                 "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)


class Body(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


def account(answer: Callable[[Any], AWSResponse | Exception]) -> Account:
    """An account whose every request gets this answer in place of the network's."""
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "secret")

    def send(request: Any, **_: Any) -> AWSResponse:
        found = answer(request)
        if isinstance(found, Exception):
            raise found
        return found

    session.register("before-send.*", send)
    return Account(session, REGION)


def refusal(code: str, status: int = 400) -> Callable[[Any], AWSResponse]:
    body = f"<Response><Errors><Error><Code>{code}</Code><Message>No. Why.</Message></Error></Errors></Response>"
    return lambda request: AWSResponse(request.url, status, {"content-type": "text/xml"}, Body(body.encode()))


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("UnauthorizedOperation", CouldNotAsk, "needs ec2:DescribeAddresses"),
        ("AccessDenied", CouldNotAsk, "needs ec2:DescribeAddresses"),
        ("RequestLimitExceeded", CouldNotAsk, "AWS slows ec2 down; run it again in a minute"),
        ("Throttling", CouldNotAsk, "AWS slows ec2 down; run it again in a minute"),
        ("ExpiredToken", BadCredentials, "The credentials have expired."),
        ("RequestExpired", BadCredentials, "The credentials have expired."),
        ("AuthFailure", BadCredentials, "AWS in eu-central-1 does not know the credentials (AuthFailure)."),
        ("OptInRequired", CouldNotAsk, "the account is not signed up for ec2 in eu-central-1"),
        ("NoSuchEntity", NotThere, "No. Why."),
        ("InternalError", CouldNotAsk, "ec2:DescribeAddresses: No. Why."),
        ("404", CouldNotAsk, "ec2:DescribeAddresses: No. Why."),
    ],
)
def test_a_refusal_says_what_is_missing(code: str, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind) as failure:
        account(refusal(code)).ask("ec2", "DescribeAddresses")
    assert str(failure.value) == text


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="https://ec2.example", error="Name or service not known"),
        ReadTimeoutError(endpoint_url="https://ec2.example"),
        SSLError(endpoint_url="https://ec2.example", error="self-signed certificate"),
        ProxyConnectionError(proxy_url="http://proxy.example"),
        ConnectionResetError("reset"),
    ],
)
def test_no_network_is_said(error: Exception) -> None:
    with pytest.raises(CouldNotAsk, match=rf"no answer from ec2 in eu-central-1 \({type(error).__name__}\): is there"):
        account(lambda _: error).ask("ec2", "DescribeAddresses")


def test_a_bucket_that_is_not_there_is_told_from_one_that_may_not_be_seen() -> None:
    def answers(status: int) -> Account:
        return account(lambda request: AWSResponse(request.url, status, {}, Body(b"")))

    with pytest.raises(NotThere):
        answers(404).ask("s3", "HeadBucket", Bucket="b")
    with pytest.raises(CouldNotAsk, match="needs s3:ListBucket"):
        answers(403).ask("s3", "HeadBucket", Bucket="b")


def test_all_pages_are_read() -> None:
    pages = iter(["<vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet><nextToken>more</nextToken>",
                  "<vpcSet><item><vpcId>vpc-2</vpcId></item></vpcSet>"])  # fmt: skip

    def answer(request: Any) -> AWSResponse:
        body = f"<DescribeVpcsResponse>{next(pages)}</DescribeVpcsResponse>"
        return AWSResponse(request.url, 200, {"content-type": "text/xml"}, Body(body.encode()))

    found = account(answer).ask("ec2", "DescribeVpcs")["Vpcs"]
    assert [vpc["VpcId"] for vpc in found] == ["vpc-1", "vpc-2"]


def test_aws_is_asked_again_where_it_slows_down() -> None:
    full = "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>"
    refusals = iter([refusal("RequestLimitExceeded", 503)] * 3)

    def answer(request: Any) -> AWSResponse:
        refused = next(refusals, None)
        if refused is not None:
            return refused(request)
        return AWSResponse(request.url, 200, {"content-type": "text/xml"}, Body(full.encode()))

    assert [vpc["VpcId"] for vpc in account(answer).ask("ec2", "DescribeVpcs")["Vpcs"]] == ["vpc-1"]


@pytest.mark.parametrize(
    ("service", "operation"),
    [("ec2", "AllocateAddress"), ("service-quotas", "RequestServiceQuotaIncrease"), ("s3", "CreateBucket")],
)
def test_what_changes_something_is_never_sent(service: str, operation: str) -> None:
    def answer(_: Any) -> Exception:
        pytest.fail("a request was sent")

    with pytest.raises(ValueError, match="changes nothing"):
        account(answer).ask(service, operation)
    assert not operation.startswith(READ_ONLY)


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("ec2", "DescribeVpcs", "ec2:DescribeVpcs"),
        ("elbv2", "DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers"),
        ("service-quotas", "GetServiceQuota", "servicequotas:GetServiceQuota"),
        ("s3", "ListObjectsV2", "s3:ListBucket"),
    ],
)
def test_the_permission_that_an_operation_needs(service: str, operation: str, action: str) -> None:
    assert action_of(service, operation) == action


def test_without_credentials_there_is_no_session() -> None:
    assert sign_in() is None


def test_credentials_of_the_environment_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert sign_in() is not None


@pytest.mark.parametrize(
    "error",
    [
        UnauthorizedSSOTokenError(),
        TokenRetrievalError(provider="sso", error_msg="Token has expired and refresh failed"),
        CredentialRetrievalError(provider="process", error_msg="exit status 1"),
        LoginRefreshRequired(),
        ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole"),
        MissingDependencyException(msg="needs awscrt"),
    ],
)
def test_credentials_that_cannot_be_had(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr(botocore.session.Session, "get_credentials", fail)
    with pytest.raises(BadCredentials, match=r"The credentials cannot be read|There are no credentials") as failure:
        sign_in()
    assert "aws sso login" in failure.value.remedy


def test_half_credentials_and_an_unknown_profile_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    with pytest.raises(BadCredentials, match="not complete"):
        sign_in()
    monkeypatch.setenv("AWS_PROFILE", "absent")
    with pytest.raises(BadCredentials, match="absent"):
        sign_in()


def test_no_other_command_waits_for_botocore() -> None:
    code = "import sys, tools.cli; print([m for m in ('botocore', 'dns', 'tools.doctor') if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    ("profile", "says"),
    [
        ("credential_process = echo none", "The credentials cannot be read: Expecting value"),
        (
            "credential_process = /nowhere/sign-in",
            "The credentials cannot be read: [Errno 2] No such file or directory",
        ),
        ("credential_process = /etc", "The credentials cannot be read: [Errno 13] Permission denied"),
        (
            "role_arn = arn:aws:iam::111122223333:role/x\nweb_identity_token_file = /nowhere/token",
            "The credentials cannot be read: [Errno 2] No such file or directory",
        ),
        (
            "role_arn = arn:aws:iam::111122223333:role/x\nsource_profile = none",
            "The credentials cannot be read: The sou",
        ),
        ("sso_session = none\nsso_account_id = 1\nsso_role_name = x", "The credentials cannot be read: The specified"),
    ],
)
def test_a_profile_that_gives_no_credentials_is_told(profile: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(f"[profile broken]\n{profile}\n")
    monkeypatch.setenv("AWS_PROFILE", "broken")
    with pytest.raises(BadCredentials) as caught:
        sign_in()
    assert str(caught.value).startswith(says)


def test_an_address_of_aws_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "nonsense")
    session = botocore.session.Session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    with pytest.raises(CouldNotAsk, match="sts:GetCallerIdentity: Invalid endpoint: nonsense"):
        Account(session, REGION).ask("sts", "GetCallerIdentity")
