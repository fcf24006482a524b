"""Other packages' functions on this engine: change one import line, and get the same number.

One module a package: `pytorch_fid`, `torch_fidelity`, `cleanfid`, `prdc`, `vendi_score`,
`sklearn`, `scipy`. They have that package's names, arguments, defaults and conventions, also odd
ones that change the number; its plain errors are not imitated. None imports the package. No
argument is taken in silence: what is not supported, or would change nothing in a call, is an error
that names it. docs/compat.md lists all of it.
"""

import importlib
import types
import typing

# Each is imported when it is first asked for.
_PACKAGES = (
    *("cleanfid", "prdc", "pytorch_fid", "scipy"),
    *("sklearn", "torch_fidelity", "vendi_score"),
)

if typing.TYPE_CHECKING:
    from parzen.compat import cleanfid as cleanfid
    from parzen.compat import prdc as prdc
    from parzen.compat import pytorch_fid as pytorch_fid
    from parzen.compat import scipy as scipy
    from parzen.compat import sklearn as sklearn
    from parzen.compat import torch_fidelity as torch_fidelity
    from parzen.compat import vendi_score as vendi_score
else:  # unseen by type checkers, which would take it to have every name

    def __getattr__(name: str) -> types.ModuleType:
        if name in _PACKAGES:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(_PACKAGES)
