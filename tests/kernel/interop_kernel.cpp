// The other implementation of tests/interop is the kernel's module.

#include <memory>
#include <optional>
#include <string>

#include "interop/site.hpp"
#include "netns.hpp"

namespace wgscope::test {
namespace {

class KernelInterface final : public RealInterface {
 public:
  explicit KernelInterface(const NetworkNamespace& netns) : netns_(netns) {
    netns_.ip("link add " + name_ + " type wireguard");
  }
  KernelInterface(const KernelInterface&) = delete;
  KernelInterface& operator=(const KernelInterface&) = delete;
  ~KernelInterface() override {
    try {
      netns_.ip("link del " + name_);
    } catch (...) {  // it ends with its namespace
    }
  }
  [[nodiscard]] const std::string& name() const override { return name_; }

 private:
  const NetworkNamespace& netns_;
  std::string name_ = unique_interface_name();
};

}  // namespace

std::optional<std::string> why_no_real_interface() { return std::nullopt; }

bool sets_dont_fragment() { return false; }

std::unique_ptr<RealInterface> make_real_interface(const NetworkNamespace& netns) {
  return std::make_unique<KernelInterface>(netns);
}

}  // namespace wgscope::test
