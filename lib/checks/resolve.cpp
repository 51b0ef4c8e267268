#include "wgscope/checks/resolve.hpp"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <sys/eventfd.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/no_signals.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/resolve.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::checks {
namespace {

using Found = Result<std::vector<Endpoint>>;

/// A look-up that goes on by itself. Nothing it touches is anybody else's, so that it may be left
/// to end whenever getaddrinfo(3), which cannot be stopped, comes back; or never.
struct Lookup {
  std::future<Found> found;
  std::shared_ptr<os::UniqueFd> done;  ///< an eventfd, readable once it was found
};

Result<Lookup> look_up(const config::EndpointName& name, std::optional<Family> family) {
  auto done = std::make_shared<os::UniqueFd>(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!*done) return fail_errno("open an eventfd", errno);
  std::promise<Found> promise;
  Lookup lookup{promise.get_future(), done};
  const os::NoSignals in_the_thread;
  try {
    std::thread([promise = std::move(promise), done = std::move(done), name, family]() mutable {
      promise.set_value(os::resolve(name.host, name.port, family));
      const std::uint64_t one = 1;
      static_cast<void>(write(done->get(), &one, sizeof one));  // an eventfd has room for it
    }).detach();
  } catch (const std::system_error& error) {
    return fail_errno("start a thread for name resolution", error.code().value());
  }
  return lookup;
}

}  // namespace

Result<std::vector<Endpoint>> resolve(Run& run, const config::EndpointName& name,
                                      std::optional<Family> family, Instant deadline) {
  using namespace std::chrono_literals;
  if (name.address()) return os::resolve(name.host, name.port, family);
  auto lookup = look_up(name, family);
  if (!lookup) return tl::unexpected(lookup.error());
  const auto wake = [&] { run.wake(); };
  const auto watch =
      run.loop().add(lookup->done->get(), {.readable = wake, .writable = {}, .error = {}});
  if (!watch) return tl::unexpected(watch.error());
  const auto is_found = [&] { return lookup->found.wait_for(0s) == std::future_status::ready; };
  if (run.wait(is_found, deadline)) return lookup->found.get();
  const std::string what = fmt::format("look up {}", printable(name.host));
  if (run.interrupted()) return fail(Errc::interrupted, what + ": interrupted");
  return fail(Errc::timeout,
              what + ": no name server answered in time (check /etc/resolv.conf and the network)");
}

}  // namespace wgscope::checks
