// One reader of key-name pairs, fed by the events of two parsers. Neither builds a tree: a hundred
// thousand names would take ten times their size.

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "wgscope/base/result.hpp"
#include "wgscope/base/text.hpp"
#include "wgscope/config/names.hpp"
#include "wgscope/config/wg_quick.hpp"
#include "wgscope/model/public_key.hpp"

#include "hidden_keys.hpp"
#include "names_found.hpp"
#include "yaml_reader.hpp"

namespace wgscope::config {
namespace {

/// Collects `key: name` pairs of one flat map; anything else is a problem. The first
/// problem is kept.
class Pairs {
 public:
  void begin_map(std::size_t line) {
    if (++depth_ > 1) reject(line, "a name must be text, not a map");
    seen_map_ = true;
  }
  void end_map() { --depth_; }
  void key(std::size_t line, std::string_view text) {
    is_name_next_ = true;
    key_line_ = line;
    const auto parsed = PublicKey::from_base64(text);
    if (parsed)
      key_ = *parsed;
    else
      warn(line, fmt::format("the key is {}", parsed.error().context));
  }
  void value(std::size_t line, const std::string& text) {
    if (depth_ != 1 || !is_name_next_) return reject(line, "not a map of public key to name");
    if (key_ && text.find(kHiddenKey) != std::string::npos)
      warn(line, "a key stands where a name is expected");
    else if (key_)
      found_.add(*key_, text, line);
    key_.reset();
    is_name_next_ = false;
  }
  /// A single value that is no text, in the place of a name or of a key.
  void other(std::size_t line) {
    constexpr const char* kNotText = "a name must be text";
    if (depth_ != 1 || !is_name_next_) return reject(line, kNotText);
    if (key_) warn(key_line_, kNotText);
    key_.reset();
    is_name_next_ = false;
  }
  void reject(std::size_t line, std::string_view why) {
    if (problem_.empty())
      problem_ = line == 0 ? std::string(why) : fmt::format("line {}: {}", line, why);
  }

  [[nodiscard]] bool ok() const { return problem_.empty(); }
  [[nodiscard]] bool expects_key() const { return depth_ == 1 && !is_name_next_; }

  Result<NamesFound> finish() {
    if (problem_.empty() && !seen_map_) problem_ = "not a map of public key to name";
    if (!problem_.empty()) return fail(Errc::bad_value, problem_);
    return unless_all_bad(std::move(found_));
  }

 private:
  void warn(std::size_t line, std::string text) {
    found_.warnings.push_back({line, std::move(text), WarningKind::refused});
  }

  NamesFound found_;
  std::optional<PublicKey> key_;  ///< of the name that comes next; nothing for a bad one
  bool is_name_next_ = false;
  std::size_t key_line_ = 0;
  std::string problem_;
  int depth_ = 0;
  bool seen_map_ = false;
};

/// JSON's events; a false return stops the parser.
class JsonEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit JsonEvents(Pairs& pairs) : pairs_(&pairs) {}

  bool null() override { return other(); }
  bool boolean(bool) override { return other(); }
  bool number_integer(number_integer_t) override { return other(); }
  bool number_unsigned(number_unsigned_t) override { return other(); }
  bool number_float(number_float_t, const string_t&) override { return other(); }
  bool binary(binary_t&) override { return other(); }
  bool start_array(std::size_t) override { return not_text(); }
  bool end_array() override { return pairs_->ok(); }
  bool string(string_t& text) override {
    pairs_->value(0, text);
    return pairs_->ok();
  }
  bool start_object(std::size_t) override {
    pairs_->begin_map(0);
    return pairs_->ok();
  }
  bool key(string_t& text) override {
    pairs_->key(0, text);
    return pairs_->ok();
  }
  bool end_object() override {
    pairs_->end_map();
    return pairs_->ok();
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    pairs_->reject(0, fmt::format("not JSON at byte {}", position));
    return false;
  }

 private:
  bool other() {
    pairs_->other(0);
    return pairs_->ok();
  }
  bool not_text() {
    pairs_->reject(0, "a name must be text");
    return false;
  }

  Pairs* pairs_;
};

/// Reads a YAML map, as far as there is no problem.
void read_yaml(std::string_view text, Pairs& pairs) {
  // A map in place of a name is as deep as it gets.
  YamlReader reader(text, {.max_depth = 2, .pass_over_marks = true});
  while (pairs.ok()) {
    const YamlEvent& event = reader.next();
    switch (event.kind) {
      case YamlEvent::Kind::done: return;
      case YamlEvent::Kind::broken: pairs.reject(event.line, event.text); break;
      case YamlEvent::Kind::list: pairs.reject(event.line, "a name must be text"); break;
      case YamlEvent::Kind::map: pairs.begin_map(event.line); break;
      case YamlEvent::Kind::end: pairs.end_map(); break;
      case YamlEvent::Kind::scalar:
        if (event.missing)
          pairs.other(event.line);
        else if (pairs.expects_key())
          pairs.key(event.line, event.text);
        else
          pairs.value(event.line, std::string(event.text));
        break;
    }
  }
}

/// Whether the first line that says anything starts a section: then it is not a map, and most
/// likely a wg-quick file, with private keys that the YAML parser would copy and leave behind.
bool starts_with_section(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('\n'), text.size());
    const std::string_view line = trim(text.substr(0, size));
    text.remove_prefix(std::min(size + 1, text.size()));
    if (!line.empty() && line[0] != '#') return line[0] == '[';
  }
  return false;
}

}  // namespace

Result<NamesFound> parse_names_map(std::string_view text) {
  // hide_keys() would not see keys in UTF-16.
  if (auto why = why_not_text(text)) return fail(Errc::bad_value, std::move(*why));
  if (starts_with_section(text))
    return fail(Errc::bad_value, "not a map of public key to name (a wg-quick file?)");
  Pairs pairs;
  const std::string harmless = hide_keys(text);
  const std::size_t first = harmless.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && harmless[first] == '{') {
    JsonEvents events(pairs);
    nlohmann::json::sax_parse(harmless, &events);
    return pairs.finish();
  }
  // A name in another encoding is no reason to lose the others.
  read_yaml(to_valid_utf8(harmless), pairs);
  return pairs.finish();
}

}  // namespace wgscope::config
