// u_p' K v_p for many pairs of indicator vectors, without K, in one pass over the pairs. A part of a tile's columns lies in shared
// memory; a warp takes one vector after the other, its lanes a column or two each, and adds those rows whose bit the vector has: up
// to 32 values in the samples' type, float64 beyond.
#include "../device.h"
#include "kernel_sum.h"

namespace parzen::cuda {
namespace {

constexpr int warp_rows = 32;  // of a word of bits
constexpr int tile_words = tile_side / warp_rows;

template <Argument argument>
struct QuadraticSink {
  Kernel kernel;
  SumSlots slots;
  const std::uint32_t *u, *v;  // [vector][word of 32 rows]
  index u_words, v_words, vectors;
  double* values;  // [tile][vector]

  template <class T>
  static constexpr int each = 8 / int(sizeof(T));  // columns of a lane
  template <class T>
  static constexpr int width = 32 * each<T>;  // of a part
  template <class T>
  static constexpr int pitch = width<T> + 2;
  template <class T>
  static constexpr int held_bytes = tile_side * pitch<T> * int(sizeof(T));
  template <class P>
  static constexpr int shared_bytes = held_bytes<typename P::Value>;  // more than the sums' own

  template <class P>
  __device__ PARZEN_DEVICE_INLINE void tile(const Place& at, const typename P::Lane& mine, unsigned char* shared,
                                            Accumulators<typename P::Value>& v) const {
    using T = typename P::Value;
    static_assert(SumSlots::shared_bytes<P> <= shared_bytes<P>);
    evaluate<T>(kernel, argument, at, mine, v);
    slots.add<P>(at, mine, shared, v);
    T* held = reinterpret_cast<T*>(shared);
    for (int part = 0; part < tile_side / width<T>; ++part) {
      __syncthreads();
      PARZEN_UNROLL
      for (int s = 0; s < slices; ++s) {
        if (mine.first_col(s) / width<T> != part) continue;
        PARZEN_UNROLL
        for (int n = 0; n < slice_cols; ++n) held[mine.row(s) * pitch<T> + mine.col(s, n) % width<T>] = v[s][n];
      }
      __syncthreads();
      take(at, held, part);
    }
  }

  template <class T>
  __device__ PARZEN_DEVICE_INLINE void take(const Place& at, const T* held, int part) const {
    const int lane = int(threadIdx.x) % 32;
    double* slot = values + at.number * vectors;
    const int col = part * width<T> + lane * each<T>;
    const index row_word = at.row0 / warp_rows, col_word = (at.col0 + col) / warp_rows;
    for (index p = threadIdx.x / 32; p < vectors; p += block_threads / 32) {
      double totals[each<T>] = {};
      for (int w = 0; w < tile_words; ++w) {
        T sums[each<T>] = {};
        const T* rows = held + w * warp_rows * pitch<T> + each<T> * lane;
        for (std::uint32_t bits = row_word + w < u_words ? u[p * u_words + row_word + w] : 0; bits; bits &= bits - 1) {
          const T* row = rows + (__ffs(int(bits)) - 1) * pitch<T>;
          PARZEN_UNROLL
          for (int c = 0; c < each<T>; ++c) sums[c] += row[c];
        }
        PARZEN_UNROLL
        for (int c = 0; c < each<T>; ++c) totals[c] += double(sums[c]);
      }
      const std::uint32_t columns = (col_word < v_words ? this->v[p * v_words + col_word] : 0) >> (col % warp_rows);
      double sum = 0;
      PARZEN_UNROLL
      for (int c = 0; c < each<T>; ++c) sum += columns >> c & 1 ? totals[c] : 0.0;
      sum = warp_sum(sum);
      if (lane == 0) slot[p] = part == 0 ? sum : slot[p] + sum;
    }
  }
};

// Eight rows of all vectors to a byte become 32 rows of one vector to a word.
__global__ void words_kernel(const std::uint8_t* bytes, index rows, index vectors, index words, std::uint32_t* out) {
  const index i = index(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= words * vectors) return;
  const index p = i % vectors, word = i / vectors;
  std::uint32_t bits = 0;
  for (index b = 0; b < 4; ++b)
    if ((word * 4 + b) * 8 < rows) bits |= std::uint32_t(bytes[(word * 4 + b) * vectors + p]) << (8 * b);
  out[p * words + word] = bits;
}

// totals[p] += the slots of all tiles.
__global__ void __launch_bounds__(block_threads) add_values_kernel(const double* slots, int tiles, index vectors, double* totals) {
  const index p = index(blockIdx.x) * sums_a_block + threadIdx.x % sums_a_block;
  const double sum = sum_of_eight(tiles, [&](int t) { return p < vectors ? slots[t * vectors + p] : 0.0; });
  if (p < vectors && int(threadIdx.x) < sums_a_block) totals[p] += sum;
}

// Indicator vectors on the device.
class Indicators {
 public:
  Indicators(const std::uint8_t* bytes, index rows, index vectors, Run& run)
      : words(ceil_div(rows, warp_rows)), bits_(words * vectors, run.stream) {
    const Scratch<std::uint8_t> given(bytes, ceil_div(rows, 8) * vectors, run.stream);
    launch(words_kernel, int(ceil_div(words * vectors, block_threads)), block_threads, 0, run.stream, given.get(), rows, vectors,
           words, bits_.get());
    check_launch("words_kernel");
  }

  const std::uint32_t* get() const { return bits_.get(); }
  const index words;

 private:
  Scratch<std::uint32_t> bits_;
};

template <Argument argument>
class Quadratics : public PairSums {
 public:
  Quadratics(const KernelQuadratic& op, const Kernel& kernel, Run& run)
      : PairSums(op, run),
        op_(op),
        run_(run),
        kernel_(kernel),
        u_(op.u, op.x.rows, op.vectors, run),
        totals_(op.vectors, run.stream) {
    if (!op.same) v_.emplace(op.v, op.y.rows, op.vectors, run);
    totals_.clear(op.vectors);
  }

  template <class P>
  index slot_bytes() const {
    return PairSums::slot_bytes<P>() + op_.vectors * index(sizeof(double));
  }

  template <class P>
  void reserve(const Chunks& chunks) {
    PairSums::reserve<P>(chunks);
    values_.emplace(chunks.rows * chunks.cols * op_.vectors, run_.stream);
  }

  QuadraticSink<argument> sink() const {
    const Indicators& v = v_ ? *v_ : u_;
    return {kernel_, slots(), u_.get(), v.get(), u_.words, v.words, op_.vectors, values_->get()};
  }

  template <class P>
  void end_chunk(const Chunk<P>& c) {
    PairSums::end_chunk(c);
    launch(add_values_kernel, int(ceil_div(op_.vectors, sums_a_block)), block_threads, block_threads * int(sizeof(double)),
           run_.stream, values_->get(), c.tiles, op_.vectors, totals_.get());
    check_launch("add_values_kernel");
  }

  void finish() {
    totals_.read(op_.values, op_.vectors);
    PairSums::finish();
    for (index p = 0; op_.same && p < op_.vectors; ++p) op_.values[p] *= 2;
  }

 private:
  const KernelQuadratic& op_;
  Run& run_;
  const Kernel& kernel_;
  Indicators u_;
  std::optional<Indicators> v_;
  Scratch<double> totals_;
  std::optional<Scratch<double>> values_;
};

}  // namespace

void kernel_quadratic(const KernelQuadratic& op, const Execution& execution) { sum_pairs<Quadratics>(op, execution); }

}  // namespace parzen::cuda
