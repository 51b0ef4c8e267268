#include "probe/commands/listen_log.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/os/clock.hpp"
#include "wgscope/os/output.hpp"
#include "wgscope/render/sentence.hpp"

#include "probe/render/event_limit.hpp"
#include "probe/render/events.hpp"

namespace wgscope::probe {
namespace {

/// How long the end waits for somebody to read what is not written yet.
constexpr std::chrono::milliseconds kLastWait{500};

std::string complaint(std::string_view text) { return fmt::format("wgscope listen: {}\n", text); }

}  // namespace

Result<ListenLog> ListenLog::open(ListenLogOptions options) {
  const bool json = options.json;
  auto out = os::Output::open(STDOUT_FILENO, {.left_out = [json](std::uint64_t count) {
                                const auto as = json ? gap_as_json : gap_as_text;
                                return as(os::now().wall, kNotWritten, count) + '\n';
                              }});
  if (!out)
    return fail(out.error().code, "standard output: " + out.error().context, out.error().sys_errno);
  auto err =
      os::Output::open(STDERR_FILENO, {.left_out = [](std::uint64_t count) {
                         return complaint(fmt::format(
                             "{} lines not written: this output was not read in time", count));
                       }});
  return ListenLog(std::move(options), std::move(*out),
                   err ? std::optional(std::move(*err)) : std::optional<os::Output>());
}

void ListenLog::event(const NamedEvent& event) {
  out_.say((options_.json ? event_as_json(event, redaction())
                          : event_as_text(event, options_.colour, redaction())) +
           '\n');
}

void ListenLog::left_out(const NamedLeftOut& left_out) {
  out_.say((options_.json ? left_out_as_json(left_out, redaction())
                          : left_out_as_text(left_out, redaction())) +
           '\n');
}

void ListenLog::unconfirmed(const NamedUnconfirmed& unconfirmed) {
  out_.say((options_.json ? unconfirmed_as_json(unconfirmed, redaction())
                          : unconfirmed_as_text(unconfirmed, redaction())) +
           '\n');
}

void ListenLog::gap(std::string_view what, std::uint64_t count) {
  const auto as = options_.json ? gap_as_json : gap_as_text;
  out_.say(as(os::now().wall, what, count) + '\n');
}

void ListenLog::complain(const std::string& text) {
  if (!err_) return;
  err_->say(
      complaint(options_.redact ? redaction_.show(render::mark(text, options_.given)) : text));
}

void ListenLog::complain(Ration& ration, const std::string& text) {
  if (ration.allow(os::boot_now())) complain(text);
}

void ListenLog::catch_up(Ration& ration, std::string_view what) {
  if (const std::uint64_t count = ration.take(os::boot_now()); count > 0)
    complain(fmt::format("{}: {} more not shown", what, count));
}

Result<> ListenLog::close() {
  const std::uint64_t unwritten = out_.flush(kLastWait);
  const auto error = out_.error();
  if (error)
    complain("standard output: " + error->context);
  else if (unwritten > 0)
    complain(fmt::format("{} of the last lines on standard output are not written: nobody reads it",
                         unwritten));
  if (err_) static_cast<void>(err_->flush(kLastWait));
  if (error) return tl::unexpected(*error);
  return {};
}

}  // namespace wgscope::probe
