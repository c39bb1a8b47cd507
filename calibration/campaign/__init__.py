"""Long campaigns: many jobs, each finished result durable, whatever happens to the others or to the run."""

from calibration.campaign.durable import FolderLock, Store, publish
from calibration.campaign.engine import Run, run_campaign
from calibration.campaign.jobs import Failure, Job, Outcome, Recipe, Result
from calibration.campaign.workers import Pool, local_pool, pool_of

__all__ = [
    "Failure",
    "FolderLock",
    "Job",
    "Outcome",
    "Pool",
    "Recipe",
    "Result",
    "Run",
    "Store",
    "local_pool",
    "pool_of",
    "publish",
    "run_campaign",
]
