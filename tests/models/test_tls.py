"""TLS through every transport: each kind of trouble is named as it is, and the user's settings are honoured."""

import asyncio
import socket
import ssl
from typing import Any

import pytest

from mmlubench.errors import ModelError, Unreachable
from mmlubench.models.http.direct import DirectTransport
from mmlubench.models.http.transport import AioTransport, SdkTransport, Timeouts
from mmlubench.models.tls import Tls
from tests import tls_server
from tests.tls_server import certificate, serving

VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
USUAL = Tls()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    return {
        "good": certificate(folder / "good.pem"),
        "expired": certificate(folder / "expired.pem", begins=-3, ends=-2),
        "early": certificate(folder / "early.pem", begins=2, ends=3),
        "elsewhere": certificate(folder / "elsewhere.pem", "elsewhere.example"),
        "ours": certificate(folder / "ours.pem", "client.example"),
    }


@pytest.fixture(params=["direct", "aiohttp", "openai", "anthropic"])
def ask(request):
    """Send one request through one of the transports; whether it was answered, or else the error's text."""

    def do(url, tls=USUAL):
        more: dict[str, Any] = {"key": "sk-0123456789", "pool": 1, "timeouts": Timeouts(5, 5), "tls": tls}

        async def main():
            plain: Any = {"direct": DirectTransport, "aiohttp": AioTransport}.get(request.param)
            transport: Any = plain(url, **more) if plain else SdkTransport(request.param, url, **more)
            try:
                return (await transport.post("/c", {})).status == 200
            except Unreachable as error:
                return str(error)
            finally:
                await transport.aclose()

        return asyncio.run(main())

    return do


def test_a_certificate_that_nobody_vouches_for_is_said_so_and_nothing_is_sent(ask, pems):
    with serving(tls_server.context(pems["good"])) as (port, received):
        said = ask(f"https://127.0.0.1:{port}/v1")
    assert said.startswith(
        f"cannot reach https://127.0.0.1:{port}/v1: certificate verify failed: self-signed certificate; name its "
        "authority in ca_file of models.yaml or in SSL_CERT_FILE"
    )
    assert not received


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_every_usual_variable_names_what_is_trusted(variable, ask, pems, monkeypatch):
    monkeypatch.setenv(variable, str(pems["good"]))
    with serving(tls_server.context(pems["good"])) as (port, _):
        assert ask(f"https://127.0.0.1:{port}/v1") is True


def test_a_variable_that_a_tool_sets_does_not_hide_the_one_of_the_user(ask, pems, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(pems["elsewhere"]))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pems["good"]))
    with serving(tls_server.context(pems["good"])) as (port, _):
        assert ask(f"https://127.0.0.1:{port}/v1") is True


def test_a_models_own_file_is_trusted_alone(ask, pems, monkeypatch):
    with serving(tls_server.context(pems["good"])) as (port, _):
        url = f"https://127.0.0.1:{port}/v1"
        assert ask(url, Tls(ca_file=str(pems["good"]))) is True
        monkeypatch.setenv("SSL_CERT_FILE", str(pems["good"]))
        assert "certificate verify failed" in ask(url, Tls(ca_file=str(pems["elsewhere"])))


def test_a_certificate_need_not_be_verified(ask, pems, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(pems["elsewhere"]))
    with serving(tls_server.context(pems["expired"])) as (port, _):
        assert ask(f"https://127.0.0.1:{port}/v1", Tls(verify=False)) is True


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "expired",
            "certificate has expired; its server needs a new one, or is the clock of this machine wrong?",
        ),
        ("early", "certificate is not yet valid; is the clock of this machine right?"),
        (
            "elsewhere",
            "IP address mismatch, certificate is not valid for '127.0.0.1'; is the host in base_url the one",
        ),
    ],
)
def test_what_is_wrong_with_a_trusted_certificate_is_said(name, said, ask, pems):
    with serving(tls_server.context(pems[name])) as (port, _):
        answer = ask(f"https://127.0.0.1:{port}/v1", Tls(ca_file=str(pems[name])))
    assert f"certificate verify failed: {said}" in answer


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_a_server_without_tls_behind_https_is_said_so(said, ask):
    with serving(None, said) as (port, _):
        answer = ask(f"https://127.0.0.1:{port}/v1")
    assert answer == (
        f"cannot reach https://127.0.0.1:{port}/v1: this is no TLS server; "
        "write http:// in place of https:// in base_url"
    )


