#include "wgscope/checks/handshake.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/checks/question.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/options/check_options.hpp"
#include "probe/run.hpp"

namespace wgscope::probe {
namespace {

class HandshakeVerb final : public CheckVerb {
 public:
  [[nodiscard]] std::string_view description() const override {
    return "Handshake with a gateway, try whether data crosses the tunnel, and say what is wrong "
           "if "
           "it does not.";
  }
  void add_options(CommandLine& line) override;
  Result<std::unique_ptr<checks::Question>> make(Subject& subject) override;

 private:
  std::vector<std::uint16_t> ports_;
  InnerAddress inner_;
  std::vector<std::string> preshared_key_files_;
  std::optional<Nanoseconds> hold_;
  bool no_data_ = false;
};

void HandshakeVerb::add_options(CommandLine& line) {
  inner_.add(line);
  line.add("--port", ports_, "Try this port of the endpoint as well; repeatable")
      .type("PORT")
      .range(1, 65535);
  line.add("--try-preshared-key-file", preshared_key_files_,
           "If the preshared key does not fit: try the one in this file; repeatable")
      .type("FILE");
  add_duration_option(
      line, "--hold", [this](Nanoseconds time) { hold_ = time; },
      "Ping for this long, to find tunnels that stop working after some seconds");
  line.add_flag("--no-data", no_data_, "Only handshake; send nothing inside the tunnel");
  add_check_options(line, check);
}

Result<std::unique_ptr<checks::Question>> HandshakeVerb::make(Subject& subject) {
  const auto tunnel = subject.tunnel();
  if (!tunnel) return tl::unexpected(tunnel.error());
  checks::HandshakeOptions options = check.handshake();
  options.data = !no_data_;
  options.ports = ports_;
  options.hold = hold_;
  const auto inner = inner_.read((*tunnel)->target());
  if (!inner) return tl::unexpected(inner.error());
  options.inner_target = *inner;
  for (const std::string& file : preshared_key_files_) {
    auto key = checks::read_preshared_key(file);
    if (!key) return tl::unexpected(key.error());
    options.preshared_keys.push_back({file, std::move(*key)});
  }
  return checks::handshake_question(**tunnel, std::move(options));
}

}  // namespace

std::unique_ptr<CheckVerb> make_handshake() { return std::make_unique<HandshakeVerb>(); }

}  // namespace wgscope::probe
