// The YAML parser's events are read as they come. No tree is built, so nothing that a file refers
// to twice is there twice.

#include "wgscope/config/expectations.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "wgscope/base/result.hpp"
#include "wgscope/model/address.hpp"

#include "expectation_targets.hpp"
#include "wg_quick_values.hpp"

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

/// Reads the list from the parser's events. Only an exception can stop the parser: reject() throws
/// the parser's own type.
class Events final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(started_, true))
      reject(mark, "there is a second YAML document: put everything into one list");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    if (place_ == Place::outside) return;  // an empty file
    reject(place_ == Place::value ? key_line_ : line(mark), "a value is missing");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    reject(mark, "YAML aliases are not supported");
  }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& text) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override;
  void OnSequenceEnd() override {
    place_ = place_ == Place::answers ? Place::entry : Place::outside;
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override;
  void OnMapEnd() override;

  [[nodiscard]] const std::optional<Problem>& problem() const { return problem_; }
  [[nodiscard]] bool too_many() const { return too_many_; }
  void note(std::size_t line, std::string_view what) {
    if (!problem_) problem_ = Problem{line, std::string(what)};
  }
  std::vector<Expectation> take() { return std::move(made_); }

 private:
  enum class Place : std::uint8_t { outside, list, entry, value, answers };

  static std::size_t line(const YAML::Mark& mark) {
    return static_cast<std::size_t>(mark.line) + 1;
  }
  [[noreturn]] void reject(std::size_t line, std::string_view what) {
    note(line, what);
    throw YAML::ParserException(YAML::Mark::null_mark(), "");
  }
  [[noreturn]] void reject(const YAML::Mark& mark, std::string_view what) {
    reject(line(mark), what);
  }
  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != YAML::NullAnchor) reject(mark, "YAML anchors are not supported");
  }
  void take_key(const YAML::Mark& mark, const std::string& text);
  void take_value(const YAML::Mark& mark, const std::string& text);
  std::optional<Value>* slot(std::string_view key);

  bool started_ = false;
  Place place_ = Place::outside;
  Entry entry_;
  std::string key_;
  std::size_t key_line_ = 0;
  std::vector<Expectation> made_;
  std::optional<Problem> problem_;
  bool too_many_ = false;
};

void Events::OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
  refuse_anchor(mark, anchor);
  if (place_ == Place::outside) {
    place_ = Place::list;
  } else if (place_ == Place::value && key_ == "answers") {
    place_ = Place::answers;
    entry_.answers.emplace();
  } else if (place_ == Place::value) {
    reject(mark,
           "expected text, not a list: put an address in brackets into quotes, as in "
           "\"[fd09::1]:22\"");
  } else {
    reject(mark, "each entry must be a map, such as tcp: 10.9.0.1:22");
  }
}

void Events::OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                        YAML::EmitterStyle::value) {
  refuse_anchor(mark, anchor);
  if (place_ == Place::outside)
    reject(mark, "expected a list: each expectation starts with a dash, as in - tcp: 10.9.0.1:22");
  if (place_ != Place::list) reject(mark, "expected text, not a map");
  if (made_.size() >= kMaxExpectations) {
    too_many_ = true;
    reject(mark, fmt::format("there are more than {} expectations", kMaxExpectations));
  }
  entry_ = Entry();
  entry_.line = line(mark);
  place_ = Place::entry;
}

void Events::OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                      const std::string& text) {
  refuse_anchor(mark, anchor);
  switch (place_) {
    case Place::outside: reject(mark, "expected a list of expectations");
    case Place::list: reject(mark, "each entry must be a map, such as tcp: 10.9.0.1:22");
    case Place::entry: return take_key(mark, text);
    case Place::value: return take_value(mark, text);
    case Place::answers:
      if (entry_.answers->size() >= kMaxAnswers) reject(mark, "too many answers");
      entry_.answers->push_back({text, line(mark)});
      return;
  }
}

std::optional<Value>* Events::slot(std::string_view key) {
  if (key == "expect") return &entry_.expect;
  if (key == "tries") return &entry_.tries;
  if (key == "name") return &entry_.name;
  if (key == "status") return &entry_.status;
  return nullptr;
}

void Events::take_key(const YAML::Mark& mark, const std::string& text) {
  key_ = text;
  key_line_ = line(mark);
  place_ = Place::value;
  if (const auto* kind = std::ranges::find(kKinds, std::string_view(text), &KindName::name);
      kind != kKinds.end()) {
    if (entry_.kind) reject(mark, "an entry must have only one of icmp, tcp, udp, dns and http");
    entry_.kind = kind->kind;
    return;
  }
  if (text == "answers") {
    if (entry_.answers) reject(mark, "a key is given twice");
    return;
  }
  const auto* known = slot(text);
  if (known == nullptr)
    reject(mark,
           "unknown key: the keys are icmp, tcp, udp, dns, http, expect, tries, status, name "
           "and answers");
  if (*known) reject(mark, "a key is given twice");
}

void Events::take_value(const YAML::Mark& mark, const std::string& text) {
  place_ = Place::entry;
  if (key_ == "answers") {
    entry_.answers = {{Value{text, line(mark)}}};
  } else if (auto* known = slot(key_); known != nullptr) {
    *known = Value{text, line(mark)};
  } else {
    entry_.target = Value{text, line(mark)};
  }
}

void Events::OnMapEnd() {
  place_ = Place::list;
  auto made = make(entry_);
  if (!made) reject(made.error().line, made.error().what);
  made_.push_back(std::move(*made));
}

}  // namespace

Result<std::vector<Expectation>> parse_expectations(std::string_view text) {
  if (text.size() > kMaxExpectationsSize)
    return fail(Errc::too_large,
                fmt::format("the file has more than {} bytes", kMaxExpectationsSize));
  Events events;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(events)) {
    }
  } catch (const YAML::Exception& error) {
    // Not error.what(): it may repeat text of the file.
    events.note(static_cast<std::size_t>(std::max(error.mark.line, 0)) + 1, "not YAML");
  }
  if (const auto& problem = events.problem())
    return fail(events.too_many() ? Errc::too_large : Errc::bad_value,
                fmt::format("line {}: {}", problem->line, problem->what));
  auto made = events.take();
  if (made.empty()) return fail(Errc::bad_value, "there are no expectations: write a list of them");
  return made;
}

}  // namespace wgscope::config
