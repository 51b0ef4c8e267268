#include "exporter/isolation/confinement.hpp"

#include <cerrno>
#include <memory>
#include <string>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <type_traits>

#include "wgscope/base/result.hpp"

#include "exporter/isolation/restrictions.hpp"

namespace wgscope::exporter {
namespace {

struct FreeCapabilities {
  void operator()(cap_t set) const { cap_free(set); }
};

Result<> drop_capabilities() {
  // Ambient ones go with the permitted ones, and the bounding set does not matter without execve(2).
  const std::unique_ptr<std::remove_pointer_t<cap_t>, FreeCapabilities> none(cap_init());
  if (!none || cap_set_proc(none.get()) != 0) return fail_errno("give up capabilities", errno);
  return {};
}

}  // namespace

Result<std::string> confine(const FileNeeds& files) {
  if (auto dropped = drop_capabilities(); !dropped) return tl::unexpected(dropped.error());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return fail_errno("give up gaining privileges", errno);
  // Giving up capabilities made this process readable for its user's other processes again.
  prctl(PR_SET_DUMPABLE, 0);
  const auto restricted = restrict_files(files);
  if (!restricted && restricted.error().code != Errc::unsupported)
    return tl::unexpected(restricted.error());
  if (auto calls = restrict_system_calls(); !calls) return tl::unexpected(calls.error());
  return restricted ? std::string() : restricted.error().context;
}

}  // namespace wgscope::exporter
