"""Builds the image of a lab, then registers it with labkeeper as QuLabs pipelines always did.

The connection `qulabs` holds the base URL, and that is all that changed:
http://labkeeper.example:8002, or http://labkeeper.example:8080/compat/qulabs.
"""

import json
import subprocess
from datetime import timedelta
from pathlib import Path

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG, Param, task

LAB = Path(__file__).resolve().parent.parent / "lab"

with DAG(
    dag_id="register_lab",
    schedule=None,
    catchup=False,
    params={
        "lab_id": Param("67ddba6814d6b2f98be31d87", type="string"),
        "image": Param("qulabs/hello:latest", type="string"),
        "port": Param("8506", type=["string", "integer"]),
        # Anything that has Python and Streamlit.
        "base": Param("python-with-streamlit:latest", type="string"),
    },
):

    @task
    def build_image(params: dict) -> str:
        """Builds the image on this machine; a pipeline of several machines pushes it here."""
        command = ["docker", "build", "--tag", params["image"]]
        command += ["--build-arg", f"BASE={params['base']}", str(LAB)]
        subprocess.run(command, check=True)
        return params["image"]

    # labkeeper answers when the lab answers, so the call may take minutes. What was accepted goes on
    # when this task is killed, and a retry (AIRFLOW__CORE__DEFAULT_TASK_RETRIES) joins it.
    register = HttpOperator(
        task_id="register_app",
        http_conn_id="qulabs",
        endpoint="register_app",
        method="POST",
        headers={"Content-Type": "application/json"},
        data=json.dumps(
            {
                "lab_id": "{{ params.lab_id }}",
                "docker_image": "{{ params.image }}",
                "port": "{{ params.port }}",
            }
        ),
        response_check=lambda response: response.status_code == 200,
        response_filter=lambda response: response.json()["message"],
        log_response=True,
        execution_timeout=timedelta(minutes=15),
    )

    build_image() >> register
