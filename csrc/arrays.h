// NumPy's arrays as the native code wants them: what could make it read astray is refused here. What a metric's user may pass is
// checked, with better words, in Python.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cmath>
#include <optional>
#include <string>
#include <variant>

#include "device.h"
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

// A matrix in a device's memory, which belongs to somebody else and stays there until the call it is given to returns.
struct DeviceMatrix {
  Matrix matrix;
  Execution execution;

  DeviceMatrix(std::uintptr_t pointer, index rows, index cols, index stride, const std::string& dtype, int device,
               std::uintptr_t stream, const std::string& precision) {
    if (dtype == "float32")
      matrix.type = Type::float32;
    else if (dtype != "float64")
      throw py::type_error("dtype: expected 'float32' or 'float64', got '" + dtype + "'");
    if (rows < 1 || cols < 1) throw py::value_error("a matrix on a device: expected rows >= 1 and cols >= 1");
    if (rows > 1 && stride < 0) throw py::value_error("stride: expected elements from one row to the next, not negative");
    if (pointer == 0 || pointer % (matrix.type == Type::float32 ? 4 : 8) != 0)
      throw py::value_error("pointer: expected the aligned address of " + dtype + " numbers");
    if (device < 0) throw py::value_error("device: expected 0 or more, got " + std::to_string(device));
    if (precision == "fast")
      execution.precision = Execution::fast;
    else if (precision == "plain")
      execution.precision = Execution::plain;
    else if (precision == "mma")
      execution.precision = Execution::mma;
    else if (precision != "full")
      throw py::value_error("precision: expected 'full', 'fast', 'plain' or 'mma', got '" + precision + "'");
    matrix.data = reinterpret_cast<const void*>(pointer);
    matrix.rows = rows;
    matrix.cols = cols;
    matrix.stride = rows > 1 ? stride : 0;
    execution.device = device;
    execution.stream = reinterpret_cast<void*>(stream);
  }
};

// What an operation takes: an array, or a matrix on a device.
using Samples = std::variant<py::array, DeviceMatrix>;

inline Matrix matrix(const Samples& samples, const char* name) {
  if (const auto* there = std::get_if<DeviceMatrix>(&samples)) return there->matrix;
  return matrix(std::get<py::array>(samples), name);
}

inline const DeviceMatrix* on_device(const Samples& samples) { return std::get_if<DeviceMatrix>(&samples); }

inline std::optional<Execution> execution_of(const Samples& samples) {
  if (const auto* there = on_device(samples)) return there->execution;
  return std::nullopt;
}

inline py::dtype dtype_of(const Matrix& m) { return m.type == Type::float32 ? py::dtype::of<float>() : py::dtype::of<double>(); }

// x, and y or x itself.
struct Sides {
  Matrix x, y;
  bool same;
  std::optional<Execution> execution;  // where they are on a device

  Sides(const Samples& a, const std::optional<Samples>& b, const std::string& other)
      : x(matrix(a, "x")), y(b ? matrix(*b, other.c_str()) : x), same(!b), execution(execution_of(a)) {
    if (x.cols != y.cols || x.type != y.type)
      throw py::value_error("x and " + other + " must have the same number of columns and the same type");
    if (!b) return;
    const DeviceMatrix *mine = on_device(a), *theirs = on_device(*b);
    if (!mine != !theirs)
      throw py::type_error("x is " + place(mine) + ", " + other + " is " + place(theirs) + "; expected both in one place");
    if (!mine) return;
    if (mine->execution.device != theirs->execution.device)
      throw py::value_error("x is " + place(mine) + ", " + other + " is " + place(theirs) + "; expected both on one device");
    if (mine->execution.precision != theirs->execution.precision)
      throw py::value_error("x and " + other + " ask for different precisions");
    if (mine->execution.stream != theirs->execution.stream)
      cuda::join(mine->execution.device, mine->execution.stream, theirs->execution.stream);
  }

  const void* vector(const std::optional<py::array>& v, index size, const char* name) const {
    return v ? parzen::vector(*v, dtype_of(x), size, name) : nullptr;
  }

 private:
  static std::string place(const DeviceMatrix* m) {
    return m ? "on device " + std::to_string(m->execution.device) : std::string("on the host");
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
