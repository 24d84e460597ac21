"""Tokens of programs, made and removed over REST."""

import json
import urllib.request


class Tokens:
    """The tokens of a server: its REST address, and the administrators' token."""

    def __init__(self, rest, admin):
        self.rest, self.admin, self.made = rest, admin, 0

    def _call(self, method, path, body=None):
        request = urllib.request.Request(f"http://{self.rest}{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.admin}")
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data=data, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def make(self, scopes, **more):
        """A new token: its id, and the token itself."""
        self.made += 1
        fields = {"name": f"program{self.made}", "scopes": list(scopes), **more}
        made = self._call("POST", "/admin/tokens", fields)
        return made["id"], made["token"]

    def remove(self, token):
        self._call("DELETE", f"/admin/tokens/{token}")
