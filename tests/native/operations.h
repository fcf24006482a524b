// Every reduction of reductions.h behind one signature, for the programs of this folder: a problem in, all output bytes out.
// A new operation is one more entry of `operations`.
#pragma once

#include <algorithm>
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
  std::vector<double> scales;
  int k = 1;
  const double* log_weights = nullptr;
  const void* squared_radii = nullptr;
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

inline const Operation operations[] = {
    {"kernel_sum", 1,
     [](const Problem& p, Outputs& out) {
       KernelSum op;
       op.x = p.x, op.y = p.y, op.same = p.same, op.center = p.center, op.kernel = p.kernel, op.poll = p.poll;
       op.row_sums = out.add<double>(p.x.rows);
       if (p.same)
         op.diagonal = out.add<double>(p.x.rows);
       else
         op.column_sums = out.add<double>(p.y.rows);
       op.squares = out.add<double>(1);
       cpu::kernel_sum(op);
     }},
    {"log_density", 2,
     [](const Problem& p, Outputs& out) {
       LogDensity op;
       op.x = p.x, op.queries = p.y, op.same = p.same, op.center = p.center, op.log_weights = p.log_weights, op.poll = p.poll;
       op.scales = p.scales.data(), op.count = int(p.scales.size());
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
       op.x = p.x, op.queries = p.y, op.center = p.center, op.squared_radii = p.squared_radii, op.poll = p.poll;
       op.per_center = out.add<double>(p.x.rows);
       op.per_query = out.add<double>(p.y.rows);
       cpu::ball_counts(op);
     }},
};

}  // namespace parzen
