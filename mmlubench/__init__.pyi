from mmlubench.errors import MmluBenchError as MmluBenchError
from mmlubench.errors import ProviderError as ProviderError
from mmlubench.errors import UserError as UserError
from mmlubench.models.base import Model as Model
from mmlubench.records import Manifest as Manifest
from mmlubench.reports.report import Report as Report
from mmlubench.run.archive import RunArchive as RunArchive
from mmlubench.run.archive import open_run as open_run
from mmlubench.run.archive import open_runs as open_runs
from mmlubench.schema import Answer as Answer
from mmlubench.schema import Completion as Completion
from mmlubench.schema import Message as Message
from mmlubench.schema import Outcome as Outcome
from mmlubench.schema import Params as Params
from mmlubench.schema import Question as Question
from mmlubench.schema import Request as Request
from mmlubench.schema import Result as Result
from mmlubench.schema import Usage as Usage
from mmlubench.stats.metrics import Metric as Metric
from mmlubench.stats.summary import Summary as Summary

__version__: str
