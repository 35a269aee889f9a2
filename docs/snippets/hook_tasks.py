# SPDX-FileCopyrightText: 2026 The airflow-provider-streamkap authors
# SPDX-License-Identifier: Apache-2.0
"""The tasks on the hook page."""

import pendulum

try:
    from airflow.sdk import dag, task
except ImportError:  # Airflow 2.11
    from airflow.decorators import dag, task

from airflow_provider_streamkap.api import DESTINATION
from airflow_provider_streamkap.hooks.streamkap import StreamkapHook


@dag(schedule="@daily", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"), catchup=False)
def hook_tasks():
    # [start of metrics]
    @task
    def peak_lag():
        hook = StreamkapHook("streamkap_default")
        metrics = hook.get_destination_metrics(
            "67ad6e0af08a2365c729ba79",
            time_type="timeseries",
            time_interval=5,
            time_unit="minute",
            timestamp_from="2026-03-02T00:00:00Z",
            timestamp_to="2026-03-02T06:00:00Z",
        )
        return max((point.value for point in metrics.points("recordsLag") if point.value is not None), default=None)

    # [end of metrics]

    # [start of destinations]
    @task
    def broken_destinations():
        return [
            {"id": destination.id, "name": destination.name}
            for destination in StreamkapHook().list_destinations()
            if destination.connector_status == "Broken"
        ]

    # [end of destinations]

    # [start of names]
    @task
    def lag_by_name():
        hook = StreamkapHook()
        ids = hook.resolve_names(DESTINATION, ["orders", "customers"])
        return {name: hook.get_destination_metrics(id_).records_lag for name, id_ in ids.items()}

    # [end of names]

    # [start of sources]
    @task
    def quiet_pipelines():
        hook = StreamkapHook()
        quiet = []
        for pipeline in hook.list_pipelines():
            if pipeline.source is None or pipeline.source.id is None:
                continue
            milliseconds = hook.get_source_metrics(pipeline.source.id).since_last_event_ms
            if milliseconds is not None and milliseconds > 3_600_000:
                quiet.append(pipeline.name)
        return quiet

    # [end of sources]

    peak_lag() >> broken_destinations() >> lag_by_name() >> quiet_pipelines()


hook_tasks()
