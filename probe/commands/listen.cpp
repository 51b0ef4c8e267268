#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/base/secret_string.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/checks/key_guard.hpp"
#include "wgscope/checks/prepare.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/crypto/random.hpp"
#include "wgscope/crypto/x25519.hpp"
#include "wgscope/diagnosis/handshake.hpp"
#include "wgscope/diagnosis/report.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/file.hpp"
#include "wgscope/os/stamp_store.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/generate.hpp"
#include "probe/commands/listen_log.hpp"
#include "probe/commands/listener.hpp"
#include "probe/options/target_options.hpp"
#include "probe/refusal.hpp"
#include "probe/render/terminal.hpp"
#include "probe/verbs.hpp"

// wgscope listen: options -> run -> render. Listener does the work, render/events shows it.

namespace wgscope::probe {
namespace {

constexpr std::string_view kUsualUapiFolder = "/var/run/wireguard";

struct ListenOptions {
  std::string config;
  bool generate = false;
  std::string endpoint = "127.0.0.1";
  std::string peer_file;
  std::optional<std::uint16_t> port;
  std::string interface = "wgscope0";
  std::string uapi_folder;
  std::string state_folder;
  bool json = false;
  bool redact = false;
  bool stun = false;
  bool no_measuring = false;
};

/// As the kernel has it (dev_valid_name in net/core/dev.c), so that the socket is taken for an
/// interface's by whoever reads it.
bool is_interface_name(std::string_view name) {
  constexpr std::size_t kLongest = 15;
  return !name.empty() && name.size() <= kLongest && name != "." && name != ".." &&
         std::ranges::all_of(
             name, [](unsigned char c) { return c > ' ' && c != 0x7f && c != '/' && c != ':'; });
}

void add_options(CommandLine& line, ListenOptions& options) {
  const Option config = line.add("--config", options.config,
                                 "wg-quick or .netdev file for this side; - for standard input")
                            .type("FILE");
  Option generate =
      line.add_flag("--generate", options.generate,
                    "Generate keys for both sides and print the wg-quick file for the other side");
  generate.excludes(config);
  line.add("--endpoint", options.endpoint,
           "With --generate: address at which the other side reaches this host; with a port, "
           "also listen on that port unless --listen-port says otherwise")
      .type("HOST[:PORT]")
      .show_default()
      .needs(generate);
  const Option peer_file = line.add("--peer-file", options.peer_file,
                                    "With --generate: write the other side's file here instead")
                               .type("FILE")
                               .needs(generate);
  line.add("--listen-port", options.port, "UDP port; by default the ListenPort of the file")
      .type("PORT");
  line.add("--interface", options.interface, "Interface name that `wg show` displays")
      .type("NAME")
      .show_default();
  line.add("--uapi-dir", options.uapi_folder,
           "Directory for the socket by which `wg` and the exporter see this; default for root: " +
               std::string(kUsualUapiFolder) + ", otherwise none")
      .type("DIR");
  line.add("--state-dir", options.state_folder, kStateFolderHelp).type("DIR");
  line.add_flag("--stun", options.stun,
                "Answer STUN requests on the same port, so that wgscope nat on the other side can "
                "measure its NAT. Everybody can then see that something listens");
  line.add_flag("--json", options.json, "Print events as JSON, one per line");
  line.add_flag("--redact", options.redact,
                "Hide keys, addresses, names and paths, so that the output can be shared");
  line.add_flag("--no-measuring", options.no_measuring,
                "Do not answer peers that measure the path (wgscope mtu)");
  line.check([&options, peer_file]() -> Complaint {
    if (options.config.empty() && !options.generate) return "give --config FILE or --generate";
    if (options.json && options.generate && !peer_file.given())
      return "--json with --generate also needs --peer-file";
    if (options.redact && options.generate && !peer_file.given())
      return "--redact with --generate also needs --peer-file: the other side's file has its keys";
    if (!is_interface_name(options.interface))
      return "--interface: not a valid interface name: expected 1 to 15 characters without blanks, "
             "'/' and ':'";
    if (const auto own = parse_own_address(options.endpoint); !own)
      return "--endpoint: " + own.error().context;
    return std::nullopt;
  });
}

Result<config::WgQuickConfig> read_config(const std::string& path, const Call& call) {
  auto file = checks::read_config_file(path);
  if (!file) return tl::unexpected(file.error());
  if (file->config.private_key && file->mode && (*file->mode & 077U) != 0)
    complain(call, fmt::format("other users can read {}: run chmod 600", path));
  for (const config::Warning& warning : file->config.warnings)
    complain(call, fmt::format("{}: line {}: {}", path, warning.line, warning.text));
  return std::move(file->config);
}

Result<ListenerOptions> listener_options(const ListenOptions& options,
                                         const config::WgQuickConfig& config) {
  ListenerOptions made;
  const auto of_endpoint = parse_own_address(options.endpoint).value().port;
  made.port = options.port.value_or(config.listen_port.value_or(of_endpoint.value_or(0)));
  made.stun = options.stun;
  made.measuring = !options.no_measuring;
  std::string folder = options.uapi_folder;
  if (folder.empty() && geteuid() == 0) folder = kUsualUapiFolder;
  if (!folder.empty()) made.uapi_path = fmt::format("{}/{}.sock", folder, options.interface);
  made.stamp_folder = options.state_folder;
  if (options.generate || !made.stamp_folder.empty()) return made;
  auto usual = os::stamp_folder({geteuid(), std::getenv("XDG_STATE_HOME"), std::getenv("HOME")});
  if (!usual) return fail(usual.error().code, usual.error().context + "; or pass --state-dir");
  made.stamp_folder = std::move(*usual);
  return made;
}

/// The file for the other side, to where it was asked for.
Result<> hand_over(const ListenOptions& options, config::WgQuickConfig other, std::uint16_t port,
                   ListenLog& log) {
  OwnAddress own = parse_own_address(options.endpoint).value();
  other.peers.front().endpoint = config::EndpointName{std::move(own.host), own.port.value_or(port)};
  SecretString text = config::write_wg_quick(other);
  if (!options.peer_file.empty()) return os::replace_file(options.peer_file, text.view(), 0600);
  log.text(std::move(text));
  return {};
}

/// Two that answer with one key take each other's peers away.
void warn_of_key_in_use(const config::WgQuickConfig& own, const Call& call) {
  if (!own.private_key) return;
  const auto key = crypto::derive_public_key(own.private_key->secret);
  if (!key) return;
  const auto found = checks::find_key_use(PublicKey{*key}, std::string(kUsualUapiFolder));
  if (found.use == diagnosis::KeyUse::used)
    complain(call, fmt::format("the interface '{}' of this host uses the same key: peers will "
                               "follow the one that answered last",
                               printable(found.user)));
}

/// What this side is, and what `--generate` made for the other.
struct Sides {
  config::WgQuickConfig own;
  std::optional<config::WgQuickConfig> other;
};

Result<Sides> prepare(const ListenOptions& options, const Call& call) {
  Sides sides;
  if (options.generate) {
    crypto::SystemRandom random;
    auto pair = generate_pair(random);
    if (!pair) return tl::unexpected(pair.error());
    sides.own = std::move(pair->own);
    sides.other = std::move(pair->other);
    return sides;
  }
  auto read = read_config(options.config, call);
  if (!read) return tl::unexpected(read.error());
  sides.own = std::move(*read);
  warn_of_key_in_use(sides.own, call);
  return sides;
}

/// @returns a listener that can be run.
Result<std::unique_ptr<Listener>> start(const ListenOptions& options, Sides sides, ListenLog& log) {
  auto made = listener_options(options, sides.own);
  if (!made) return tl::unexpected(made.error());
  auto listener = Listener::start(sides.own, std::move(*made), log);
  if (!listener) return listener;
  if (sides.other)
    if (auto done = hand_over(options, std::move(*sides.other), (*listener)->port(), log); !done)
      return tl::unexpected(done.error());
  return listener;
}

/// Listens until the end. From here on nothing but the log writes, for it does not wait.
Result<> listen(Listener& listener, ListenLog& log) {
  log.complain(fmt::format("{} on UDP port {}; stop with Ctrl-C", listener.public_key().base64(),
                           listener.port()));
  return listener.run();
}

/// @param call  for errors before anything is listened to, which are all that a report can tell.
Exit run(const ListenOptions& options, Call call) {
  const auto refuse = [&call](const Error& error) {
    return probe::refuse(call, error.context, reason_of(error));
  };
  auto log = ListenLog::open({.json = options.json,
                              .colour = wants_colour(surroundings_of_stdout()),
                              .redact = options.redact,
                              .given = call.given});
  if (!log) return refuse(log.error());
  auto sides = prepare(options, call);
  if (!sides) return refuse(sides.error());
  for (const config::WgQuickPeer& peer : sides->own.peers) {
    if (peer.name.empty()) continue;
    log->hide(peer.name);
    call.given.push_back(peer.name);
  }
  const auto listener = start(options, std::move(*sides), *log);
  if (!listener) return refuse(listener.error());
  const auto ended = listen(**listener, *log);
  if (!ended) log->complain(ended.error().context);
  const auto closed = log->close();
  return ended && closed ? Exit::ok : Exit::unknown;
}

}  // namespace

Exit run_listen(std::vector<std::string> arguments) {
  CommandLine line(
      "Be a WireGuard peer to test tunnels against: answer handshakes and pings, offer UDP\n"
      "and TCP echo (7), discard (9) and a source of bytes (19) inside the tunnel, and show\n"
      "what happens. Needs no privileges.",
      "wgscope listen");
  ListenOptions options;
  add_options(line, options);
  const Call call = call_as_written("listen", arguments);
  line.on_mistake([&call](const std::string& sentence) {
    return refuse(call, sentence, diagnosis::Reason::wrong_usage);
  });
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  return run(options, call);
}

}  // namespace wgscope::probe
