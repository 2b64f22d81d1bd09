"""Runs a simulation as a job of labkeeper: submit, wait, fetch the result.

The connection `labkeeper` holds the address of the console, and where people log in a token:
{"conn_type": "http", "host": "https://lab.example", "extra": {"Authorization": "Bearer …"}}
"""

import json

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.sdk import DAG, Param

# One job for one date of the DAG: a task that is tried again, or a run that is repeated, finds the same job.
JOB = "{{ dag.dag_id }}-{{ (dag_run.logical_date or dag_run.run_after) | ts_nodash }}"

with DAG(
    dag_id="run_job",
    schedule=None,
    catchup=False,
    params={
        "command": Param(["python3", "community.py"], type="array", items={"type": "string"}),
        "config": Param({"seed": 1}, type="object"),
    },
):
    submit = HttpOperator(
        task_id="submit",
        http_conn_id="labkeeper",
        endpoint=f"api/v1/jobs/{JOB}",
        method="PUT",
        headers={"Content-Type": "application/json"},
        data=json.dumps({"command": "COMMAND", "config": "CONFIG"})
        .replace('"COMMAND"', "{{ params.command | tojson }}")
        .replace('"CONFIG"', "{{ params.config | tojson }}"),
        response_check=lambda response: response.status_code in (200, 201),
        response_filter=lambda response: response.json()["id"],
        log_response=True,
    )

    # The result is not there (404) until the job has succeeded; of one that failed it never will be (409), which
    # fails this task. Nothing waits in a worker meanwhile.
    wait = HttpSensor(
        task_id="wait",
        http_conn_id="labkeeper",
        endpoint=f"api/v1/jobs/{JOB}/result",
        method="GET",
        deferrable=True,
        poke_interval=2,
        timeout=24 * 60 * 60,
    )

    fetch = HttpOperator(
        task_id="fetch",
        http_conn_id="labkeeper",
        endpoint=f"api/v1/jobs/{JOB}/result",
        method="GET",
        response_filter=lambda response: response.json(),
        log_response=True,
    )

    submit >> wait >> fetch
