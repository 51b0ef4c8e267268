#include "test_service.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

#include "wgscope/os/unique_fd.hpp"

#include "endpoint_fixture.hpp"
#include "netns.hpp"

namespace wgscope::test {

TestService::TestService(const NetworkNamespace& netns, Kind kind) : kind_(kind) {
  inside(netns.path(), [this] {
    listener_ = os::UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(kPort);
    if (bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(listener_.get(), 16) != 0)
      throw std::runtime_error("no TCP service");
  });
  server_ = std::thread([this] { serve(); });
}

TestService::~TestService() {
  shutdown(listener_.get(), SHUT_RDWR);
  server_.join();
}

void TestService::serve() {
  for (;;) {
    os::UniqueFd connection(accept(listener_.get(), nullptr, nullptr));
    if (connection.get() < 0) return;
    const unsigned limit = 3'000;
    if (kind_ == Kind::gives_up)
      static_cast<void>(
          setsockopt(connection.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit));
    char request = 0;
    if (kind_ == Kind::answers) static_cast<void>(read(connection.get(), &request, 1));
    static_cast<void>(write(connection.get(), "here I am\r\n", 11));
    connections_.push_back(std::move(connection));
  }
}

}  // namespace wgscope::test
