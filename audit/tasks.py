"""The clock's calls into the trail."""

from celery import shared_task

from audit.partitions import ensure_partitions as make_partitions


@shared_task(name="audit.ensure_partitions", ignore_result=True)
def ensure_partitions() -> None:
    make_partitions()
