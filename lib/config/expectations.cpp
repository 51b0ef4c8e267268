#include "wgscope/config/expectations.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

#include "expectation_targets.hpp"
#include "wg_quick_values.hpp"
#include "yaml_reader.hpp"

namespace wgscope::config {
namespace {

constexpr std::size_t kMaxAnswers = 64;

struct Value {
  std::string text;
  std::size_t line = 0;
};

struct KindName {
  std::string_view name;
  ReachKind kind;
};
constexpr std::array<KindName, 5> kKinds{{{"icmp", ReachKind::icmp},
                                          {"tcp", ReachKind::tcp},
                                          {"udp", ReachKind::udp},
                                          {"dns", ReachKind::dns},
                                          {"http", ReachKind::http}}};

/// One entry of the list, as far as it was read.
struct Entry {
  std::size_t line = 0;
  std::optional<ReachKind> kind;
  std::optional<Value> target, expect, tries, name, status;
  std::optional<std::vector<Value>> answers;
};

/// What is wrong, and in which line.
struct Problem {
  std::size_t line = 0;
  std::string what;
};

using Made = tl::expected<Expectation, Problem>;

tl::unexpected<Problem> at_line(std::size_t line, std::string what) {
  return tl::unexpected(Problem{line, std::move(what)});
}

std::optional<std::uint32_t> number_between(const Value& value, std::uint32_t least,
                                            std::uint32_t most) {
  const auto number = parse_number(value.text, most);
  return number && *number >= least ? number : std::nullopt;
}

std::optional<Problem> take_dns(const Entry& entry, Expectation& into) {
  if (entry.name) {
    if (!into.question.empty()) return Problem{entry.name->line, "the name is given twice"};
    auto named = parse_target(ReachKind::dns, entry.name->text + "@127.0.0.1");
    if (!named) return Problem{entry.name->line, "name is not a valid DNS name"};
    into.question = std::move(named->question);
  }
  if (!entry.answers) return std::nullopt;
  if (entry.answers->empty())
    return Problem{entry.line, "answers is empty: list the expected addresses"};
  for (const Value& answer : *entry.answers) {
    const auto address = IpAddress::parse(answer.text);
    if (!address) return Problem{answer.line, "an answer must be an IP address"};
    if (!into.answers.empty() && address->family != into.family)
      return Problem{answer.line, "IPv4 and IPv6 answers need separate entries"};
    into.family = address->family;
    into.answers.push_back(*address);
  }
  return std::nullopt;
}

/// Refuses keys that have no effect on an entry's kind: nobody would notice that mistake.
std::optional<Problem> refuse_misplaced(const Entry& entry) {
  if (*entry.kind != ReachKind::dns) {
    if (entry.name) return Problem{entry.name->line, "name is only for dns"};
    if (entry.answers) return Problem{entry.line, "answers is only for dns"};
  }
  if (*entry.kind != ReachKind::http && entry.status)
    return Problem{entry.status->line, "status is only for http"};
  return std::nullopt;
}

std::optional<Problem> take_numbers(const Entry& entry, Expectation& into) {
  if (entry.tries) {
    const auto tries = number_between(*entry.tries, 1, kMaxTries);
    if (!tries)
      return Problem{entry.tries->line, fmt::format("tries must be from 1 to {}", kMaxTries)};
    into.tries = static_cast<std::uint16_t>(*tries);
  }
  if (entry.status) {
    const auto status = number_between(*entry.status, 100, 599);
    if (!status)
      return Problem{entry.status->line, "status must be an HTTP status from 100 to 599"};
    into.status = static_cast<int>(*status);
  }
  return std::nullopt;
}

Made make(const Entry& entry) {
  if (!entry.kind) return at_line(entry.line, "the entry has none of icmp, tcp, udp, dns and http");
  if (auto problem = refuse_misplaced(entry)) return tl::unexpected(*problem);
  auto made = parse_target(*entry.kind, entry.target->text);
  if (!made)
    return at_line(entry.target->line,
                   fmt::format("{}: {}", to_string(*entry.kind), made.error().context));
  made->line = entry.line;
  if (auto problem = take_dns(entry, *made)) return tl::unexpected(*problem);
  if (auto problem = take_numbers(entry, *made)) return tl::unexpected(*problem);
  const bool closed = entry.expect && entry.expect->text == "closed";
  if (entry.expect && !closed && entry.expect->text != "open")
    return at_line(entry.expect->line, "expect must be open or closed");
  if (closed) {
    auto other = must_not_be_reachable(std::move(*made));
    if (!other) return at_line(entry.expect->line, other.error().context);
    return std::move(*other);
  }
  if (made->kind == ReachKind::dns && made->question.empty())
    return at_line(entry.line, "dns needs a name to look up");
  return std::move(*made);
}

/// Reads a file from the parser's events. The first problem ends it.
class Reader {
 public:
  explicit Reader(std::string_view text) : reader_(text, {.max_depth = kDepth}) {}

  Result<std::vector<Expectation>> read();

 private:
  using Kind = YamlEvent::Kind;

  // The list, an entry, its answers, and one level more, of which is said what should be there.
  static constexpr std::size_t kDepth = 4;

