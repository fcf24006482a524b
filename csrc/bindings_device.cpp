// Python's side of CUDA devices: where an array on one lies, what devices there are, and what becomes of their errors.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>

#include "arrays.h"
#include "device.h"
#include "reporter.h"

namespace py = pybind11;

namespace parzen {
namespace {

py::dict cuda_info() {
  cuda::Facts facts;
  Gil().without([&] { facts = cuda::facts(); });
  py::list devices;
  for (const auto& device : facts.devices) {
    py::dict entry;
    entry["name"] = device.name;
    entry["capability"] = py::make_tuple(device.major, device.minor);
    entry["multiprocessors"] = device.multiprocessors;
    entry["total_bytes"] = device.total_bytes;
    devices.append(entry);
  }
  const auto or_none = [](const std::string& text) { return text.empty() ? py::object(py::none()) : py::object(py::str(text)); };
  py::dict info;
  info["library"] = facts.library;
  info["missing"] = or_none(facts.missing);
  info["architectures"] = facts.architectures;
  info["runtime"] = facts.runtime;
  info["driver"] = facts.driver;
  info["unusable"] = or_none(facts.unusable);
  info["devices"] = devices;
  return info;
}

}  // namespace

void bind_device(py::module_& m) {
  py::class_<DeviceMatrix>(m, "DeviceMatrix")
      .def(py::init<std::uintptr_t, index, index, index, const std::string&, int, std::uintptr_t, const std::string&>(),
           py::arg("pointer"), py::arg("rows"), py::arg("cols"), py::arg("stride"), py::arg("dtype"), py::arg("device"),
           py::arg("stream") = 0, py::kw_only(), py::arg("precision") = "full");
  m.def("cuda_info", &cuda_info);
  m.def("cuda_free_bytes", [](int device) {
    std::size_t bytes = 0;
    Gil().without([&] { bytes = cuda::free_bytes(device); });
    return bytes;
  });
  py::register_local_exception_translator([](std::exception_ptr error) {
    try {
      std::rethrow_exception(error);
    } catch (const DeviceError& failure) {
      PyErr_SetString(failure.out_of_memory ? PyExc_MemoryError : PyExc_RuntimeError, failure.what());
    }
  });
}

}  // namespace parzen
