// The tensor of ../tensor.h cut into slices that are matrix products; the rows of one are formed while they are packed.
#pragma once

#include "../tensor.h"
#include "pairs.h"

namespace parzen::PARZEN_ISA_NAME {

struct Slices : Tensor {
  struct Slice {
    Row row;
    index row0, rows, col0, cols;
  };

  index rows_each, cols_each;  // of a slice, at most; whole tiles
  index count;

  // Large slices read each sample less often; small ones waste less of a small tensor.
  Slices(int degree, index extended, index tile_columns)
      : Tensor{degree, extended},
        rows_each(smaller(extended > 512 ? 384 : 96, ceil_div(rows(), tile_rows) * tile_rows)),
        cols_each(smaller(512, ceil_div(extended, tile_columns) * tile_columns)),
        firsts_(blocks() + 1) {
    firsts_[0] = 0;
    for (index block = 0; block < blocks(); ++block)
      firsts_[block + 1] = firsts_[block] + ceil_div(extended - row(block * rows_each).last(), cols_each);
    count = firsts_[blocks()];
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
    return {head, row0, smaller(rows_each, rows() - row0), col0, smaller(cols_each, extended - col0)};
  }

 private:
  index blocks() const { return ceil_div(rows(), rows_each); }

  Buffer<index> firsts_;  // number of the first slice of each block of rows
};

}  // namespace parzen::PARZEN_ISA_NAME
