// NumPy's arrays as the native code wants them: what could make it read astray is refused here. What a metric's user may pass is
// checked, with better words, in Python.
#pragma once

#include <pybind11/numpy.h>

#include <cmath>
#include <optional>
#include <string>

#include "matrix.h"

namespace parzen {

namespace py = pybind11;

inline bool aligned(const py::array& a) { return reinterpret_cast<std::uintptr_t>(a.data()) % std::uintptr_t(a.itemsize()) == 0; }

inline Matrix matrix(const py::array& a, const char* name) {
  Matrix m;
  if (a.dtype().equal(py::dtype::of<float>()))
    m.type = Type::float32;
  else if (!a.dtype().equal(py::dtype::of<double>()))
    throw py::type_error(std::string(name) + ": expected native float32 or float64, got " + std::string(py::str(a.dtype())));
  if (a.ndim() != 2 || a.shape(0) < 1 || a.shape(1) < 1)
    throw py::value_error(std::string(name) + ": expected shape (rows >= 1, d >= 1)");
  const py::ssize_t size = a.itemsize(), step = a.shape(0) > 1 ? a.strides(0) : 0;  // of one row the stride means nothing
  if ((a.shape(1) > 1 && a.strides(1) != size) || step % size != 0 || step < 0 || !aligned(a))
    throw py::value_error(std::string(name) + ": rows must be aligned and contiguous");
  m.data = a.data();
  m.rows = a.shape(0);
  m.cols = a.shape(1);
  m.stride = step / size;
  return m;
}

// A vector beside the matrices: contiguous, of the given type and length.
inline const void* vector(const py::array& v, const py::dtype& type, index size, const char* name) {
  if (!v.dtype().equal(type) || v.ndim() != 1 || v.shape(0) != size || (size > 1 && v.strides(0) != v.itemsize()) || !aligned(v))
    throw py::value_error(std::string(name) + ": expected an aligned, contiguous vector of type " + std::string(py::str(type)) +
                          " and length " + std::to_string(size));
  return v.data();
}

// x, and y or x itself.
struct Sides {
  Matrix x, y;
  bool same;

  Sides(const py::array& a, const std::optional<py::array>& b, const std::string& other)
      : x(matrix(a, "x")), y(b ? matrix(*b, other.c_str()) : x), same(!b) {
    if (x.cols != y.cols || x.type != y.type)
      throw py::value_error("x and " + other + " must have the same number of columns and the same type");
  }

  const void* vector(const std::optional<py::array>& v, index size, const char* name) const {
    const auto type = x.type == Type::float32 ? py::dtype::of<float>() : py::dtype::of<double>();
    return v ? parzen::vector(*v, type, size, name) : nullptr;
  }
};

// A symmetric matrix for LAPACK: C-contiguous, a copy only where the array given is not. Above 32766 the size of dsyevd's
// workspace, 1 + 6 d + 2 d^2, is no 32-bit integer; and what LAPACK makes of NaN depends on the library, endless loops not
// excluded.
using Square = py::array_t<double, py::array::c_style | py::array::forcecast>;
inline Square square(const py::array& a, const char* name) {
  if (std::string("fiu").find(a.dtype().kind()) == std::string::npos)
    throw py::type_error(std::string(name) + ": expected real numbers, got " + std::string(py::str(a.dtype())));
  if (a.ndim() != 2 || a.shape(0) != a.shape(1) || a.shape(0) < 1 || a.shape(0) > 32766)
    throw py::value_error(std::string(name) + ": expected a square matrix of 1 to 32766 rows");
  Square values = Square::ensure(aligned(a) ? py::object(a) : py::object(a.attr("copy")()));
  if (!values) throw py::value_error(std::string(name) + ": could not be converted to float64");
  const double* data = values.data();
  for (index i = 0; i < index(values.size()); ++i)
    if (!std::isfinite(data[i])) throw py::value_error(std::string(name) + ": expected finite numbers");
  return values;
}

}  // namespace parzen
