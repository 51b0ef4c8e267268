#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <openssl/types.h>

#include "wgscope/os/unique_fd.hpp"

// Clients of a server on 127.0.0.1 that want it to wait for them.
namespace wgscope::test {

/// Begins to connect, from the loopback's address with that number, with a window so small and
/// segments so short that the kernel's buffers do not read for the client.
/// @param flags  SOCK_NONBLOCK, to go on before the connection stands. @returns none if it may not.
os::UniqueFd begin_to_connect(std::uint16_t port, std::size_t number, int flags = 0);

/// The same, connected. Throws if that fails.
os::UniqueFd connect_from(std::uint16_t port, std::size_t number);

void close_with_reset(os::UniqueFd& fd);

/// What a TLS client says first.
std::string client_hello(SSL_CTX* context);

}  // namespace wgscope::test
