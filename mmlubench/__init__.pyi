from mmlubench.datasets.base import Spec as Spec
from mmlubench.errors import MmluBenchError as MmluBenchError
from mmlubench.errors import ProviderError as ProviderError
from mmlubench.errors import UserError as UserError
from mmlubench.grading.extract import Extraction as Extraction
from mmlubench.models.base import Model as Model
from mmlubench.models.http.http_model import HttpModel as HttpModel
from mmlubench.registry import register as register
from mmlubench.schema import Answer as Answer
from mmlubench.schema import Completion as Completion
from mmlubench.schema import Message as Message
from mmlubench.schema import Outcome as Outcome
from mmlubench.schema import Params as Params
from mmlubench.schema import Question as Question
from mmlubench.schema import Request as Request
from mmlubench.schema import Result as Result
from mmlubench.schema import Usage as Usage
from mmlubench.solvers.base import Solver as Solver
from mmlubench.solvers.kind import SolverContext as SolverContext
from mmlubench.solvers.kind import SolverKind as SolverKind

__version__: str
