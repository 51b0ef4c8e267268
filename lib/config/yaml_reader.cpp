#include "yaml_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <yaml.h>

#include <fmt/core.h>

namespace wgscope::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_missing(std::string_view text) {
  return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

std::string_view text_of(const yaml_char_t* value, std::size_t size) {
  return {reinterpret_cast<const char*>(value), size};
}

}  // namespace

struct YamlReader::Parser {
  Parser(std::string_view given, const YamlOptions& asked) : text(given), options(asked) {
    // Fails only where memory does, and this program ends then.
    if (yaml_parser_initialize(&parser) == 0) throw std::bad_alloc();
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    // Where the encoding is given, libyaml takes the mark for text.
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    // Of an empty text it wants an address all the same.
    const char* begin = text.empty() ? "" : text.data();
    yaml_parser_set_input_string(&parser, reinterpret_cast<const unsigned char*>(begin),
                                 text.size());
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  ~Parser() {
    yaml_event_delete(&event);
    yaml_parser_delete(&parser);
  }

  const YamlEvent& next();
  void take();
  void take_scalar();
  void begin(YamlEvent::Kind kind, const yaml_char_t* anchor, const yaml_char_t* tag);
  bool refuse_marks(const yaml_char_t* anchor, const yaml_char_t* tag);
  void refuse(std::string why);
  void refuse_as_not_yaml();
  void place(std::size_t line, std::size_t column) {
    seen.line = static_cast<std::uint32_t>(line + 1);
    seen.column = static_cast<std::uint32_t>(column + 1);
  }

  std::string_view text;
  YamlOptions options;
  std::size_t depth = 0;
  bool has_document = false;
  yaml_parser_t parser{};
  yaml_event_t event{};
  std::string problem;
  YamlEvent seen;
};

void YamlReader::Parser::refuse(std::string why) {
  problem = std::move(why);
  seen.kind = YamlEvent::Kind::broken;
  seen.text = problem;
}

/// What libyaml says is one of its own literals, and repeats nothing.
void YamlReader::Parser::refuse_as_not_yaml() {
  if (parser.error == YAML_READER_ERROR) {
    // Of bytes that are not characters, libyaml knows the offset alone.
    const std::string_view before = text.substr(0, std::min(parser.problem_offset, text.size()));
    place(static_cast<std::size_t>(std::ranges::count(before, '\n')),
          before.size() - std::min(before.rfind('\n') + 1, before.size()));
    return refuse("not YAML: here is a byte or a character that is not allowed");
  }
  const std::string_view why = parser.problem == nullptr ? "unknown" : parser.problem;
  if (parser.context != nullptr && why == "found unexpected end of stream") {
    // What does not end has a beginning to look at.
    place(parser.context_mark.line, parser.context_mark.column);
    return refuse(fmt::format("not YAML: {}, {}", parser.context, why));
  }
  place(parser.problem_mark.line, parser.problem_mark.column);
  refuse(fmt::format("not YAML: {}", why));
}

bool YamlReader::Parser::refuse_marks(const yaml_char_t* anchor, const yaml_char_t* tag) {
  if (options.pass_over_marks || (anchor == nullptr && tag == nullptr)) return false;
  refuse(anchor != nullptr ? "YAML anchors are not supported" : "YAML tags are not supported");
  return true;
}

void YamlReader::Parser::take_scalar() {
  const auto& scalar = event.data.scalar;
  if (refuse_marks(scalar.anchor, scalar.tag)) return;
  seen.kind = YamlEvent::Kind::scalar;
  seen.text = text_of(scalar.value, scalar.length);
  seen.missing = scalar.style == YAML_PLAIN_SCALAR_STYLE && is_missing(seen.text);
}

void YamlReader::Parser::begin(YamlEvent::Kind kind, const yaml_char_t* anchor,
                               const yaml_char_t* tag) {
  if (refuse_marks(anchor, tag)) return;
  if (++depth > options.max_depth)
    return refuse(fmt::format("more than {} lists and maps inside one another", options.max_depth));
  seen.kind = kind;
}

/// Makes of libyaml's event what the caller sees.
void YamlReader::Parser::take() {
  using Kind = YamlEvent::Kind;
  place(event.start_mark.line, event.start_mark.column);
  switch (event.type) {
    case YAML_ALIAS_EVENT:
      if (!options.pass_over_marks) return refuse("YAML aliases are not supported");
      seen.kind = Kind::scalar;
      seen.missing = true;
      return;
    case YAML_SCALAR_EVENT: return take_scalar();
    case YAML_SEQUENCE_START_EVENT:
      return begin(Kind::list, event.data.sequence_start.anchor, event.data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
      return begin(Kind::map, event.data.mapping_start.anchor, event.data.mapping_start.tag);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
      --depth;
      seen.kind = Kind::end;
      return;
    default: seen.kind = Kind::done;
  }
}

const YamlEvent& YamlReader::Parser::next() {
  if (seen.kind == YamlEvent::Kind::broken) return seen;
  while (true) {
    yaml_event_delete(&event);
    event = {};
    seen = {};
    if (yaml_parser_parse(&parser, &event) == 0) {
      refuse_as_not_yaml();
      return seen;
    }
    switch (event.type) {
      case YAML_STREAM_START_EVENT:
      case YAML_DOCUMENT_END_EVENT: continue;
      case YAML_DOCUMENT_START_EVENT:
        if (has_document) {
          place(event.start_mark.line, event.start_mark.column);
          refuse("there is a second YAML document: put everything into one");
          return seen;
        }
        has_document = true;
        continue;
      default: take(); return seen;
    }
  }
}

YamlReader::YamlReader(std::string_view text, const YamlOptions& options)
    : parser_(std::make_unique<Parser>(text, options)) {}
YamlReader::YamlReader(YamlReader&&) noexcept = default;
YamlReader::~YamlReader() = default;

const YamlEvent& YamlReader::next() { return parser_->next(); }

}  // namespace wgscope::config
