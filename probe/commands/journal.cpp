#include <algorithm>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/time.hpp"
#include "wgscope/journal/event.hpp"
#include "wgscope/journal/presence.hpp"
#include "wgscope/model/public_key.hpp"
#include "wgscope/os/clock.hpp"

#include "probe/command_line.hpp"
#include "probe/commands/commands.hpp"
#include "probe/commands/journal_files.hpp"
#include "probe/commands/journal_report.hpp"
#include "probe/options/moment.hpp"
#include "probe/render/print.hpp"
#include "probe/verbs.hpp"

// wgscope journal: who was connected to a gateway when, from what wgscope-exporter --journal wrote.

namespace wgscope::probe {
namespace {

constexpr std::string_view kName = "journal";

struct Options {
  std::vector<std::string> paths;
  JournalQuestion question;
  std::string interface;
  std::optional<PublicKey> key;
  std::string peer;
  bool json = false;
  bool csv = false;
};

Option add_time(CommandLine& line, std::string_view name, std::optional<WallTime>& into,
                std::string_view description) {
  return line
      .add(
          name,
          [&into](const std::string& text) -> Complaint {
            const auto moment = parse_moment(text, os::now().wall);
            if (!moment) return moment.error().context;
            into = *moment;
            return std::nullopt;
          },
          description)
      .type("TIME");
}

void add_options(CommandLine& line, Options& options) {
  line.add("FILE", options.paths,
           "Journals of one gateway, in any order, also .gz; - is standard input")
      .type("");
  add_time(line, "--since", options.question.since, "Leave out connections that ended earlier");
  add_time(line, "--until", options.question.until, "Leave out connections that began later");
  Option at = add_time(line, "--at", options.question.at, "Show who was connected at this time");
  at.excludes(line.find("--since"));
  at.excludes(line.find("--until"));
  line.add("--interface", options.interface, "Show this interface alone").type("NAME");
  line.add(
          "--key",
          [&options](const std::string& text) -> Complaint {
            const auto key = PublicKey::from_base64(text);
            if (!key) return "expected a public key: 44 characters of base64";
            options.key = *key;
            return std::nullopt;
          },
          "Show the peer with this public key alone")
      .type("KEY");
  line.add("--peer", options.peer, "Show peers with this name alone").type("NAME");
  const Option json = line.add_flag("--json", options.json, "Print JSON (docs/journal.md)");
  line.add_flag("--csv", options.csv, "Print CSV, and what limits the answer on standard error")
      .excludes(json);
  line.check([&options]() -> Complaint {
    if (options.paths.empty()) return "give the journal's file: FILE";
    if (std::ranges::count(options.paths, "-") > 1) return "standard input can be read only once";
    return std::nullopt;
  });
  line.end_of_help(
      "A TIME is 2026-03-31T12:00:00Z, 2026-03-31 12:00+02:00, 2026-03-31 (UTC), or how long ago:\n"
      "90m.\n\n"
      "Examples:\n"
      "  wgscope journal /var/log/wgscope/journal*\n"
      "  wgscope journal --at 2026-03-31T12:00Z /var/log/wgscope/journal\n"
      "  wgscope journal --peer laptop --since 24h --csv /var/log/wgscope/journal\n\n"
      "Exit codes: 0 known, 1 known but for lines that are not events, 3 a part of the time that\n"
      "is asked for is unknown, or a file cannot be read, or wrong usage.\n");
}

bool is_asked(const Options& options, const journal::Event& event) {
  const bool of_peer = event.key.has_value();
  if (of_peer && options.key && *event.key != *options.key) return false;
  const bool of_interface = of_peer || !event.interface.empty();
  return !of_interface || options.interface.empty() || event.interface == options.interface;
}

}  // namespace

Exit run_journal(std::vector<std::string> arguments) {
  Options options;
  CommandLine line(
      "Who was connected to this gateway, from when to when and from which addresses, as\n"
      "wgscope-exporter --journal wrote it down. Times in which the exporter did not run are\n"
      "unknown, and shown so.",
      "wgscope journal");
  add_options(line, options);
  if (const auto ended = line.parse(std::move(arguments))) return *ended;
  journal::Presences presences;
  const auto read = read_journals(options.paths, [&](const journal::Event& event) {
    presences.take(event, is_asked(options, event));
    return !presences.is_full();
  });
  if (!read) {
    complain(kName, read.error().context);
    return Exit::unknown;
  }
  if (presences.is_full()) {
    complain(kName, fmt::format("there are more than {} connections: ask for less with --interface "
                                "or --key, or give fewer files",
                                journal::Presences::kMostPresences));
    return Exit::unknown;
  }
  JournalAnswer answer{options.question, presences.finish(), *read};
  if (!options.peer.empty())
    std::erase_if(answer.answer.presences,
                  [&](const journal::Presence& presence) { return presence.name != options.peer; });
  const std::string text = options.json  ? journal_json(answer)
                           : options.csv ? journal_csv(answer)
                                         : journal_text(answer);
  if (options.csv) fmt::print(stderr, "{}", journal_notes(answer));
  const Exit printed = print(kName, text);
  if (printed != Exit::ok) return printed;
  if (!is_known(answer)) return Exit::unknown;
  return read->unreadable != 0 ? Exit::warning : Exit::ok;
}

}  // namespace wgscope::probe
