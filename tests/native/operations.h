// Every reduction of reductions.h behind one signature, for the programs of this folder: a problem in, all output bytes out.
// A new operation is one more entry of `operations`.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cpu/parallel.h"
#include "reductions.h"

namespace parzen {

// What the operations take; each uses what it needs.
struct Problem {
  Matrix x, y;
  bool same = false;  // y is x
  const void* center = nullptr;
  Kernel kernel;
  std::vector<double> scales, bandwidths;
  LogDensity::Profile profile = LogDensity::Profile::gaussian;
  int k = 1;
  const double* log_weights = nullptr;
  const void *squared_radii = nullptr, *y_squared_radii = nullptr;
  const std::uint8_t *u = nullptr, *v = nullptr;  // bits of `vectors` vectors for each 8 rows
  index vectors = 1;
  int order = 2;  // of moments
  Poll poll;

  index element() const { return x.type == Type::float32 ? 4 : 8; }
};

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// The outputs of one call, each in memory of its own and of its exact size, filled with a pattern that no result has.
class Outputs {
 public:
  explicit Outputs(std::string name) : name_(std::move(name)) {}

  template <class T>
  T* add(index count) {
    parts_.emplace_back(std::size_t(count) * sizeof(T), poison);
    element_.push_back(sizeof(T));
    return reinterpret_cast<T*>(parts_.back().data());
  }
  void* add(index count, Type type) { return type == Type::float32 ? static_cast<void*>(add<float>(count)) : add<double>(count); }

  // All bytes; ends the program where an element was not written.
  std::vector<unsigned char> bytes() const {
    std::vector<unsigned char> all;
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const std::vector<unsigned char> untouched(element_[p], poison);
      for (std::size_t at = 0; at < parts_[p].size(); at += element_[p])
        if (std::memcmp(parts_[p].data() + at, untouched.data(), element_[p]) == 0)
          fail(name_ + ": output " + std::to_string(p) + ", element " + std::to_string(at / element_[p]) + " was not written");
      all.insert(all.end(), parts_[p].begin(), parts_[p].end());
    }
    return all;
  }

 private:
  static constexpr unsigned char poison = 0xa5;
  std::string name_;
  std::vector<std::vector<unsigned char>> parts_;
  std::vector<std::size_t> element_;
};

struct Operation {
  const char* name;
  index min_rows;  // of x, where y is x
  void (*run)(const Problem&, Outputs&);

  std::vector<unsigned char> operator()(const Problem& p) const {
    Outputs out(name);
    run(p, out);
    return out.bytes();
  }
};

inline void prepare(KernelSum& op, const Problem& p, Outputs& out) {
  op.x = p.x, op.y = p.y, op.same = p.same, op.center = p.center, op.kernel = p.kernel, op.poll = p.poll;
  op.row_sums = out.add<double>(p.x.rows);
  if (p.same)
    op.diagonal = out.add<double>(p.x.rows);
  else
    op.column_sums = out.add<double>(p.y.rows);
  op.squares = out.add<double>(1);
}

inline const Operation operations[] = {
    {"kernel_sum", 1,
     [](const Problem& p, Outputs& out) {
       KernelSum op;
       prepare(op, p, out);
       cpu::kernel_sum(op);
     }},
    {"kernel_quadratic", 1,
     [](const Problem& p, Outputs& out) {
       KernelQuadratic op;
       prepare(op, p, out);
       op.u = p.u, op.v = p.same ? p.u : p.v, op.vectors = p.vectors;
       op.values = out.add<double>(p.vectors);
       cpu::kernel_quadratic(op);
     }},
    {"log_density", 2,
     [](const Problem& p, Outputs& out) {
       LogDensity op;
       op.x = p.x, op.queries = p.y, op.same = p.same, op.center = p.center, op.log_weights = p.log_weights, op.poll = p.poll;
       op.profile = p.profile, op.bandwidths = p.bandwidths.data(), op.count = int(p.bandwidths.size());
       op.log_sums = out.add<double>(op.count * p.y.rows);
       cpu::log_density(op);
     }},
    {"nearest", 2,
     [](const Problem& p, Outputs& out) {
       Nearest op;
       op.x = p.x, op.queries = p.y, op.same = p.same, op.center = p.center, op.poll = p.poll;
       op.k = int(std::min<index>(p.k, p.x.rows - (p.same ? 1 : 0)));
       op.squared = out.add(op.k * p.y.rows, p.x.type);
       cpu::nearest(op);
     }},
    {"ball_counts", 1,
     [](const Problem& p, Outputs& out) {
       BallCounts op;
       op.x = p.x, op.y = p.y, op.center = p.center, op.poll = p.poll;
       op.x_squared_radii = p.squared_radii, op.y_squared_radii = p.same ? p.squared_radii : p.y_squared_radii;
       op.x_holds = out.add<double>(p.x.rows), op.x_held = out.add<double>(p.x.rows);
       op.y_holds = out.add<double>(p.y.rows), op.y_held = out.add<double>(p.y.rows);
       cpu::ball_counts(op);
     }},
    {"moments", 1,
     [](const Problem& p, Outputs& out) {
       Moments op;
       const index d = p.x.cols + 1;
       const index size = p.order == 1 ? d : p.order == 2 ? d * (d + 1) / 2 : d * (d + 1) * (d + 2) / 6;
       op.x = p.x, op.degree = p.order, op.wide = p.same, op.poll = p.poll;
       op.sums = out.add<double>(size), op.norm_powers = out.add<double>(op.degree + 1);
       std::fill(op.sums, op.sums + size, 0.0);
       std::fill(op.norm_powers, op.norm_powers + op.degree + 1, 0.0);
       cpu::moments(op);
     }},
    {"moment_norms", 1,
     [](const Problem& p, Outputs& out) {
       MomentNorms op;
       op.x = p.x, op.y = p.y, op.degree = p.order, op.poll = p.poll;
       op.gamma = std::abs(p.kernel.gamma), op.coef0 = std::abs(p.kernel.coef0);
       op.norms = out.add<double>(5);
       cpu::moment_norms(op);
     }},
    {"column_bounds", 1,
     [](const Problem& p, Outputs& out) {
       ColumnBounds op;
       op.x = p.x, op.poll = p.poll;
       op.low = out.add<double>(p.x.cols), op.high = out.add<double>(p.x.cols);
       cpu::column_bounds(op);
     }},
};

}  // namespace parzen
