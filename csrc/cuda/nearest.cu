// The k smallest squared distances of each query. A tile that holds nothing closer than what is known writes nothing; of the others
// every column, and among the rows of one matrix every row, gets a sorted list, which is merged with what is known. With `which`
// the neighbours' numbers go beside the distances: a query meets its candidates in the order of their numbers, so that of equal
// distances the first to come is the one that stays.
#include <optional>
#include <vector>

#include "../device.h"
#include "pairs.h"

namespace parzen::cuda {
namespace {

template <class T>
PARZEN_INLINE T far_away() {
  return T(HUGE_VAL);
}

constexpr int nobody = -1;

// A sorted list of at most `most` values in memory, one every tile_side; ends with far_away where it is shorter.
template <class T, bool which>
struct List {
  T* values;
  int* numbers;
  int most, held = 0;
  T last;

  __device__ PARZEN_DEVICE_INLINE List(T* values, int* numbers, int most, T bound)
      : values(values), numbers(numbers), most(most), last(bound) {}

  __device__ PARZEN_DEVICE_INLINE void offer(T v, int number) {
    if (!(v < last)) return;
    int at = held < most ? held++ : most - 1;
    for (; at > 0 && v < values[(at - 1) * tile_side]; --at) {
      values[at * tile_side] = values[(at - 1) * tile_side];
      if constexpr (which) numbers[at * tile_side] = numbers[(at - 1) * tile_side];
    }
    values[at * tile_side] = v;
    if constexpr (which) numbers[at * tile_side] = number;
    if (held == most) last = values[(most - 1) * tile_side];
  }

  __device__ PARZEN_DEVICE_INLINE void end() const {
    if (held < most) values[held * tile_side] = far_away<T>();
  }
};

template <class T, bool which>
struct NearestSink {
  bool same;
  index k;
  int list_size;                      // at most a tile's rows
  const T* best;                      // [query][k] of the chunks before
  const T* scales;                    // of the rows, or null
  T *columns, *rows;                  // lists: [tile][rank][column or row]
  int *column_numbers, *row_numbers;  // of a row or column of the tile

  static constexpr int width = 256 / int(sizeof(T)), pitch = width + 1;  // columns of the tile that are in shared memory at a time
  template <class P>
  static constexpr int shared_bytes = tile_side * pitch * int(sizeof(T));

  __device__ PARZEN_DEVICE_INLINE T bound(index query) const { return best[query * k + k - 1]; }

  template <class P>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const Lane<8>& mine, unsigned char* shared, Accumulators<T>& v) const {
    if constexpr (which) {
      if (scales) {
        PARZEN_UNROLL
        for (int r = 0; r < slices; ++r) {
          const T scale = mine.row(r) < at.rows ? scales[at.row0 + mine.row(r)] : T(1);
          PARZEN_UNROLL
          for (int c = 0; c < slice_cols; ++c) v[r][c] *= scale;
        }
      }
    }
    bool closer = false;
    T row_bounds[slices];
    PARZEN_UNROLL
    for (int r = 0; r < slices; ++r) row_bounds[r] = same && mine.row(r) < at.rows ? bound(at.row0 + mine.row(r)) : T(-1);
    PARZEN_UNROLL
    for (int c = 0; c < slice_cols; ++c) {
      const T col_bound = mine.col(0, c) < at.cols ? bound(at.col0 + mine.col(0, c)) : T(-1);
      PARZEN_UNROLL
      for (int r = 0; r < slices; ++r) {
        if (!at.whole && !at.counts(mine.row(r), mine.col(0, c))) v[r][c] = far_away<T>();
        closer |= v[r][c] < col_bound || v[r][c] < row_bounds[r];
      }
    }
    const int thread = int(threadIdx.x), own = thread % tile_side;
    const bool of_columns = thread < tile_side;
    const bool mine_lives = of_columns ? own < at.cols : same && own < at.rows;
    const index list = (index(at.tile_row) * at.col_tiles + at.tile_col) * list_size * tile_side + own;
    List<T, which> closest((of_columns ? columns : rows) + list,
                           which ? (of_columns ? column_numbers : row_numbers) + list : nullptr, list_size,
                           mine_lives ? bound((of_columns ? at.col0 : at.row0) + own) : T(-1));
    if (__syncthreads_or(closer)) {
      T* values = reinterpret_cast<T*>(shared);
      for (int part = 0; part < tile_side / width; ++part) {
        if (mine.first_col(0) / width == part) {
          PARZEN_UNROLL
          for (int r = 0; r < slices; ++r) {
            PARZEN_UNROLL
            for (int c = 0; c < slice_cols; ++c) values[mine.row(r) * pitch + mine.col(0, c) % width] = v[r][c];
          }
        }
        __syncthreads();
        if (!mine_lives) {
        } else if (!of_columns) {
          for (int c = 0; c < width; ++c) closest.offer(values[own * pitch + c], part * width + c);
        } else if (own / width == part) {
          for (int r = 0; r < tile_side; ++r) closest.offer(values[r * pitch + own % width], r);
        }
        __syncthreads();
      }
    }
    if (mine_lives) closest.end();
  }
};

// The k smallest of what a query has and of its lists in a chunk, one after the other: a merge from the back, in place.
template <class T, bool which>
__global__ void __launch_bounds__(tile_side)
    merge_kernel(const T* lists, const int* list_numbers, int list_size, index first, index first_candidate, index queries,
                 int row_tiles, int col_tiles, bool triangle, bool of_rows, int k, T* best, int* best_numbers) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  const int own_tiles = of_rows ? row_tiles : col_tiles, own = int(i / tile_side);
  if (own >= own_tiles || first + i >= queries) return;
  T* mine = best + (first + i) * k;
  int* my_numbers = which ? best_numbers + (first + i) * k : nullptr;
  const int begin = triangle && of_rows ? own : 0;
  const int end = triangle && !of_rows ? own + 1 : of_rows ? col_tiles : row_tiles;
  for (int t = begin; t < end; ++t) {
    const index tile = of_rows ? index(own) * col_tiles + t : index(t) * col_tiles + own;
    const T* list = lists + tile * list_size * tile_side + i % tile_side;
    const int* numbers = which ? list_numbers + tile * list_size * tile_side + i % tile_side : nullptr;
    int offered = 0;
    while (offered < list_size && list[offered * tile_side] < mine[k - 1]) ++offered;
    int kept = k - 1, taken = offered - 1;  // the last of each that stays
    for (int dropped = 0; dropped < offered; ++dropped) {
      if (kept >= 0 && (taken < 0 || list[taken * tile_side] < mine[kept]))
        --kept;
      else
        --taken;
    }
    for (int to = k - 1; taken >= 0; --to) {
      if (kept >= 0 && list[taken * tile_side] < mine[kept]) {
        if constexpr (which) my_numbers[to] = my_numbers[kept];
        mine[to] = mine[kept--];
      } else {
        if constexpr (which) my_numbers[to] = int(first_candidate) + t * tile_side + numbers[taken * tile_side];
        mine[to] = list[taken-- * tile_side];
      }
    }
  }
}

