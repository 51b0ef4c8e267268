#pragma once

#include <chrono>
#include <string_view>

#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"

namespace wgscope::checks {

/// For how long devices are listened to; a whole inquiry takes hardly longer where they are sane.
inline constexpr std::chrono::milliseconds kUpnpListening{1900};

/// Looks for an Internet Gateway Device (UPnP IGD) on the link of `local`, and asks the one at
/// `router` for its outer address; creates nothing there. What is elsewhere, or leads elsewhere, is
/// not asked. Blocks, for many seconds where a device is slow: for a thread of its own.
diagnosis::UpnpFacts ask_upnp(const IpAddress& local, const IpAddress& router);

/// Whether a URL leads to that host: "http://HOST:1234/…". Credentials and names do not count.
bool leads_to(std::string_view url, const IpAddress& host);

}  // namespace wgscope::checks
