"""Accelerate an unchanged program: our functions in place of the slow ones of other packages.

``parzen.patch()`` is a function and ``python -m parzen.patch`` a command. So this is a package with
a ``__main__``, whose function `parzen` exports under the package's own name: ``parzen.patch`` is
the function once parzen is imported, and the parts are reached by ``from parzen.patch import ...``.
A plain module could not be both: run as a command it would be loaded twice, with two records of
what was replaced, and a module made callable is a trick that type checkers do not follow.
"""

from parzen.patch.replacing import patch, unpatch

__all__ = ["patch", "unpatch"]
