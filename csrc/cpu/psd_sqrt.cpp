// Square roots of positive semidefinite matrices, by the symmetric eigendecomposition: real, and backward stable at any condition.
//
//   psd_sqrt            V max(w, 0)^(1/2) V'
//   trace_sqrt_product  Tr (S1 S2)^(1/2) = nuclear norm of A'B for any factors S1 = AA', S2 = BB'
//
// The fast way for the trace is Cholesky S1 = LL' and the eigenvalues w of L'S2L: Tr = sum sqrt(w). An eigenvalue is only known to
// about u max(w), so its root to min(sqrt(u wmax), u wmax / (2 sqrt w)). Where these add up to more than 1e-10 of the traces, the
// singular values of L1'L2 are taken instead, which are the roots themselves and known to u max(sqrt w), at thrice the time. The
// sum is the worst case: measured errors are 1e3 to 1e5 times smaller. A matrix that has no Cholesky factor gets V max(w, 0)^(1/2).
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "../reductions.h"
#include "lapack.h"

namespace parzen::cpu {
namespace {

constexpr double unit_roundoff = std::numeric_limits<double>::epsilon() / 2;
constexpr double tolerated = 1e-10;  // worst-case error of a trace, relative to the traces of the two matrices
using Vector = std::vector<double>;

[[noreturn]] void failed(const char* routine, int info) {
  throw std::runtime_error(std::string("LAPACK ") + routine + " failed with info = " + std::to_string(info));
}

// Eigenvalues, ascending; with vectors, a's columns become the eigenvectors.
Vector eigen(double* a, int d, bool vectors) {
  char jobz = vectors ? 'V' : 'N', uplo = 'L';
  Vector w(d);
  double work_size;
  int iwork_size, query = -1, info = 0;
  lapack.dsyevd(&jobz, &uplo, &d, a, &d, w.data(), &work_size, &query, &iwork_size, &query, &info);
  if (info) failed("dsyevd", info);
  Vector work(std::size_t(work_size) + 1);
  std::vector<int> iwork(std::size_t(iwork_size) + 1);
  int lwork = int(work.size()), liwork = int(iwork.size());
  lapack.dsyevd(&jobz, &uplo, &d, a, &d, w.data(), work.data(), &lwork, iwork.data(), &liwork, &info);
  if (info) failed("dsyevd", info);
  return w;
}

// Zeroes what counts as zero and returns the most negative eigenvalue cut off, relative to the largest magnitude.
double clip(Vector& w) {
  const double largest = std::max(std::abs(w.front()), std::abs(w.back()));
  const double negligible = double(w.size()) * unit_roundoff * largest;
  const double worst = w.front() < -negligible ? w.front() / largest : 0;
  for (double& value : w)
    if (value <= negligible) value = 0;
  return worst;
}

// Lower Cholesky factor in place, the part above left as it was; false (a spoilt) when a is not positive definite.
bool cholesky(double* a, int d) {
  char uplo = 'L';
  int info = 0;
  lapack.dpotrf(&uplo, &d, a, &d, &info);
  if (info < 0) failed("dpotrf", info);
  return info == 0;
}

// A factor A with AA' = sigma, in place: Cholesky, else V max(w, 0)^(1/2).
void factor(double* sigma, int d, bool* triangular, double* negative) {
  const std::size_t size = std::size_t(d) * d;
  const Vector copy(sigma, sigma + size);
  *triangular = cholesky(sigma, d);
  if (*triangular) {
    for (int j = 1; j < d; ++j)
      for (int i = 0; i < j; ++i) sigma[i + std::size_t(j) * d] = 0;
    return;
  }
  std::copy(copy.begin(), copy.end(), sigma);
  Vector w = eigen(sigma, d, true);
  *negative = std::min(*negative, clip(w));
  for (int j = 0; j < d; ++j)
    for (int i = 0; i < d; ++i) sigma[i + std::size_t(j) * d] *= std::sqrt(w[j]);
}

double nuclear_norm(double* a, int d) {
  char jobz = 'N';
  Vector s(d), work(1);
  std::vector<int> iwork(8 * std::size_t(d));
  double unused;
  int one = 1, lwork = -1, info = 0;
  lapack.dgesdd(&jobz, &d, &d, a, &d, s.data(), &unused, &one, &unused, &one, work.data(), &lwork, iwork.data(), &info);
  if (info) failed("dgesdd", info);
  work.resize(std::size_t(work[0]) + 1);
  lwork = int(work.size());
  lapack.dgesdd(&jobz, &d, &d, a, &d, s.data(), &unused, &one, &unused, &one, work.data(), &lwork, iwork.data(), &info);
  if (info) failed("dgesdd", info);
  double sum = 0;
  for (int i = d - 1; i >= 0; --i) sum += s[i];  // ascending
  return sum;
}

double trace(const double* a, int d) {
  double sum = 0;
  for (int i = 0; i < d; ++i) sum += a[i + std::size_t(i) * d];
  return sum;
}

// sum sqrt(w) of the eigenvalues of L'S2L, or NaN where its worst-case error is not tolerated.
double by_eigenvalues(Vector s1, Vector s2, int d) {
  const double scale = trace(s1.data(), d) + trace(s2.data(), d);
  if (!cholesky(s1.data(), d)) return std::nan("");
  int itype = 2, info = 0;
  char uplo = 'L';
  lapack.dsygst(&itype, &uplo, &d, s2.data(), &d, s1.data(), &d, &info);
  if (info) failed("dsygst", info);
  const Vector w = eigen(s2.data(), d, false);
  const double noise = unit_roundoff * w.back();
  if (w.front() < -double(d) * noise) return std::nan("");  // sigma2 has a negative eigenvalue: to be looked at
  double sum = 0, error = 0;
  for (const double value : w) {
    const double root = std::sqrt(std::max(value, 0.0));
    sum += root;
    error += std::min(std::sqrt(noise), root > 0 ? noise / (2 * root) : std::sqrt(noise));
  }
  return error <= tolerated * scale ? sum : std::nan("");
}

}  // namespace

double psd_sqrt(double* sigma, index size) {
  int d = int(size);
  Vector w = eigen(sigma, d, true);
  const double worst = clip(w);
  // root = BB' with B = V w^(1/4): symmetric to the last bit after one triangle is copied.
  for (int j = 0; j < d; ++j)
    for (int i = 0; i < d; ++i) sigma[i + std::size_t(j) * d] *= std::sqrt(std::sqrt(w[j]));
  const Vector b(sigma, sigma + std::size_t(d) * d);
  char plain = 'N', transposed = 'T';
  double one = 1, zero = 0;
  double* factor = const_cast<double*>(b.data());
  lapack.dgemm(&plain, &transposed, &d, &d, &d, &one, factor, &d, factor, &d, &zero, sigma, &d);
  for (int j = 0; j < d; ++j)
    for (int i = 0; i < j; ++i) sigma[i + std::size_t(j) * d] = sigma[j + std::size_t(i) * d];
  return worst;
}

double trace_sqrt_product(const double* sigma1, const double* sigma2, index size, double* negative) {
  int d = int(size);
  const std::size_t elements = std::size_t(d) * d;
  *negative = 0;
  const double fast = by_eigenvalues(Vector(sigma1, sigma1 + elements), Vector(sigma2, sigma2 + elements), d);
  if (!std::isnan(fast)) return fast;
  Vector factor1(sigma1, sigma1 + elements), factor2(sigma2, sigma2 + elements);
  bool triangular1, triangular2;
  factor(factor1.data(), d, &triangular1, negative);
  factor(factor2.data(), d, &triangular2, negative);
  char side = 'L', uplo = 'L', transposed = 'T', plain = 'N';
  double one = 1, zero = 0;
  if (triangular1) {
    lapack.dtrmm(&side, &uplo, &transposed, &plain, &d, &d, &one, factor1.data(), &d, factor2.data(), &d);
    return nuclear_norm(factor2.data(), d);
  }
  Vector product(elements);
  lapack.dgemm(&transposed, &plain, &d, &d, &d, &one, factor1.data(), &d, factor2.data(), &d, &zero, product.data(), &d);
  return nuclear_norm(product.data(), d);
}

}  // namespace parzen::cpu
