// The native API: every operation, its formula, its arguments and where its outputs go.
//
// All outputs are caller-owned and written once. The arithmetic inside a tile is done in the input type, every sum that leaves a
// tile is float64, and partial sums live in slots that depend only on the shapes: the number of threads changes no bit.
#pragma once

#include "matrix.h"

namespace parzen {

// A kernel, resolved to numbers. `scales` belongs to the caller.
struct Kernel {
  enum class Kind { polynomial, gaussian, rational_quadratic, energy };
  Kind kind = Kind::polynomial;
  int degree = 3;                  // polynomial: (gamma <x,y> + coef0)^degree
  double gamma = 1;                //
  double coef0 = 1;                //
  const double* scales = nullptr;  // gaussian: mean over b of exp(-scales[b] |x-y|^2)
  int count = 0;                   //
  double alpha = 1;                // rational quadratic: (1 + scale |x-y|^2)^-alpha
  double scale = 1;                // energy: -|x-y|
};

// Called on the calling thread about every 50 ms with the fraction done. False asks the operation to stop. It
// must not throw: the workers go on meanwhile.
struct Poll {
  bool (*call)(void* context, double fraction) = nullptr;
  void* context = nullptr;
};

struct Interrupted {};  // thrown by an operation whose Poll said stop

// `center` (cols elements of the matrices' type, or null for zero) is subtracted from every row before products are taken:
// <x,y> and |x-y|^2 do not change, their rounding errors do.
//
// row_sums[i] = sum_j k(x_i, y_j), column_sums[j] = sum_i k(x_i, y_j), squares = sum_ij k(x_i, y_j)^2.
// With `same` (y is x) only i < j is computed and counted for both: row_sums[i] = sum_{j != i} k(x_i, x_j), squares over i != j,
// column_sums is not touched, and diagonal[i] = k(x_i, x_i).
struct KernelSum {
  Matrix x, y;
  bool same = false;
  const void* center = nullptr;
  Kernel kernel;
  double* row_sums = nullptr;
  double* column_sums = nullptr;
  double* diagonal = nullptr;
  double* squares = nullptr;
  Poll poll;
};

// log_sums[b * queries.rows + j] = log sum_i w_i exp(-scales[b] |x_i - q_j|^2), by an online log-sum-exp.
// With `same` (queries are x) the term i = j is left out.
struct LogDensity {
  Matrix x, queries;
  bool same = false;
  const void* center = nullptr;
  const double* scales = nullptr;
  int count = 0;
  const double* log_weights = nullptr;  // (x.rows), finite; null: all zero
  double* log_sums = nullptr;
  Poll poll;
};

// squared[j * k + t] = t-th smallest |x_i - q_j|^2 in the matrices' type. With `same` i = j is left out; needs k <= candidates.
struct Nearest {
  Matrix x, queries;
  bool same = false;
  const void* center = nullptr;
  int k = 1;
  void* squared = nullptr;
  Poll poll;
};

// Balls about x_i of squared radius squared_radii[i] (the matrices' type), boundary inside:
// per_center[i] = #{j : |x_i - q_j|^2 <= r_i^2}, per_query[j] = #{i : ...}.
struct BallCounts {
  Matrix x, queries;
  const void* center = nullptr;
  const void* squared_radii = nullptr;
  double* per_center = nullptr;
  double* per_query = nullptr;
  Poll poll;
};

namespace cpu {
void kernel_sum(const KernelSum&);
void log_density(const LogDensity&);
void nearest(const Nearest&);
void ball_counts(const BallCounts&);

// sigma (d, d) symmetric is replaced by its principal square root V max(w, 0)^(1/2) V'; eigenvalues |w| <= d u max|w| count as
// zero. Returns the most negative eigenvalue that was cut off, relative to the largest magnitude; 0 when there was none.
double psd_sqrt(double* sigma, index d);

// Tr (sigma1 sigma2)^(1/2) for symmetric positive semidefinite matrices; *negative as psd_sqrt's return value.
double trace_sqrt_product(const double* sigma1, const double* sigma2, index d, double* negative);

const char* isa();               // the instruction set in use
const char* available_isa(int);  // the i-th that this machine and build have, best first; null past the last
}  // namespace cpu

}  // namespace parzen
