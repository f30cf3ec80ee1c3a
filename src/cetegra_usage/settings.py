"""Settings: flag > environment > file > default, each value knowing where it came from."""

from __future__ import annotations

import hashlib
import json
import os
import re
from datetime import date  # noqa: TC003  # pydantic reads the annotations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from cetegra_usage.errors import ConfigurationError
from cetegra_usage.model import Catalogue, Feature
from cetegra_usage.project import read_toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENVIRONMENT_PREFIX = "CETEGRA_USAGE_"
DEFAULT_FILE = "cetegra-usage.toml"
_OTHER_FILE = "mend it, or name another with --config FILE; cetegra-usage demo DIR makes one that works"
_OTHER_CATALOGUE = "mend it, or name another in catalogue.path; cetegra-usage generate DIR makes one that works"
_MOST_DAYS = 36_500  # as many still lie before any day that a command takes
_MOST = 1_000_000  # of people or events: what is counted in such steps still fits into 64 bits


_MEMORY = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?) ?([MGT])(?:i?B)?", re.IGNORECASE)  # as DuckDB reads it
_LEAST_MEGABYTES = 64  # a day of few rows takes a quarter of it


def _memory(value: str) -> str:
    found = _MEMORY.fullmatch(value)
    if not found or float(found[1]) * 1000 ** "MGT".index(found[2].upper()) < _LEAST_MEGABYTES:
        msg = f"it is a number with a unit, such as 1GB, and {_LEAST_MEGABYTES}MB or more"
        raise ValueError(msg)
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Storage(_Section):
    """How a store is reached; credentials come from the environment or the SDK's own chain alone."""

    endpoint: str | None = None
    region: str | None = None
    proof: str | None = None
    """Free text that the evidence shows beside the store's country."""


class StoreSettings(_Section):
    """Where a store is and whose it is; residency judges it before the first byte."""

    url: str = ""
    country: str = ""
    operator: str = "own"
    storage: Storage = Storage()


class Landing(StoreSettings):
    """The landing zone, read only."""

    seal: Literal["optional", "required"] = "optional"
    wait_days: int = Field(default=3, ge=0, le=_MOST_DAYS)


class CatalogueFile(_Section):
    """Where the deployment's catalogue is."""

    path: str = "catalogue.toml"


class Disclosure(_Section):
    """The appetite for risk: what a published count may tell."""

    threshold: int = Field(default=10, ge=1, le=_MOST)
    rounding: int = Field(default=5, ge=1, le=_MOST)
    event_cap: int = Field(default=50, ge=1, le=_MOST)
    """Assumed bound on the events of one person in one service and day."""


class Retention(_Section):
    """How long what is kept is kept, in days."""

    identified_days: int = Field(default=395, ge=92, le=_MOST_DAYS)
    evidence_days: int = Field(default=1825, ge=1, le=_MOST_DAYS)


class Consent(_Section):
    """How exactly the clocks of the collector and of the consent log agree."""

    skew_seconds: int = Field(default=60, ge=0, lt=86_400)


class Session(_Section):
    """How long a browser tab may plausibly stay open."""

    max_days: int = Field(default=7, ge=1, le=_MOST_DAYS)


class Engine(_Section):
    """Where and with how much the work is done; never changes a figure."""

    runner: Literal["threads", "processes", "dask"] = "threads"
    address: str | None = None
    memory_limit: Annotated[str, AfterValidator(_memory)] = "1GB"
    workers: int | None = Field(default=None, ge=1)


class Settings(_Section):
    """Every setting of a deployment.

    Attributes:
        origins: For each `section.key` that is not a default, where its value came from.
        folder: The folder that relative paths start from: the file's own, else the working directory.
    """

    landing: Landing = Landing()
    warehouse: StoreSettings = StoreSettings()
    publish: StoreSettings = StoreSettings()
    catalogue: CatalogueFile = CatalogueFile()
    disclosure: Disclosure = Disclosure()
    retention: Retention = Retention()
    consent: Consent = Consent()
    session: Session = Session()
    engine: Engine = Engine()
    origins: dict[str, str] = Field(default_factory=dict[str, str], exclude=True, repr=False)
    folder: Path = Field(default=Path(), exclude=True, repr=False)

    def rows(self) -> Iterator[tuple[str, Any, str]]:
        """Yield each setting as (key, value, origin), secrets masked, in the order of the contract."""
        for key, value in _flatten(self.model_dump(mode="json")).items():
            yield key, mask(value), self.origins.get(key, "default")

    def shaping(self) -> dict[str, Any]:
        """Return the settings that can change a published figure."""
        document = self.model_dump(mode="json")
        return {section: document[section] for section in ("disclosure", "consent", "session")} | {
            "landing": {key: document["landing"][key] for key in ("seal", "wait_days")},
            "retention": {"identified_days": document["retention"]["identified_days"]},
        }


