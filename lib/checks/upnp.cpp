#include "upnp.hpp"

#include <array>
#include <memory>
#include <miniupnpc/miniupnpc.h>
#include <miniupnpc/upnpcommands.h>
#include <miniupnpc/upnpdev.h>
#include <string>
#include <string_view>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"

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
    return failed(Errc::io, "UPnP: the device's description could not be fetched");
  if (gateway.urls.controlURL == nullptr || gateway.data.first.servicetype[0] == '\0' ||
      !leads_to(gateway.urls.controlURL, router))
    return failed(Errc::bad_value, "UPnP: the device's description names no service of its own");
  std::array<char, 40> address{};  // at least 16 are asked for (upnpcommands.h)
  if (const int error = UPNP_GetExternalIPAddress(gateway.urls.controlURL,
                                                  gateway.data.first.servicetype, address.data());
      error != UPNPCOMMAND_SUCCESS)
    return failed(Errc::io, fmt::format("UPnP: no outer address, error {}", error));
  address.back() = '\0';
  const auto outer = IpAddress::parse(address.data());
  if (!outer) return failed(Errc::bad_value, "UPnP: the outer address is none");
  return {.found = true, .outer = *outer, .error = {}};
}

}  // namespace

bool leads_to(std::string_view url, const IpAddress& host) {
  const std::string start = "http://" + host.to_string();
  if (!url.starts_with(start)) return false;
  const std::string_view rest = url.substr(start.size());
  return rest.empty() || rest.front() == '/' ||
         (rest.front() == ':' && rest.find('@') == std::string_view::npos);
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

}  // namespace wgscope::checks
