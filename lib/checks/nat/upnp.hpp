#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "wgscope/checks/run.hpp"
#include "wgscope/diagnosis/nat.hpp"
#include "wgscope/model/address.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/unique_fd.hpp"

namespace wgscope::checks {

/// For how long devices are listened to; a whole inquiry takes hardly longer where they are sane.
inline constexpr std::chrono::milliseconds kUpnpListening{1900};

/// Looks for an Internet Gateway Device (UPnP IGD) on a link, and asks the router's for its outer
/// address; creates nothing there. What is elsewhere, or leads elsewhere, is not asked.
///
/// The library that speaks UPnP waits for as long as devices let it, prints to standard error, and
/// reads what they send in C. So it does that in a process of its own, which says in a line what it
/// found, and is killed with this object.
class UpnpInquiry {
 public:
  /// Starts the process. Run::wake() is called once the inquiry is done(). @param local  whose link
  /// is searched.
  UpnpInquiry(Run& run, const IpAddress& local, const IpAddress& router);
  UpnpInquiry(const UpnpInquiry&) = delete;
  UpnpInquiry& operator=(const UpnpInquiry&) = delete;
  ~UpnpInquiry();

  [[nodiscard]] bool done() const { return !pipe_; }
  /// Before the inquiry is done(), these say that no answer came in time.
  [[nodiscard]] diagnosis::UpnpFacts facts() const;

 private:
  void read();

  pid_t child_ = -1;
  /// What the child writes is read from here; closed when the child ends.
  os::UniqueFd pipe_;
  std::string said_;             ///< what the child has written so far
  diagnosis::UpnpFacts failed_;  ///< why the process could not be started
  os::PollLoop::Watch watch_;    ///< declared last, so that it ends before the descriptor is closed
};

/// Whether a URL leads to that host: "http://HOST:1234/…". Credentials and names do not count.
bool leads_to(std::string_view url, const IpAddress& host);

// What the two processes say to each other: whether a device was found, its outer address or
// nothing, and an error or nothing, a line each.
std::string write_upnp_facts(const diagnosis::UpnpFacts& facts);
/// @returns bad_value as UpnpFacts::error where it is not that.
diagnosis::UpnpFacts read_upnp_facts(std::string_view text);

}  // namespace wgscope::checks
