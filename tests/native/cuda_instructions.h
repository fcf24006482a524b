// The device's own instructions on the host, as the PTX manual describes them: each thread takes what it needs of the others'
// operands. What goes on by itself is done at the last moment, when it is waited for: copies (with PARZEN_CUDA_HOST_COPIES=early:
// at once) and the products of warpgroups, whose sums hold nothing until then.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <limits>
#include <unordered_map>
#include <vector>

#include "cuda_threads.h"

struct __half {
  std::uint16_t bits;
};
inline __half __float2half_rn(float v) {
  const _Float16 h = _Float16(v);
  __half half;
  std::memcpy(&half, &h, sizeof half);
  return half;
}
inline float __half2float(__half half) {
  static const std::vector<float> values = [] {
    std::vector<float> all(65536);
    for (unsigned bits = 0; bits < 65536; ++bits) {
      const std::uint16_t word = std::uint16_t(bits);
      _Float16 h;
      std::memcpy(&h, &word, sizeof h);
      all[bits] = float(h);
    }
    return all;
  }();
  return values[half.bits];
}
inline std::uint16_t __half_as_ushort(__half half) { return half.bits; }
inline __half __ushort_as_half(std::uint16_t bits) { return {bits}; }

namespace parzen::cuda::host {

inline void stop(const char* why) {
  std::fprintf(stderr, "%s\n", why);
  std::abort();
}

struct Copy {
  unsigned char* to;
  const unsigned char* from;
  int bytes;
};
struct Product {
  std::uint64_t a, b;
  bool add;
};

// What a thread has under way: committed groups, and what is not committed yet.
template <class Work>
struct Queue {
  std::deque<std::vector<Work>> groups;
  std::vector<Work> open;

  void commit() {
    groups.push_back(std::move(open));
    open.clear();
  }
  template <class Do>
  void wait(std::size_t under_way, Do work) {
    for (; groups.size() > under_way; groups.pop_front())
      for (const Work& one : groups.front()) work(one);
  }
};

struct UnderWay {
  Queue<Copy> copies;
  Queue<Product> products;
  bool begun = false;         // since the sums were last touched
  float (*sum)[8] = nullptr;  // of the products
  float sums[8][8];           // what they are by now
};
inline std::vector<UnderWay> under_way;

// A phase that has not ended, and what is to arrive in it.
struct Arriving {
  int phase = 0, bytes = -1;  // how many are expected; -1: nobody has said
  std::vector<Copy> copies;
};
inline std::unordered_map<void*, Arriving> arriving;

inline UnderWay& mine() { return under_way[threadIdx.x]; }
inline void begin_block(int threads) {
  under_way.assign(std::size_t(threads), {});
  arriving.clear();
}
inline void copy(const Copy& one) { std::memcpy(one.to, one.from, std::size_t(one.bytes)); }
inline bool copies_are_early() {
  const char* text = std::getenv("PARZEN_CUDA_HOST_COPIES");
  return text && std::strcmp(text, "early") == 0;
}

inline float of_half(const unsigned char* at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return __half2float(__ushort_as_half(bits));
}

// Products are exact; the sum of eight is added to float32 and cut off, not rounded, in whatever order (Fasi et al., "Numerical
// behavior of NVIDIA tensor cores", PeerJ Computer Science 2021).
inline float cut_off(double v) {
  const float rounded = float(v);
  return std::fabs(double(rounded)) > std::fabs(v) ? std::nextafter(rounded, 0.0f) : rounded;
}

// Sixteen float16 of a row, by a matrix descriptor without exchange of banks.
inline void read_row(std::uint64_t descriptor, unsigned row, float (&values)[16]) {
  if (descriptor >> 49 != 0) stop("a matrix descriptor with more than an address and two distances");
  const auto bytes = [&](int shift) { return std::size_t(descriptor >> shift & 0x3fff) * 16; };
  const unsigned char* group = block.shared + bytes(0) + row / 8 * bytes(32) + row % 8 * 16;
  for (int k = 0; k < 16; ++k) values[k] = of_half(group + k / 8 * bytes(16) + k % 8 * 2);
}

inline void multiply(const Product& product, float (&sum)[8][8]) {
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32 % 4;
  float a[2][16], b[16];
  for (unsigned r = 0; r < 2; ++r) read_row(product.a, 16 * warp + 8 * r + lane / 4, a[r]);
  for (unsigned c = 0; c < 32; ++c) {
    read_row(product.b, c / 2 * 8 + lane % 4 * 2 + c % 2, b);
    for (unsigned r = 0; r < 2; ++r) {
      float& v = sum[4 * r + c / 8][c % 8];
      if (!product.add) v = 0;
      for (int group = 0; group < 16; group += 8) {
        double products = 0;
        for (int k = group; k < group + 8; ++k) products += double(a[r][k]) * double(b[k]);
        v = cut_off(double(v) + products);
      }
    }
  }
}

}  // namespace parzen::cuda::host

