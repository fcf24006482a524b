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

// What KernelSum gives and, in the same pass, values[p] = sum_ij u_pi v_pj k(x_i, y_j) for indicator vectors u_p, v_p in {0, 1}.
// Bit i % 8 of u[(i / 8) * vectors + p] is u_pi; v alike for the rows of y. With `same` v is u, and the sum is over i != j.
struct KernelQuadratic : KernelSum {
  const std::uint8_t* u = nullptr;
  const std::uint8_t* v = nullptr;
  index vectors = 0;
  double* values = nullptr;
};

// log_sums[b * queries.rows + j] = log sum_i w_i k(r), r = |x_i - q_j| / bandwidths[b]. With `same` (queries are x) the term i = j
// is left out.
//
//   gaussian exp(-r^2/2)   exponential exp(-r)                         by an online log-sum-exp
//   tophat 1   epanechnikov 1 - r^2   linear 1 - r   cosine cos(pi r/2)    where r < 1, else 0: -infinity where all terms are 0
struct LogDensity {
  enum class Profile { gaussian, exponential, tophat, epanechnikov, linear, cosine };
  Matrix x, queries;
  bool same = false;
  const void* center = nullptr;
  Profile profile = Profile::gaussian;
  const double* bandwidths = nullptr;
  int count = 0;
  const double* log_weights = nullptr;  // (x.rows), finite; null: all zero
  double* log_sums = nullptr;
  Poll poll;
};

// squared[j * k + t] = t-th smallest scales[i] |x_i - q_j|^2 in the matrices' type, numbers[j * k + t] its i, the smallest of equal
// ones (-1 where the product is infinite). With `same` i = j is left out; needs k <= candidates, and no scales.
struct Nearest {
  Matrix x, queries;
  bool same = false;
  const void* center = nullptr;
  int k = 1;
  const void* scales = nullptr;  // (x.rows) of the matrices' type, or null: all one
  void* squared = nullptr;
  std::int64_t* numbers = nullptr;  // or null
  Poll poll;
};

// Balls about x_i and y_j of squared radii r_i^2 and s_j^2 (the matrices' type), boundary inside:
// x_holds[i] = #{j : |x_i - y_j|^2 <= r_i^2}, y_held[j] = #{i : the same}, and
// y_holds[j] = #{i : |x_i - y_j|^2 <= s_j^2}, x_held[i] = #{j : the same}.
struct BallCounts {
  Matrix x, y;
  const void* center = nullptr;
  const void* x_squared_radii = nullptr;
  const void* y_squared_radii = nullptr;
  double *x_holds = nullptr, *y_held = nullptr;
  double *y_holds = nullptr, *x_held = nullptr;
  Poll poll;
};

// sums += sum_i z_i^(x degree) for z = [1; x - center], degree 1 to 3: all moments up to that order, each entry of the symmetric
// tensor once. D = cols + 1 numbers, D(D+1)/2 or D(D+1)(D+2)/6: entry (b, c) of b <= c at b D - b(b-1)/2 + c - b, entry (a, b, c)
// of a <= b <= c at D b(b+1)/2 - (b-1)b(b+1)/3 + a(D-b) + c - b.
struct Moments {
  Matrix x;
  int degree = 2;
  bool wide = false;               // products in float64 whatever x's type
  const double* center = nullptr;  // (cols), or null for zero
  double* sums = nullptr;
  double* norm_powers = nullptr;  // (degree + 1), or null: norm_powers[t] += sum_i |x_i|^(2t), not centred
  Poll poll;
};

// For k(x, y) = (gamma <x,y> + coef0)^degree, degree 1 to 3, gamma and coef0 not negative, and mean tensors mu:
// norms = |mu_x - mu_y|^2, |mu_x|^2, |mu_y|^2, which are the means of k over pairs, xx + yy - 2 xy, xx and yy, diagonals included;
// then the means of k(x_i, x_i) and of k(y_j, y_j).
struct MomentNorms {
  Matrix x, y;
  int degree = 3;
  double gamma = 1, coef0 = 1;
  double* norms = nullptr;  // (5)
  Poll poll;
};

// low[c] and high[c] = the smallest and the largest x_ic; both NaN where a value of the column is NaN or infinite.
struct ColumnBounds {
  Matrix x;
  double *low = nullptr, *high = nullptr;
  Poll poll;
};

// Where an operation on a device runs. Everything is put into `stream` (a cudaStream_t) and has left it when the call returns.
struct Execution {
  enum Precision {
    full,   // float32 as on the CPU, on the tensor cores
    fast,   // float32 to 11 bits: one product for three
    plain,  // float32 by multiply-adds, without tensor cores
    mma     // as full, by mma.sync where wgmma would be taken
  };
  int device = 0;
  void* stream = nullptr;
  Precision precision = full;
};

namespace cpu {
void kernel_sum(const KernelSum&);
void kernel_quadratic(const KernelQuadratic&);
void log_density(const LogDensity&);
void nearest(const Nearest&);
void ball_counts(const BallCounts&);
void moments(const Moments&);
void moment_norms(const MomentNorms&);
void column_bounds(const ColumnBounds&);

// sigma (d, d) symmetric is replaced by its principal square root V max(w, 0)^(1/2) V'; eigenvalues |w| <= d u max|w| count as
// zero. Returns the most negative eigenvalue that was cut off, relative to the largest magnitude; 0 when there was none.
double psd_sqrt(double* sigma, index d);

// Tr (sigma1 sigma2)^(1/2) for symmetric positive semidefinite matrices; *negative as psd_sqrt's return value.
double trace_sqrt_product(const double* sigma1, const double* sigma2, index d, double* negative);

const char* isa();               // the instruction set in use
const char* available_isa(int);  // the i-th that this machine and build have, best first; null past the last
}  // namespace cpu

}  // namespace parzen
