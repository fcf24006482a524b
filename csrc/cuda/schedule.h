// Which tile of pairs is whose: integers alone, the same on the device, on the host and in the tests.
//
// The pairs of two matrices are tiles of 128 x 128. As many tiles as the budgets of packed rows and of partial sums allow make a
// chunk, one launch; a launch's blocks walk over the chunk's tiles. Every tile has a slot of its own for its partial sums, and
// slots are added in order of their tiles, chunk after chunk: nothing depends on how many blocks there are or which of them was
// first.
#pragma once

#include "scalar.h"

namespace parzen::cuda {

constexpr int tile_side = 128;

PARZEN_INLINE constexpr index ceil_div(index a, index b) { return (a + b - 1) / b; }
PARZEN_INLINE constexpr index smaller(index a, index b) { return a < b ? a : b; }
PARZEN_INLINE constexpr index larger(index a, index b) { return a > b ? a : b; }

// Which pairs count: all, i < j, i != j.
enum class Pairs { all, upper, off_diagonal };

struct TileIndex {
  int row, col;
};

// Tile `number` of the triangle row <= col: (0,0) (0,1) (1,1) (0,2) ... The root is a first guess.
PARZEN_INLINE TileIndex triangle_tile(int number) {
  int col = int((sqrt(8.0f * float(number) + 1.0f) - 1.0f) / 2.0f);
  while (col * (col + 1) / 2 > number) --col;
  while ((col + 1) * (col + 2) / 2 <= number) ++col;
  return {number - col * (col + 1) / 2, col};
}

// Tile `number` of a rectangle, in bands of rows that are narrow enough for their packed rows to stay in the second-level cache.
constexpr int band_tiles = 8;
PARZEN_INLINE TileIndex rectangle_tile(int number, int row_tiles, int col_tiles) {
  const int band = number / (band_tiles * col_tiles), row0 = band * band_tiles;
  const int rows = row_tiles - row0, within = number - row0 * col_tiles;
  if (rows >= band_tiles) return {row0 + within % band_tiles, within / band_tiles};
  return {row0 + within % rows, within / rows};
}

// The chunks of a problem, from its shapes and from what a row or a tile takes; never from the device.
struct Chunks {
  static constexpr index packed_bytes = 72 << 20;  // of one side's packed rows
  static constexpr index slot_bytes = 64 << 20;    // of all partial sums of a chunk

  index row_tiles, col_tiles;  // of the problem
  index rows, cols;            // tiles of a chunk, at most
  bool triangle;               // only tiles with row <= col; chunks are squares

  Chunks(index x_rows, index y_rows, bool triangle, index bytes_per_packed_row, index slot_bytes_per_tile)
      : row_tiles(ceil_div(x_rows, tile_side)), col_tiles(ceil_div(y_rows, tile_side)), triangle(triangle) {
    const index side = larger(1, packed_bytes / (tile_side * bytes_per_packed_row));
    const index tiles = smaller(most_tiles(), larger(1, slot_bytes / slot_bytes_per_tile));
    index root = 1;
    while ((root + 1) * (root + 1) <= tiles) ++root;
    if (triangle) {
      rows = cols = evened(col_tiles, smaller(side, root));
    } else {
      // Few rows or few columns: the other side of the chunk is the longer.
      const index most_rows = smaller(row_tiles, side), most_cols = smaller(col_tiles, side);
      rows = evened(row_tiles, smaller(most_rows, larger(root, tiles / most_cols)));
      cols = evened(col_tiles, smaller(most_cols, tiles / rows));
    }
  }

  index chunk_rows() const { return ceil_div(row_tiles, rows); }
  index chunk_cols() const { return ceil_div(col_tiles, cols); }

 private:
  // The least size that needs no more chunks than `most` does.
  static index evened(index tiles, index most) { return ceil_div(tiles, ceil_div(tiles, larger(1, most))); }
};

}  // namespace parzen::cuda