template <class T>
__global__ void fill_kernel(T* values, index count, T value) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) values[i] = value;
}

template <class T, bool which>
class Lists {
 public:
  const int list_size;

  Lists(const Nearest& op, Run& run)
      : list_size(int(smaller(op.k, tile_side))),
        op_(op),
        run_(run),
        scales_(static_cast<const T*>(op.scales), op.scales ? op.x.rows : 0, run.stream),
        best_(op.queries.rows * op.k, run.stream),
        best_numbers_(which ? op.queries.rows * op.k : 0, run.stream) {
    fill(best_.get(), far_away<T>());
    if (which) fill(best_numbers_.get(), nobody);
  }

  template <class P>
  index slot_bytes() const {
    return list_size * tile_side * index(sizeof(T) + (which ? sizeof(int) : 0)) * (op_.same ? 2 : 1);
  }

  template <class P>
  void reserve(const Chunks& chunks) {
    const index count = chunks.rows * chunks.cols * list_size * tile_side;
    columns_.emplace(count, run_.stream);
    rows_.emplace(op_.same ? count : 0, run_.stream);
    column_numbers_.emplace(which ? count : 0, run_.stream);
    row_numbers_.emplace(which && op_.same ? count : 0, run_.stream);
  }

  NearestSink<T, which> sink() const {
    const T* scales = op_.scales ? scales_.get() : nullptr;
    return {op_.same,           op_.k, list_size, best_.get(), scales, columns_->get(), rows_->get(), column_numbers_->get(),
            row_numbers_->get()};
  }

  template <class P>
  void end_chunk(const Chunk<P>& c) {
    merge(c, columns_->get(), column_numbers_->get(), c.col0, c.row0, c.col_tiles, false);
    if (op_.same) merge(c, rows_->get(), row_numbers_->get(), c.row0, c.col0, c.row_tiles, true);
  }

  void finish() {
    const index count = op_.queries.rows * op_.k;
    best_.read(static_cast<T*>(op_.squared), count);
    std::vector<int> numbers(op_.numbers ? count : 0);
    if (op_.numbers) best_numbers_.read(numbers.data(), count);
    run_.finish();
    for (index i = 0; op_.numbers && i < count; ++i) op_.numbers[i] = numbers[i];
  }

 private:
  template <class V>
  void fill(V* values, V value) {
    const index count = op_.queries.rows * op_.k;
    launch(fill_kernel<V>, int(ceil_div(count, block_threads)), block_threads, 0, run_.stream, values, count, value);
    check_launch("fill_kernel");
  }

  template <class P>
  void merge(const Chunk<P>& c, const T* lists, const int* numbers, index first, index first_candidate, int own_tiles,
             bool of_rows) {
    launch(merge_kernel<T, which>, own_tiles, tile_side, 0, run_.stream, lists, numbers, list_size, first, first_candidate,
           op_.queries.rows, c.row_tiles, c.col_tiles, c.triangle, of_rows, op_.k, best_.get(), best_numbers_.get());
    check_launch("merge_kernel");
  }

  const Nearest& op_;
  Run& run_;
  Scratch<T> scales_, best_;
  Scratch<int> best_numbers_;
  std::optional<Scratch<T>> columns_, rows_;
  std::optional<Scratch<int>> column_numbers_, row_numbers_;
};

template <class T, bool which>
void search(const Nearest& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.queries, "queries");
  const Scratch<T> center(static_cast<const T*>(op.center), op.center ? op.x.cols : 0, run.stream);
  Lists<T, which> lists(op, run);
  with_product<T, Argument::squared_distance, true>(op.x.cols, execution, run, [&](auto product) {
    sweep<decltype(product), Argument::squared_distance>(op.x, op.queries, op.same ? Pairs::upper : Pairs::all,
                                                         op.center ? center.get() : nullptr, execution, run, lists);
  });
  lists.finish();
}

template <class T>
void search(const Nearest& op, const Execution& execution) {
  op.numbers || op.scales ? search<T, true>(op, execution) : search<T, false>(op, execution);
}

}  // namespace

void nearest(const Nearest& op, const Execution& execution) {
  op.x.type == Type::float32 ? search<float>(op, execution) : search<double>(op, execution);
}

}  // namespace parzen::cuda
