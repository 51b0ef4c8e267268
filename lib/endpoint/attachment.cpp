#include "wgscope/endpoint/attachment.hpp"

#include <utility>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/udp_socket.hpp"

namespace wgscope::endpoint {

Result<Attachment> Attachment::make(os::PollLoop& loop, EmbeddedEndpoint& endpoint) {
  Attachment attachment;
  for (const os::UdpSocket& socket : endpoint.sockets()) {
    // The descriptor, not the socket: sockets move when the endpoint binds again.
    const auto read = [&endpoint, fd = socket.fd()] { endpoint.handle_readable(os::now(), fd); };
    auto watch = loop.add(socket.fd(), {.readable = read, .writable = {}, .error = read});
    if (!watch) return tl::unexpected(watch.error());
    attachment.watches_.push_back(std::move(*watch));
  }
  attachment.watches_.push_back(
      loop.add({.next = [&endpoint] { return endpoint.next_timeout(); },
                .expired = [&endpoint](Instant) { endpoint.handle_timeout(os::now()); }}));
  return attachment;
}

}  // namespace wgscope::endpoint
