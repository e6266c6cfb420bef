"""The partner's own system: a token from the identity server, then the partner API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

Get = Callable[[str, dict[str, str]], tuple[int, Any]]


@dataclass
class Machine:
    """`get` asks the portal: path and headers in, status and JSON out."""

    token_url: str
    client_id: str
    secret: str
    get: Get

    def token(self) -> requests.Response:
        form = {"grant_type": "client_credentials"}
        return requests.post(self.token_url, form, auth=(self.client_id, self.secret), timeout=20)

    def read(self, path: str) -> tuple[int, Any]:
        """With a fresh token."""
        answer = self.token()
        assert answer.status_code == 200, answer.text
        return self.read_with(answer.json()["access_token"], path)

    def read_with(self, token: str, path: str) -> tuple[int, Any]:
        return self.get(f"/api/v1/{path}", {"Authorization": f"Bearer {token}"})

    def all_records(self, dataset: str) -> list[dict[str, Any]]:
        """Page by page to the end."""
        token, cursor = self.token().json()["access_token"], ""
        found: list[dict[str, Any]] = []
        while True:
            status, page = self.read_with(token, f"datasets/{dataset}/records?page_size=200{cursor}")
            assert status == 200, page
            found += page["data"]
            if not page["has_more"]:
                return found
            cursor = f"&cursor={quote(page['next_cursor'])}"
