// The k smallest squared distances of each query. A tile that holds nothing closer than what is known writes nothing; of the others
// every column, and among the rows of one matrix every row, gets a sorted list, which is merged with what is known.
#include <optional>

#include "../device.h"
#include "pairs.h"

namespace parzen::cuda {
namespace {

template <class T>
PARZEN_INLINE T far_away() {
  return T(HUGE_VAL);
}

// A sorted list of at most `most` values in memory, one every tile_side; ends with far_away where it is shorter.
template <class T>
struct List {
  T* values;
  int most, held = 0;
  T last;

  __device__ PARZEN_DEVICE_INLINE List(T* values, int most, T bound) : values(values), most(most), last(bound) {}

  __device__ PARZEN_DEVICE_INLINE void offer(T v) {
    if (!(v < last)) return;
    int at = held < most ? held++ : most - 1;
    for (; at > 0 && v < values[(at - 1) * tile_side]; --at) values[at * tile_side] = values[(at - 1) * tile_side];
    values[at * tile_side] = v;
    if (held == most) last = values[(most - 1) * tile_side];
  }

  __device__ PARZEN_DEVICE_INLINE void end() const {
    if (held < most) values[held * tile_side] = far_away<T>();
  }
};

template <class T>
struct NearestSink {
  bool same;
  index k;
  int list_size;      // at most a tile's rows
  const T* best;      // [query][k] of the chunks before
  T *columns, *rows;  // lists: [tile][rank][column or row]

  static constexpr int width = 256 / int(sizeof(T)), pitch = width + 1;  // columns of the tile that are in shared memory at a time
  static constexpr int shared_bytes = tile_side * pitch * int(sizeof(T));

  __device__ PARZEN_DEVICE_INLINE T bound(index query) const { return best[query * k + k - 1]; }

  template <class U>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const Lane& mine, unsigned char* shared, Accumulators<T>& v) const {
    bool closer = false;
    T row_bounds[thread_rows];
    PARZEN_UNROLL
    for (int r = 0; r < thread_rows; ++r) row_bounds[r] = same && mine.row(r) < at.rows ? bound(at.row0 + mine.row(r)) : T(-1);
    PARZEN_UNROLL
    for (int c = 0; c < thread_cols; ++c) {
      const T col_bound = mine.col(c) < at.cols ? bound(at.col0 + mine.col(c)) : T(-1);
      PARZEN_UNROLL
      for (int r = 0; r < thread_rows; ++r) {
        if (!at.whole && !at.counts(mine.row(r), mine.col(c))) v[r][c] = far_away<T>();
        closer |= v[r][c] < col_bound || v[r][c] < row_bounds[r];
      }
    }
    const int thread = int(threadIdx.x), own = thread % tile_side;
    const bool of_columns = thread < tile_side;
    const bool mine_lives = of_columns ? own < at.cols : same && own < at.rows;
    T* list = (of_columns ? columns : rows) + (index(at.tile_row) * at.col_tiles + at.tile_col) * list_size * tile_side + own;
    List<T> closest(list, list_size, mine_lives ? bound((of_columns ? at.col0 : at.row0) + own) : T(-1));
    if (__syncthreads_or(closer)) {
      T* values = reinterpret_cast<T*>(shared);
      for (int part = 0; part < tile_side / width; ++part) {
        if (mine.warp_col * 32 / width == part) {
          PARZEN_UNROLL
          for (int r = 0; r < thread_rows; ++r) {
            PARZEN_UNROLL
            for (int c = 0; c < thread_cols; ++c) values[mine.row(r) * pitch + mine.col(c) % width] = v[r][c];
          }
        }
        __syncthreads();
        if (!mine_lives) {
        } else if (!of_columns) {
          for (int c = 0; c < width; ++c) closest.offer(values[own * pitch + c]);
        } else if (own / width == part) {
          for (int r = 0; r < tile_side; ++r) closest.offer(values[r * pitch + own % width]);
        }
        __syncthreads();
      }
    }
    if (mine_lives) closest.end();
  }
};

// The k smallest of what a query has and of its lists in a chunk, one after the other: a merge from the back, in place.
template <class T>
__global__ void __launch_bounds__(block_threads)
    merge_kernel(const T* lists, int list_size, index first, index queries, int row_tiles, int col_tiles, bool triangle,
                 bool of_rows, index k, T* best) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  const int own_tiles = of_rows ? row_tiles : col_tiles, own = int(i / tile_side);
  if (own >= own_tiles || first + i >= queries) return;
  T* mine = best + (first + i) * k;
  const int begin = triangle && of_rows ? own : 0;
  const int end = triangle && !of_rows ? own + 1 : of_rows ? col_tiles : row_tiles;
  for (int t = begin; t < end; ++t) {
    const index tile = of_rows ? index(own) * col_tiles + t : index(t) * col_tiles + own;
    const T* list = lists + tile * list_size * tile_side + i % tile_side;
    index offered = 0;
    while (offered < list_size && list[offered * tile_side] < mine[k - 1]) ++offered;
    index kept = k - 1, taken = offered - 1;  // the last of each that stays
    for (index dropped = 0; dropped < offered; ++dropped) {
      if (taken < 0 || (kept >= 0 && !(mine[kept] < list[taken * tile_side])))
        --kept;
      else
        --taken;
    }
    for (index to = k - 1; taken >= 0; --to) {
      if (kept >= 0 && list[taken * tile_side] < mine[kept])
        mine[to] = mine[kept--];
      else
        mine[to] = list[taken-- * tile_side];
    }
  }
}

