"""The questions that are asked of every change, one session each; plain `nox` asks them all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent))
from contract_suites.suites import Suite, suites

nox.needs_version = ">=2024.4.15"
nox.options.error_on_missing_interpreters = False  # a Python that is not there is skipped
nox.options.reuse_venv = "yes"

# With it, every pytest process would rewrite every test module anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parent
REPORTS = ROOT / "build" / "conformance"
REQUIRED = "ASYNC_CONTRACT_REQUIRE_BACKENDS"
PROJECT = nox.project.load_toml("pyproject.toml")
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = sorted({"3.11", "3.12", "3.13", THIS}, key=lambda version: int(version.partition(".")[2]))
VERSIONS = [
    nox.param(PYTHONS[0], "pytest==8.4.0", id="oldest"),
    *(nox.param(python, "pytest", id=python) for python in PYTHONS if python != THIS),
]


def group(name: str) -> tuple[str, ...]:
    """The requirements of one of the dependency groups in pyproject.toml."""
    return nox.project.dependency_groups(PROJECT, name)


@nox.session(python=THIS)
def tests(session: nox.Session) -> None:
    """Does everything work on this Python with the newest pytest, and is every branch taken?

    No branch of the source depends on a version, so it is enough to measure one.
    """
    session.install("--upgrade", ".", *group("tests"), "pytest")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", "-n", "auto", *session.posargs)
    if not session.posargs:
        session.run("coverage", "combine")
        session.run("coverage", "report")


@nox.session
@nox.parametrize(("python", "pytest"), VERSIONS)
def versions(session: nox.Session, pytest: str) -> None:
    """Does everything work on the other Pythons, and on the oldest with the oldest pytest?"""
    session.install("--upgrade", ".", *group("tests"), pytest)
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session
def oracle(session: nox.Session) -> None:
    """Does the judge agree, on 200,000 random histories, with a search that shares nothing with it?"""
    session.install("--upgrade", ".", *group("tests"))
    session.run(
        "pytest", "-n", "auto", "tests/oracle", *session.posargs,
        env={"ASYNC_CONTRACT_ORACLE_HISTORIES": os.environ.get("ASYNC_CONTRACT_ORACLE_HISTORIES", "200000")},
    )  # fmt: skip


@nox.session
def browser(session: nox.Session) -> None:
    """Does the page show what it should in a real browser, without an error and in time?

    It takes Chromium and its driver: Debian's packages chromium and chromium-driver.
    """
    session.install("--upgrade", ".", *group("tests"), *group("browser"))
    session.run("pytest", "tests/browser/page.py", *session.posargs)


@nox.session(default=False)  # about two minutes a seed
def selftest(session: nox.Session) -> None:
    """Is every mutant caught, and no correct store blamed, in 20 of 20 seeds?"""
    session.install("--upgrade", ".")
    for seed in range(int(os.environ.get("ASYNC_CONTRACT_SEEDS", "20"))):
        session.run("pytest", "--async-contract-selftest", f"--hypothesis-seed={seed}", *session.posargs)


@nox.session(default=False)  # atheris has wheels for few systems
def fuzzers(session: nox.Session) -> None:
    """Does fuzzing work with atheris, and are the tests of single clauses some that HypoFuzz collects?"""
    session.install("--upgrade", ".", *group("tests"), *group("fuzzers"))
    session.run("pytest", "tests/fuzzing", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Is the source written as the project writes?"""
    session.install(*group("lint"))
    session.run("ruff", "check", "--output-format=concise")
    session.run("ruff", "format", "--check")


@nox.session
def typing(session: nox.Session) -> None:
    """Do the types agree, in the oldest Python and in the newest?"""
    # What is only read need not be compiled.
    session.install(
        "--no-compile", ".", *group("tests"), *group("servers"), *group("browser"), *group("typing")
    )
    for version in ("3.11", "3.13"):
        session.run("mypy", "--python-version", version)


