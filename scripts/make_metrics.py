"""Writes the reference of the metrics, docs/metrics.md, from those that the daemon registers."""

from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from agentwatch.observe import Metrics

__all__ = ["metrics_page"]

_HEAD: Final = """\
# Metrics

Made from the code by `make docs`; do not edit. `GET /metrics` gives them in Prometheus' text format, beside those of
the process, the interpreter and its garbage collector. No label takes a value that grows with the fleet: which agent it
was is told by `agentwatch agents list`, `agentwatch decisions list` and the alerts.

```yaml
scrape_configs:
  - job_name: agentwatch
    static_configs: [{ targets: ["127.0.0.1:8420"] }]
```

## What is worth an alert
| what is wrong | when |
|---|---|
| the working loop hangs | `time() - agentwatch_watchdog_timestamp_seconds > 30` |
| nobody owns the partition | `max(agentwatch_owner) == 0` for a minute |
| it falls behind, and so catches up in observe mode | `agentwatch_oldest_unread_seconds > 60` |
| events were lost | `increase(agentwatch_entries_lost_total[10m]) > 0` |
| a kill had no effect | `increase(agentwatch_verifications_total{outcome="failed"}[10m]) > 0` |
| a breaker holds kills back | `agentwatch_breakers_open > 0` |
| commands do not get out | `increase(agentwatch_deliveries_total{outcome="failed"}[10m]) > 0` |
| alerts do not get out | `increase(agentwatch_notifications_total{outcome=~"failed|refused"}[10m]) > 0` |
| producers send what cannot be read | `rate(agentwatch_events_total{outcome="dead"}[10m]) > 0` |
| money that nobody can price | `rate(agentwatch_unpriced_events_total[1h]) > 0` |
| what was spent cannot be added up | `agentwatch_ledgers_unsettled > 0` |
| it crashed again and again, and only observes | `agentwatch_safe_mode == 1` |
| somebody touched the audit log | `increase(agentwatch_audit_broken_total[10m]) > 0` |
| a changed configuration was refused | `agentwatch_reload_success == 0` |

The question in dollars: `increase(agentwatch_looping_cost_usd_total[1d]) / increase(agentwatch_cost_usd_total[1d])`.

## All of them
| metric | type | labels | what it tells |
|---|---|---|---|
"""


def metrics_page() -> str:
    """Write docs/metrics.md."""
    found = [one for one in vars(Metrics(CollectorRegistry())).values() if isinstance(one, MetricWrapperBase)]
    return _HEAD + "".join(_row(one) for one in found)


def _row(metric: MetricWrapperBase) -> str:
    family = next(iter(metric.describe()))
    name = f"{family.name}_total" if family.type == "counter" else family.name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001  # there is no public name for it
    return f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n"
