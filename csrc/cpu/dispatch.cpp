// Picks the instruction set once: PARZEN_ISA where set, else the best that the processor has.
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "../reductions.h"

#if defined(__x86_64__)
#define PARZEN_EACH_ISA(X) X(avx512) X(avx2) X(baseline)
#elif defined(__aarch64__)
#define PARZEN_EACH_ISA(X) X(neon)
#else
#define PARZEN_EACH_ISA(X) X(baseline)
#endif

namespace parzen {

#define PARZEN_DECLARE(name)                     \
  namespace name {                               \
  void kernel_sum(const KernelSum&);             \
  void kernel_quadratic(const KernelQuadratic&); \
  void log_density(const LogDensity&);           \
  void nearest(const Nearest&);                  \
  void ball_counts(const BallCounts&);           \
  void moments(const Moments&);                  \
  void moment_norms(const MomentNorms&);         \
  void column_bounds(const ColumnBounds&);       \
  }
PARZEN_EACH_ISA(PARZEN_DECLARE)
#undef PARZEN_DECLARE

namespace cpu {
namespace {

struct Isa {
  const char* name;
  bool available;
  void (*kernel_sum)(const KernelSum&);
  void (*kernel_quadratic)(const KernelQuadratic&);
  void (*log_density)(const LogDensity&);
  void (*nearest)(const Nearest&);
  void (*ball_counts)(const BallCounts&);
  void (*moments)(const Moments&);
  void (*moment_norms)(const MomentNorms&);
  void (*column_bounds)(const ColumnBounds&);
};

bool supported(const std::string& name) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (name == "avx2") return avx2;
  if (name == "avx512")
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
  return name == "baseline" || name == "neon";
}

#define PARZEN_ROW(name)                                                                          \
  {#name,         supported(#name),  name::kernel_sum, name::kernel_quadratic, name::log_density, \
   name::nearest, name::ball_counts, name::moments,    name::moment_norms,     name::column_bounds},
const Isa* isas(int* count) {
  static const Isa table[] = {PARZEN_EACH_ISA(PARZEN_ROW)};  // best first
  *count = int(sizeof table / sizeof *table);
  return table;
}
#undef PARZEN_ROW

const Isa& chosen() {
  static const Isa& choice = []() -> const Isa& {
    const char* forced = std::getenv("PARZEN_ISA");
    const bool any = !forced || !*forced;
    int count;
    const Isa* table = isas(&count);
    std::string names;
    for (int i = 0; i < count; ++i) {
      if (!table[i].available) continue;
      if (any || std::string(forced) == table[i].name) return table[i];
      names += (names.empty() ? "" : ", ") + std::string(table[i].name);
    }
    throw std::runtime_error("PARZEN_ISA is '" + std::string(any ? "" : forced) + "'; this machine and build have: " + names);
  }();
  return choice;
}

}  // namespace

void kernel_sum(const KernelSum& op) { chosen().kernel_sum(op); }
void kernel_quadratic(const KernelQuadratic& op) { chosen().kernel_quadratic(op); }
void log_density(const LogDensity& op) { chosen().log_density(op); }
void nearest(const Nearest& op) { chosen().nearest(op); }
void ball_counts(const BallCounts& op) { chosen().ball_counts(op); }
void moments(const Moments& op) { chosen().moments(op); }
void moment_norms(const MomentNorms& op) { chosen().moment_norms(op); }
void column_bounds(const ColumnBounds& op) { chosen().column_bounds(op); }

const char* isa() { return chosen().name; }

const char* available_isa(int i) {
  int count;
  const Isa* table = isas(&count);
  for (int t = 0; t < count; ++t)
    if (table[t].available && i-- == 0) return table[t].name;
  return nullptr;
}

}  // namespace cpu
}  // namespace parzen
