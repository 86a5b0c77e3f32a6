"""`tidegate policy check` says what a policy means, or what is wrong with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import TIDEGATE
from policy_server import document, policy_server
from tidegate.cli.policy import as_json, lines
from tidegate.gate.policies.document import parse

POLICY = """\
name: night
traces:
  budget: 100
  rules:
  - {name: payments, match: {service: shop, attributes: {user.id: true}, not: {kind: client}}, keep: true}
  - {match: {name: {regex: "^GET "}}, rate: 5%, budget: 3}
  - drop: scrapes
logs:
  budget: 200
  pattern_rates: {user * logged in: 1%}
  rules:
  - {match: {logger: uvicorn.access}, drop: true}
"""

OTEP = {"id": "quiet", "log": {"match": [{"log_field": "body", "exact": "a"}], "keep": "none", "transform": {}}}


def said(text: str) -> list[str]:
    return list(lines(parse(text, "p.yaml"), "p.yaml"))


@pytest.fixture
def check(run: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """``check(text, *arguments, **run_options)``: the real command about a file with this text."""

    def check(text: str, *arguments: str, **options: Any) -> Any:
        (tmp_path / "policy.yaml").write_text(text)
        return run([TIDEGATE, "policy", "check", "policy.yaml", *arguments], check=False, **options)

    return check


def test_rules_are_said_in_their_order_with_what_they_do() -> None:
    found = said(POLICY)
    start = found.index("Traces")
    assert found[start + 1 : start + 3] == [
        "  1. all: service is shop and attribute user.id is there and kind is not CLIENT (payments)",
        "  2. 5 %, of these at most 3 a second: name matches the regular expression ^GET ",
    ]


def test_of_many_values_the_first_are_shown() -> None:
    (line, *_) = (line for line in said(POLICY) if "scrapes" in line)
    assert (
        line
        == "  3. none: route is /metrics or /metrics/ or /-/metrics or /actuator/prometheus or 1 more (drop scrapes)"
    )


def test_the_budget_is_said_after_the_rules() -> None:
    assert "  all others: share a budget of 100 a second fairly among services, routes and span names" in said(POLICY)
    assert any("the sampler's own budget" in line for line in said("traces: {rules: []}"))


def test_nothing_is_said_of_others_where_a_rule_is_about_everything() -> None:
    assert said("traces: {rules: [{rate: 0.5}]}")[3:4] == ["  1. 50 %: whatever comes here"]
    assert not any("others" in line for line in said("traces: {rules: [{rate: 0.5}]}"))


def test_rates_of_log_records_are_said() -> None:
    found = said(POLICY)
    assert "  ERROR and above, and events: always sent" in found
    assert "  1. none: logger is uvicorn.access" in found
    assert "  pattern user * logged in: 1 %" in found
    assert "  TRACE, DEBUG: 5 % of patterns above 1 a second; all of the others" in found
    assert any(line.startswith("  at most 200 a second") for line in found)


def test_the_plain_table_has_no_exceptions() -> None:
    assert "  INFO: 20 %" in said("logs: {min_rate: 0}")


def test_the_part_that_is_not_there_is_said() -> None:
    assert said("logs: {budget: 1}")[-1].startswith("Nothing is said of traces")


def test_what_is_not_obeyed_is_said() -> None:
    assert said(json.dumps(OTEP))[-2:] == ["Not obeyed", "  policy 'quiet', line 1: 'transform' is not done here."]


def test_json_has_every_field() -> None:
    found = as_json(parse(POLICY, "p.yaml"))
    assert found["traces"]["budget"] == 100
    assert found["traces"]["rules"][1] == {
        "name": "",
        "conditions": [{"field": "name", "key": "", "operator": "regex", "value": "^GET ", "negate": False}],
        "rate": 0.05,
        "budget": 3,
    }
    assert found["logs"].keys() == {
        *(
            "severity_rates",
            "pattern_rates",
            "logger_rates",
            "global_rate",
            "budget",
            "min_rate",
            "anomaly_boost",
            "rules",
        )
    }


def test_json_leaves_out_what_is_not_said() -> None:
    assert as_json(parse(json.dumps(OTEP), "p.json")).keys() == {"name", "revision", "logs", "ignored"}


def test_the_command_says_it(check: Callable[..., Any]) -> None:
    done = check(POLICY)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("night: a good policy (revision ")


def test_the_command_says_it_in_json(check: Callable[..., Any]) -> None:
    assert json.loads(check(POLICY, "--json").stdout)["name"] == "night"


def test_a_mistake_is_told_with_its_line(check: Callable[..., Any]) -> None:
    done = check("traces:\n  budget: -1\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "policy.yaml, line 2: traces.budget is -1; " in done.stderr


def test_escapes_in_a_policy_do_not_reach_the_terminal(check: Callable[..., Any]) -> None:
    assert "\x1b" not in check('name: "\\e[31m"\ntraces: {budget: 1}').stdout


def test_without_an_argument_it_is_the_policy_in_force(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    done = run([TIDEGATE, "policy", "check"], env={"OTEL_PYTHON_TIDEGATE_POLICY": str(tmp_path / "policy.yaml")})
    assert done.stdout.startswith("night: ")


@pytest.mark.parametrize("arguments", [[], ["missing.yaml"], ["nobody:x"]])
def test_a_policy_that_is_not_there_is_told(run: Callable[..., Any], arguments: list[str]) -> None:
    done = run([TIDEGATE, "policy", "check", *arguments], check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: ")


def test_jaeger_is_asked_about_the_service_that_is_named(run: Callable[..., Any]) -> None:
    with policy_server() as server:
        server.answer = document('{"rateLimitingSampling": {"maxTracesPerSecond": 3}}')
        done = run([TIDEGATE, "policy", "check", f"jaeger+{server.url}", "--service", "shop"])
        assert server.requests[0][0] == "/sampling?service=shop"
    assert "share a budget of 3 a second" in done.stdout


def test_a_server_is_shown_the_token_of_the_settings(run: Callable[..., Any]) -> None:
    with policy_server() as server:
        server.answer = document("", 403)
        done = run(
            [TIDEGATE, "policy", "check", server.url], check=False, env={"OTEL_PYTHON_TIDEGATE_POLICY_TOKEN": "t0ken"}
        )
        assert server.requests[0][1]["authorization"] == "Bearer t0ken"
    assert done.returncode == 2
    assert "t0ken" not in done.stderr


def test_it_does_not_load_the_sdk(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY)
    program = """
import sys
from tidegate.cli import main
main(["policy", "check", "policy.yaml"], standalone_mode=False)
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
    assert run([sys.executable, "-c", program]).stdout.endswith("\n[]\n")
