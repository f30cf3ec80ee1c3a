"""Take out of the process's environment what could lead a request elsewhere than the settings say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_DIVERT = frozenset(
    {"http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "request_method"}
    | {"hostaliases", "localdomain", "res_options"}  # of the system's resolver: other names, other domains
)

_CREDENTIALS = frozenset(
    {
        "AWS_ACCESS_KEY_ID",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_ROLE_ARN",
        "AWS_ROLE_SESSION_NAME",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_TENANT_ID",
    }
)
"""What may stay of the variables that the clients read: who we are, never where to go."""

_CLIENTS = ("AWS_", "AZURE_", "AZURITE_", "IDENTITY_", "MSI_")


def scrub(environment: MutableMapping[str, str] | None = None) -> list[str]:
    """Remove proxies, what changes how names resolve, and all of the clients' variables but credentials; name them.

    Default deny: a variable that a later version of a client learns to read is removed as well.
    """
    environment = os.environ if environment is None else environment
    removed = [
        name
        for name in environment
        if name.lower() in _DIVERT or (name.upper().startswith(_CLIENTS) and name not in _CREDENTIALS)
    ]
    for name in removed:
        del environment[name]
    return sorted(removed)
