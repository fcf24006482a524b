// The symmetric tensor sum_i z_i^(x p) of the extended rows z = [1; x - c], each entry once, as rows of a matrix.
//
// Entries are named by ascending indices. A row of the matrix is all of an entry's indices but the last, a column the last one,
// which is never below the others:
//
//   p = 1   row ()            columns c = 0 .. D-1
//   p = 2   row (b)           columns c >= b
//   p = 3   row (a, b), a<=b  columns c >= b; rows in the order (0,0) (0,1) (1,1) (0,2) ...
//
// so that the matrix is the product of rows z_a z_b with rows z_c, summed over samples. Entries lie in memory in the order of rows,
// then columns: D, D(D+1)/2 or D(D+1)(D+2)/6 of them.
#pragma once

#include "kernels.h"

namespace parzen::PARZEN_ISA_NAME {

struct Tensor {
  struct Row {
    index first, middle;  // z_first z_middle; p < 3 uses z_0 = 1 for what it has not
    int degree;

    PARZEN_INLINE index last() const { return degree == 3 ? middle : first; }  // the lowest column
    PARZEN_INLINE void step() {
      if (degree == 3 && first == middle)
        ++middle, first = 0;
      else
        ++first;
    }
  };

  int degree;
  index extended;  // D

  PARZEN_INLINE index rows() const { return degree == 1 ? 1 : degree == 2 ? extended : extended * (extended + 1) / 2; }

  PARZEN_INLINE Row row(index number) const {
    if (degree < 3) return {degree == 1 ? 0 : number, 0, degree};
    index middle = 0, above = extended;  // middle (middle+1) / 2 <= number
    while (above - middle > 1) {
      const index half = (middle + above) / 2;
      (half * (half + 1) / 2 <= number ? middle : above) = half;
    }
    return {number - middle * (middle + 1) / 2, middle, degree};
  }

  // Where the entry (row, its lowest column) lies.
  PARZEN_INLINE index offset(const Row& r) const {
    const index d = extended, b = r.last();
    if (degree == 1) return 0;
    if (degree == 2) return b * d - b * (b - 1) / 2;
    return d * b * (b + 1) / 2 - (b - 1) * b * (b + 1) / 3 + r.first * (d - b);
  }

  // How many tuples of indices share the entry.
  PARZEN_INLINE double multiplicity(const Row& r, index col) const {
    if (degree == 1) return 1;
    if (degree == 2) return r.first == col ? 1 : 2;
    return r.first == r.middle ? (r.middle == col ? 1 : 3) : (r.middle == col ? 3 : 6);
  }

  // What (gamma <x,y> + coef0)^p makes of the entry's square: its tuples, and gamma or coef0 for each of its indices.
  PARZEN_INLINE double weight(const Row& r, index col, double gamma, double coef0) const {
    double weight = multiplicity(r, col) * (col > 0 ? gamma : coef0);
    if (degree > 1) weight *= r.first > 0 ? gamma : coef0;
    if (degree > 2) weight *= r.middle > 0 ? gamma : coef0;
    return weight;
  }
};

}  // namespace parzen::PARZEN_ISA_NAME
