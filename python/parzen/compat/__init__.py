"""Other packages' functions on this engine: change one import line, and get the same number.

One module a package: `pytorch_fid`, `torch_fidelity`, `cleanfid`, `prdc`, `vendi_score`,
`sklearn`, `scipy`. They have that package's names, arguments, defaults and conventions, also odd
ones that change the number; its plain errors are not imitated. None imports the package. What is
not supported is an error that names it. docs/compat.md lists all of it.
"""
