// Opens libparzen_cuda.so at the first use and passes operations on to it.
#include "device.h"

#include <dlfcn.h>

#include <cstdlib>
#include <map>
#include <mutex>

#include "cuda/api.h"

namespace parzen::cuda {
namespace {

std::string default_path() {
  Dl_info here;
  if (!dladdr(reinterpret_cast<void*>(&default_path), &here) || !here.dli_fname) return "libparzen_cuda.so";
  const std::string module = here.dli_fname;
  return module.substr(0, module.rfind('/') + 1) + "libparzen_cuda.so";
}

// The library's functions by name; `missing` says why there are none.
struct Library {
  std::string path, missing;

#define PARZEN_FUNCTION(name) decltype(&parzen_cuda_##name) name = nullptr;
#define PARZEN_OPERATION(Operation, name) PARZEN_FUNCTION(name)
#define PARZEN_OTHERS(X) X(abi) X(architectures) X(versions) X(device_count) X(device) X(free_bytes) X(join)
  PARZEN_OTHERS(PARZEN_FUNCTION)
  PARZEN_CUDA_OPERATIONS(PARZEN_OPERATION)
#undef PARZEN_FUNCTION
#undef PARZEN_OPERATION

  explicit Library(const std::string& path) : path(path) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      const char* reason = dlerror();
      missing = reason ? reason : "could not be opened";
      return;
    }
#define PARZEN_FUNCTION(name) resolve(handle, name, "parzen_cuda_" #name);
#define PARZEN_OPERATION(Operation, name) PARZEN_FUNCTION(name)
    PARZEN_OTHERS(PARZEN_FUNCTION)
    PARZEN_CUDA_OPERATIONS(PARZEN_OPERATION)
#undef PARZEN_FUNCTION
#undef PARZEN_OPERATION
    if (missing.empty() && abi() != cuda::abi)
      missing =
          path + " is of another version of parzen (" + std::to_string(abi()) + ", expected " + std::to_string(cuda::abi) + ")";
  }

 private:
  template <class F>
  void resolve(void* handle, F*& function, const char* name) {
    function = reinterpret_cast<F*>(dlsym(handle, name));
    if (!function && missing.empty()) missing = path + " has no " + name;
  }
};

// One for each path, and never closed: a thread may be in one while the process ends.
const Library& library() {
  static std::mutex& mutex = *new std::mutex;
  static std::map<std::string, Library>& opened = *new std::map<std::string, Library>;
  const char* asked = std::getenv("PARZEN_CUDA_LIBRARY");
  const std::string path = asked && *asked ? asked : default_path();
  const std::lock_guard lock(mutex);
  return opened.try_emplace(path, path).first->second;
}

const Library& usable() {
  const Library& l = library();
  if (!l.missing.empty()) throw DeviceError("cuda: this installation has no usable CUDA library: " + l.missing, false);
  return l;
}

// Calls f(message) and throws what it says.
template <class F>
void call(F f) {
  char text[1024] = "";
  switch (f(Message{text, sizeof text})) {
    case done: return;
    case interrupted: throw Interrupted{};
    case out_of_memory: throw DeviceError(text, true);
    default: throw DeviceError(text, false);
  }
}

}  // namespace

#define PARZEN_DEFINE(Operation, name)                                       \
  void name(const Operation& op, const Execution& execution) {               \
    const Library& l = usable();                                             \
    call([&](Message message) { return l.name(&op, &execution, message); }); \
  }
PARZEN_CUDA_OPERATIONS(PARZEN_DEFINE)
#undef PARZEN_DEFINE

void join(int device, void* stream, void* other) {
  const Library& l = usable();
  call([&](Message message) { return l.join(device, stream, other, message); });
}

std::size_t free_bytes(int device) {
  const Library& l = usable();
  std::size_t bytes = 0;
  call([&](Message message) { return l.free_bytes(device, &bytes, message); });
  return bytes;
}

Facts facts() {
  const Library& l = library();
  Facts facts;
  facts.library = l.path;
  facts.missing = l.missing;
  if (!l.missing.empty()) return facts;
  facts.architectures = l.architectures();
  try {
    call([&](Message message) { return l.versions(&facts.runtime, &facts.driver, message); });
    int count = 0;
    call([&](Message message) { return l.device_count(&count, message); });
    for (int number = 0; number < count; ++number) {
      Device device;
      call([&](Message message) { return l.device(number, &device, message); });
      facts.devices.push_back({device.name, device.major, device.minor, device.multiprocessors, device.total_bytes});
    }
    if (count == 0) facts.unusable = "there is no device";
  } catch (const DeviceError& error) {
    facts.unusable = error.what();
  }
  return facts;
}

}  // namespace parzen::cuda
