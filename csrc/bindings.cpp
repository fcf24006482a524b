// Python's side of the operations: arrays in (arrays.h), arrays out, the GIL dropped in between (reporter.h).
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "arrays.h"
#include "cpu/lapack.h"
#include "cpu/parallel.h"
#include "reductions.h"
#include "reporter.h"

namespace py = pybind11;

namespace parzen {

void bind_device(py::module_&);  // bindings_device.cpp

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

// With 1 / (2 h^2) finite: infinity times the squared distance of equal rows is no number.
void check_bandwidths(const std::vector<double>& bandwidths) {
  if (bandwidths.empty()) throw py::value_error("bandwidths: expected at least one");
  for (const double h : bandwidths)
    if (!(h > 0) || std::isinf(h) || std::isinf(0.5 / h / h))
      throw py::value_error("bandwidths: expected positive and finite numbers h with 1 / (2 h^2) finite, got " +
                            std::string(py::str(py::float_(h))));
}

std::vector<double> scales_of(const std::vector<double>& bandwidths) {
  check_bandwidths(bandwidths);
  std::vector<double> scales;
  for (const double h : bandwidths) scales.push_back(0.5 / h / h);
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

using Progress = std::optional<py::function>;
using Center = std::optional<py::array>;

// Where kernel_sum's outputs go.
struct SumArrays {
  Doubles row_sums, column_sums, diagonal;
  double squares = 0;

  SumArrays(const Sides& sides, KernelSum& op)
      : row_sums(sides.x.rows), column_sums(sides.same ? 0 : sides.y.rows), diagonal(sides.same ? sides.x.rows : 0) {
    op.x = sides.x;
    op.y = sides.y;
    op.same = sides.same;
    op.row_sums = row_sums.mutable_data();
    op.column_sums = column_sums.mutable_data();
    op.diagonal = diagonal.mutable_data();
    op.squares = &squares;
  }

  py::tuple tuple(bool same) const {
    if (same) return py::make_tuple(row_sums, py::none(), diagonal, squares);
    return py::make_tuple(row_sums, column_sums, py::none(), squares);
  }
};

py::tuple kernel_sum(const Samples& x, const std::optional<Samples>& y, const AnyKernel& kernel, const Center& center,
                     const Progress& progress) {
  const Sides sides(x, y, "y");
  Reporter reporter(progress);
  KernelSum op;
  SumArrays sums(sides, op);
  op.center = sides.vector(center, op.x.cols, "center");
  op.kernel = resolve(kernel);
  op.poll = reporter.poll();
  reporter.run([&] { sides.execution ? cuda::kernel_sum(op, *sides.execution) : cpu::kernel_sum(op); });
  return sums.tuple(sides.same);
}

using Bits = py::array_t<std::uint8_t, py::array::c_style>;

// Indicator vectors of `rows` rows, eight rows to a byte.
const std::uint8_t* indicators(const Bits& bits, index rows, index vectors, const char* name) {
  const index bytes = (rows + 7) / 8;
  if (bits.ndim() != 2 || bits.shape(0) != bytes || bits.shape(1) != vectors || vectors < 1)
    throw py::value_error(std::string(name) + ": expected shape (" + std::to_string(bytes) +
                          ", vectors >= 1), one for each vector");
  return bits.data();
}

py::tuple kernel_quadratic(const Samples& x, const std::optional<Samples>& y, const AnyKernel& kernel, const Bits& u,
                           const std::optional<Bits>& v, const Center& center, const Progress& progress) {
  const Sides sides(x, y, "y");
  Reporter reporter(progress);
  KernelQuadratic op;
  if (sides.same == bool(v)) throw py::value_error("v: expected with y, and only with y");
  op.vectors = u.ndim() == 2 ? u.shape(1) : 0;
  op.u = indicators(u, sides.x.rows, op.vectors, "u");
  op.v = v ? indicators(*v, sides.y.rows, op.vectors, "v") : op.u;
  SumArrays sums(sides, op);
  op.center = sides.vector(center, op.x.cols, "center");
  op.kernel = resolve(kernel);
  op.poll = reporter.poll();
  Doubles values(op.vectors);
  op.values = values.mutable_data();
  reporter.run([&] { sides.execution ? cuda::kernel_quadratic(op, *sides.execution) : cpu::kernel_quadratic(op); });
  return py::make_tuple(values, sums.tuple(sides.same));
}

LogDensity::Profile profile_of(const std::string& kernel) {
  using Profile = LogDensity::Profile;
  if (kernel == "gaussian") return Profile::gaussian;
  if (kernel == "exponential") return Profile::exponential;
  if (kernel == "tophat") return Profile::tophat;
  if (kernel == "epanechnikov") return Profile::epanechnikov;
  if (kernel == "linear") return Profile::linear;
  if (kernel == "cosine") return Profile::cosine;
  throw py::value_error("kernel: there is no '" + kernel + "'");
}

Doubles log_density(const Samples& x, const std::optional<Samples>& queries, const std::vector<double>& bandwidths,
                    const std::string& kernel, const std::optional<py::array>& log_weights, const Center& center,
                    const Progress& progress) {
  const Sides sides(x, queries, "queries");
  Reporter reporter(progress);
  check_bandwidths(bandwidths);
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
  op.profile = profile_of(kernel);
  op.bandwidths = bandwidths.data();
  op.count = int(bandwidths.size());
  op.log_weights = weights;
  op.poll = reporter.poll();
  Doubles log_sums({py::ssize_t(op.count), py::ssize_t(op.queries.rows)});
  op.log_sums = log_sums.mutable_data();
  reporter.run([&] { sides.execution ? cuda::log_density(op, *sides.execution) : cpu::log_density(op); });
  return log_sums;
}

py::object nearest(const Samples& x, const std::optional<Samples>& queries, int k, bool numbers,
                   const std::optional<py::array>& scales, const Center& center, const Progress& progress) {
  const Sides sides(x, queries, "queries");
  Reporter reporter(progress);
  if (k < 1 || k > sides.x.rows - (sides.same ? 1 : 0)) throw py::value_error("k: expected 1 <= k <= candidates of a query");
  if (scales && sides.same) throw py::value_error("scales: expected queries beside them");
  if ((numbers || scales) && sides.x.rows > std::numeric_limits<std::int32_t>::max())
    throw py::value_error("x: expected fewer than 2^31 rows where they are numbered or scaled");
  Nearest op;
  op.x = sides.x;
  op.queries = sides.y;
  op.same = sides.same;
  op.center = sides.vector(center, op.x.cols, "center");
  op.scales = sides.vector(scales, op.x.rows, "scales");
  op.k = k;
  op.poll = reporter.poll();
  const std::vector<py::ssize_t> shape{py::ssize_t(op.queries.rows), k};
  py::array squared(dtype_of(op.x), shape);
  op.squared = squared.mutable_data();
  std::optional<py::array_t<std::int64_t>> found;
  if (numbers) op.numbers = found.emplace(shape).mutable_data();
  reporter.run([&] { sides.execution ? cuda::nearest(op, *sides.execution) : cpu::nearest(op); });
  if (found) return py::make_tuple(squared, *found);
  return squared;
}

py::tuple ball_counts(const Samples& x, const py::array& x_squared_radii, const Samples& y, const py::array& y_squared_radii,
                      const Center& center, const Progress& progress) {
  const Sides sides(x, y, "y");
  Reporter reporter(progress);
  BallCounts op;
  op.x = sides.x;
  op.y = sides.y;
  op.center = sides.vector(center, op.x.cols, "center");
  op.x_squared_radii = sides.vector(x_squared_radii, op.x.rows, "x_squared_radii");
  op.y_squared_radii = sides.vector(y_squared_radii, op.y.rows, "y_squared_radii");
  op.poll = reporter.poll();
  Doubles x_holds(op.x.rows), y_held(op.y.rows), y_holds(op.y.rows), x_held(op.x.rows);
  op.x_holds = x_holds.mutable_data();
  op.y_held = y_held.mutable_data();
  op.y_holds = y_holds.mutable_data();
  op.x_held = x_held.mutable_data();
  reporter.run([&] { sides.execution ? cuda::ball_counts(op, *sides.execution) : cpu::ball_counts(op); });
  return py::make_tuple(x_holds, y_held, y_holds, x_held);
}

int moment_degree(int degree) {
  if (degree < 1 || degree > 3) throw py::value_error("degree: expected 1, 2 or 3, got " + std::to_string(degree));
  return degree;
}

// Adds to `sums` in place.
void moments(const Samples& x, Doubles sums, int degree, std::optional<Doubles> norm_powers, bool wide, const Center& center,
             const Progress& progress) {
  Reporter reporter(progress);
  Moments op;
  op.x = matrix(x, "x");
  op.degree = moment_degree(degree);
  op.wide = wide;
  const index d = op.x.cols + 1, size = degree == 1 ? d : degree == 2 ? d * (d + 1) / 2 : d * (d + 1) / 2 * (d + 2) / 3;
  vector(sums, sums.dtype(), size, "sums");
  if (norm_powers) vector(*norm_powers, sums.dtype(), degree + 1, "norm_powers");
  if (center) op.center = static_cast<const double*>(vector(*center, sums.dtype(), op.x.cols, "center"));
  op.norm_powers = norm_powers ? norm_powers->mutable_data() : nullptr;
  op.sums = sums.mutable_data();
  op.poll = reporter.poll();
  const auto execution = execution_of(x);
  reporter.run([&] { execution ? cuda::moments(op, *execution) : cpu::moments(op); });
}

py::tuple moment_norms(const Samples& x, const Samples& y, const PolynomialKernel& kernel, const Progress& progress) {
  const Sides sides(x, y, "y");
  Reporter reporter(progress);
  MomentNorms op;
  op.x = sides.x;
  op.y = sides.y;
  op.degree = moment_degree(kernel.degree);
  op.gamma = kernel.gamma;
  op.coef0 = kernel.coef0;
  double norms[5];
  op.norms = norms;
  op.poll = reporter.poll();
  reporter.run([&] { sides.execution ? cuda::moment_norms(op, *sides.execution) : cpu::moment_norms(op); });
  return py::make_tuple(norms[0], norms[1], norms[2], norms[3], norms[4]);
}

py::tuple column_bounds(const Samples& x, const Progress& progress) {
  Reporter reporter(progress);
  ColumnBounds op;
  op.x = matrix(x, "x");
  Doubles low(op.x.cols), high(op.x.cols);
  op.low = low.mutable_data();
  op.high = high.mutable_data();
  op.poll = reporter.poll();
  const auto execution = execution_of(x);
  reporter.run([&] { execution ? cuda::column_bounds(op, *execution) : cpu::column_bounds(op); });
  return py::make_tuple(low, high);
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
  bind_device(m);
  m.def("kernel_sum", &kernel_sum, py::arg("x"), py::arg("y").none(true), py::arg("kernel"), py::kw_only(),
        py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("kernel_quadratic", &kernel_quadratic, py::arg("x"), py::arg("y").none(true), py::arg("kernel"), py::arg("u"),
        py::arg("v").none(true), py::kw_only(), py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("log_density", &log_density, py::arg("x"), py::arg("queries").none(true), py::arg("bandwidths"), py::kw_only(),
        py::arg("kernel") = "gaussian", py::arg("log_weights") = py::none(), py::arg("center") = py::none(),
        py::arg("progress") = py::none());
  m.def("nearest", &nearest, py::arg("x"), py::arg("queries").none(true), py::arg("k"), py::kw_only(), py::arg("numbers") = false,
        py::arg("scales") = py::none(), py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("ball_counts", &ball_counts, py::arg("x"), py::arg("x_squared_radii"), py::arg("y"), py::arg("y_squared_radii"),
        py::kw_only(), py::arg("center") = py::none(), py::arg("progress") = py::none());
  m.def("moments", &moments, py::arg("x"), py::arg("sums").noconvert(), py::arg("degree"), py::kw_only(),
        py::arg("norm_powers").noconvert() = py::none(), py::arg("wide") = false, py::arg("center") = py::none(),
        py::arg("progress") = py::none());
  m.def("moment_norms", &moment_norms, py::arg("x"), py::arg("y"), py::arg("kernel"), py::kw_only(),
        py::arg("progress") = py::none());
  m.def("column_bounds", &column_bounds, py::arg("x"), py::kw_only(), py::arg("progress") = py::none());
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
