"""One broker and one cluster for all tests, and a line for each test that says what it ran."""

from __future__ import annotations

import signal

import pytest
from bench import Bench

from rig import job, layout
from rig.run import Run

NOTES = "notes"


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the tests marked as long as well")


def pytest_collection_modifyitems(config, items):
    """Leaves out what is long, and says how many tests that were."""
    if not config.getoption("--long"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def bench(request):
    """A broker, and a cluster of two TaskManagers with eight slots each."""
    # A killed run must stop its processes too, so it ends as an interrupted one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run = Run("e2e")
    with run.alone():
        run.create()
        try:
            if job.stale():
                job.build(run.folder / "logs" / "build.log")
            bench = Bench(run)
            bench.start()
            yield bench
        finally:
            if request.session.testsfailed:
                run.stop()
            else:
                run.remove()


@pytest.fixture
def note(request):
    """Tells what the test ran, with figures; the summary shows it."""
    return lambda text: request.node.user_properties.append((NOTES, text))


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("what ran")
    for outcome in ("passed", "failed", "error", "skipped"):
        for report in terminalreporter.getreports(outcome):
            if report.when == "call" or outcome in ("error", "skipped"):
                notes = "; ".join(
                    str(text) for name, text in report.user_properties if name == NOTES
                )
                name = report.nodeid.rpartition("::")[2]
                terminalreporter.line(f"{outcome:7} {report.duration:6.1f} s  {name}: {notes}")
    if terminalreporter.getreports("failed") or terminalreporter.getreports("error"):
        terminalreporter.line(f"logs: {layout.RUNS / 'e2e' / 'logs'}")
