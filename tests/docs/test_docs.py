"""What the documents say is there: commands, targets, words, links, dependencies, statements, the deployment."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import click
import pytest
import yaml

from cetegra_usage import sql
from cetegra_usage.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "GLOSSARY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
TERMS = (
    "accepted cell coverage detector erased errata evidence expectation feedback forgotten held incomplete mart notice"
    " partition promise pseudonym quarantined recipient release revision rollup stripped summary tally verdict withheld"
)
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached"], cwd=ROOT, capture_output=True, text=True, check=True
).stdout.splitlines()
STRAY = re.compile(
    r"(?<![\w./])/(?:work/|root/|(?:tmp|home)/\w+/)"
    r"|pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|proxy\.golang\.org|deb\.debian\.org"
)


def _said(pages: list[Path], command: str) -> list[str]:
    """Return every use of a command in the code of some pages: in blocks by line, and between backticks."""
    found: set[str] = set()
    for page in pages:
        text = page.read_text("utf-8")
        found |= set(re.findall(rf"^(?: {{4}})?({command}(?: .+)?)$", text, re.MULTILINE))
        found |= set(re.findall(rf"`({command}(?: [^`]+)?)`", text))
    return sorted(found)


def _parse(line: str) -> None:
    """Let click read a command line without running it."""
    _, *words = shlex.split(line, comments=True)
    command: click.Command = cli
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, f"there is no command {words[0]}"
        command, words = found, words[1:]
    if not isinstance(command, click.Group):
        command.make_context(command.name, words)


@pytest.mark.parametrize("line", _said(PAGES, "cetegra-usage"))
def test_a_command_line_is_one_that_the_command_takes(line: str) -> None:
    _parse(line)


@pytest.mark.parametrize("line", ["cetegra-usage backdate", "cetegra-usage plan --form 2026-06-01"])
def test_a_command_line_that_is_none_is_found_out(line: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        _parse(line)


@pytest.mark.parametrize("line", _said(PAGES, "make"))
def test_a_target_is_one_of_the_makefile(line: str) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert set(line.split()[1:]) <= set(targets)


def test_readme_names_every_command() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    named = [name for name in cli.list_commands(click.Context(cli)) if re.search(rf"[`\s]{name}\b", readme)]
    assert named == cli.list_commands(click.Context(cli))


def test_the_glossary_holds_the_words_once_and_in_order() -> None:
    heads = re.findall(r"^\*\*(.+)\*\* - ", (ROOT / "GLOSSARY.md").read_text("utf-8"), re.MULTILINE)
    assert heads == TERMS.split()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!\w+:)([^)#]+)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_dependency_has_its_reason_and_no_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    declared = [
        *project["project"]["dependencies"],
        *(entry for extra in project["project"]["optional-dependencies"].values() for entry in extra),
        *project["dependency-groups"]["dev"],
    ]
    names = {re.split(r"[\[<>=!~ ]", entry)[0] for entry in declared}
    record = (ROOT / "docs" / "decisions" / "0006-dependencies.md").read_text("utf-8")
    rows = [cell for row in re.findall(r"^\| (`.+?) \|", record, re.MULTILINE) for cell in re.findall(r"`(.+?)`", row)]
    assert sorted(rows) == sorted(names)


def test_decisions_are_numbered_without_a_gap() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for number, file in enumerate(files, start=1):
        text = file.read_text("utf-8")
        assert text.startswith(f"# {number}. ")
        assert re.findall(r"^## (.+)$", text, re.MULTILINE)[:1] == ["Context"]


@pytest.mark.parametrize("name", TRACKED)
def test_no_file_names_a_machines_folder_or_a_registry(name: str) -> None:
    try:
        text = (ROOT / name).read_text("utf-8")
    except (UnicodeDecodeError, FileNotFoundError):  # no text; or removed and not yet committed
        return
    assert [number for number, line in enumerate(text.splitlines(), 1) if STRAY.search(line)] == []


@pytest.mark.parametrize("file", sorted((ROOT / "sql").glob("*/*.sql")), ids=lambda file: file.stem)
def test_a_statement_says_what_it_is(file: Path) -> None:
    statement = sql.parse(file)
    assert sql.load(statement.name) == statement  # the name is given once in all rooms
    assert statement.title


def test_the_deployment_is_one_that_prefect_and_the_flow_take() -> None:
    from prefect.cli.deploy._models import DeploymentConfig, PrefectYamlModel  # noqa: PLC0415
    from prefect.flows import load_flow_from_entrypoint  # noqa: PLC0415

    document = yaml.safe_load((ROOT / "prefect.yaml").read_text("utf-8"))
    PrefectYamlModel.model_validate(document)
    (deployment,) = document["deployments"]
    assert set(deployment) <= set(DeploymentConfig.model_fields)
    path, name = deployment["entrypoint"].split(":")
    flow = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
    assert flow.validate_parameters(deployment["parameters"])["config"] == "cetegra-usage.toml"
