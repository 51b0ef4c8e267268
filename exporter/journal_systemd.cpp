#include "exporter/journal_systemd.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string>
#include <string_view>
#include <sys/uio.h>
#define SD_JOURNAL_SUPPRESS_LOCATION  // this file and line say nothing of an event
#include <systemd/sd-journal.h>
#include <unistd.h>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/journal/event.hpp"

namespace wgscope::exporter {
namespace {

/// Where journald takes entries: systemd.journal-fields(7), the native protocol.
constexpr const char* kSocket = "/run/systemd/journal/socket";

std::vector<std::string> fields_of(std::string_view line) {
  std::vector<std::string> fields{"SYSLOG_IDENTIFIER=wgscope-journal", "PRIORITY=6",
                                  fmt::format("MESSAGE={}", line)};
  const auto event = journal::parse_event(line);
  if (!event) return fields;  // a bug of ours; the message has all there is
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) fields.push_back(fmt::format("WGSCOPE_{}={}", name, value));
  };
  add("EVENT", journal::kEventNames.at(static_cast<std::size_t>(event->kind)));
  add("NETNS", event->netns);
  add("INTERFACE", event->interface);
  if (event->key) add("PUBLIC_KEY", event->key->base64());
  add("NAME", event->name);
  add("ENDPOINT", event->endpoint);
  return fields;
}

}  // namespace

Result<> SystemdJournal::write(std::string_view lines, std::size_t& done) {
  done = 0;
  while (done < lines.size()) {
    const std::size_t end = lines.find('\n', done);
    std::vector<std::string> fields = fields_of(lines.substr(done, end - done));
    std::vector<iovec> parts;
    parts.reserve(fields.size());
    for (std::string& field : fields) parts.push_back({field.data(), field.size()});
    // Without journald libsystemd does nothing and says that all is well.
    if (access(kSocket, W_OK) != 0)
      return fail_errno(fmt::format("write the systemd journal ({})", kSocket), errno);
    if (const int sent = sd_journal_sendv(parts.data(), static_cast<int>(parts.size())); sent < 0)
      return fail_errno("write the systemd journal", -sent);
    done = end + 1;
  }
  return {};
}

}  // namespace wgscope::exporter
