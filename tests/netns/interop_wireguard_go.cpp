// The other implementation of tests/interop is wireguard-go.

#include <memory>
#include <optional>
#include <string>

#include "interop/site.hpp"
#include "netns.hpp"
#include "wireguard_go.hpp"

namespace wgscope::test {
namespace {

class WireguardGoInterface final : public RealInterface {
 public:
  explicit WireguardGoInterface(const NetworkNamespace& netns) : process_(netns) {}
  [[nodiscard]] const std::string& name() const override { return process_.name(); }

 private:
  WireguardGo process_;
};

}  // namespace

std::optional<std::string> why_no_real_interface() { return why_no_netns(); }

/// It leaves the sockets as they are, and Linux then sets DF and learns MTUs (IP_PMTUDISC_WANT).
bool sets_dont_fragment() { return true; }

std::unique_ptr<RealInterface> make_real_interface(const NetworkNamespace& netns) {
  return std::make_unique<WireguardGoInterface>(netns);
}

}  // namespace wgscope::test
