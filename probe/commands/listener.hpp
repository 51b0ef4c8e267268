#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "wgscope/base/keys.hpp"
#include "wgscope/base/result.hpp"
#include "wgscope/base/time.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/endpoint/attachment.hpp"
#include "wgscope/endpoint/embedded_endpoint.hpp"
#include "wgscope/endpoint/uapi_server.hpp"
#include "wgscope/inner/services.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/poll_loop.hpp"
#include "wgscope/os/signal_fd.hpp"
#include "wgscope/os/stamp_store.hpp"

#include "probe/commands/listen_log.hpp"
#include "probe/commands/unconfirmed.hpp"
#include "probe/render/event_limit.hpp"

namespace wgscope::probe {

struct ListenerOptions {
  std::uint16_t port = 0;    ///< 0 takes a free one
  std::string uapi_path;     ///< of the socket; empty: none
  std::string stamp_folder;  ///< empty for a key that ends with this process
  bool stun = false;         ///< endpoint::EndpointConfig::answer_stun
  bool measuring = true;     ///< peers may measure the path to them
};

/// A peer that others can try their tunnels on, and that says what they do. For one thread, the one
/// it was made on.
class Listener final : public endpoint::Observer {
 public:
  /// @param config  with a private key and addresses.
  /// @param log  outlives the listener.
  /// @returns what keeps it from listening, in a sentence that says what to do.
  static Result<std::unique_ptr<Listener>> start(const config::WgQuickConfig& config,
                                                 ListenerOptions options, ListenLog& log);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  ~Listener() override { log_.on_failure({}); }

  [[nodiscard]] std::uint16_t port() const { return endpoint_->listen_port(); }
  [[nodiscard]] PublicKey public_key() const { return endpoint_->interface().public_key(); }

  /// Runs until SIGINT or SIGTERM comes, or standard output takes no more. @returns io.
  Result<> run();

  void on_tunnel_event(const tunnel::Event& event) override;
  void on_inner_event(const inner::Event& event) override;
  void on_socket_error(const os::SocketError& error) override;
  void on_send_failure(const os::SendFailure& failure) override;
  bool on_stamp(const noise::Tai64n& stamp) override;

 private:
  Listener(os::PollLoop loop, os::SignalFd signals, ListenerOptions options, ListenLog& log)
      : options_(std::move(options)),
        log_(log),
        loop_(std::move(loop)),
        signals_(std::move(signals)) {}

  Result<> open_stamps(const PublicKey& key);
  Result<> open_endpoint(const config::WgQuickConfig& config);
  Result<> add_peer(const config::WgQuickPeer& peer);
  Result<> attach(const PrivateKey& private_key);
  [[nodiscard]] std::optional<Instant> next_report() const;
  void say_left_out(Now now);
  void catch_up(Instant now);
  void say_unconfirmed(Now now);

  struct Known {
    std::optional<PublicKey> key = {};
    std::string name = {};
  };
  [[nodiscard]] const Known& known(std::optional<std::uint32_t> peer) const;

  ListenerOptions options_;
  ListenLog& log_;
  crypto::SystemRandom random_;
  std::unordered_map<std::uint32_t, Known> peers_;  ///< by tunnel::PeerId
  EventLimit limit_;
  Ration socket_errors_;
  Ration send_failures_;
  bool stamps_failed_ = false;
  UnconfirmedResponses unconfirmed_;
  std::uint64_t events_lost_ = 0;  ///< that were said
  std::optional<Instant> lost_said_;
  // What follows ends in reverse: nothing outlives what it refers to.
  std::optional<os::StampStore> stamps_;
  os::PollLoop loop_;
  os::SignalFd signals_;
  std::unique_ptr<endpoint::EmbeddedEndpoint> endpoint_;
  std::optional<inner::Services> services_;
  std::optional<endpoint::Attachment> attachment_;
  std::optional<endpoint::UapiServer> uapi_;
  os::PollLoop::Watch on_signal_;
  os::PollLoop::Watch reports_;
};

}  // namespace wgscope::probe
