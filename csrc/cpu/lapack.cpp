// SciPy exports its BLAS and LAPACK as capsules named after their C signature. Besides bindings.cpp the one file that knows Python.
#include "lapack.h"

#include <pybind11/pybind11.h>

#include <string>

namespace py = pybind11;

namespace parzen {

Lapack lapack{};

namespace {

// "__pyx_t_5scipy_6linalg_13cython_lapack_d *" -> "d *": the mangled name varies with the module, its last letter is the type.
std::string plain(std::string signature) {
  const std::string mangled = "__pyx_t_";
  for (std::size_t at; (at = signature.find(mangled)) != std::string::npos;) {
    std::size_t end = at;
    while (end < signature.size() && (std::isalnum(static_cast<unsigned char>(signature[end])) || signature[end] == '_')) ++end;
    signature.replace(at, end - at, signature.substr(end - 1, 1));
  }
  return signature;
}

template <class F>
void resolve(F*& function, const py::dict& capsules, const char* name, const std::string& expected) {
  const py::capsule capsule = py::reinterpret_borrow<py::capsule>(capsules[name]);
  const char* found = capsule.name();
  // A build of SciPy with 64-bit integers has another signature, and calling it would read past our ints.
  if (!found || plain(found) != expected)
    throw py::import_error(std::string("scipy's ") + name + " has the signature '" + (found ? found : "") + "', expected '" +
                           expected + "'; this build of scipy cannot be used");
  function = reinterpret_cast<F*>(capsule.get_pointer());
}

}  // namespace

void load_lapack() {
  if (lapack.dtrmm) return;  // the last one resolved
  const py::dict routines = py::module_::import("scipy.linalg.cython_lapack").attr("__pyx_capi__");
  const py::dict products = py::module_::import("scipy.linalg.cython_blas").attr("__pyx_capi__");
  resolve(lapack.dpotrf, routines, "dpotrf", "void (char *, int *, d *, int *, int *)");
  resolve(lapack.dsygst, routines, "dsygst", "void (int *, char *, int *, d *, int *, d *, int *, int *)");
  resolve(lapack.dsyevd, routines, "dsyevd", "void (char *, char *, int *, d *, int *, d *, d *, int *, int *, int *, int *)");
  resolve(lapack.dgesdd, routines, "dgesdd",
          "void (char *, int *, int *, d *, int *, d *, d *, int *, d *, int *, d *, int *, int *, int *)");
  resolve(lapack.dgemm, products, "dgemm",
          "void (char *, char *, int *, int *, int *, d *, d *, int *, d *, int *, d *, d *, int *)");
  resolve(lapack.dtrmm, products, "dtrmm", "void (char *, char *, char *, char *, int *, int *, d *, d *, int *, d *, int *)");
}

}  // namespace parzen
