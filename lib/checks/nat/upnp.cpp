#include "upnp.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <fcntl.h>
#include <memory>
#include <miniupnpc/igd_desc_parse.h>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnpdev.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::checks {
namespace {

constexpr const char* kGatewayDevice = "urn:schemas-upnp-org:device:InternetGatewayDevice:1";
constexpr unsigned char kHops = 2;  // UPnP Device Architecture 1.0 §1.2.2 says 4, 1.1 says 2

struct FreeDevices {
  void operator()(UPNPDev* list) const { freeUPNPDevlist(list); }
};
using Devices = std::unique_ptr<UPNPDev, FreeDevices>;

/// What GetIGDFromUrl() fills in.
struct Gateway {
  Gateway() = default;
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway() { FreeUPNPUrls(&urls); }

  UPNPUrls urls{};
  IGDdatas data{};
};

diagnosis::UpnpFacts failed(Errc code, std::string context) {
  return {.found = true, .outer = {}, .error = Error{code, std::move(context)}};
}

/// Asks the device that a description is of.
diagnosis::UpnpFacts ask_device(const char* description, const IpAddress& router) {
  Gateway gateway;
  std::array<char, 64> local{};
  if (UPNP_GetIGDFromUrl(description, &gateway.urls, &gateway.data, local.data(),
                         static_cast<int>(local.size())) != 1)
    return failed(Errc::io, "UPnP: could not fetch the device's description");
  if (gateway.urls.controlURL == nullptr || gateway.data.first.servicetype[0] == '\0' ||
      !leads_to(gateway.urls.controlURL, router))
    return failed(Errc::bad_value,
                  "UPnP: the device's description names no service at its own address");
  std::array<char, 40> address{};  // at least 16 are asked for (upnpcommands.h)
  if (const int error = UPNP_GetExternalIPAddress(gateway.urls.controlURL,
                                                  gateway.data.first.servicetype, address.data());
      error != UPNPCOMMAND_SUCCESS)
    return failed(
        Errc::io,
        fmt::format("UPnP: the device did not report its public address, error {}", error));
  address.back() = '\0';
  const auto outer = IpAddress::parse(address.data());
  if (!outer) return failed(Errc::bad_value, "UPnP: the device reported an invalid public address");
  return {.found = true, .outer = *outer, .error = {}};
}

diagnosis::UpnpFacts ask_upnp(const IpAddress& local, const IpAddress& router) {
  const std::string interface = local.to_string();
  const std::array<const char*, 2> types{kGatewayDevice, nullptr};
  int error = UPNPDISCOVER_SUCCESS;
  const Devices devices(upnpDiscoverDevices(types.data(), static_cast<int>(kUpnpListening.count()),
                                            interface.c_str(), nullptr, UPNP_LOCAL_PORT_ANY, 0,
                                            kHops, &error, 0));
  for (const UPNPDev* device = devices.get(); device != nullptr; device = device->pNext)
    if (leads_to(device->descURL, router)) return ask_device(device->descURL, router);
  return {};
}

[[noreturn]] void ask_and_end(int pipe, const IpAddress& local, const IpAddress& router) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nowhere < 0) _exit(1);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(nowhere, standard);
  const std::string found = write_upnp_facts(ask_upnp(local, router));
  // A pipe has room for that much at once.
  _exit(write(pipe, found.data(), found.size()) < 0 ? 1 : 0);
}

}  // namespace

UpnpInquiry::UpnpInquiry(Run& run, const IpAddress& local, const IpAddress& router) {
  std::array<int, 2> ends{-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    failed_.error = fail_errno("UPnP: open a pipe", errno).value();
    return;
  }
  pipe_ = os::UniqueFd(ends[0]);
  const os::UniqueFd childs(ends[1]);
  child_ = fork();
  if (child_ == 0) ask_and_end(ends[1], local, router);
  if (child_ < 0) {
    failed_.error = fail_errno("UPnP: start a process", errno).value();
    pipe_ = {};
    return;
  }
  auto watch = run.loop().add(pipe_.get(), {.readable =
                                                [this, &run] {
                                                  read();
                                                  if (done()) run.wake();
                                                },
                                            .writable = {},
                                            .error = {}});
  if (watch) {
    watch_ = std::move(*watch);
    return;
  }
  failed_.error = watch.error();
  pipe_ = {};
}

UpnpInquiry::~UpnpInquiry() {
  if (child_ < 0) return;
  kill(child_, SIGKILL);
  while (waitpid(child_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void UpnpInquiry::read() {
  std::array<char, 512> buffer{};
  const ssize_t size = ::read(pipe_.get(), buffer.data(), buffer.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size > 0) {
    said_.append(buffer.data(), static_cast<std::size_t>(size));
    return;
  }
  watch_.remove();
  pipe_ = {};
}

diagnosis::UpnpFacts UpnpInquiry::facts() const {
  if (failed_.error) return failed_;
  if (!done()) return failed(Errc::timeout, "UPnP: the device did not answer in time");
  return read_upnp_facts(said_);
}

bool leads_to(std::string_view url, const IpAddress& host) {
  const std::string start = "http://" + host.to_string();
  if (!url.starts_with(start)) return false;
  const std::string_view rest = url.substr(start.size());
  return rest.empty() || rest.front() == '/' ||
         (rest.front() == ':' && rest.find('@') == std::string_view::npos);
}

std::string write_upnp_facts(const diagnosis::UpnpFacts& facts) {
  return fmt::format("{}\n{}\n{}\n", facts.found ? "found" : "none",
                     facts.outer ? facts.outer->to_string() : "",
                     facts.error ? facts.error->context : "");
}

diagnosis::UpnpFacts read_upnp_facts(std::string_view text) {
  std::array<std::string_view, 3> lines;
  for (std::string_view& line : lines) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos)
      return {.found = false,
              .outer = {},
              .error = Error{Errc::bad_value, "UPnP: the query ended too early"}};
    line = text.substr(0, end);
    text.remove_prefix(end + 1);
  }
  diagnosis::UpnpFacts facts;
  facts.found = lines[0] == "found";
  if (const auto outer = IpAddress::parse(lines[1])) facts.outer = *outer;
  if (!lines[2].empty()) facts.error = Error{Errc::io, std::string(lines[2])};
  return facts;
}

}  // namespace wgscope::checks
