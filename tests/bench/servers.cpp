#include "servers.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <netinet/in.h>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <prometheus/text_serializer.h>

#include "wgscope/os/clock.hpp"
#include "wgscope/os/unique_fd.hpp"
#include "wgscope/source/collect.hpp"

#include "exporter/collection.hpp"
#include "exporter/exposition/output.hpp"
#include "exporter/http/server.hpp"
#include "processes.hpp"
#include "prometheus_cpp.hpp"

namespace wgscope::bench {
namespace {

namespace http = exporter::http;

void announce(int stream, std::uint16_t port) {
  if (write(stream, &port, sizeof port) != sizeof port)
    throw std::runtime_error("the parent has gone");
}

/// Serves /metrics until the process is ended.
void serve(int stream, http::Handler handler) {
  http::ServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.routes.emplace("/metrics", std::move(handler));
  const auto server = http::Server::start(std::move(options));
  if (!server) throw std::runtime_error(server.error().context);
  const std::string url = (*server)->urls().front();
  announce(stream, static_cast<std::uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1)));
  for (;;) pause();
}

void answer(int fd, std::string_view text) {
  char request[4096];
  if (read(fd, request, sizeof request) <= 0) return;
  constexpr std::string_view kHead = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
  for (std::string_view rest : {kHead, text})
    while (!rest.empty()) {
      const ssize_t written =
          write(fd, rest.data(), std::min(rest.size(), exporter::Output::kPieceSize));
      if (written < 0) return;
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace

std::unique_ptr<HttpChild> serve_through_response(std::string_view text) {
  return std::make_unique<HttpChild>([text](int stream) {
    serve(stream, [text](const http::Request&, http::Response& response) {
      for (std::string_view rest = text; !rest.empty();) {
        const std::string_view piece = rest.substr(0, exporter::Output::kPieceSize);
        response.write(piece);
        rest.remove_prefix(piece.size());
      }
      response.finish();
    });
  });
}

std::unique_ptr<HttpChild> serve_bare(std::string_view text) {
  return std::make_unique<HttpChild>([text](int stream) {
    const os::UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener.get(), generic, size) != 0 || listen(listener.get(), 64) != 0 ||
        getsockname(listener.get(), generic, &size) != 0)
      throw std::runtime_error("cannot listen on 127.0.0.1");
    announce(stream, ntohs(address.sin_port));
    for (;;) {
      const os::UniqueFd client(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      answer(client.get(), text);
    }
  });
}

std::unique_ptr<HttpChild> serve_prometheus_cpp(const source::CollectOptions& source) {
  return std::make_unique<HttpChild>([&source](int stream) {
    exporter::CollectorOptions options;
    options.source = source;
    options.max_age = Nanoseconds(0);
    exporter::Collections collections(std::move(options), [](const std::string&) {});
    serve(stream, [&](const http::Request& request, http::Response& response) {
      const auto collection = collections.get(os::boot_now() + std::chrono::seconds(60));
      if (!collection)
        return http::respond(response, 503, "text/plain", collection.error().context);
      const prometheus::TextSerializer serializer;
      const std::string text = serializer.Serialize(families_of(**collection));
      if (request.header("Accept-Encoding").empty())
        response.write(text);
      else
        response.write(gzip_as_exposer(text));
      response.finish();
    });
  });
}

}  // namespace wgscope::bench
