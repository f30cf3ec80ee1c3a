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
    akamai.com akamaized.net aliyuncs.com amazonaws.com amazonaws.com.cn amazonaws.eu api.aws appdomain.cloud
    arvanstorage.ir aws.dev azure.cn azure.com azure.net azure.us azureedge.net azurefd.net azurewebsites.net
    b-cdn.net backblaze.com backblazeb2.com bcebos.com bizmrg.com bunnycdn.com c2s.ic.gov chinacloudapi.cn
    clo.ru cloud.ru cloudapi.de cloudflare.com cloudflarestorage.com cloudfront.net cloudscale.ch
    contabostorage.com core.windows.net customer-oci.com digitalocean.com digitaloceanspaces.com dream.io
    dreamhost.com exo.io exoscale-cdn.com exoscale.com fabric.microsoft.com fastly.net filebase.com fly.dev
    google.com google.internal googleapis.com googleusercontent.com herokuapp.com hetzner.com
    hidrive.strato.com idrivee2-1.com idrivee2-2.com idrivee2-3.com idrivee2-4.com idrivee2-5.com
    idrivee2-6.com idrivee2-7.com idrivee2-8.com idrivee2-9.com idrivee2.com infomaniak.cloud infomaniak.com
    ionos.com ionoscloud.com jdcloud-oss.com katapult.net ksyuncs.com leaseweb.com leviia.com linode.com
    linodeobjects.com linodeusercontent.com loca.lt localhost.run localtest.me lyvecloud.seagate.com min.io
    myhuaweicloud.com myhuaweicloud.eu myqcloud.com ncloudstorage.com netlify.app ngrok-free.app ngrok-free.dev
    ngrok.app ngrok.dev ngrok.io nip.io on.aws onrender.com oraclecloud.com ovh.ca ovh.com ovh.net ovh.us
    pages.dev qiniucs.com quotaguard.com r2.dev rabata.io run.app sc2s.sgov.gov scw.cloud selcdn.ru selcloud.ru
    selectel.ru serveo.net softlayer.net sslip.io storage.dev storj.io storjshare.io supabase.co swisscom.com
    switch.ch telekom.de tigris.dev trycloudflare.com ts.net twcstorage.ru upcloudobjects.com usgovcloudapi.net
    vercel-storage.com vkcs.cloud volces.com vultrobjects.com wasabisys.com windows.net workers.dev xip.io
    yandexcloud.net your-objectstorage.com
    """.split()  # noqa: SIM905  # a hundred lines of a list read worse
)
"""Domains under which public clouds, and tunnels to anywhere, hand out storage."""

_OUTSIDE = re.compile(
    r"(us|usgov|ca|sa|ap|me|af|il|mx|cn|ru|uk|gb|ch|in|jp|au|nz|br|sg|kr|hk)(-gov|-isob?)?"
    r"-(north|south|east|west|central|northeast|southeast|northwest|southwest)(-?[a-z0-9]+)*"
    r"|eu-west-2|eu-central-2|uk(south|west)|switzerland(north|west)|(east|west|central|northcentral|southcentral)us\d?"
)
"""Words in the name of a host by which clouds call regions outside the EEA."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PRIVATE = tuple(ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"))
_METADATA = ipaddress.ip_network("fd00:ec2::/32")
"""Where a public cloud answers its machines from inside a private range."""

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
    if re.search(r"[^!-~]|[\\\\@?#%A-Z]", endpoint):
        return "its endpoint holds a user, a query, a fragment, a capital, or a character that no address has"
    try:
        parts = urlsplit(endpoint)
        host, is_usable = parts.hostname or "", parts.port != 0
    except ValueError:
        return "its endpoint is no address"
    path = [part for part in parts.path.split("/") if part]
    if len(path) != segments or not all(re.fullmatch(r"[a-z0-9]{3,24}", part) for part in path):
        return f"the path of its endpoint must have {segments} segments"
    if fault := _fault_of_host(host) if is_usable else "its endpoint has no port that anything could listen at":
        return fault
    if parts.scheme == "https" or (parts.scheme == "http" and _loopback(host)):
        return None
    return "its endpoint is not https (http is for this machine alone)"


def named_by_server(header: str | None) -> bool:
    """Whether a `Server` header is a public cloud's."""
    return (header or "").lower().startswith(_SERVERS)


def is_public(host: str) -> bool:
    """Whether a name lies under a domain of a public cloud or of a tunnel."""
    return any(host == domain or host.endswith(f".{domain}") for domain in _PUBLIC)


def _fault_of_host(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return _fault_of_name(host)
    if address.is_loopback or (any(address in net for net in _PRIVATE) and address not in _METADATA):
        return None
    return "its endpoint is an address of no private network, of which nobody can tell whose it is"


def _fault_of_name(host: str) -> str | None:
    labels = host.split(".")
    words = {*labels, *(label.removeprefix("s3-") for label in labels)}
    faults = {
        "its endpoint names no plain host": not all(_LABEL.fullmatch(label) for label in labels),
        "its endpoint spells an address so that it reads as something else": bool(_NUMBER.fullmatch(labels[-1])),
        "its endpoint belongs to a public cloud: those are reached by region, never by address": is_public(host)
        or host == "metadata",
        "its endpoint has a name that can be made to look like another": any(word.startswith("xn--") for word in words),
        "its endpoint names a region outside the EEA": any(_OUTSIDE.fullmatch(word) for word in words),
    }
    return next((fault for fault, is_there in faults.items() if is_there), None)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _aws_domain(region: str) -> str:
    return "amazonaws.eu" if region.startswith("eusc-") else "amazonaws.com"