def test_a_server_with_tls_behind_http_is_said_so_and_asked_no_further(ask, pems):
    with serving(tls_server.context(pems["good"])) as (port, received):
        answer = ask(f"http://127.0.0.1:{port}/v1")
    assert answer == (
        f"http://127.0.0.1:{port}/v1 is a TLS server: write https:// in place of http:// in base_url"
    )
    assert not any(received)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_a_version_of_tls_that_is_too_old_is_said_so(ask, pems):
    old = tls_server.context(pems["good"])
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with serving(old) as (port, _):
        answer = ask(f"https://127.0.0.1:{port}/v1", Tls(ca_file=str(pems["good"])))
    assert "it speaks no version of TLS that is still considered safe (" in answer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_server_that_wants_our_certificate_is_shown_it_and_else_said_so(version, ask, pems):
    tls = tls_server.context(pems["good"], asks_for=pems["ours"])
    tls.maximum_version = version
    with serving(tls) as (port, _):
        url, trusted = f"https://127.0.0.1:{port}/v1", str(pems["good"])
        assert ask(url, Tls(ca_file=trusted, client_cert=str(pems["ours"]))) is True
        assert "want" in (answer := ask(url, Tls(ca_file=trusted)))
        assert "client certificate" in answer
        assert "client_cert" in answer


def test_a_server_that_hangs_up_during_the_handshake_is_said_so(ask):
    with serving(None, b"") as (port, _):
        answer = ask(f"https://127.0.0.1:{port}/v1")
    assert "the server ended the connection while TLS was set up" in answer


@pytest.mark.parametrize("error", ["Operation not permitted", "_ssl.c"])
def test_no_error_of_tls_is_told_in_the_words_of_another(error, ask, pems):
    with serving(tls_server.context(pems["good"])) as (port, _):
        assert error not in ask(f"https://127.0.0.1:{port}/v1")


# --- files that cannot be used are refused before anything is sent


@pytest.mark.parametrize(
    ("tls", "problem"),
    [
        (Tls(ca_file="missing.pem"), r"ca_file missing\.pem cannot be used \(No such file or directory\)"),
        (Tls(ca_file="empty.pem"), r"ca_file empty\.pem cannot be used"),
        (
            Tls(client_cert="missing.pem"),
            r"client_cert missing\.pem cannot be used \(No such file or directory\)",
        ),
        (Tls(client_cert="empty.pem"), r"client_cert empty\.pem cannot be used"),
        (
            Tls(client_cert="empty.pem", client_key="k.pem"),
            r"client_cert empty\.pem with client_key k\.pem cannot",
        ),
    ],
)
def test_a_file_of_certificates_that_cannot_be_used_is_named(tls, problem, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(ModelError, match=problem):
        DirectTransport("https://host/v1", key=None, pool=1, tls=tls)
    DirectTransport("http://host/v1", key=None, pool=1, tls=tls)  # without TLS it is not needed


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_variable_that_names_no_file_is_named(variable, monkeypatch):
    monkeypatch.setenv(variable, "/nowhere/ca.pem")
    with pytest.raises(ModelError, match=rf"^{variable} /nowhere/ca\.pem cannot be used \(No such file"):
        AioTransport("https://host/v1", key=None, pool=1)


def test_a_private_key_with_a_password_is_no_question_in_the_terminal(pems, tmp_path):
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pems["ours"].read_bytes(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"word"),
    )
    (tmp_path / "locked.pem").write_bytes(locked)
    tls = Tls(client_cert=str(pems["ours"]), client_key=str(tmp_path / "locked.pem"))
    with pytest.raises(ModelError, match="its private key has a password"):
        tls.context()


def test_a_server_that_waits_for_a_line_of_http_is_doubted_to_speak_tls():
    # Some plain servers neither answer a TLS handshake nor hang up.
    async def main(port):
        transport = DirectTransport(
            f"https://127.0.0.1:{port}/v1", key=None, pool=1, timeouts=Timeouts(0.3, 0.3)
        )
        with pytest.raises(
            Unreachable, match=r"did not answer in time \(.*\); does it speak TLS\? A slow server"
        ):
            await transport.post("/c", {})
        await transport.aclose()

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(main(silent.getsockname()[1]))
