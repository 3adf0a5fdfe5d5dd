"""A model behind TLS, from models.yaml to the summary."""

import json

import pytest

from tests import tls_server
from tests.fake_server import healthy


@pytest.fixture
def pem(tmp_path):
    return tls_server.certificate(tmp_path / "both.pem")


@pytest.fixture
def server(pem):
    body = json.dumps(healthy("/chat/completions")).encode()
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)
    with tls_server.serving(tls_server.context(pem), reply) as (port, _):
        yield f"https://127.0.0.1:{port}/v1"


def test_an_authority_of_ones_own_is_named_beside_the_file_of_models(folder, server, pem):
    folder.own_benchmark()
    (folder.path / "ours.pem").write_bytes(pem.read_bytes())
    folder.models(mine={"model_name": "vllm/m", "base_url": server, "ca_file": "ours.pem"})
    folder.run("--model", "mine", "-k", "capitals")
    assert folder.entry()["n"] == 4
    assert not [warning for warning in folder.entry()["warnings"] if "certificate" in warning]


def test_a_certificate_that_is_not_verified_is_told_before_and_after(folder, server):
    folder.own_benchmark()
    folder.models(mine={"model_name": "vllm/m", "base_url": server, "verify": False})
    result = folder.run("--model", "mine", "-k", "capitals")
    assert folder.entry()["n"] == 4
    result.stdout.fnmatch_lines(
        [f"mmlubench: the certificate of {server} is not verified (verify: false of mine)"]
    )
    assert f"the certificate of {server} was not verified" in folder.entry()["warnings"][-1]
    assert "warning: the certificate of" in result.stdout.str()


def test_a_file_that_is_missing_ends_the_run_before_it_begins(folder, server):
    folder.own_benchmark()
    folder.models(mine={"model_name": "vllm/m", "base_url": server, "ca_file": "missing.pem"})
    assert "ca_file" in (said := folder.refused("--model", "mine"))
    assert "missing.pem cannot be used (No such file or directory)" in said


def test_a_socks_proxy_ends_the_run_before_it_begins(folder, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    folder.own_benchmark()
    said = folder.refused("--model", "vllm/m@http://api.example/v1")
    assert "ALL_PROXY names a SOCKS proxy, which is not supported" in said
