"""Certificates made on the spot, and a server over blocking sockets that speaks TLS with them.

asyncio's own TLS servers close a connection whose handshake fails without a word; this one lets OpenSSL send its alert,
as nginx, Go and Java do.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import re
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
DAY = datetime.timedelta(days=1)


def certificate(path: Path, name: str = "127.0.0.1", *, begins: int = -1, ends: int = 1) -> Path:
    """Write a certificate of a host that signs itself, and its key, as one PEM file; days from now."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    try:
        host: Any = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        host = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(encoding))
    return path


def context(pem: Path, *, asks_for: Path | None = None) -> ssl.SSLContext:
    """The server's side; `asks_for` names the only client certificate that it accepts."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pem)
    if asks_for is not None:
        made.verify_mode = ssl.CERT_REQUIRED
        made.load_verify_locations(asks_for)
    return made


@contextlib.contextmanager
def serving(tls: ssl.SSLContext | None, said: bytes = REPLY) -> Iterator[tuple[int, list[bytes]]]:
    """Serve on 127.0.0.1, every connection with the same bytes; give the port and what was received."""
    received: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def talk() -> None:
            while True:
                try:
                    plain, _ = listening.accept()
                except OSError:
                    return
                with contextlib.suppress(OSError), plain:
                    plain.settimeout(10)
                    with tls.wrap_socket(plain, server_side=True) if tls else plain as sock:
                        received.append(_whole(sock))
                        sock.sendall(said)

        thread = Thread(target=talk, daemon=True)
        thread.start()
        yield listening.getsockname()[1], received
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)  # wakes `accept`
    thread.join(10)


def _whole(sock: socket.socket) -> bytes:
    """A request with its body: what is left unread when a connection is closed resets it."""
    got = sock.recv(65536)
    length = re.search(rb"(?i)content-length: (\d+)", got)
    while length and len(got.partition(b"\r\n\r\n")[2]) < int(length[1]):
        got += sock.recv(65536)
    return got
