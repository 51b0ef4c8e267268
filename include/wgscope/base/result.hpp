#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

namespace wgscope {

/// The kind of an error, for code that must decide by it. The sentence for
/// people is Error::context.
enum class Errc {
  truncated,      ///< the input ended inside something
  bad_length,     ///< a field has a length that its type does not allow
  bad_value,      ///< the content of a field is not valid for its type
  missing_key,    ///< a peer has no public key, which would identify it
  too_large,      ///< the input is above a fixed bound, such as line length or number of peers
  not_permitted,  ///< EPERM: a capability is missing
  access_denied,  ///< EACCES: file permissions forbid it
  netns_gone,     ///< a network namespace does not exist any more
  no_device,      ///< ENODEV: the interface vanished, or is not a WireGuard interface
  interrupted,    ///< the kernel kept changing what was being read
  timeout,        ///< the deadline passed
  refused,        ///< nothing listens there, or the other side ended the connection
  unsupported,    ///< this kernel has no WireGuard
  io,             ///< any other system error; sys_errno says which
};

std::string_view to_string(Errc code);

struct Error {
  Errc code;
  std::string context;  ///< what was tried, what happened, what to do; never holds a secret
  int sys_errno = 0;    ///< errno, if the system gave one; else 0
};

/// A value or an Error. Outside faults travel in it; our own bugs are asserts.
template <class T = void>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

[[nodiscard]] inline tl::unexpected<Error> fail(Errc code, std::string context, int sys_errno = 0) {
  return tl::unexpected<Error>(Error{code, std::move(context), sys_errno});
}

/// Maps an errno to the code above: EPERM, EACCES, ENODEV, ETIMEDOUT and ECONNREFUSED
/// have their own.
Errc errc_from_errno(int sys_errno);

/// An Error from errno, its context "<what>: <strerror>".
[[nodiscard]] tl::unexpected<Error> fail_errno(std::string_view what, int sys_errno);

}  // namespace wgscope