namespace parzen::cuda {

inline unsigned char* shared_memory() { return host::block.shared; }
inline unsigned shared_address(const void* shared) {
  return unsigned(static_cast<const unsigned char*>(shared) - host::block.shared);
}
inline int only_here(int v) { return v; }

inline host::Copy checked(unsigned char* shared, const unsigned char* global, int bytes) {
  if ((std::uintptr_t(shared) | std::uintptr_t(global) | unsigned(bytes)) % 16 != 0)
    host::stop("a copy that is not of whole 16 bytes");
  return {shared, global, bytes};
}
inline void copy_16_bytes(unsigned char* shared, const unsigned char* global) {
  const host::Copy one = checked(shared, global, 16);
  host::copies_are_early() ? host::copy(one) : host::mine().copies.open.push_back(one);
}
inline void commit_copies() { host::mine().copies.commit(); }
inline void wait_for_copies(int under_way) { host::mine().copies.wait(std::size_t(under_way), host::copy); }

inline void load_matrices(const unsigned char* row, std::uint32_t (&words)[4]) {
  const unsigned char* rows[32];
  host::exchange(row, rows);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned matrix = 0; matrix < 4; ++matrix) std::memcpy(&words[matrix], rows[8 * matrix + lane / 4] + lane % 4 * 4, 4);
}

inline void multiply_16_8_16(float* upper, float* lower, const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
  struct Operands {
    std::uint32_t a[4], b[2];
  } mine{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, all[32];
  host::exchange(mine, all);
  const unsigned lane = threadIdx.x % 32, quad = lane / 4;
  const auto half = [](std::uint32_t word, unsigned which) {
    return double(__half2float(__ushort_as_half(std::uint16_t(word >> 16 * which))));
  };
  for (unsigned low = 0; low < 2; ++low)
    for (unsigned c = 0; c < 2; ++c) {
      float& sum = (low ? lower : upper)[c];
      for (unsigned group = 0; group < 2; ++group) {
        double products = 0;
        for (unsigned k = 0; k < 8; ++k)
          products +=
              half(all[quad * 4 + k / 2].a[low + 2 * group], k % 2) * half(all[(lane % 4 * 2 + c) * 4 + k / 2].b[group], k % 2);
        sum = host::cut_off(double(sum) + products);
      }
    }
}

inline void multiply_8_8_4(double* sum, double a, double b) {
  struct Operands {
    double a, b;
  } mine{a, b}, all[32];
  host::exchange(mine, all);
  const unsigned lane = threadIdx.x % 32;
  for (unsigned c = 0; c < 2; ++c)
    for (unsigned k = 0; k < 4; ++k) sum[c] = std::fma(all[lane / 4 * 4 + k].a, all[(lane % 4 * 2 + c) * 4 + k].b, sum[c]);
}

constexpr bool code_has_wgmma = true;

using Arrival = std::uint64_t;
inline void prepare(Arrival* arrival) { host::arriving[arrival] = {}; }
inline void show_prepared() {}
inline void expect(Arrival* arrival, int bytes) {
  if (host::arriving.at(arrival).bytes >= 0) host::stop("bytes are expected that have not been waited for");
  host::arriving[arrival].bytes = bytes;
}
inline void copy_bytes(unsigned char* shared, const unsigned char* global, int bytes, Arrival* arrival) {
  const host::Copy one = checked(shared, global, bytes);
  if (host::copies_are_early()) host::copy(one);
  host::arriving.at(arrival).copies.push_back(one);
}
inline void wait_for_arrival(Arrival* arrival, int phase) {
  host::Arriving& there = host::arriving.at(arrival);
  if (there.phase % 2 != phase) return;
  int bytes = 0;
  for (const host::Copy& one : there.copies) {
    if (!host::copies_are_early()) host::copy(one);
    bytes += one.bytes;
  }
  if (bytes != there.bytes) host::stop("a wait for bytes that never arrive");
  there = {there.phase + 1, -1, {}};
}

inline void begin_products() { host::mine().begun = true; }
inline void multiply_64_128_16(float (&sum)[8][8], std::uint64_t a, std::uint64_t b, bool add) {
  host::UnderWay& mine = host::mine();
  if (!mine.begun) host::stop("wgmma without wgmma.fence before it");
  if (!mine.sum) {
    mine.sum = sum;
    std::memcpy(mine.sums, sum, sizeof mine.sums);
    for (auto& slice : sum) std::fill(slice, slice + 8, std::numeric_limits<float>::quiet_NaN());
  }
  mine.products.open.push_back({a, b, add});
}
inline void end_products() { host::mine().products.commit(); }
template <int under_way>
void wait_for_products() {
  host::UnderWay& mine = host::mine();
  mine.products.wait(under_way, [&](const host::Product& product) { host::multiply(product, mine.sums); });
  if (!mine.sum || !mine.products.groups.empty()) return;
  std::memcpy(mine.sum, mine.sums, sizeof mine.sums);
  mine.sum = nullptr;
  mine.begun = false;
}
inline void settle(float (&)[8][8]) {}

}  // namespace parzen::cuda
