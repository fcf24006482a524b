// A coverage-guided fuzzer (libFuzzer) on the C++ entry points: bytes become an operation, shapes, strides, kernel parameters and
// values of any bit pattern, NaN, infinities and denormals among them. What must hold for all of them: no undefined behaviour, no
// access out of bounds, every output written, inputs left alone, and the same bits from one thread as from several.
#include <limits>
#include <new>

#include "operations.h"

namespace parzen {
namespace {

// The input, byte by byte; after its end a generator goes on, so that a short input makes a whole problem.
class Source {
 public:
  Source(const unsigned char* data, std::size_t size) : data_(data), size_(size), state_(size) {}

  unsigned byte() {
    if (at_ < size_) {
      state_ = state_ * 31 + data_[at_];
      return data_[at_++];
    }
    return unsigned(word() >> 56);
  }
  std::uint64_t word() { return state_ = state_ * 6364136223846793005u + 1442695040888963407u; }
  bool chance(unsigned in) { return byte() % in == 0; }
  index between(index low, index high) { return low + index((byte() << 8 | byte()) % unsigned(high - low + 1)); }
  index size(index usual, index most) { return between(1, chance(6) ? most : usual); }

  template <class T>
  T value(bool any) {
    using limits = std::numeric_limits<T>;
    static constexpr T special[] = {T(0),
                                    -T(0),
                                    T(1),
                                    limits::quiet_NaN(),
                                    limits::infinity(),
                                    -limits::infinity(),
                                    limits::max(),
                                    limits::lowest(),
                                    limits::min(),
                                    limits::denorm_min(),
                                    -limits::denorm_min(),
                                    limits::epsilon(),
                                    T(1e19),
                                    T(-1e-23)};
    const unsigned b = byte();
    if (!any || b % 4 > 1) return T(int(b) - 128) / T(16);
    if (b % 4 == 1) return special[(b >> 2) % (sizeof special / sizeof *special)];
    const std::uint64_t bits = word();
    T value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }

  template <class T>
  std::vector<T> values(index count, bool any) {
    std::vector<T> values(count);
    for (T& v : values) v = value<T>(any);
    return values;
  }

 private:
  const unsigned char* data_;
  std::size_t size_, at_ = 0;
  std::uint64_t state_;
};

// Rows of a stride of their own, 0 for one row repeated, in memory that ends with the last value.
template <class T>
struct Rows {
  std::vector<T> values;
  Matrix matrix;

  Rows(Source& source, Type type, index rows, index cols, bool any) {
    const index stride = source.chance(8) ? 0 : cols + (source.chance(2) ? 0 : source.between(0, 5));
    const index start = source.between(0, 3);
    values = source.values<T>(start + (rows - 1) * stride + cols, any);
    matrix = {values.data() + start, rows, cols, stride, type};
  }
};

template <class T>
void run(Source& source, Type type) {
  const Operation& operation = operations[source.byte() % (sizeof operations / sizeof *operations)];
  const bool same = source.chance(2), any = !source.chance(3);
  index n = source.size(40, 700), m = source.size(40, 700);
  const index d = source.size(20, 700);
  if (same) n = std::max(n, operation.min_rows);
  while (n * m * d > 2'000'000) n = std::max<index>(2, n / 2), m = std::max<index>(1, m / 2);
  const Rows<T> x(source, type, n, d, any), y(source, type, m, d, any);
  const auto center = source.values<T>(d, any), radii = source.values<T>(n, any), y_radii = source.values<T>(m, any);
  const auto weights = source.values<double>(n, any);

  Problem p;
  p.x = x.matrix;
  p.y = same ? x.matrix : y.matrix;
  p.same = same;
  p.center = source.chance(2) ? nullptr : center.data();
  p.log_weights = source.chance(2) ? nullptr : weights.data();
  p.squared_radii = radii.data();
  p.y_squared_radii = y_radii.data();
  p.vectors = source.size(20, 300);
  std::vector<std::uint8_t> u((n + 7) / 8 * p.vectors), v((m + 7) / 8 * p.vectors);
  for (std::uint8_t& eight : u) eight = std::uint8_t(source.byte());
  for (std::uint8_t& eight : v) eight = std::uint8_t(source.byte());
  p.u = u.data();
  p.v = v.data();
  p.order = int(source.between(1, d <= 40 ? 3 : 2));
  p.profile = LogDensity::Profile(source.byte() % 6);
  p.bandwidths = source.values<double>(source.between(1, 4), any);
  for (double& h : p.bandwidths) h = std::abs(h);
  p.k = int(source.between(1, 9));
  p.scales = source.values<double>(source.between(1, 4), any);
  for (double& scale : p.scales) scale = std::abs(scale);
  p.kernel.kind = Kernel::Kind(source.byte() % 4);
  p.kernel.degree = source.chance(4) ? std::numeric_limits<int>::max() - int(source.byte()) : int(source.between(1, 9));
  p.kernel.gamma = source.value<double>(any);
  p.kernel.coef0 = source.value<double>(any);
  p.kernel.alpha = std::abs(source.value<double>(any));
  p.kernel.scale = std::abs(source.value<double>(any));
  p.kernel.scales = p.scales.data();
  p.kernel.count = int(p.scales.size());

  const Rows<T> x_before(x), y_before(y);
  set_thread_count(int(source.between(2, 4)));
  const auto several = operation(p);
  set_thread_count(1);
  if (operation(p) != several) fail(std::string(operation.name) + ": the number of threads changes the answer");
  const auto changed = [](const std::vector<T>& a, const std::vector<T>& b) {
    return std::memcmp(a.data(), b.data(), a.size() * sizeof(T));
  };
  if (changed(x.values, x_before.values) || changed(y.values, y_before.values))
    fail(std::string(operation.name) + ": an input was written to");
}

}  // namespace
}  // namespace parzen

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  parzen::Source source(data, size);
  if (source.chance(2))
    parzen::run<float>(source, parzen::Type::float32);
  else
    parzen::run<double>(source, parzen::Type::float64);
  return 0;
}
