#include "wgscope/base/result.hpp"

#include <cerrno>
#include <string_view>
#include <system_error>

#include <fmt/core.h>

namespace wgscope {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::truncated: return "truncated";
    case Errc::bad_length: return "bad_length";
    case Errc::bad_value: return "bad_value";
    case Errc::missing_key: return "missing_key";
    case Errc::too_large: return "too_large";
    case Errc::not_permitted: return "not_permitted";
    case Errc::access_denied: return "access_denied";
    case Errc::netns_gone: return "netns_gone";
    case Errc::no_device: return "no_device";
    case Errc::interrupted: return "interrupted";
    case Errc::timeout: return "timeout";
    case Errc::refused: return "refused";
    case Errc::unsupported: return "unsupported";
    case Errc::io: return "io";
  }
  return "unknown";
}

Errc errc_from_errno(int sys_errno) {
  switch (sys_errno) {
    case EPERM: return Errc::not_permitted;
    case EACCES: return Errc::access_denied;
    case ENODEV:
    case ENXIO: return Errc::no_device;
    case ETIMEDOUT: return Errc::timeout;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: return Errc::refused;
    default: return Errc::io;
  }
}

tl::unexpected<Error> fail_errno(std::string_view what, int sys_errno) {
  return fail(errc_from_errno(sys_errno),
              fmt::format("{}: {}", what, std::generic_category().message(sys_errno)), sys_errno);
}

}  // namespace wgscope
