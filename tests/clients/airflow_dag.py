"""airflow-provider-lakefs on Airflow 2.11: its operators and sensors in one DAG, run in this process over SQLite."""

import json
import os
import pathlib

from common import ENDPOINT, KEY, REPOSITORY, SECRET, done, equal

home = pathlib.Path.cwd() / "airflow"
os.environ.update(
    AIRFLOW_HOME=str(home),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home}/airflow.db",
    AIRFLOW_CONN_LAKE=json.dumps({"conn_type": "lakefs", "host": ENDPOINT, "login": KEY, "password": SECRET}),
)
home.mkdir()

from airflow.utils.db import initdb  # noqa: E402: Airflow reads its environment when it is imported

initdb(load_connections=False)

import lakefs_sdk  # noqa: E402
import pendulum  # noqa: E402
from airflow import DAG  # noqa: E402
from airflow.utils.state import DagRunState  # noqa: E402
from lakefs_provider.operators.commit_operator import LakeFSCommitOperator  # noqa: E402
from lakefs_provider.operators.create_branch_operator import LakeFSCreateBranchOperator  # noqa: E402
from lakefs_provider.operators.delete_branch_operator import LakeFSDeleteBranchOperator  # noqa: E402
from lakefs_provider.operators.get_commit_operator import LakeFSGetCommitOperator  # noqa: E402
from lakefs_provider.operators.get_object_operator import LakeFSGetObjectOperator  # noqa: E402
from lakefs_provider.operators.merge_operator import LakeFSMergeOperator  # noqa: E402
from lakefs_provider.operators.upload_operator import LakeFSUploadOperator  # noqa: E402
from lakefs_provider.sensors.commit_sensor import LakeFSCommitSensor  # noqa: E402
from lakefs_provider.sensors.file_sensor import LakeFSFileSensor  # noqa: E402
from lakefs_sdk.client import LakeFSClient  # noqa: E402

client = LakeFSClient(lakefs_sdk.Configuration(host=ENDPOINT, username=KEY, password=SECRET))
before = client.branches_api.get_branch(REPOSITORY, "main").commit_id
where = {"lakefs_conn_id": "lake", "repo": REPOSITORY}
patience = {"poke_interval": 0.1, "timeout": 60}

with DAG("lake", start_date=pendulum.datetime(2026, 1, 1), schedule=None) as dag:
    branch = LakeFSCreateBranchOperator(task_id="branch", branch="etl", source_branch="main", **where)
    upload = LakeFSUploadOperator(task_id="upload", branch="etl", path="out/rows.csv", content=b"a,b\n1,2\n", **where)
    there = LakeFSFileSensor(task_id="there", branch="etl", path="out/rows.csv", **where, **patience)
    read = LakeFSGetObjectOperator(task_id="read", ref="etl", path="out/rows.csv", **where)
    commit = LakeFSCommitOperator(task_id="commit", branch="etl", msg="rows of today", metadata={"rows": "1"}, **where)
    committed = LakeFSGetCommitOperator(task_id="committed", ref="etl", **where)
    merge = LakeFSMergeOperator(
        task_id="merge", source_ref="etl", destination_branch="main", msg="publish", metadata={"by": "airflow"}, **where
    )
    published = LakeFSCommitSensor(task_id="published", branch="main", prev_commit_id=before, **where, **patience)
    delete = LakeFSDeleteBranchOperator(task_id="delete", branch="etl", **where)
    branch >> upload >> there >> read >> commit >> committed >> merge >> published >> delete

run = dag.test()
equal(run.state, DagRunState.SUCCESS, "the DAG")
values = {task.task_id: task.xcom_pull(task_ids=task.task_id) for task in run.get_task_instances()}
equal(values["read"], "a,b\n1,2\n", "what was read")
equal(client.objects_api.get_object(REPOSITORY, "main", "out/rows.csv"), b"a,b\n1,2\n", "what was published")
newest = client.refs_api.log_commits(REPOSITORY, "main", amount=2).results
equal([commit.message for commit in newest], ["publish", "rows of today"])
equal((newest[0].id, newest[1].id), (values["merge"], values["commit"]))
equal(newest[1].metadata["rows"], "1")
equal([found.id for found in client.branches_api.list_branches(REPOSITORY).results], ["main"])
done()