template <class T>
__global__ void fill_kernel(T* values, index count, T value) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < count) values[i] = value;
}

template <class T>
class Lists {
 public:
  const int list_size;
  const index slot_bytes;

  Lists(const Nearest& op, Run& run)
      : list_size(int(smaller(op.k, tile_side))),
        slot_bytes(list_size * tile_side * index(sizeof(T)) * (op.same ? 2 : 1)),
        op_(op),
        run_(run),
        best_(op.queries.rows * op.k, run.stream) {
    const index count = op.queries.rows * op.k;
    launch(fill_kernel<T>, int(ceil_div(count, block_threads)), block_threads, 0, run.stream, best_.get(), count, far_away<T>());
    check_launch("fill_kernel");
  }

  void reserve(const Chunks& chunks) {
    const index count = chunks.rows * chunks.cols * list_size * tile_side;
    columns_.emplace(count, run_.stream);
    rows_.emplace(op_.same ? count : 0, run_.stream);
  }

  NearestSink<T> sink() const { return {op_.same, op_.k, list_size, best_.get(), columns_->get(), rows_->get()}; }

  template <class P>
  void end_chunk(const Chunk<P>& c) {
    merge(c, columns_->get(), c.col0, c.col_tiles, false);
    if (op_.same) merge(c, rows_->get(), c.row0, c.row_tiles, true);
  }

  void finish() {
    best_.read(static_cast<T*>(op_.squared), op_.queries.rows * op_.k);
    run_.finish();
  }

 private:
  template <class P>
  void merge(const Chunk<P>& c, const T* lists, index first, int own_tiles, bool of_rows) {
    launch(merge_kernel<T>, own_tiles, tile_side, 0, run_.stream, lists, list_size, first, op_.queries.rows, c.row_tiles,
           c.col_tiles, c.triangle, of_rows, index(op_.k), best_.get());
    check_launch("merge_kernel");
  }

  const Nearest& op_;
  Run& run_;
  Scratch<T> best_;
  std::optional<Scratch<T>> columns_, rows_;
};

template <class T>
void search(const Nearest& op, const Execution& execution) {
  Run run(execution, op.poll);
  run.expect_here(op.x, "x");
  run.expect_here(op.queries, "queries");
  const Scratch<T> center(static_cast<const T*>(op.center), op.center ? op.x.cols : 0, run.stream);
  Lists<T> lists(op, run);
  with_product<T, Argument::squared_distance>(op.x.cols, execution, [&](auto product) {
    sweep<decltype(product), Argument::squared_distance>(op.x, op.queries, op.same ? Pairs::upper : Pairs::all,
                                                         op.center ? center.get() : nullptr, execution, run, lists);
  });
  lists.finish();
}

}  // namespace

void nearest(const Nearest& op, const Execution& execution) {
  op.x.type == Type::float32 ? search<float>(op, execution) : search<double>(op, execution);
}

}  // namespace parzen::cuda
