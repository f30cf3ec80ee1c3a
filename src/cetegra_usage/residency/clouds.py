"""Facts about public clouds: which of their regions lie in the EEA, and by which names they are known."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

AWS_REGIONS = {
    "eu-central-1": "DE",
    "eu-north-1": "SE",
    "eu-south-1": "IT",
    "eu-south-2": "ES",
    "eu-west-1": "IE",
    "eu-west-3": "FR",
    "eusc-de-east-1": "DE",
}
"""Country by region of Amazon S3, as far as it lies in the EEA (eu-west-2 is in GB, eu-central-2 in CH)."""

AZURE_REGIONS = {
    "austriaeast": "AT",
    "belgiumcentral": "BE",
    "denmarkeast": "DK",
    "francecentral": "FR",
    "francesouth": "FR",
    "germanynorth": "DE",
    "germanywestcentral": "DE",
    "italynorth": "IT",
    "northeurope": "IE",
    "norwayeast": "NO",
    "norwaywest": "NO",
    "polandcentral": "PL",
    "spaincentral": "ES",
    "swedencentral": "SE",
    "swedensouth": "SE",
    "westeurope": "NL",
}
"""Country by region of Azure, as far as it lies in the EEA."""

_PUBLIC = frozenset(
    """
    akamai.com akamaized.net aliyuncs.com amazonaws.com amazonaws.com.cn amazonaws.eu api.aws
    appdomain.cloud aws.dev azure.cn azure.com azure.us azureedge.net azurefd.net b-cdn.net backblaze.com
    backblazeb2.com chinacloudapi.cn cloud.google.com cloudflare.com cloudflarestorage.com cloudfront.net
    contabostorage.com core.windows.net digitalocean.com digitaloceanspaces.com dream.io exo.io fastly.net
    filebase.com googleapis.com googleusercontent.com hetzner.com idrivee2.com ionos.com leaseweb.com
    linode.com linodeobjects.com lyvecloud.seagate.com min.io myhuaweicloud.com myhuaweicloud.eu
    myqcloud.com ngrok.app ngrok.io oraclecloud.com ovh.ca ovh.com ovh.net ovh.us quotaguard.com r2.dev
    scw.cloud selcdn.ru selcloud.ru selectel.ru softlayer.net storage.dev storj.io storjshare.io tigris.dev
    trycloudflare.com upcloudobjects.com vultrobjects.com wasabisys.com windows.net yandexcloud.net
    your-objectstorage.com
    """.split()  # noqa: SIM905  # seventy lines of a list read worse
)
"""Domains under which public clouds, and tunnels to anywhere, hand out storage."""

_SERVERS = ("amazons3", "cloudflare", "google", "gse", "gws", "uploadserver", "windows-azure", "aliyunoss", "tencent")
"""How public clouds begin the `Server` header, whatever the name they are reached by."""


def aws_endpoint(region: str) -> str:
    """Return the address of S3 in a region of the EEA: built, never configured."""
    return f"https://s3.{region}.{_aws_domain(region)}"


def aws_token_endpoint(region: str) -> str:
    """Return where tokens are changed for credentials, in the same region."""
    return f"https://sts.{region}.{_aws_domain(region)}"


def fault_of_endpoint(endpoint: str, *, segments: int) -> str | None:
    """Say what speaks against an endpoint of storage that is run by oneself.

    Args:
        endpoint: The address as configured.
        segments: How many segments its path has: none for S3, the account for Azure Blob.

    Returns:
        The rule that it breaks, or None.
    """
    if re.search(r"[^!-~]|[\\\\@?#]", endpoint):
        return "its endpoint holds a user, a query, a fragment, or a character that no address has"
    try:
        parts = urlsplit(endpoint)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "its endpoint is no address"
    path = [part for part in parts.path.split("/") if part]
    if len(path) != segments or not all(re.fullmatch(r"[a-z0-9]{3,24}", part) for part in path):
        return f"the path of its endpoint must have {segments} segments"
    if fault := _fault_of_host(host.rstrip(".")):
        return fault
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)):
        return None
    return "its endpoint is not https (http is for this machine alone)"


def named_by_server(header: str | None) -> bool:
    """Whether a `Server` header is a public cloud's."""
    return (header or "").lower().startswith(_SERVERS)


def _fault_of_host(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        mapped = getattr(address, "ipv4_mapped", None)
        if address.is_unspecified or address.is_link_local or mapped or (address.is_global and not address.is_loopback):
            return "its endpoint is a public address, of which nobody can tell whose it is"
        return None
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", host):
        return "its endpoint names no plain host"
    if re.fullmatch(r"\d+|0x[0-9a-f]*", host.rsplit(".", 1)[-1]):
        return "its endpoint spells an address so that it reads as something else"
    if any(host == domain or host.endswith(f".{domain}") for domain in _PUBLIC):
        return "its endpoint belongs to a public cloud: those are reached by region, never by address"
    return None


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _aws_domain(region: str) -> str:
    return "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
