#include "wgscope/checks/resolve.hpp"

#include <algorithm>
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
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/no_signals.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/resolve.hpp"
#include "wgscope/os/unique_fd.hpp"

#include "name_inquiry.hpp"

namespace wgscope::checks {
namespace {

using Found = Result<std::vector<Endpoint>>;

/// How long the system may look a name up before servers are asked beside it. Resolvers wait longer
/// for a silent server (resolv.conf(5): 5 s), so there is time for both.
constexpr std::chrono::seconds kSystemsTurn{2};

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

/// "10.1.0.2 answered SERVFAIL, 10.1.0.3 did not answer"
std::string told(const std::vector<diagnosis::NameServerFacts>& servers) {
  std::string all;
  for (const diagnosis::NameServerFacts& server : servers) {
    if (!all.empty()) all += ", ";
    all += server.server.to_string();
    if (server.rcode)
      all += " answered " + *server.rcode;
    else
      all += server.unreachable ? " cannot be reached" : " did not answer";
  }
  return all;
}

/// Whether name servers can tell more about it than the system did.
bool is_of_servers(const Error& error) {
  return error.code == Errc::timeout || error.code == Errc::io;
}

/// With what the servers said.
Error told_by(Error error, const std::string& what,
              const std::vector<diagnosis::NameServerFacts>& servers) {
  if (servers.empty()) return error;
  const bool any_error = std::ranges::any_of(servers, &diagnosis::NameServerFacts::error);
  if (any_error) error.code = Errc::io;
  error.context = what + ": " + told(servers);
  return error;
}

}  // namespace

Result<std::vector<Endpoint>> resolve(Run& run, const config::EndpointName& name,
                                      std::optional<Family> family, Instant deadline,
                                      std::vector<diagnosis::NameServerFacts>* asked) {
  using namespace std::chrono_literals;
  if (name.address()) return os::resolve(name.host, name.port, family);
  auto lookup = look_up(name, family);
  if (!lookup) return tl::unexpected(lookup.error());
  const auto wake = [&] { run.wake(); };
  const auto watch =
      run.loop().add(lookup->done->get(), {.readable = wake, .writable = {}, .error = {}});
  if (!watch) return tl::unexpected(watch.error());
  const auto is_found = [&] { return lookup->found.wait_for(0s) == std::future_status::ready; };
  std::optional<NameInquiry> inquiry;
  if (!run.wait(is_found, std::min(deadline, os::boot_now() + kSystemsTurn)) &&
      !run.interrupted() && os::boot_now() < deadline)
    inquiry.emplace(run, name.host, family);
  const std::string what = fmt::format("look up {}", printable(name.host));
  Error error{Errc::timeout,
              what + ": no name server answered in time (check /etc/resolv.conf and the network)"};
  if (run.wait(is_found, deadline)) {
    auto found = lookup->found.get();
    if (found || !is_of_servers(found.error())) return found;
    error = found.error();
    if (!inquiry) inquiry.emplace(run, name.host, family);
  }
  if (inquiry)
    run.wait_at_most([&] { return inquiry->done(); }, std::min(deadline, inquiry->end()));
  if (run.interrupted()) return fail(Errc::interrupted, what + ": interrupted");
  if (!inquiry) return tl::unexpected(error);
  if (asked != nullptr) *asked = inquiry->found();
  return tl::unexpected(told_by(std::move(error), what, inquiry->found()));
}

}  // namespace wgscope::checks