@nox.session
@nox.parametrize("suite", [nox.param(each, id=each.id, tags=["ci"] if each.ci else []) for each in suites()])
def contract_suites(session: nox.Session, suite: Suite) -> None:
    """Do the real stores keep what they promise, but for what is known? Each has an environment of its own.

    With `-t ci`: the part of it that is asked of every change.
    """
    session.install("--upgrade", ".", *suite.installs)
    REPORTS.mkdir(parents=True, exist_ok=True)
    session.run("python", "-m", "contract_suites.matrix", "note", suite.id, str(REPORTS))
    session.run(
        "pytest", f"--async-contract={suite.target}", "--async-contract-only", "-W", "default",
        f"--async-contract-report={REPORTS / suite.id}.json", *session.posargs,
        env={REQUIRED: os.environ.get(REQUIRED, "1")},
    )  # fmt: skip


@nox.session(default=False)  # it writes into the documentation
def conformance(session: nox.Session) -> None:
    """What does every store keep, and what does it break? Writes the page *Conformance* and its data."""
    shutil.rmtree(REPORTS, ignore_errors=True)
    os.environ[REQUIRED] = "all"
    for suite in suites():
        session.notify(f"contract_suites({suite.id})")
    session.notify("conformance_page")


@nox.session(default=False)
def conformance_page(session: nox.Session) -> None:
    """Writes the page out of the reports that the suites have left."""
    session.install("--upgrade", ".")
    session.run("python", "-m", "contract_suites.matrix", "write", str(REPORTS))


@nox.session
def servers(session: nox.Session) -> None:
    """Do the servers of the suites serve and leave nothing behind, and do their stores survive faults?"""
    session.install("--upgrade", ".", *group("tests"), *group("servers"))
    session.run(
        "pytest", "-n", "6", "tests/contract_suites", *session.posargs,  # they wait more than they compute
        env={REQUIRED: os.environ.get(REQUIRED, "1")},
    )  # fmt: skip


@nox.session(default=False)  # about 20 minutes, nearly all of them spent waiting
def faults(session: nox.Session) -> None:
    """Do the stores on servers lose nothing in 50 seeds of cuts, stalls and killed servers?

    ASYNC_CONTRACT_FAULT_SEEDS and ASYNC_CONTRACT_FAULT_STEPS are how many; by default the steps are as many
    as a program has at thorough effort.
    """
    session.install("--upgrade", ".", *group("tests"), *group("servers"))
    seeds, steps = "ASYNC_CONTRACT_FAULT_SEEDS", "ASYNC_CONTRACT_FAULT_STEPS"
    session.run(
        "pytest", "-n", "6", "-k", "random", "tests/contract_suites/test_suite_faults.py",
        *session.posargs,
        env={
            seeds: os.environ.get(seeds, "50"),
            steps: os.environ.get(steps, "30"),
            REQUIRED: os.environ.get(REQUIRED, "1"),
        },
    )  # fmt: skip


@nox.session
def docs(session: nox.Session) -> None:
    """Does the documentation build without a warning?"""
    session.install("--upgrade", ".", *group("docs"))
    session.run("sphinx-build", "--fail-on-warning", "--keep-going", "-E", "docs", "docs/_build/html")


@nox.session
def package(session: nox.Session) -> None:
    """Does the wheel work where there is no checkout, in an environment with nothing else in it?"""
    session.install("build")
    with tempfile.TemporaryDirectory() as directory:
        away = Path(directory)
        session.run("python", "-m", "build", "--outdir", str(away), silent=True)
        (wheel,) = away.glob("*.whl")
        session.run("python", "-m", "venv", str(away / "venv"))
        python = str(away / "venv" / "bin" / "python")
        session.run(python, "-m", "pip", "install", "--quiet", str(wheel), external=True)
        with session.chdir(away):
            for example, status in (("broken", 1), ("fixed", 0)):
                source = ROOT / "docs" / "examples" / "tutorial" / example / "mypkg.py"
                Path("mypkg.py").write_bytes(source.read_bytes())
                session.run(
                    python, "-m", "pytest", "--async-contract=mypkg.Store",
                    external=True, success_codes=[status],
                )  # fmt: skip
