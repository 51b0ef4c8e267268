#include "tee.hpp"

#include <mutex>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "wgscope/os/unique_fd.hpp"

#include "http.hpp"
#include "local_server.hpp"

namespace wgscope::test {

Tee::Tee(HttpServer exporter, std::string accept)
    : exporter_(std::move(exporter)),
      accept_(std::move(accept)),
      server_([this](int client) { pass(client); }) {}

std::vector<Exchange> Tee::exchanges() const {
  const std::lock_guard lock(mutex_);
  return exchanges_;
}

void Tee::pass(int client) {
  std::string request = receive_until(client, "\r\n\r\n");
  if (!accept_.empty()) {
    static const std::regex kAccept("\r\nAccept: [^\r]*");
    request = std::regex_replace(request, kAccept, "\r\nAccept: " + accept_);
  }
  try {
    const os::UniqueFd exporter = connect_tcp(exporter_);
    limit_waiting(exporter.get());
    // The end of the connection is to say where the answer's is.
    std::string sent = request;
    sent.insert(sent.size() - 2, "Connection: close\r\n");
    send_all(exporter.get(), sent);
    const std::string answer = receive_until(exporter.get(), "");
    {
      const std::lock_guard lock(mutex_);
      exchanges_.push_back({std::move(request), parse_response(answer)});
    }
    send_all(client, answer);
  } catch (const std::exception&) {  // the client finds its connection closed
  }
}

}  // namespace wgscope::test