  /// Goes on to the next event. @returns false where there is none, or there was a problem.
  bool step();
  bool reject(std::size_t line, std::string_view what) {
    if (!problem_) problem_ = Problem{line, std::string(what)};
    return false;
  }
  bool reject(std::string_view what) { return reject(event_.line, what); }
  [[nodiscard]] bool is(Kind kind) const { return event_.kind == kind; }

  // Each begins at the first event of what it reads, read_value() and read_answers() at the key's,
  // and ends at the last. False after a problem.
  bool read_list();
  bool read_entry();
  bool read_field(Entry& entry);
  bool read_answers(Entry& entry);
  bool read_value(std::optional<Value>& into);
  bool take_value(std::optional<Value>& into, std::size_t line_of_what_it_belongs_to);

  YamlReader reader_;
  YamlEvent event_;
  std::vector<Expectation> made_;
  std::optional<Problem> problem_;
  bool too_many_ = false;
};

bool Reader::step() {
  event_ = reader_.next();
  if (is(Kind::broken)) return reject(event_.text);
  return !is(Kind::done);
}

bool Reader::read_list() {
  if (is(Kind::map))
    return reject("expected a list: each expectation starts with a dash, as in - tcp: 10.9.0.1:22");
  if (is(Kind::scalar)) return event_.missing || reject("expected a list of expectations");
  while (step() && !is(Kind::end))
    if (!read_entry()) return false;
  return !problem_;
}

bool Reader::read_entry() {
  if (is(Kind::scalar) && event_.missing) return reject("a value is missing");
  if (!is(Kind::map)) return reject("each entry must be a map, such as tcp: 10.9.0.1:22");
  if (made_.size() >= kMaxExpectations) {
    too_many_ = true;
    return reject(fmt::format("there are more than {} expectations", kMaxExpectations));
  }
  Entry entry;
  entry.line = event_.line;
  while (step() && !is(Kind::end))
    if (!read_field(entry)) return false;
  if (problem_) return false;
  auto made = make(entry);
  if (!made) return reject(made.error().line, made.error().what);
  made_.push_back(std::move(*made));
  return true;
}

std::optional<Value>* field_of(Entry& entry, std::string_view key) {
  if (key == "expect") return &entry.expect;
  if (key == "tries") return &entry.tries;
  if (key == "name") return &entry.name;
  if (key == "status") return &entry.status;
  return nullptr;
}

/// The value of a key.
bool Reader::read_value(std::optional<Value>& into) {
  const std::size_t line = event_.line;
  return step() && take_value(into, line);
}

/// A missing value has a place of its own only somewhere behind what it belongs to.
bool Reader::take_value(std::optional<Value>& into, std::size_t line_of_what_it_belongs_to) {
  if (is(Kind::map)) return reject("expected text, not a map");
  if (is(Kind::list))
    return reject(
        "expected text, not a list: put an address in brackets into quotes, as in "
        "\"[fd09::1]:22\"");
  if (event_.missing) return reject(line_of_what_it_belongs_to, "a value is missing");
  into = Value{std::string(event_.text), event_.line};
  return true;
}

bool Reader::read_field(Entry& entry) {
  std::optional<Value> key;
  if (!take_value(key, event_.line)) return false;
  if (const auto* kind = std::ranges::find(kKinds, std::string_view(key->text), &KindName::name);
      kind != kKinds.end()) {
    if (entry.kind) return reject("an entry must have only one of icmp, tcp, udp, dns and http");
    entry.kind = kind->kind;
    return read_value(entry.target);
  }
  if (key->text == "answers") return read_answers(entry);
  auto* known = field_of(entry, key->text);
  if (known == nullptr)
    return reject(
        "unknown key: the keys are icmp, tcp, udp, dns, http, expect, tries, status, name and "
        "answers");
  if (*known) return reject("a key is given twice");
  return read_value(*known);
}

/// One answer, or a list of them.
bool Reader::read_answers(Entry& entry) {
  if (entry.answers) return reject("a key is given twice");
  entry.answers.emplace();
  const std::size_t line = event_.line;
  std::optional<Value> answer;
  if (!step()) return false;
  if (!is(Kind::list)) {
    if (!take_value(answer, line)) return false;
    entry.answers->push_back(std::move(*answer));
    return true;
  }
  while (step() && !is(Kind::end)) {
    if (!take_value(answer, event_.line)) return false;
    if (entry.answers->size() >= kMaxAnswers) return reject("too many answers");
    entry.answers->push_back(std::move(*answer));
  }
  return !problem_;
}

Result<std::vector<Expectation>> Reader::read() {
  // Behind the list nothing may follow.
  if (step() && read_list()) step();
  if (problem_)
    return fail(too_many_ ? Errc::too_large : Errc::bad_value,
                fmt::format("line {}: {}", problem_->line, problem_->what));
  if (made_.empty())
    return fail(Errc::bad_value, "there are no expectations: write a list of them");
  return std::move(made_);
}

}  // namespace

Result<std::vector<Expectation>> parse_expectations(std::string_view text) {
  if (text.size() > kMaxExpectationsSize)
    return fail(Errc::too_large,
                fmt::format("the file has more than {} bytes", kMaxExpectationsSize));
  return Reader(text).read();
}

}  // namespace wgscope::config
