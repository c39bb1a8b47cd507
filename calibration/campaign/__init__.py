"""Long campaigns: many jobs, each finished result durable, whatever happens to the others or to the run."""

from calibration.campaign.durable import FolderLock, Store, publish
from calibration.campaign.engine import Run, run_campaign
from calibration.campaign.jobs import Failure, Job, Outcome, Prepared, Recipe, Result
from calibration.campaign.place import RESULTS, check_campaign, mark_campaign
from calibration.campaign.table import Row, Table, read_table
from calibration.campaign.workers import Pool, local_pool, pool_of

__all__ = [
    "RESULTS",
    "Failure",
    "FolderLock",
    "Job",
    "Outcome",
    "Pool",
    "Prepared",
    "Recipe",
    "Result",
    "Row",
    "Run",
    "Store",
    "Table",
    "check_campaign",
    "local_pool",
    "mark_campaign",
    "pool_of",
    "publish",
    "read_table",
    "run_campaign",
]