def load_settings(
    file: Path | None = None,
    flags: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings.

    Args:
        file: The settings' file; without one `cetegra-usage.toml` in the working directory, if it is there.
        flags: `section.key` to text, from the command line: they win.
        environment: In place of the process's own.

    Raises:
        ConfigurationError: A file, key or value cannot be used.
    """
    if file is None and Path(DEFAULT_FILE).is_file():
        file = Path(DEFAULT_FILE)
    known = set(_flatten(Settings().model_dump(mode="json")))
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    sources = {
        f"file {file.name}" if file else "file": _flatten(read_toml(file, "the settings", _OTHER_FILE)) if file else {},
        "environment": _from_environment(os.environ if environment is None else environment, known),
        "flag": flags or {},
    }
    for origin, found in sources.items():
        for key, value in found.items():
            if value == {} and any(one.startswith(f"{key}.") for one in known):
                continue  # a section that sets nothing
            if key not in known:
                raise _unknown(f"{key} ({origin})")
            values[key], origins[key] = value, origin
    try:
        typed = {key: value for key, value in values.items() if origins[key].startswith("file ")}
        Settings.model_validate(_nest(typed), strict=True)  # TOML has types of its own: texts alone are parsed
        settings = Settings(
            **_nest(values), origins=origins, folder=file.resolve().parent if file is not None else Path.cwd()
        )
    except ValidationError as error:
        where = sorted({".".join(str(part) for part in item["loc"]) for item in error.errors()})
        reasons = sorted({item["msg"].removeprefix("Value error, ") for item in error.errors()})
    else:
        return settings
    raise ConfigurationError(
        f"the value of {', '.join(where)} cannot be used",
        why="; ".join(reasons),
        hint="cetegra-usage config show",
    )


def _from_environment(environment: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """Return the settings that the environment's `CETEGRA_USAGE_<SECTION>_<KEY>` give; unknown ones are refused."""
    by_variable = {ENVIRONMENT_PREFIX + key.replace(".", "_").upper(): key for key in known}
    given = sorted(variable for variable in environment if variable.startswith(ENVIRONMENT_PREFIX))
    for variable in given:
        if variable not in by_variable:
            raise _unknown(f"{variable} (environment)")
    return {by_variable[variable]: environment[variable] for variable in given}


def mask(value: Any) -> Any:
    """Hide what could be a credential inside a url; no setting holds one otherwise."""
    if isinstance(value, str):
        # To the last `@`: a key may hold a `/`, and a password an `@`.
        value = re.sub(r"^(.*?://)?.*@", r"\1***@", re.sub(r"\?.*", "?***", value))
        return re.sub(r"(?i)((?:key|sig|secret|token|password)=)[^;&]*", r"\1***", value)
    return value


def load_catalogue(settings: Settings) -> Catalogue:
    """Read the deployment's catalogue.

    Raises:
        ConfigurationError: It is not there, is no TOML, lacks a key, names one twice, or contradicts itself.
    """
    document = read_toml(settings.folder / settings.catalogue.path, "the catalogue", _OTHER_CATALOGUE)
    try:
        parsed = _CatalogueDocument(**document)
    except ValidationError as error:
        where = sorted({".".join(str(part) for part in item["loc"]) for item in error.errors()})
    else:
        return _catalogue(parsed)
    raise ConfigurationError(
        f"the catalogue cannot be used at {', '.join(where)}",
        why="its tables are [[service]], [[user_type]], [[feature]] and [[notice]], with their own keys alone",
        hint="cetegra-usage generate DIR shows one that works",
    )


KEY = r"^[a-z0-9._]{1,64}$"


class _Titled(_Section):
    key: str = Field(pattern=KEY)
    title: str


class _FeatureEntry(_Titled):
    service: str
    actions: list[Literal["open", "navigate", "submit", "order"]] = Field(min_length=1)
    owner: str
    since: date = Field(strict=True)
    expires: date | None = Field(default=None, strict=True)


class _CatalogueDocument(_Section):
    service: list[_Titled] = Field(min_length=1)
    user_type: list[_Titled] = Field(min_length=1)
    feature: list[_FeatureEntry] = Field(default_factory=list[_FeatureEntry])
    notice: list[_Titled] = Field(default_factory=list[_Titled])


def _catalogue(document: _CatalogueDocument) -> Catalogue:
    for name in ("service", "user_type", "feature", "notice"):
        keys = [entry.key for entry in getattr(document, name)]
        if len(set(keys)) < len(keys):
            raise ConfigurationError(
                f"the catalogue names a {name} twice", why="a key means one thing", hint="remove one of the two"
            )
    if "all" in {entry.key for entry in (*document.service, *document.user_type, *document.feature)}:
        raise ConfigurationError(
            "the catalogue uses the key `all`", why="`all` marks totals in every published table", hint="rename the key"
        )
    services = {entry.key: entry.title for entry in document.service}
    if strangers := sorted({entry.key for entry in document.feature if entry.service not in services}):
        raise ConfigurationError(
            f"features of the catalogue name a service that it does not declare: {', '.join(strangers)}",
            why="each feature belongs to one declared service",
            hint="declare the service, or mend the feature",
        )
    if turned := sorted(entry.key for entry in document.feature if entry.expires and entry.expires < entry.since):
        raise ConfigurationError(
            f"features of the catalogue expire before they begin: {', '.join(turned)}",
            why="`expires` is no earlier than `since`",
            hint="mend one of the two",
        )
    features = {
        entry.key: Feature(
            key=entry.key,
            title=entry.title,
            service=entry.service,
            actions=tuple(entry.actions),
            owner=entry.owner,
            since=entry.since,
            expires=entry.expires,
        )
        for entry in document.feature
    }
    canonical = json.dumps(document.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return Catalogue(
        services=services,
        user_types={entry.key: entry.title for entry in document.user_type},
        features=features,
        notices={entry.key: entry.title for entry in document.notice},
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _unknown(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"unknown setting: {what}",
        why="a setting that nobody reads would only seem to work",
        hint="cetegra-usage config show",
    )


def _flatten(document: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict) and value:
            flat |= _flatten(value, f"{above}{key}.")
        else:
            flat[above + key] = value
    return flat


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in values.items():
        *path, last = key.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return nested
