// The only file that knows Python's side of the operations: arrays in, arrays out, the GIL dropped in between.
// It checks what could make the native code read astray; what a metric's user may pass is checked, with better words, in Python.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "cpu/lapack.h"
#include "cpu/parallel.h"
#include "reductions.h"

namespace py = pybind11;

namespace parzen {
namespace {

using Doubles = py::array_t<double>;

struct PolynomialKernel {
  int degree;
  double gamma, coef0;
};
struct GaussianKernel {
  std::vector<double> scales;
};
struct RationalQuadraticKernel {
  double alpha, scale;
};
struct EnergyKernel {};
using AnyKernel = std::variant<PolynomialKernel, GaussianKernel, RationalQuadraticKernel, EnergyKernel>;

// 1 / (2 h^2), which must be a number: infinity times the squared distance of equal rows is none.
double scale_of(double bandwidth) {
  const double scale = 0.5 / bandwidth / bandwidth;
  if (!(bandwidth > 0) || std::isinf(bandwidth) || std::isinf(scale))
    throw py::value_error("bandwidths: expected positive and finite numbers h with 1 / (2 h^2) finite, got " +
                          std::string(py::str(py::float_(bandwidth))));
  return scale;
}

std::vector<double> scales_of(const std::vector<double>& bandwidths) {
  if (bandwidths.empty()) throw py::value_error("bandwidths: expected at least one");
  std::vector<double> scales;
  for (const double h : bandwidths) scales.push_back(scale_of(h));
  return scales;
}

Kernel resolve(const AnyKernel& any) {
  Kernel k;
  if (const auto* p = std::get_if<PolynomialKernel>(&any)) {
    k.kind = Kernel::Kind::polynomial;
    k.degree = p->degree;
    k.gamma = p->gamma;
    k.coef0 = p->coef0;
  } else if (const auto* g = std::get_if<GaussianKernel>(&any)) {
    k.kind = Kernel::Kind::gaussian;
    k.scales = g->scales.data();
    k.count = int(g->scales.size());
  } else if (const auto* r = std::get_if<RationalQuadraticKernel>(&any)) {
    k.kind = Kernel::Kind::rational_quadratic;
    k.alpha = r->alpha;
    k.scale = r->scale;
  } else {
    k.kind = Kernel::Kind::energy;
  }
  return k;
}

bool aligned(const py::array& a) { return reinterpret_cast<std::uintptr_t>(a.data()) % std::uintptr_t(a.itemsize()) == 0; }

Matrix matrix(const py::array& a, const char* name) {
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
const void* vector(const py::array& v, const py::dtype& type, index size, const char* name) {
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

// The GIL, dropped around f. Up to Python 3.13 a daemon thread that asks for it while the interpreter shuts down is ended by
// unwinding its stack, in the middle of an operation whose workers still use that stack. Such a thread stops here instead, until
// the process is gone, as Python 3.14 does it. Nothing between an ask and its Park may have a destructor.
class Gil {
 public:
  struct Park {
    bool passed = false;
    ~Park() {
      while (!passed) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  };

  template <class F>
  void without(F f) {
    drop();
    try {
      f();
    } catch (...) {
      take();
      throw;
    }
    take();
  }

  void drop() { thread_ = PyEval_SaveThread(); }
  void take() {
    Park park;
    PyEval_RestoreThread(thread_);
    park.passed = true;
  }

 private:
  PyThreadState* thread_ = nullptr;
};

// Runs on the calling thread about every 50 ms: reports progress and lets Ctrl-C through.
struct Reporter {
  std::optional<py::function> progress;
  std::optional<py::error_already_set> error;
  Gil gil;

  explicit Reporter(const std::optional<py::function>& callback) : progress(callback) {}

  static bool call(void* self, double fraction) {
    auto& reporter = *static_cast<Reporter*>(self);
    Gil::Park park;  // Python code drops the GIL and asks for it as well
    reporter.gil.take();
    bool well = PyErr_CheckSignals() == 0;
    if (well && reporter.progress) {
      PyObject* result = PyObject_CallFunction(reporter.progress->ptr(), "d", fraction);
      well = result != nullptr;
      Py_XDECREF(result);
    }
    if (!well) reporter.error.emplace();
    reporter.gil.drop();
    park.passed = true;
    return well;
  }

  template <class Operation>
  void run(Operation operation) {
    try {
      gil.without(operation);
    } catch (const Interrupted&) {
      throw std::move(*error);
    }
    if (progress) (*progress)(1.0);
  }

  Poll poll() { return {&call, this}; }
};

using Progress = std::optional<py::function>;
using Center = std::optional<py::array>;

py::tuple kernel_sum(const py::array& x, const std::optional<py::array>& y, const AnyKernel& kernel, const Center& center,
                     const Progress& progress) {
  const Sides sides(x, y, "y");
  Reporter reporter(progress);
  KernelSum op;
  op.x = sides.x;
  op.y = sides.y;
  op.same = sides.same;
  op.center = sides.vector(center, op.x.cols, "center");
  op.kernel = resolve(kernel);
  op.poll = reporter.poll();
  Doubles row_sums(op.x.rows), column_sums(sides.same ? 0 : op.y.rows), diagonal(sides.same ? op.x.rows : 0);
  double squares = 0;
  op.row_sums = row_sums.mutable_data();
  op.column_sums = column_sums.mutable_data();
  op.diagonal = diagonal.mutable_data();
  op.squares = &squares;
  reporter.run([&] { cpu::kernel_sum(op); });
  if (sides.same) return py::make_tuple(row_sums, py::none(), diagonal, squares);
  return py::make_tuple(row_sums, column_sums, py::none(), squares);
}

Doubles log_density(const py::array& x, const std::optional<py::array>& queries, const std::vector<double>& bandwidths,
                    const std::optional<py::array>& log_weights, const Center& center, const Progress& progress) {
  const Sides sides(x, queries, "queries");
  Reporter reporter(progress);
  const std::vector<double> scales = scales_of(bandwidths);
  if (sides.same && sides.x.rows < 2) throw py::value_error("x: leaving one out needs at least 2 rows");
  const double* weights = nullptr;
  if (log_weights) {
    weights = static_cast<const double*>(vector(*log_weights, py::dtype::of<double>(), sides.x.rows, "log_weights"));
    for (index i = 0; i < sides.x.rows; ++i)
      if (!std::isfinite(weights[i])) throw py::value_error("log_weights: expected finite numbers");
  }
  LogDensity op;
  op.x = sides.x;
  op.queries = sides.y;
  op.same = sides.same;
  op.center = sides.vector(center, op.x.cols, "center");
  op.scales = scales.data();
  op.count = int(scales.size());
  op.log_weights = weights;
  op.poll = reporter.poll();
  Doubles log_sums({py::ssize_t(op.count), py::ssize_t(op.queries.rows)});
  op.log_sums = log_sums.mutable_data();
  reporter.run([&] { cpu::log_density(op); });
  return log_sums;
}

py::array nearest(const py::array& x, const std::optional<py::array>& queries, int k, const Center& center,
                  const Progress& progress) {
  const Sides sides(x, queries, "queries");
  Reporter reporter(progress);
  if (k < 1 || k > sides.x.rows - (sides.same ? 1 : 0)) throw py::value_error("k: expected 1 <= k <= candidates of a query");
  Nearest op;
  op.x = sides.x;
  op.queries = sides.y;
  op.same = sides.same;
  op.center = sides.vector(center, op.x.cols, "center");
  op.k = k;
  op.poll = reporter.poll();
  py::array squared(x.dtype(), std::vector<py::ssize_t>{py::ssize_t(op.queries.rows), k});
  op.squared = squared.mutable_data();
  reporter.run([&] { cpu::nearest(op); });
  return squared;
}

py::tuple ball_counts(const py::array& x, const py::array& squared_radii, const py::array& queries, const Center& center,
                      const Progress& progress) {
  const Sides sides(x, queries, "queries");
  Reporter reporter(progress);
  BallCounts op;
  op.x = sides.x;
  op.queries = sides.y;
  op.center = sides.vector(center, op.x.cols, "center");
  op.squared_radii = sides.vector(squared_radii, op.x.rows, "squared_radii");
  op.poll = reporter.poll();
  Doubles per_center(op.x.rows), per_query(op.queries.rows);
  op.per_center = per_center.mutable_data();
  op.per_query = per_query.mutable_data();
  reporter.run([&] { cpu::ball_counts(op); });
  return py::make_tuple(per_center, per_query);
}

// A symmetric matrix for LAPACK: C-contiguous, a copy only where the array given is not. Above 32766 the size of dsyevd's
// workspace, 1 + 6 d + 2 d^2, is no 32-bit integer; and what LAPACK makes of NaN depends on the library, endless loops not
// excluded.
using Square = py::array_t<double, py::array::c_style | py::array::forcecast>;
Square square(const py::array& a, const char* name) {
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

py::tuple psd_sqrt(const py::array& sigma) {
  load_lapack();
  const Square values = square(sigma, "sigma");
  const index d = values.shape(0);
  Square root(std::vector<py::ssize_t>{d, d}, values.data());  // a copy: LAPACK works in place
  double* data = root.mutable_data();
  double worst;
  Gil().without([&] { worst = cpu::psd_sqrt(data, d); });
  return py::make_tuple(root, worst);
}

py::tuple trace_sqrt_product(const py::array& sigma1, const py::array& sigma2) {
  load_lapack();
  const Square values1 = square(sigma1, "sigma1"), values2 = square(sigma2, "sigma2");
  const index d = values1.shape(0);
  if (values2.shape(0) != d) throw py::value_error("sigma1 and sigma2 must have the same shape");
  const double *data1 = values1.data(), *data2 = values2.data();
  double trace, worst;
  Gil().without([&] { trace = cpu::trace_sqrt_product(data1, data2, d, &worst); });
  return py::make_tuple(trace, worst);
}

void bind_kernels(py::module_& m) {
  py::class_<PolynomialKernel>(m, "Polynomial")
      .def(py::init([](int degree, double gamma, double coef0) {
             if (degree < 1) throw py::value_error("degree: expected an integer >= 1");
             if (!std::isfinite(gamma)) throw py::value_error("gamma: expected a finite number");
             if (!std::isfinite(coef0)) throw py::value_error("coef0: expected a finite number");
             return PolynomialKernel{degree, gamma, coef0};
           }),
           py::arg("degree"), py::arg("gamma"), py::arg("coef0"));
  py::class_<GaussianKernel>(m, "Gaussian")
      .def(py::init([](const std::vector<double>& bandwidths) { return GaussianKernel{scales_of(bandwidths)}; }),
           py::arg("bandwidths"));
  py::class_<RationalQuadraticKernel>(m, "RationalQuadratic")
      .def(py::init([](double alpha, double length_scale) {
             if (!(alpha > 0) || std::isinf(alpha)) throw py::value_error("alpha: expected a positive and finite number");
             if (!(length_scale > 0) || std::isinf(length_scale))
               throw py::value_error("length_scale: expected a positive and finite number");
             const double scale = 0.5 / length_scale / alpha / length_scale;  // in this order only the result can overflow
             if (std::isinf(scale)) throw py::value_error("alpha, length_scale: expected 1 / (2 alpha length_scale^2) finite");
             return RationalQuadraticKernel{alpha, scale};
           }),
           py::arg("alpha"), py::arg("length_scale"));
  py::class_<EnergyKernel>(m, "Energy").def(py::init<>());
}

}  // namespace
}  // namespace parzen

PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  using namespace parzen;
  m.doc() = "The native engine; see _core.pyi.";
  bind_kernels(m);
  m.def("kernel_sum", &kernel_sum, py::arg("x"), py::arg("y").none(true), py::arg("kernel"), py::kw_only(),
        py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("log_density", &log_density, py::arg("x"), py::arg("queries").none(true), py::arg("bandwidths"), py::kw_only(),
        py::arg("log_weights") = py::none(), py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("nearest", &nearest, py::arg("x"), py::arg("queries").none(true), py::arg("k"), py::kw_only(),
        py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("ball_counts", &ball_counts, py::arg("x"), py::arg("squared_radii"), py::arg("queries"), py::kw_only(),
        py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("psd_sqrt", &psd_sqrt, py::arg("sigma"));
  m.def("trace_sqrt_product", &trace_sqrt_product, py::arg("sigma1"), py::arg("sigma2"));
  m.def(
      "set_num_threads",
      [](int threads) {
        if (threads < 1 || threads > 1024) throw py::value_error("threads: expected 1 to 1024, got " + std::to_string(threads));
        set_thread_count(threads);
      },
      py::arg("threads"));
  m.def("get_num_threads", &thread_count);
  m.def("isa", &cpu::isa);
  m.def("available_isas", [] {
    std::vector<std::string> names;
    for (int i = 0; const char* name = cpu::available_isa(i); ++i) names.emplace_back(name);
    return names;
  });
}
