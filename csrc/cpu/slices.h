// The symmetric tensor sum_i z_i^(x p) of the extended rows z = [1; x - c], cut into slices that are matrix products.
//
// Entries are named by ascending indices and stored once. A row of a slice is all of an entry's indices but the last, a column the
// last one, which is never below the others:
//
//   p = 1   row ()            columns c = 0 .. D-1
//   p = 2   row (b)           columns c >= b
//   p = 3   row (a, b), a<=b  columns c >= b; rows in the order (0,0) (0,1) (1,1) (0,2) ...
//
// so that a slice is the product of rows z_a z_b, formed while they are packed, with rows z_c, summed over samples. Entries lie in
// memory in the order of rows, then columns: D, D(D+1)/2 or D(D+1)(D+2)/6 of them.
#pragma once

#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {

struct Slices {
  struct Row {
    index first, middle;  // z_first z_middle; p < 3 uses z_0 = 1 for what it has not
    int degree;

    index last() const { return degree == 3 ? middle : first; }  // the lowest column
    void step() {
      if (degree == 3 && first == middle)
        ++middle, first = 0;
      else
        ++first;
    }
  };
  struct Slice {
    Row row;
    index row0, rows, col0, cols;
  };

  int degree;
  index extended;              // D
  index rows;                  // of the whole tensor
  index rows_each, cols_each;  // of a slice, at most; whole tiles
  index count;

  // Large slices read each sample less often; small ones waste less of a small tensor.
  Slices(int degree, index extended, index tile_columns)
      : degree(degree),
        extended(extended),
        rows(degree == 1   ? 1
             : degree == 2 ? extended
                           : extended * (extended + 1) / 2),
        rows_each(smaller(extended > 512 ? 384 : 96, ceil_div(rows, tile_rows) * tile_rows)),
        cols_each(smaller(512, ceil_div(extended, tile_columns) * tile_columns)),
        firsts_(blocks() + 1) {
    firsts_[0] = 0;
    for (index block = 0; block < blocks(); ++block)
      firsts_[block + 1] = firsts_[block] + ceil_div(extended - row(block * rows_each).last(), cols_each);
    count = firsts_[blocks()];
  }

  Row row(index number) const {
    if (degree < 3) return {degree == 1 ? 0 : number, 0, degree};
    index middle = 0, above = extended;  // middle (middle+1) / 2 <= number
    while (above - middle > 1) {
      const index half = (middle + above) / 2;
      (half * (half + 1) / 2 <= number ? middle : above) = half;
    }
    return {number - middle * (middle + 1) / 2, middle, degree};
  }

  Slice operator[](index number) const {
    index block = 0, above = blocks();  // firsts_[block] <= number
    while (above - block > 1) {
      const index half = (block + above) / 2;
      (firsts_[half] <= number ? block : above) = half;
    }
    const index row0 = block * rows_each;
    const Row head = row(row0);
    const index col0 = head.last() + (number - firsts_[block]) * cols_each;
    return {head, row0, smaller(rows_each, rows - row0), col0, smaller(cols_each, extended - col0)};
  }

  // Where the entry (row, its lowest column) lies.
  index offset(const Row& r) const {
    const index d = extended, b = r.last();
    if (degree == 1) return 0;
    if (degree == 2) return b * d - b * (b - 1) / 2;
    return d * b * (b + 1) / 2 - (b - 1) * b * (b + 1) / 3 + r.first * (d - b);
  }

  // How many tuples of indices share the entry.
  double multiplicity(const Row& r, index col) const {
    if (degree == 1) return 1;
    if (degree == 2) return r.first == col ? 1 : 2;
    return r.first == r.middle ? (r.middle == col ? 1 : 3) : (r.middle == col ? 3 : 6);
  }

 private:
  index blocks() const { return ceil_div(rows, rows_each); }

  Buffer<index> firsts_;  // number of the first slice of each block of rows
};

}  // namespace parzen::PARZEN_ISA_NAME
