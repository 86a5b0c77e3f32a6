"""Names of metrics, units and labels."""

from __future__ import annotations

import pytest

from serve.prometheus.samples import counter, families, gauge, labels, sample
from tidegate.records import Resource, Scope
from tidegate.serve.prometheus.names import unit_name


@pytest.mark.parametrize(
    ("unit", "name"),
    [
        ("s", "seconds"),
        ("ms", "milliseconds"),
        ("By", "bytes"),
        ("KiBy", "kibibytes"),
        ("By/s", "bytes_per_second"),
        ("m/s", "meters_per_second"),
        ("{packet}/s", "per_second"),
        ("{request}", ""),
        ("By{compressed}", "bytes"),
        ("%", "percent"),
        ("1", ""),
        ("", ""),
        ("furlong", "furlong"),
        ("a b", "a_b"),
        ("/", ""),
    ],
)
def test_a_unit_is_a_word(unit: str, name: str) -> None:
    assert unit_name(unit) == name


def test_the_unit_is_a_suffix_of_the_name_and_said() -> None:
    [family] = families([gauge("disk.used", 1, unit="By")], openmetrics=True).values()
    assert (family.name, family.unit) == ("disk_used_bytes", "bytes")


def test_a_name_that_ends_in_its_unit_stays() -> None:
    assert sample([gauge("disk.used.bytes", 1, unit="By")]).name == "disk_used_bytes"


def test_one_is_a_ratio_of_a_gauge() -> None:
    assert sample([gauge("cpu.utilization", 0.5, unit="1")]).name == "cpu_utilization_ratio"


def test_one_says_nothing_of_what_is_counted() -> None:
    assert sample([counter("requests", 5, unit="1")]).name == "requests_total"
    assert sample([counter("active", 5, unit="1", is_monotonic=False)]).name == "active"


def test_the_unit_of_a_counter_stands_before_total() -> None:
    assert sample([counter("sent", 5, unit="By")]).name == "sent_bytes_total"


def test_a_counter_has_one_total_only() -> None:
    assert sample([counter("sent.total", 5, unit="By")]).name == "sent_bytes_total"


def test_total_is_no_part_of_a_counters_family_in_openmetrics() -> None:
    assert list(families([counter("sent", 5)], openmetrics=True)) == ["sent"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("http.server/active-requests", "http_server_active_requests"),
        ("a..b__c", "a_b_c"),
        ("3rd", "_rd"),
        ("job:rate", "job:rate"),
        ("größe", "gr_e"),
        ("漢", "_"),
        ("", "_"),
    ],
)
def test_characters_that_prometheus_does_not_take_become_one_underscore(name: str, shown: str) -> None:
    assert sample([gauge(name, 1)]).name == shown


def test_labels_have_no_colon_either() -> None:
    assert labels({"a:b": "x", "http.route": "/", "9th": "y"}) == {"a_b": "x", "http_route": "/", "_th": "y"}


def test_attributes_of_one_label_are_joined_in_the_order_of_their_keys() -> None:
    assert labels({"a_b": "3", "a.b": "1", "a:b": "2"}) == {"a_b": "1;2;3"}


def test_an_empty_value_is_an_absent_label() -> None:
    assert labels({"empty": "", "none": None}) == {}


def test_a_scope_is_labels() -> None:
    scope = Scope("shop.orders", "1.2", "https://example.com/1", {"team": "pay", "name": "dropped"})
    assert labels({}, scope=scope) == {
        "otel_scope_name": "shop.orders",
        "otel_scope_version": "1.2",
        "otel_scope_schema_url": "https://example.com/1",
        "otel_scope_team": "pay",
    }


def test_an_attribute_named_as_a_scopes_label_is_joined_to_it() -> None:
    assert labels({"otel.scope.name": "mine"}, scope=Scope("orders")) == {"otel_scope_name": "mine;orders"}


@pytest.mark.parametrize("key", ["service.name", "service_namespace", "service.instance.id", "le"])
def test_an_attribute_does_not_change_which_series_it_is(key: str) -> None:
    assert labels({key: "other"}) == {f"exported_{key.replace('.', '_')}": "other"}


def test_a_series_carries_its_services_name_and_namespace() -> None:
    resource = Resource({"service.name": "shop", "service.namespace": "eu", "service.instance.id": "7"})
    assert sample([counter("orders", 1, resource=resource)]).labels == {
        "service_name": "shop",
        "service_namespace": "eu",
    }


def test_gauges_are_told_apart_by_instance() -> None:
    resources = [Resource({"service.name": "shop", "service.instance.id": each}) for each in "ab"]
    [family] = families([gauge("temperature", 1, resource=each) for each in resources]).values()
    assert [each.labels["service_instance_id"] for each in family.samples] == ["a", "b"]
