#include "wgscope/checks/resolve.hpp"

#include <optional>
#include <string>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/resolve.hpp"

#include "background.hpp"

namespace wgscope::checks {

Result<std::vector<Endpoint>> resolve(Run& run, const config::EndpointName& name,
                                      std::optional<Family> family, Instant deadline) {
  if (name.address()) return os::resolve(name.host, name.port, family);
  using Found = Result<std::vector<Endpoint>>;
  auto lookup = Background<Found>::start(run, "start a thread that looks names up", [name, family] {
    return os::resolve(name.host, name.port, family);
  });
  if (!lookup) return tl::unexpected(lookup.error());
  if (run.wait([&] { return lookup->ready(); }, deadline)) return lookup->take();
  const std::string what = fmt::format("look up {}", printable(name.host));
  if (run.interrupted()) return fail(Errc::interrupted, what + ": interrupted");
  return fail(Errc::timeout,
              what + ": no name server answered in time (check /etc/resolv.conf and the network)");
}

}  // namespace wgscope::checks
