"""A mail server for a test: says its port, then each mail as one line of JSON."""

import json
import ssl
import socket
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class Handler:
    async def handle_DATA(self, server, session, envelope):
        print(
            json.dumps(
                {
                    "from": envelope.mail_from,
                    "to": envelope.rcpt_tos,
                    "tls": session.ssl is not None,
                    "text": envelope.content.decode("ascii"),
                }
            ),
            flush=True,
        )
        return "250 taken"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 fine"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data == LoginPassword(b"alerts@example.com", b"password")
    return AuthResult(success=good, handled=False)


mode, certificate, key, way = sys.argv[1:5]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
options = {
    "authenticator": authenticate,
    "auth_required": True,
    "auth_exclude_mechanism": ["PLAIN"] if way == "LOGIN" else ["LOGIN"],
}
if mode == "starttls":
    options |= {"tls_context": context, "require_starttls": True}
elif mode == "tls":
    options |= {"ssl_context": context, "auth_require_tls": False}
else:
    options |= {"auth_require_tls": False}
controller = Controller(Handler(), hostname="127.0.0.1", port=port, **options)
controller.start()
print(port, flush=True)
sys.stdin.read()
controller.stop()
